"""The cluster between a plan and its nodes: the claims are there, and no node has joined yet."""

from __future__ import annotations

from dataclasses import replace

from nodescaler.core.model import NodeState, Offering, Plan, PlannedNode, Snapshot


def underway(snapshot: Snapshot, plan: Plan) -> Snapshot:
    """The same pods once the claims of *plan* are there and no node has joined."""
    coming = tuple(_coming(snapshot, node) for node in plan.new_nodes)
    homes = {pod.key: each.name for node, each in zip(plan.new_nodes, coming, strict=True)
             for pod in node.pods}  # fmt: skip
    homes |= {pod.key: each.node for each in plan.existing for pod in each.pods}
    waiting = (pod for pod in snapshot.pods if pod.key in homes)
    pods = tuple(replace(pod, nominated_node=homes[pod.key]) for pod in waiting)
    return replace(snapshot, nodes=(*snapshot.nodes, *coming), pods=pods)


def _coming(snapshot: Snapshot, node: PlannedNode) -> NodeState:
    machine = next(t for t in snapshot.types[node.pool] if t.name == node.instance_type)
    bought = Offering(node.zone, node.capacity_type, node.usd_per_hour)
    return NodeState(
        f"coming-{node.name}",
        labels={**node.labels, **machine.labels_of(bought)},
        taints=node.taints,
        startup_taints=node.startup_taints,
        capacity=machine.capacity,
        allocatable=machine.allocatable,
        pool=node.pool,
        claim=f"coming-{node.name}",
        ready=False,
        initialised=False,
    )
