"""The filters of kube-scheduler 1.37, written out over plain dictionaries and loops.

A `World` is a cluster at one moment: places (nodes) with the pods on them. `refusal` says why the
scheduler would not put one more pod on a place, in the order in which its plugins ask. Nothing of
the packer is used, so that the two can disagree.

Source: pkg/scheduler/framework/plugins of Kubernetes 1.37; facts that are easily missed:

- a spread counts only nodes that carry the keys of all hard spreads of the pod, skips pods that are
  being deleted, and counts nothing at all where its selector is empty;
- a first pod that matches its own affinity may go anywhere that has the keys;
- affinity terms count only pods that match all of them; anti-affinity holds in both directions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from nodescaler.core.demands import HostPort, PodTerm, Spread, Volume
from nodescaler.core.labels import Requirements
from nodescaler.core.model import PodSpec
from nodescaler.core.taints import Taint

HOST = "kubernetes.io/hostname"
CORDON = Taint("node.kubernetes.io/unschedulable")
Labels = Mapping[str, str]


@dataclass(slots=True)
class Place:
    """A node; *room* is its allocatable less what is spoken for beside the pods."""

    name: str
    labels: dict[str, str]
    taints: tuple[Taint, ...] = ()
    room: dict[str, int] = field(default_factory=dict)
    attach_limits: Mapping[str, int] = field(default_factory=dict)
    pods: list[PodSpec] = field(default_factory=list)


@dataclass(slots=True)
class World:
    places: dict[str, Place]
    namespaces: Mapping[str, Labels] = field(default_factory=dict)
    volumes: Mapping[str, Volume] = field(default_factory=dict)

    def everyone(self) -> Iterator[tuple[Place, PodSpec]]:
        for place in self.places.values():
            for pod in place.pods:
                yield place, pod


def refusal(world: World, pod: PodSpec, place: Place) -> str | None:
    """Why the scheduler refuses *pod* there; None when it does not."""
    return (
        unsuited(world, pod, place)
        or _too_full(pod, place)
        or _port_taken(pod, place)
        or _too_many_volumes(world, pod, place)
        or _uneven(world, pod, place)
        or _wrong_company(world, pod, place)
    )


def unsuited(world: World, pod: PodSpec, place: Place) -> str | None:
    """What is wrong with the place, whatever runs there."""
    if pod.unplannable:
        return f"unplannable: {pod.unplannable}"
    against = untolerated(place.taints, pod)
    if against:
        return f"taint {against[0]}"
    if not wanted(pod.alternatives, place.labels):
        return "node affinity"
    for key in pod.volumes:
        volume = world.volumes.get(key)
        if volume is None or volume.fault:
            return f"volume {key} cannot be used"
        if not wanted(volume.alternatives, place.labels):
            return f"volume {key} is elsewhere"
    return None


def matches(demands: Requirements, labels: Labels) -> bool:
    return all(labels.get(key) in allowed for key, allowed in demands.items())


def wanted(alternatives: Iterable[Requirements], labels: Labels) -> bool:
    return any(matches(each, labels) for each in alternatives)


def untolerated(taints: Iterable[Taint], pod: PodSpec) -> list[Taint]:
    hard = [t for t in taints if t.effect in {"NoSchedule", "NoExecute"}]
    return [t for t in hard if not any(_accepts(pod, n, t) for n in range(len(pod.tolerations)))]


def _accepts(pod: PodSpec, position: int, taint: Taint) -> bool:
    each = pod.tolerations[position]
    if each.effect not in {"", taint.effect} or each.key not in {"", taint.key}:
        return False
    return each.operator == "Exists" or (each.key == taint.key and each.value == taint.value)


# ---------------------------------------------------------------- the node's own room


def _too_full(pod: PodSpec, place: Place) -> str | None:
    for name, need in pod.requests.items():
        used = sum(other.requests.get(name, 0) for other in place.pods)
        if need > 0 and used + need > place.room.get(name, 0):
            return f"too little {name}: {used} of {place.room.get(name, 0)} used, needs {need}"
    return None


def _port_taken(pod: PodSpec, place: Place) -> str | None:
    taken = [port for other in place.pods for port in other.host_ports]
    clash = [port for port in pod.host_ports if any(_same_port(port, t) for t in taken)]
    return f"host port {clash[0].port} is taken" if clash else None


def _same_port(one: HostPort, other: HostPort) -> bool:
    wild = one.ip == "0.0.0.0" or other.ip == "0.0.0.0"
    return (
        one.port == other.port and one.protocol == other.protocol and (one.ip == other.ip or wild)
    )


def _too_many_volumes(world: World, pod: PodSpec, place: Place) -> str | None:
    attached = {each for other in place.pods for each in _handles(world, other)}
    new = _handles(world, pod) - attached
    for driver, limit in place.attach_limits.items():
        coming = sum(1 for each, _ in new if each == driver)
        if coming and coming + sum(1 for each, _ in attached if each == driver) > limit:
            return f"{driver} attaches {limit} volumes at most"
    return None


def _handles(world: World, pod: PodSpec) -> set[tuple[str, str]]:
    out = set()
    for key in pod.volumes:
        volume = world.volumes.get(key)
        if volume is not None and volume.driver:
            out.add((volume.driver, volume.handle or key))
    return out


# ---------------------------------------------------------------- topology spread


def _uneven(world: World, pod: PodSpec, place: Place) -> str | None:
    hard = [spread for spread in pod.spreads if spread.hard]
    for spread in hard:
        key = spread.topology_key
        if key not in place.labels:
            return f"spread: no label {key}"
        counts = _domains(world, pod, spread, hard)
        least = min(counts.values(), default=0)
        if len(counts) < spread.min_domains:
            least = 0
        own = 1 if matches(spread.selector, pod.labels) else 0
        skew = counts.get(place.labels[key], 0) + own - least
        if skew > spread.max_skew:
            return f"spread over {key}: skew {skew}, at most {spread.max_skew}"
    return None


def _domains(world: World, pod: PodSpec, spread: Spread, hard: Sequence[Spread]) -> dict[str, int]:
    """How many pods count in each eligible domain."""
    counts: dict[str, int] = {}
    for place in world.places.values():
        if any(each.topology_key not in place.labels for each in hard):
            continue
        if spread.honours_affinity and not wanted(pod.alternatives, place.labels):
            continue
        if spread.honours_taints and untolerated(place.taints, pod):
            continue
        value = place.labels[spread.topology_key]
        counts[value] = counts.get(value, 0) + sum(
            1 for other in place.pods if _counts(spread, pod, other)
        )
    return counts


def _counts(spread: Spread, pod: PodSpec, other: PodSpec) -> bool:
    if not spread.selector or other.namespace != pod.namespace or other.deletes_at is not None:
        return False
    return matches(spread.selector, other.labels)


# ---------------------------------------------------------------- affinity between pods


def _wrong_company(world: World, pod: PodSpec, place: Place) -> str | None:
    for there, other in world.everyone():
        for term in other.apart:
            if _together(there, place, term) and concerns(world, term, pod):
                return f"{other.key} keeps it away over {term.topology_key}"
        for term in pod.apart:
            if _together(there, place, term) and concerns(world, term, other):
                return f"it keeps away from {other.key} over {term.topology_key}"
    return _alone(world, pod, place)


def _together(there: Place, here: Place, term: PodTerm) -> bool:
    key = term.topology_key
    return key in here.labels and there.labels.get(key) == here.labels[key]


def concerns(world: World, term: PodTerm, other: PodSpec) -> bool:
    chosen = term.namespace_selector
    by_label = chosen is not None and matches(chosen, world.namespaces.get(other.namespace, {}))
    here = other.namespace in term.namespaces or by_label
    return here and matches(term.selector, other.labels)


def _alone(world: World, pod: PodSpec, place: Place) -> str | None:
    """Required affinity: there must be company, except for the first of its kind."""
    for term in pod.beside:
        if term.topology_key not in place.labels:
            return f"affinity: no label {term.topology_key}"
    liked = [
        there
        for there, other in world.everyone()
        if pod.beside and all(concerns(world, term, other) for term in pod.beside)
    ]
    missing = [t for t in pod.beside if not any(_together(there, place, t) for there in liked)]
    if not missing:
        return None
    counted = any(t.topology_key in there.labels for there in liked for t in pod.beside)
    if not counted and all(concerns(world, term, pod) for term in pod.beside):
        return None
    return f"affinity: no such pod in this {missing[0].topology_key}"
