"""Which nodes have been empty for long enough to go.

A node is empty when only daemons, static pods and finished pods are on it. It stays while it is
young, nominated, protected, or of use to a pod that waits; and no more nodes of a pool go at once
than its budgets allow. Every node that stays has its reason.

Pure: the caller passes the time. Source of the budget arithmetic:
https://karpenter.sh/docs/concepts/disruption/#nodepool-disruption-budgets
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from nodescaler.core.disruption.budgets import allowed_disruptions
from nodescaler.core.drain import DO_NOT_DISRUPT, is_protected, occupies
from nodescaler.core.model import NodePool, NodeState, PodSpec, Snapshot
from nodescaler.core.space import refusal, space_of

EMPTY = "Empty"
WINDOW_S = 60.0  # a budget with a schedule opens or closes at full minutes


@dataclass(frozen=True, slots=True)
class Command:
    """Take these nodes of one pool away."""

    reason: str
    pool: str
    nodes: tuple[str, ...]
    claims: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Kept:
    """A node that stays; *retry_after_s* when only time has to pass."""

    node: str
    reason: str
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Emptiness:
    commands: tuple[Command, ...]
    kept: tuple[Kept, ...]

    @property
    def retry_after_s(self) -> float | None:
        """When the first node that only has to wait longer may go; None: on the next change."""
        return min(
            (k.retry_after_s for k in self.kept if k.retry_after_s is not None), default=None
        )


def find_empty(snapshot: Snapshot, now: datetime) -> Emptiness:
    """Decide for every node of every pool; *snapshot.pods* are the pods that wait."""
    commands: list[Command] = []
    kept: list[Kept] = []
    for pool in sorted(snapshot.pools, key=lambda pool: pool.name):
        nodes = sorted((n for n in snapshot.nodes if n.pool == pool.name), key=_oldest_first)
        verdicts = [_verdict(node, pool, snapshot, now) for node in nodes]
        kept += [verdict for verdict in verdicts if verdict is not None]
        empty = [node for node, verdict in zip(nodes, verdicts, strict=True) if verdict is None]
        room = allowed_disruptions(pool, nodes, EMPTY, now)
        wait_s = WINDOW_S if any(budget.schedule for budget in pool.budgets) else None
        why = f"a budget of {pool.name} allows {room} at once"
        kept += [Kept(node.name, why, wait_s) for node in empty[room:]]
        if empty[:room]:
            commands.append(_command(pool, empty[:room]))
    return Emptiness(tuple(commands), tuple(kept))


def _oldest_first(node: NodeState) -> tuple[float, str]:
    return (node.since.timestamp() if node.since else 0.0, node.name)


def _command(pool: NodePool, nodes: Sequence[NodeState]) -> Command:
    why = f"empty for at least {pool.consolidate_after_s or 0:g} s"
    names = tuple(node.name for node in nodes)
    return Command(EMPTY, pool.name, names, tuple(node.claim for node in nodes), why)


def _verdict(node: NodeState, pool: NodePool, snapshot: Snapshot, now: datetime) -> Kept | None:
    """Why the node stays; None when it may go."""
    reason = _standing(node, pool) or _occupied(node.pods, now)
    if reason is not None:
        return Kept(node.name, reason)
    wait = _seconds_left(node, pool, now)
    if wait > 0:
        return Kept(node.name, f"empty; goes in {wait:g} s", wait)
    wanted = _wanted_by(node, snapshot)
    return Kept(node.name, wanted) if wanted is not None else None


def _standing(node: NodeState, pool: NodePool) -> str | None:
    """What in the node or the pool itself forbids it, whatever runs there."""
    checks = (
        (node.deleting, "already leaving"),
        (not node.initialised, "not initialised"),
        (node.nominated, "nominated for a pod that is about to be bound"),
        (pool.consolidate_after_s is None, f"{pool.name} never removes empty nodes"),
        (pool.replicas is not None, f"{pool.name} is a static pool"),
        (node.annotations.get(DO_NOT_DISRUPT) == "true", f"carries {DO_NOT_DISRUPT}"),
    )
    return next((reason for holds, reason in checks if holds), None)


def _occupied(pods: Iterable[PodSpec], now: datetime) -> str | None:
    for pod in sorted(pods, key=lambda pod: pod.key):
        if not pod.is_over and is_protected(pod, now):
            return f"{pod.key} carries {DO_NOT_DISRUPT}"
        if occupies(pod):
            return f"{pod.key} runs on it"
    return None


def _seconds_left(node: NodeState, pool: NodePool, now: datetime) -> float:
    since = node.since or now
    return (pool.consolidate_after_s or 0.0) - (now - since).total_seconds()


def _wanted_by(node: NodeState, snapshot: Snapshot) -> str | None:
    space = space_of(node, snapshot)
    for pod in sorted(snapshot.pods, key=lambda pod: pod.key):
        if refusal(pod, space) is None:
            return f"{pod.key} waits and would fit"
    return None
