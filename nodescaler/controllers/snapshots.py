"""The cluster as planning reads it: nodes that exist or are on their way, what pools use. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from nodescaler.controllers.settled import since_of
from nodescaler.core.lifecycle import INITIALIZED, REGISTERED
from nodescaler.core.model import ClaimState, NodeState, PodSpec
from nodescaler.core.resources import NODES, Resources, total
from nodescaler.decode import coming_node


@dataclass(frozen=True, slots=True)
class Beside:
    """What is known of a node beside its objects.

    Attributes:
        nominated: somebody counts on it.
        leaving: its removal has begun in this process, though no object says so yet.
    """

    pods: tuple[PodSpec, ...] = ()
    nominated: bool = False
    leaving: bool = False
    last_pod_event: datetime | None = None


def with_claim(node: NodeState, claim: ClaimState, beside: Beside) -> NodeState:
    """A node of ours: what the claim promises counts until the registration has written it."""
    registered = claim.is_true(REGISTERED)
    return replace(
        node,
        labels={**claim.labels, **node.labels},
        annotations={**claim.annotations, **node.annotations},
        taints=node.taints if registered else (*node.taints, *claim.taints),
        startup_taints=claim.startup_taints,
        pods=beside.pods,
        pool=claim.pool,
        claim=claim.name,
        registered=registered,
        initialised=claim.is_true(INITIALIZED),
        deleting=node.deleting or claim.deleting_since is not None or beside.leaving,
        nominated=beside.nominated,
        since=since_of(claim, beside.last_pod_event),
    )


def on_its_way(claim: ClaimState, beside: Beside) -> NodeState:
    """A node that has not joined.

    Before its launch is recorded it counts as exactly what was asked for: the pods that it was
    planned for fit, and nothing is promised beyond.
    """
    node = coming_node(claim)
    return replace(
        node,
        capacity=node.capacity or claim.requests,
        allocatable=node.allocatable or claim.requests,
        deleting=node.deleting or beside.leaving,
        nominated=beside.nominated,
    )


def foreign(node: NodeState, beside: Beside) -> NodeState:
    """A node that is not ours; its pods and its room count all the same."""
    return replace(node, pods=beside.pods, nominated=beside.nominated)


def usage(claims: Iterable[ClaimState]) -> dict[str, Resources]:
    """What the claims of each pool have, and how many nodes that is."""
    by_pool: dict[str, list[Resources]] = {}
    for claim in claims:
        have = dict(claim.capacity or claim.requests)
        by_pool.setdefault(claim.pool, []).append({**have, NODES: 1})
    return {pool: total(each) for pool, each in sorted(by_pool.items())}
