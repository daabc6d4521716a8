"""Small clusters for the tests of packing, in a few words each."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from nodescaler.core.labels import ARCH, Requirement, Requirements
from nodescaler.core.model import (
    InstanceType,
    NodePool,
    NodeState,
    Offering,
    Plan,
    PodSpec,
    Snapshot,
)

GIB = 2**30


def machine(name: str, cpu: int, gib: int, usd: float, **labels: str) -> InstanceType:
    return InstanceType(
        name=name,
        labels={ARCH: "amd64", **labels},
        capacity={"cpu": cpu * 1000, "memory": gib * GIB, "pods": 100},
        overhead={},
        offerings=(
            Offering("a", "on-demand", usd),
            Offering("b", "on-demand", usd),
            Offering("a", "spot", usd / 2),
        ),
    )


SMALL, LARGE = machine("small", 2, 4, 0.1), machine("large", 8, 16, 0.4)
POOL = NodePool("default")


LIKE = PodSpec("shop", "p")


def pods(count: int, cpu: int = 1000, gib: int = 1, like: PodSpec = LIKE) -> tuple[PodSpec, ...]:
    requests = {"cpu": cpu, "memory": gib * GIB, "pods": 1}
    return tuple(replace(like, name=f"p-{n:02d}", requests=requests) for n in range(count))


def where(*alternatives: Requirements) -> PodSpec:
    return replace(LIKE, alternatives=alternatives)


def snapshot_of(
    waiting: tuple[PodSpec, ...],
    *pools: NodePool,
    types: tuple[InstanceType, ...] = (SMALL, LARGE),
    nodes: tuple[NodeState, ...] = (),
) -> Snapshot:
    chosen = pools or (POOL,)
    return Snapshot(chosen, {pool.name: types for pool in chosen}, nodes, waiting)


def demand(key: str, operator: str, *values: str) -> Requirements:
    return Requirements.of(Requirement(key, operator, values))


def kinds(plan: Plan) -> dict[str, int]:
    return dict(Counter(node.instance_type for node in plan.new_nodes))


def reason(plan: Plan) -> str:
    return plan.unschedulable[0].reason
