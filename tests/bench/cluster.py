"""A large cluster that runs already: 5,000 nodes, 100,000 pods of 200 classes, 60 of them spread.

The nodes are of the general-purpose types that hold what was dealt to them, three zones in turn,
and each runs the five daemons of `markets.daemons`, which are among the 100,000.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace

from nodescaler.core.demands import Spread
from nodescaler.core.labels import CAPACITY_TYPE, HOSTNAME, NODE_POOL, ZONE, Requirements
from nodescaler.core.model import InstanceType, NodeState, PodSpec, Snapshot
from nodescaler.core.resources import fits, total
from tests.bench.markets import Market, on_demand
from tests.bench.workloads import workload

NODES, PODS_A_NODE = 5_000, 15  # and five daemons on each
SPREAD_CLASSES = 60
FAMILY = "m7i"


def bound(nodes: int = NODES, pods_a_node: int = PODS_A_NODE, seed: int = 3) -> Snapshot:
    """*nodes* nodes whose memory is two thirds full, and one pod that waits."""
    market = on_demand()
    pods = list(_spread(workload("google", max(nodes * pods_a_node, 1_000)).pods))
    random.Random(seed).shuffle(pods)
    types = _types(market)
    made = tuple(
        _node(number, pods[number * pods_a_node : (number + 1) * pods_a_node], types, market)
        for number in range(nodes)
    )
    waiting = next(pod for pod in pods if pod.spreads)
    snapshot = market.snapshot([replace(waiting, name="waiting", uid="waiting")])
    return replace(snapshot, nodes=made)


def _spread(pods: Sequence[PodSpec]) -> Iterator[PodSpec]:
    """The same pods, those of some classes spread over zones."""
    apps = sorted({pod.labels["app"] for pod in pods})[:SPREAD_CLASSES]
    rules = {app: (Spread(ZONE, 1, Requirements.labels({"app": app})),) for app in apps}
    for pod in pods:
        yield replace(pod, spreads=rules.get(pod.labels["app"], ()))


def _types(market: Market) -> list[InstanceType]:
    return sorted(
        (each for each in market.types if each.name.startswith(f"{FAMILY}.")),
        key=lambda each: each.offerings[0].usd_per_hour,
    )


def _node(
    number: int, pods: Sequence[PodSpec], types: Sequence[InstanceType], market: Market
) -> NodeState:
    name = f"node-{number:05d}"
    running = [*(daemon.pod for daemon in market.daemons), *pods]
    running = [
        replace(pod, name=f"{pod.name}-{number}", uid=f"{pod.uid}-{number}", node_name=name)
        if pod.is_daemon
        else replace(pod, node_name=name, phase="Running", unschedulable=False)
        for pod in running
    ]
    used = total(pod.requests for pod in running)
    chosen = next(each for each in types if fits(used, each.allocatable))
    on_sale = [o for o in chosen.offerings if o.capacity_type == "on-demand"]
    offering = on_sale[number % len(on_sale)]
    labels = chosen.labels_of(offering) | {HOSTNAME: name, NODE_POOL: market.pool.name}
    return NodeState(
        name=name,
        labels=labels | {CAPACITY_TYPE: offering.capacity_type},
        capacity=chosen.capacity,
        allocatable=chosen.allocatable,
        pods=tuple(running),
        provider_id=f"bench://{name}",
        pool=market.pool.name,
        claim=name,
        uid=f"uid-{name}",
    )
