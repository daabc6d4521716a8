"""The plan for some manifests, with what was wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nodescaler.clouds.catalogue import builtin
from nodescaler.clouds.catalogue_file import CatalogueFault, read_catalogue
from nodescaler.core.model import InstanceType, NodeState, Plan, PodSpec, Snapshot
from nodescaler.core.packing import pack
from nodescaler.core.pools import nothing_allowed
from nodescaler.core.resources import NODES, Resources, amount_text, largest, total
from tandem.files import Found, InputFault, Where, scan
from tandem.plan.manifests import World, read_world

Json = dict[str, Any]

DONE, NO, BAD_INPUT = 0, 1, 2


@dataclass(frozen=True, slots=True)
class PlanReport:
    """What is printed."""

    plan: Plan
    snapshot: Snapshot
    seconds: float
    faults: tuple[InputFault, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """2 for bad input, 1 when a pod has no place, else 0."""
        if self.faults:
            return BAD_INPUT
        return NO if self.plan.unschedulable else DONE

    def to_json(self) -> Json:
        """The object of design.md, section 1."""
        plan = self.plan
        return {
            "newNodes": [
                {
                    "name": node.name,
                    "nodePool": node.pool,
                    "instanceType": node.instance_type,
                    "zone": node.zone,
                    "capacityType": node.capacity_type,
                    "pricePerHour": node.usd_per_hour,
                    "instanceTypeOptions": list(node.instance_types),
                    "pods": [pod.key for pod in node.pods],
                }
                for node in plan.new_nodes
            ],
            "existingNodes": [
                {"name": placement.node, "pods": [pod.key for pod in placement.pods]}
                for placement in plan.existing
            ],
            "unschedulable": [
                {"pod": each.pod.key, "reason": each.reason} for each in plan.unschedulable
            ],
            "pricePerHour": round(plan.usd_per_hour, 6),
            "lowerBoundPerHour": round(plan.lower_bound_per_hour, 6),
            "seconds": round(self.seconds, 6),
            "method": plan.method,
        }


def plan_files(
    paths: Iterable[Path], *, clock: Callable[[], float], catalogue: Path | None = None
) -> PlanReport:
    """Read the manifests in *paths* and plan; see `plan_documents`."""
    return plan_documents(scan(paths), clock=clock, catalogue=catalogue)


def plan_documents(
    found: Iterable[Found], *, clock: Callable[[], float], catalogue: Path | None = None
) -> PlanReport:
    """Plan; faults are in the report, and what is good is planned.

    Args:
        found: documents, and what could not be read as one.
        clock: seconds, to time the packing alone.
        catalogue: a file of instance types; the built-in catalogue without it.
    """
    world = read_world(found)
    types = _types(catalogue, world)
    world.faults += _barren_pools(world, types)
    world.faults += _oversized(world, types)
    snapshot = _snapshot(world, types)
    began = clock()
    plan = pack(snapshot)
    seconds = clock() - began
    notes = (*world.notes, *plan.notes)
    return PlanReport(plan, snapshot, seconds, tuple(sorted(set(world.faults))), notes)


def _types(catalogue: Path | None, world: World) -> tuple[InstanceType, ...]:
    if catalogue is None:
        return builtin()
    try:
        return read_catalogue(catalogue)
    except CatalogueFault as fault:
        world.faults.append(InputFault(Where(str(catalogue)), str(fault)))
        return ()


def _barren_pools(world: World, types: Sequence[InstanceType]) -> list[InputFault]:
    if not types:
        return []
    found = ((where, nothing_allowed(pool, types)) for where, pool in world.pools)
    return [InputFault(where, message) for where, message in found if message is not None]


def _oversized(world: World, types: Sequence[InstanceType]) -> list[InputFault]:
    """Pods of which no machine in the catalogue has enough of some resource."""
    if not types:
        return []
    most = largest(each.allocatable for each in types)
    waiting = [(where, path, pod) for where, path, pod in world.samples if not pod.node_name]
    return [
        InputFault(
            where, f"{_title(pod)}: {path}.containers: {_too_much(pod.requests, most, name)}"
        )
        for where, path, pod in waiting
        for name in sorted(pod.requests)
        if pod.requests[name] > most.get(name, 0)
    ]


def _title(pod: PodSpec) -> str:
    return f"{pod.owner.kind if pod.owner else 'Pod'} {pod.name}"


def _too_much(requests: Resources, most: Resources, name: str) -> str:
    have = amount_text(name, most.get(name, 0))
    return f"requests {amount_text(name, requests[name])}; the largest machine has {have}"


def _snapshot(world: World, types: tuple[InstanceType, ...]) -> Snapshot:
    pools = tuple(pool for _, pool in world.pools)
    bound: dict[str, list[PodSpec]] = {}
    for pod in world.pods:
        if pod.node_name:
            bound.setdefault(pod.node_name, []).append(pod)
    nodes = tuple(replace(n, pods=tuple(bound.get(n.name, ()))) for n in world.nodes)
    return Snapshot(
        pools=pools,
        types={pool.name: types for pool in pools},
        nodes=nodes,
        pods=tuple(pod for pod in world.pods if _waits(pod)),
        daemons=tuple(world.daemons),
        usage={pool.name: _usage(pool.name, nodes) for pool in pools},
    )


def _waits(pod: PodSpec) -> bool:
    idle = pod.node_name or pod.is_over or pod.gated or pod.mirror or pod.is_daemon
    return not idle and pod.deletes_at is None


def _usage(pool: str, nodes: Iterable[NodeState]) -> dict[str, int]:
    return total({**node.capacity, NODES: 1} for node in nodes if node.pool == pool)
