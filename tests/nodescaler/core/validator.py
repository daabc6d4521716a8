"""Checks a plan against the rules of kube-scheduler, written without the packer's own code.

Only plain dictionaries and loops: nothing of `space`, `offers`, `greedy` or `bound` is used.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from nodescaler.core.model import (
    InstanceType,
    NodePool,
    NodeState,
    Plan,
    PlannedNode,
    PodSpec,
    Snapshot,
)
from nodescaler.core.taints import Taint

HOST = "kubernetes.io/hostname"


def faults(snapshot: Snapshot, plan: Plan) -> list[str]:
    """Everything that is wrong with the plan, in words."""
    found = [*_lost(snapshot, plan), *_limits(snapshot, plan)]
    for node in plan.new_nodes:
        found += _new_node(snapshot, node)
    states = {node.name: node for node in snapshot.nodes}
    for placement in plan.existing:
        found += _existing(snapshot, states[placement.node], placement.pods)
    return found


def _lost(snapshot: Snapshot, plan: Plan) -> Iterator[str]:
    seen = Counter(pod.key for node in plan.new_nodes for pod in node.pods)
    seen += Counter(pod.key for placement in plan.existing for pod in placement.pods)
    seen += Counter(each.pod.key for each in plan.unschedulable)
    if seen != Counter(pod.key for pod in snapshot.pods):
        yield "pods are lost or doubled"


def _limits(snapshot: Snapshot, plan: Plan) -> Iterator[str]:
    """Whatever of the listed types is launched, the limits hold."""
    for pool in snapshot.pools:
        used = Counter(dict(snapshot.usage.get(pool.name, {})))
        for node in plan.new_nodes:
            if node.pool == pool.name:
                types = [t for t in snapshot.types[pool.name] if t.name in node.instance_types]
                used["nodes"] += 1
                for name in pool.limits:
                    used[name] += max(t.capacity.get(name, 0) for t in types)
        for name, limit in pool.limits.items():
            if used[name] > limit:
                yield f"{pool.name} is over its limit of {name}"


def _new_node(snapshot: Snapshot, node: PlannedNode) -> Iterator[str]:
    """Every type, zone and capacity type that the claim asks for must do."""
    pool = next(pool for pool in snapshot.pools if pool.name == node.pool)
    prices = []
    for each in snapshot.types[pool.name]:
        for offering in each.offerings:
            labels = {HOST: "brand-new", **node.labels, **each.labels_of(offering)}
            if offering.available and _asked(node, labels):
                prices.append(offering.usd_per_hour)
                yield from _as_launched(snapshot, node, pool, each, labels)
    if not prices or min(prices) != node.usd_per_hour:
        yield f"{node.name}: the price is not that of the cheapest offer asked for"


def _asked(node: PlannedNode, labels: Mapping[str, str]) -> bool:
    return all(labels.get(key) in allowed for key, allowed in node.requirements.items())


def _as_launched(
    snapshot: Snapshot,
    node: PlannedNode,
    pool: NodePool,
    each: InstanceType,
    labels: Mapping[str, str],
) -> Iterator[str]:
    have = {n: v - each.overhead.get(n, 0) for n, v in each.capacity.items()}
    pods = [*_daemons(snapshot, pool.taints), *node.pods]
    yield from _node(f"{node.name} as {each.name}", labels, pool.taints, have, pods)


def _existing(snapshot: Snapshot, node: NodeState, pods: Sequence[PodSpec]) -> Iterator[str]:
    labels = {HOST: node.name, **node.labels}
    everyone = [*node.pods, *_daemons(snapshot, node.taints), *pods]
    checked = {pod.key for pod in pods}
    yield from _node(node.name, labels, node.taints, node.allocatable, everyone, checked)


def _daemons(snapshot: Snapshot, taints: Iterable[Taint]) -> list[PodSpec]:
    """The daemon of the strategies goes everywhere and tolerates everything."""
    del taints
    return [daemon.pod for daemon in snapshot.daemons]


def _node(
    name: str,
    labels: Mapping[str, str],
    taints: Iterable[Taint],
    have: Mapping[str, int],
    pods: Sequence[PodSpec],
    checked: set[str] | None = None,
) -> Iterator[str]:
    for resource in {r for pod in pods for r in pod.requests}:
        if sum(pod.requests.get(resource, 0) for pod in pods) > have.get(resource, 0):
            yield f"{name} is overfull of {resource}"
    for pod in pods:
        if checked is None or pod.key in checked:
            yield from _may_run(name, labels, taints, pod)
    for position, one in enumerate(pods):
        for other in pods[position + 1 :]:
            if _quarrel(one, other) or _quarrel(other, one):
                yield f"{one.key} and {other.key} must not share {name}"


def _may_run(
    name: str, labels: Mapping[str, str], taints: Iterable[Taint], pod: PodSpec
) -> Iterator[str]:
    if not any(
        all(labels.get(key) in allowed for key, allowed in terms.items())
        for terms in pod.alternatives
    ):
        yield f"{pod.key} does not want {name}"
    for taint in taints:
        tolerated = any(
            t.key in {"", taint.key} and (t.operator == "Exists" or t.value == taint.value)
            for t in pod.tolerations
        )
        if not tolerated:
            yield f"{pod.key} does not tolerate {name}"


def _quarrel(one: PodSpec, other: PodSpec) -> bool:
    ports = {(p.port, p.protocol) for p in one.host_ports}
    if ports & {(p.port, p.protocol) for p in other.host_ports}:
        return True
    for term in one.apart:
        here = not term.namespaces or other.namespace in term.namespaces
        if here and all(other.labels.get(k) in allowed for k, allowed in term.selector.items()):
            return True
    return False
