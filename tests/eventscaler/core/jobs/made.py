"""Jobs and readings for tests of decisions about Jobs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from eventscaler.core.jobs import Job, JobPod, Outcome
from eventscaler.core.model import Reading

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
GENERATION = "3"
RUNNING = (JobPod("Running", frozenset({"PodScheduled", "Ready"})),)
NODELESS = (JobPod("Pending", awaits_node=True),)
STARTING = (JobPod("Pending", frozenset({"PodScheduled"})),)


def read(
    value: float | None, name: str = "orders", target: float = 1, activation: float = 0
) -> Reading:
    error = "connection refused" if value is None else ""
    return Reading(trigger=name, value=value, target=target, activation=activation, error=error)


def job(
    index: int,
    *,
    pods: tuple[JobPod, ...] | None = (),
    outcome: Outcome | None = None,
    generation: str = GENERATION,
    ended_ago_s: float | None = None,
    leaving: bool = False,
) -> Job:
    return Job(
        name=f"orders-{index}",
        uid=f"uid-{index}",
        created=NOON - timedelta(hours=1) + timedelta(seconds=index),
        generation=generation,
        outcome=outcome,
        ended=None if ended_ago_s is None else NOON - timedelta(seconds=ended_ago_s),
        leaving=leaving,
        pods=pods,
    )


def jobs(*, begun: int = 0, pending: int = 0, leaving: int = 0) -> list[Job]:
    """So many unfinished Jobs; the pending ones wait for a node."""
    return [
        *(job(index, pods=RUNNING) for index in range(begun)),
        *(job(begun + index, pods=NODELESS) for index in range(pending)),
        *(job(begun + pending + index, pods=RUNNING, leaving=True) for index in range(leaving)),
    ]
