"""Clusters for the validator: what is there, what a plan adds, and how pods get in.

The world after a plan has every node that stays and every node that is planned, with the daemons
running; nodes that are being deleted are gone. Then the planned pods come, each to its own node
only. One order may be refused where another is not, so several are tried, and at last all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from nodescaler.core.model import (
    InstanceType,
    NodePool,
    NodeState,
    Offering,
    Plan,
    PlannedNode,
    PodSpec,
    Snapshot,
)
from nodescaler.core.taints import Taint
from tests.nodescaler.core.rules import CORDON, HOST, Place, World, matches, refusal, unsuited

EPHEMERAL_KEYS = {
    "node.kubernetes.io/not-ready",
    "node.kubernetes.io/unreachable",
    "node.cloudprovider.kubernetes.io/uninitialized",
    "karpenter.sh/unregistered",
}
MOST_STATES = 20_000  # of the search over all orders
Wanted = list[tuple[PodSpec, str]]  # each pod with the name of its planned place


@dataclass(frozen=True, slots=True)
class Launch:
    """One machine that a claim may become."""

    type: InstanceType
    offering: Offering
    labels: Mapping[str, str]


def launches(snapshot: Snapshot, node: PlannedNode) -> list[Launch]:
    """Everything that the claim's requirements admit, as far as it can be bought."""
    return [
        launch
        for launch in every_launch(snapshot, node.pool, {**node.labels, HOST: node.name})
        if matches(node.requirements, launch.labels)
    ]


def every_launch(snapshot: Snapshot, pool: str, own: Mapping[str, str]) -> Iterator[Launch]:
    for each in snapshot.types.get(pool, ()):
        for offering in each.offerings:
            if offering.available and offering.count != 0:
                yield Launch(each, offering, {**own, **each.labels_of(offering)})


def planned_launch(snapshot: Snapshot, node: PlannedNode) -> Launch | None:
    """The machine that the plan names."""
    told = (node.instance_type, node.zone, node.capacity_type)
    found = [
        each
        for each in launches(snapshot, node)
        if (each.type.name, each.offering.zone, each.offering.capacity_type) == told
    ]
    return min(found, key=lambda each: each.offering.usd_per_hour, default=None)


# ---------------------------------------------------------------- worlds


def world_after(
    snapshot: Snapshot, plan: Plan, instead: Mapping[str, Launch] | None = None
) -> World:
    """Nodes that stay and planned nodes, without the planned pods.

    Args:
        instead: for a planned node, by name, another machine than the plan names.
    """
    places = [_standing(snapshot, node) for node in snapshot.nodes if not node.deleting]
    for node in plan.new_nodes:
        launch = (instead or {}).get(node.name) or planned_launch(snapshot, node)
        if launch is not None:
            places.append(fresh(snapshot, node.name, node.taints, launch))
    return World({each.name: each for each in places}, snapshot.namespaces, snapshot.volumes)


def fresh(snapshot: Snapshot, name: str, taints: tuple[Taint, ...], launch: Launch) -> Place:
    """A node just launched, with its daemons; startup taints are gone."""
    room = {n: v - launch.type.overhead.get(n, 0) for n, v in launch.type.capacity.items()}
    place = Place(name, {**launch.labels, HOST: name}, taints, room)
    return _with_daemons(snapshot, place)


def _standing(snapshot: Snapshot, node: NodeState) -> Place:
    taints = node.taints if node.initialised else _lasting(node)
    place = Place(
        name=node.name,
        labels={HOST: node.name, **node.labels},
        taints=(*taints, CORDON) if node.unschedulable else taints,
        room={n: v - node.reserved.get(n, 0) for n, v in node.allocatable.items()},
        attach_limits=node.attach_limits,
        pods=[pod for pod in node.pods if pod.phase not in {"Succeeded", "Failed"}],
    )
    return _with_daemons(snapshot, place)


def _lasting(node: NodeState) -> tuple[Taint, ...]:
    startup = {(taint.key, taint.effect) for taint in node.startup_taints}
    return tuple(
        taint
        for taint in node.taints
        if taint.key not in EPHEMERAL_KEYS
        and not taint.key.startswith("readiness.k8s.io/")
        and (taint.key, taint.effect) not in startup
    )


