"""Which pods of a leaving node to evict now, which to force, and which to wait for.

Pods leave in tiers, and a tier starts when the one before is gone: ordinary pods, their daemons,
critical pods, critical daemons. With a deadline (terminationGracePeriod), a pod that could not
finish its own grace period in time is deleted at once, past budgets and protection.

Pure. The caller evicts through the eviction API and calls again until `done`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from nodescaler.core.model import PodSpec
from nodescaler.core.taints import DISRUPTED

DO_NOT_DISRUPT = "karpenter.sh/do-not-disrupt"
CRITICAL = frozenset({"system-cluster-critical", "system-node-critical"})
STUCK = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Forced:
    pod: PodSpec
    grace_s: float


@dataclass(frozen=True, slots=True)
class DrainStep:
    """What to do now.

    Attributes:
        evict: ask the eviction API for these.
        force: delete these directly, with the shortened grace period.
        waiting: what holds the drain open although nothing is to be done about it now.
        done: nothing is left that the drain waits for.
    """

    evict: tuple[PodSpec, ...]
    force: tuple[Forced, ...]
    waiting: tuple[PodSpec, ...]
    done: bool
    reason: str


def drain_step(
    pods: Iterable[PodSpec], now: datetime, *, deadline: datetime | None = None
) -> DrainStep:
    """Decide about the pods that are on the node now."""
    holding = sorted((p for p in pods if not _skipped(p, now)), key=lambda p: (tier(p), p.key))
    if not holding:
        return DrainStep((), (), (), done=True, reason="no pod is left to evict")
    force = tuple(_forced(pod, now, deadline) for pod in holding if _is_due(pod, now, deadline))
    due = {each.pod.key for each in force}
    rest = [pod for pod in holding if pod.key not in due]
    first = [pod for pod in rest if tier(pod) == tier(rest[0])]
    evict = tuple(p for p in first if p.deletes_at is None and not is_protected(p, now))
    chosen = due | {pod.key for pod in evict}
    waiting = tuple(pod for pod in holding if pod.key not in chosen)
    return DrainStep(evict, force, waiting, done=False, reason=_reason(evict, force, waiting, now))


def tier(pod: PodSpec) -> int:
    """0 ordinary, 1 their daemons, 2 critical, 3 critical daemons."""
    return 2 * (pod.priority_class in CRITICAL) + pod.is_daemon


def occupies(pod: PodSpec) -> bool:
    """Whether *pod* makes its node worth keeping."""
    return not (pod.is_over or pod.is_daemon or pod.mirror)


def is_protected(pod: PodSpec, now: datetime) -> bool:
    """Whether ``karpenter.sh/do-not-disrupt`` still holds; without a start time it does."""
    if pod.protected_s <= 0:
        return False
    if pod.started is None:
        return True
    return (now - pod.started).total_seconds() < pod.protected_s


def _skipped(pod: PodSpec, now: datetime) -> bool:
    """Pods that a drain neither evicts nor waits for."""
    tolerant = any(each.tolerates(DISRUPTED) for each in pod.tolerations)
    stuck = pod.deletes_at is not None and now > pod.deletes_at + STUCK
    return pod.mirror or pod.is_over or tolerant or stuck


def _is_due(pod: PodSpec, now: datetime, deadline: datetime | None) -> bool:
    if deadline is None:
        return False
    if pod.deletes_at is not None:
        return pod.deletes_at > deadline
    return (deadline - now).total_seconds() <= pod.grace_s  # which may be longer than time itself


def _forced(pod: PodSpec, now: datetime, deadline: datetime | None) -> Forced:
    left = (deadline - now).total_seconds() if deadline is not None else pod.grace_s
    return Forced(pod, max(min(pod.grace_s, left), 1.0))


def _reason(
    evict: tuple[PodSpec, ...],
    force: tuple[Forced, ...],
    waiting: tuple[PodSpec, ...],
    now: datetime,
) -> str:
    parts = [f"evicting {len(evict)}"] * bool(evict) + [f"forcing {len(force)}"] * bool(force)
    protected = [pod.key for pod in waiting if is_protected(pod, now)]
    leaving = [pod.key for pod in waiting if pod.deletes_at is not None]
    if protected:
        parts.append(f"{protected[0]} must not be disrupted")
    if leaving:
        parts.append(f"{len(leaving)} still terminating")
    return "; ".join(parts) or "waiting"
