"""The cluster as planning reads it: nodes that exist or are on their way, what pools use. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from nodescaler.controllers.settled import since_of
from nodescaler.core.lifecycle import INITIALIZED, REGISTERED
from nodescaler.core.model import ClaimState, NodeState, PodSpec
from nodescaler.core.resources import NODES, Resources
from nodescaler.decode import coming_node


@dataclass(frozen=True, slots=True)
class Beside:
    """What is known of a node beside its objects.

    Attributes:
        nominated: somebody counts on it.
        leaving: its removal has begun in this process, though no object says so yet.
        attach_limits: of volumes, by driver.
    """

    pods: tuple[PodSpec, ...] = ()
    nominated: bool = False
    leaving: bool = False
    last_pod_event: datetime | None = None
    attach_limits: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Made:
    """A node's state, with what it was made from."""

    node: NodeState | None
    claim: ClaimState | None
    beside: Beside
    state: NodeState


class NodeStates:
    """Nodes as planning reads them, each made anew only when something about it has changed.

    Of thousands of nodes a few change between two snapshots; the others are the same objects, which
    also tells whoever reads them that they are as they were.
    """

    def __init__(self) -> None:
        self._made: dict[str, _Made] = {}
        self._next: dict[str, _Made] = {}

    def of(self, node: NodeState | None, claim: ClaimState | None, beside: Beside) -> NodeState:
        """A node of ours, one that is not (no *claim*), or one on its way (no *node*)."""
        name = node.name if node is not None else f"claim/{claim.name if claim else ''}"
        made = self._made.get(name)
        if (
            made is None
            or made.node is not node
            or made.claim is not claim
            or made.beside != beside
        ):
            made = _Made(node, claim, beside, _state(node, claim, beside))
        self._next[name] = made
        return made.state

    def seal(self) -> None:
        """All have been asked for; forget those that have gone."""
        self._made, self._next = self._next, {}


def _state(node: NodeState | None, claim: ClaimState | None, beside: Beside) -> NodeState:
    if node is None:
        if claim is None:
            raise ValueError("found neither a Node nor a NodeClaim")
        return on_its_way(claim, beside)
    return foreign(node, beside) if claim is None else with_claim(node, claim, beside)


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
        attach_limits=beside.attach_limits,
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
    return replace(
        node, pods=beside.pods, nominated=beside.nominated, attach_limits=beside.attach_limits
    )


def usage(claims: Iterable[ClaimState]) -> dict[str, Resources]:
    """What the claims of each pool have, and how many nodes that is."""
    by_pool: dict[str, dict[str, int]] = {}
    for claim in claims:
        used = by_pool.setdefault(claim.pool, {NODES: 0})
        used[NODES] += 1
        for name, value in (claim.capacity or claim.requests).items():
            used[name] = used.get(name, 0) + value
    return {pool: by_pool[pool] for pool in sorted(by_pool)}