def _with_daemons(snapshot: Snapshot, place: Place) -> Place:
    """Daemons go wherever their own demands let them; a DaemonSet looks at no cordon."""
    there = {pod.owner.uid for pod in place.pods if pod.owner is not None}
    taints = tuple(taint for taint in place.taints if taint != CORDON)
    ground = replace(place, taints=taints)
    empty = World({}, snapshot.namespaces, snapshot.volumes)
    for daemon in snapshot.daemons:
        if daemon.uid not in there and unsuited(empty, daemon.pod, ground) is None:
            place.pods.append(daemon.pod)
    return place


def usable(snapshot: Snapshot) -> list[NodePool]:
    """Pools from which a plan may launch."""
    return [pool for pool in snapshot.pools if pool.replicas is None and not pool.deleting]


# ---------------------------------------------------------------- letting the pods in


def placed(plan: Plan) -> Wanted:
    """Every placed pod with its node."""
    out = [(pod, each.node) for each in plan.existing for pod in each.pods]
    return out + [(pod, node.name) for node in plan.new_nodes for pod in node.pods]


def admitted(make: Callable[[], World], wanted: Wanted) -> list[tuple[PodSpec, str]] | None:
    """An order in which every pod gets in; None when there is none (or the search grew too long).

    Args:
        make: a fresh world each time; it is played to its end.
    """
    for order in (wanted, _round_robin(wanted), sorted(wanted, key=lambda each: each[0].name)):
        found = _play(make(), order)
        if len(found) == len(wanted):
            return found
    return _search(make(), wanted)


def refusals(make: Callable[[], World], wanted: Wanted) -> list[str]:
    """Who stays out, and why, when pods come in the plan's order."""
    world = make()
    inside = {pod.key for pod, _ in _play(world, wanted)}
    return [
        f"{pod.key} is refused by {name}: {_why(world, pod, name)}"
        for pod, name in wanted
        if pod.key not in inside
    ]


def _why(world: World, pod: PodSpec, name: str) -> str | None:
    return refusal(world, pod, world.places[name]) if name in world.places else "no such node"


def _play(world: World, order: Wanted) -> Wanted:
    """Try everybody in rounds, until a round lets nobody in."""
    inside: Wanted = []
    waiting = list(order)
    while waiting:
        out: Wanted = []
        for pod, name in waiting:
            if _why(world, pod, name) is None:
                world.places[name].pods.append(pod)
                inside.append((pod, name))
            else:
                out.append((pod, name))
        if len(out) == len(waiting):
            break
        waiting = out
    return inside


def _round_robin(wanted: Wanted) -> Wanted:
    """One pod of each node, then the second of each, and so on."""
    seen: dict[str, int] = {}
    turns = []
    for position, (_, name) in enumerate(wanted):
        seen[name] = seen.get(name, 0) + 1
        turns.append((seen[name], position))
    return [wanted[position] for _, position in sorted(turns)]


def _search(world: World, wanted: Wanted) -> Wanted | None:
    """Depth first over all orders; pods that differ in name only are one kind."""
    kinds = _kinds(wanted)
    dead: set[tuple[int, ...]] = set()
    path: Wanted = []

    def go(left: tuple[int, ...]) -> bool:
        if not any(left):
            return True
        if left in dead or len(dead) > MOST_STATES:
            return False
        for number, count in enumerate(left):
            pod, name = kinds[number][count - 1] if count else kinds[number][0]
            if count and _why(world, pod, name) is None:
                world.places[name].pods.append(pod)
                path.append((pod, name))
                if go((*left[:number], count - 1, *left[number + 1 :])):
                    return True
                path.pop()
                world.places[name].pods.pop()
        dead.add(left)
        return False

    return path if go(tuple(len(each) for each in kinds)) else None


def _kinds(wanted: Wanted) -> list[Sequence[tuple[PodSpec, str]]]:
    groups: list[list[tuple[PodSpec, str]]] = []
    for pod, name in wanted:
        same = [g for g in groups if g[0][1] == name and alike(g[0][0], pod)]
        if same:
            same[0].append((pod, name))
        else:
            groups.append([(pod, name)])
    return list(groups)


def alike(one: PodSpec, other: PodSpec) -> bool:
    """Whether two pods differ in nothing but who they are."""
    return replace(one, name="", uid="") == replace(other, name="", uid="")


def keys_that_count(pods: Iterable[PodSpec]) -> set[str]:
    """The node labels by which pods look at other nodes than their own."""
    out: set[str] = set()
    for pod in pods:
        hard = [spread for spread in pod.spreads if spread.hard]
        out |= {spread.topology_key for spread in hard}
        out |= {term.topology_key for term in (*pod.beside, *pod.apart)}
        if hard:
            out |= {key for each in pod.alternatives for key in each}
    return out
