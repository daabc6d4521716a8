"""What may be set about the actors of the embedded cluster; all times in seconds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Scoring(StrEnum):
    """How the scheduler weighs nodes that fit: spread the load, or fill nodes up."""

    LEAST_ALLOCATED = "LeastAllocated"
    MOST_ALLOCATED = "MostAllocated"


@dataclass(frozen=True, slots=True, kw_only=True)
class ControllerSettings:
    """Settings of every actor; the defaults make a lively demo.

    Args:
        pod_start_s: from binding to Running and Ready, and again for each init container.
        pod_stop_s: longest time that a deleted pod takes to stop; its own grace may be shorter.
        scoring: how the scheduler chooses among nodes that fit.
        only: names of the actors to run (see `manager.NAMES`); None runs them all.
        every_node: simulate a kubelet on every node, not only where `kwok.x-k8s.io/node: fake` is.
        job_run_s: pods of Jobs succeed this long after they started; None leaves them running
            unless their annotation `tandem.sh/runs-for` says otherwise.
        heartbeat_s: renew each node's Lease this often; None (the default): idle is silent.
        spacing_s: shortest time between two looks at one object: a burst of changes costs one look.
    """

    pod_start_s: float = 1.0
    pod_stop_s: float = 0.5
    scoring: Scoring = Scoring.LEAST_ALLOCATED
    only: frozenset[str] | None = None
    every_node: bool = False
    job_run_s: float | None = None
    heartbeat_s: float | None = None
    spacing_s: float = 0.02
