"""Static pools: how many NodeClaims to make or to delete so that there are exactly `replicas`.

A static pool has nodes whether or not there are pods. Of too many nodes those without a machine go
first, then empty ones, then those whose pods are cheapest to move; nodes that must not be disrupted
go last.

Pure: the caller passes the time. Limits: only `limits.nodes` holds a static pool back; budgets are
for disruption, and to want fewer nodes is none. Source: karpenter.md 1.5, "static capacity".
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from nodescaler.core.drain import DO_NOT_DISRUPT, is_protected, occupies
from nodescaler.core.lifecycle import LAUNCHED
from nodescaler.core.model import ClaimState, NodePool, NodeState, PodSpec
from nodescaler.core.resources import NODES

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
LIMITED_RETRY_S = 30.0
MOST_COST = 10.0  # of one pod


@dataclass(frozen=True, slots=True)
class Removal:
    """A claim to delete; *why* says what made it the one."""

    claim: str
    why: str


@dataclass(frozen=True, slots=True)
class StaticStep:
    """What a static pool needs now.

    Attributes:
        create: how many claims to make; `static_nodes.new_names` says which.
        delete: which claims go, in this order.
        why: the decision in words.
        limited: what keeps the pool from its number; empty when nothing does.
        retry_after_s: when to look again although nothing changed; None: only on a change.
    """

    create: int
    delete: tuple[Removal, ...]
    why: str
    limited: str = ""
    retry_after_s: float | None = None


def next_static_step(
    pool: NodePool, claims: Collection[ClaimState], nodes: Collection[NodeState], now: datetime
) -> StaticStep:
    """Compare what there is with what *pool* wants.

    Args:
        pool: one with `replicas`.
        claims: all of the pool's, also those that are being deleted: they count against its limit.
        nodes: of those claims, with their pods; a node that is missing counts as empty.
        now: decides which pods are still protected, and how much life a node has left.
    """
    wanted = pool.replicas or 0
    living = [claim for claim in claims if claim.deleting_since is None]
    if len(living) > wanted:
        return _fewer(wanted, living, nodes, now)
    return _more(pool, wanted, len(living), len(claims))


def _more(pool: NodePool, wanted: int, living: int, counted: int) -> StaticStep:
    missing = wanted - living
    room = max(pool.limits.get(NODES, counted + missing) - counted, 0)
    create = min(missing, room)
    why = f"{living} of {wanted} nodes"
    if create == missing:
        return StaticStep(create, (), why)
    limited = (
        f"{why}; limits.nodes {pool.limits[NODES]} with {counted} there leaves room for {room} more"
    )
    return StaticStep(create, (), why, limited, LIMITED_RETRY_S)


# ---------------------------------------------------------------- which go


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A claim on its way to the order of removal; the smallest *rank* goes first."""

    claim: ClaimState
    rank: tuple[int, float]
    why: str


def _fewer(
    wanted: int, living: Sequence[ClaimState], nodes: Collection[NodeState], now: datetime
) -> StaticStep:
    by_claim = {node.claim: node for node in nodes}
    found = [_candidate(claim, by_claim.get(claim.name), now) for claim in living]
    found.sort(key=lambda each: (each.rank, _youngest_first(each.claim)))
    going = found[: len(living) - wanted]
    delete = tuple(Removal(each.claim.name, each.why) for each in going)
    return StaticStep(0, delete, f"{len(living)} nodes, {wanted} wanted")


def _youngest_first(claim: ClaimState) -> tuple[float, str]:
    return (-claim.created.timestamp(), claim.name)


def _candidate(claim: ClaimState, node: NodeState | None, now: datetime) -> _Candidate:
    if not claim.is_true(LAUNCHED):
        return _Candidate(claim, (0, 0.0), "it has no machine yet")
    pods = [pod for pod in node.pods if occupies(pod)] if node is not None else []
    spoken_for = node is not None and node.nominated
    if _is_protected(claim, node, now):
        return _Candidate(claim, (3, _cost(claim, pods, now)), "only protected nodes are left")
    if not pods and not spoken_for:
        return _Candidate(claim, (1, 0.0), "it is empty")
    what = f"{len(pods)} pods" if pods else "pods that are about to be bound"
    return _Candidate(claim, (2, _cost(claim, pods, now)), f"{what}, the cheapest to move")


def _is_protected(claim: ClaimState, node: NodeState | None, now: datetime) -> bool:
    marked = {**claim.annotations, **(node.annotations if node is not None else {})}
    pods = node.pods if node is not None else ()
    return marked.get(DO_NOT_DISRUPT) == "true" or any(
        is_protected(pod, now) for pod in pods if not pod.is_over
    )


def _cost(claim: ClaimState, pods: Sequence[PodSpec], now: datetime) -> float:
    """What moving the node's pods costs, less the older the node is: it has to go soon anyhow."""
    return sum(eviction_cost(pod) for pod in pods) * _remaining_life(claim, now)


def _remaining_life(claim: ClaimState, now: datetime) -> float:
    """The share of its life that the node still has; 1 when it lives for ever."""
    if not claim.expire_after_s:
        return 1.0
    return min(
        max(1 - (now - claim.created).total_seconds() / claim.expire_after_s, 0.0),
        1.0,
    )


def eviction_cost(pod: PodSpec) -> float:
    """How much a pod minds being moved, from -10 to 10; 1 for one that says nothing.

    Its ``pod-deletion-cost`` and its priority count, each over the range that it may have.

    >>> eviction_cost(PodSpec("shop", "web")), eviction_cost(PodSpec("shop", "web", priority=2**25))
    (1.0, 2.0)
    """
    return min(
        max(1.0 + _deletion_cost(pod.annotations) / 2**27 + pod.priority / 2**25, -MOST_COST),
        MOST_COST,
    )


def _deletion_cost(annotations: Mapping[str, str]) -> float:
    try:
        found = float(annotations.get(DELETION_COST, "0"))
    except ValueError:
        return 0.0  # the ReplicaSet controller ignores such a value, too
    return found if math.isfinite(found) else 0.0
