"""The world as one snapshot: nodes with their claims and pods, what pools use, what waits. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from nodescaler.controllers.pods import comes_back, is_ours_to_plan
from nodescaler.controllers.snapshots import Beside, foreign, on_its_way, with_claim
from nodescaler.core.model import ClaimState, InstanceType, NodeState, PodSpec, Snapshot
from nodescaler.core.resources import NODES, total
from tandem.plan.volumes import unless_held
from tandem.plan.world import World

Bound = Mapping[str, tuple[PodSpec, ...]]


def snapshot_of(world: World, types: tuple[InstanceType, ...], now: datetime) -> Snapshot:
    """What planning reads.

    The pods are those that wait, and those that the drains of our nodes will set free.

    Args:
        world: what was read.
        types: what every pool buys from.
        now: whether a pod is protected from disruption depends on it.
    """
    pools = tuple(pool for _, pool in world.pools)
    nodes = tuple(_nodes(world))
    waiting = [pod for pod in world.pods if _waits(pod)]
    waiting += [pod for pod in world.live if is_ours_to_plan(pod)]
    moving = [
        pod
        for node in nodes
        if node.deleting and node.pool
        for pod in node.pods
        if comes_back(pod, now)
    ]
    staying = {pod.key: pod for node in nodes for pod in node.pods}
    for pod in moving:
        del staying[pod.key]
    return Snapshot(
        pools=pools,
        types={pool.name: types for pool in pools},
        nodes=nodes,
        pods=(*waiting, *moving),
        daemons=tuple(world.daemons),
        usage={pool.name: _usage(pool.name, nodes) for pool in pools},
        namespaces=world.namespaces,
        volumes=unless_held(world.storage, world.volumes, staying.values()),
    )


def bound(world: World) -> dict[str, tuple[PodSpec, ...]]:
    """The pods of each node; those that are over take no room."""
    out: dict[str, list[PodSpec]] = {}
    for pod in (*world.pods, *world.live):
        if pod.node_name and not pod.is_over:
            out.setdefault(pod.node_name, []).append(pod)
    return {node: tuple(pods) for node, pods in out.items()}


def _nodes(world: World) -> Iterator[NodeState]:
    """Every node, joined with its claim; then the claims whose nodes have not come yet."""
    pods = bound(world)
    by_provider = {claim.provider_id: claim for claim in world.claims if claim.provider_id}
    by_node = {claim.node_name: claim for claim in world.claims if claim.node_name}
    joined: set[str] = set()
    for node in world.nodes:
        limits = world.storage.limits.get(node.name, {})
        beside = Beside(pods=pods.get(node.name, ()), attach_limits=limits)
        claim = by_provider.get(node.provider_id) or by_node.get(node.name)
        if claim is None:
            yield foreign(node, beside)
        else:
            joined.add(claim.name)
            yield with_claim(node, claim, beside)
    yield from (on_its_way(claim, Beside()) for claim in _left(world.claims, joined))


def _left(claims: Iterable[ClaimState], joined: set[str]) -> Iterator[ClaimState]:
    return (claim for claim in claims if claim.name not in joined)


def _usage(pool: str, nodes: Iterable[NodeState]) -> dict[str, int]:
    return total({**node.capacity, NODES: 1} for node in nodes if node.pool == pool)


def _waits(pod: PodSpec) -> bool:
    """Whether a pod of a file is to be planned: no scheduler has looked at it."""
    idle = pod.node_name or pod.is_over or pod.gated or pod.mirror or pod.is_daemon
    return not idle and pod.deletes_at is None
