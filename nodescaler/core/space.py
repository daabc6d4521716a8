"""What an existing or coming node still has room for, and why it refuses a pod.

A node that is not initialised is looked at as it will be: without the taints that go away by
themselves, and with the daemons that have not started yet already subtracted.

One node alone is looked at. What only the rest of the cluster could decide (whether somebody else
is in its zone) counts as yes, since the question is whether a node may still be of use.

Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from nodescaler.core.demands import PodTerm, Spread, Volume
from nodescaler.core.labels import HOSTNAME, Requirements
from nodescaler.core.model import DaemonSpec, NodeState, PodSpec, Snapshot
from nodescaler.core.resources import Resources, amount_text, minus, missing, total
from nodescaler.core.taints import Taint, lasting, untolerated

Namespaces = Mapping[str, Mapping[str, str]]
NO_NAMESPACES: Namespaces = {}
ANYWHERE = Snapshot()
ONLY_A_HOST: Mapping[str, str] = {HOSTNAME: ""}


@dataclass(frozen=True, slots=True)
class Space:
    """One node as a place for pods.

    Attributes:
        pods: what runs there or will; *guards* are those of them that refuse company.
        attached: handles of the volumes that are attached.
        attachable: how many more each CSI driver allows; one that is missing sets no limit.
        around: the cluster, for its namespaces and volumes.
    """

    name: str
    labels: Mapping[str, str]
    taints: tuple[Taint, ...]
    free: Resources
    pods: tuple[PodSpec, ...] = ()
    guards: tuple[PodSpec, ...] = ()
    attached: frozenset[str] = frozenset()
    attachable: Mapping[str, int] = field(default_factory=dict)
    around: Snapshot = ANYWHERE


def space_of(node: NodeState, around: Snapshot = ANYWHERE) -> Space:
    """The room on *node*, once every daemon of the cluster *around* that belongs there runs."""
    labels = {HOSTNAME: node.name, **node.labels}
    taints = lasting(node.taints, node.startup_taints, initialised=node.initialised)
    running = [pod for pod in node.pods if not pod.is_over]
    awaited = expected_daemons(around.daemons, labels, taints, running)
    used = total([node.reserved, *(pod.requests for pod in [*running, *awaited])])
    pods = (*running, *awaited)
    attached = {v.handle: v.driver for pod in pods for v in _volumes(pod, around) if v.driver}
    return Space(
        name=node.name,
        labels=labels,
        taints=taints,
        free=minus(node.allocatable, used),
        pods=pods,
        guards=tuple(pod for pod in pods if pod.is_guarded),
        attached=frozenset(attached),
        attachable={
            driver: limit - list(attached.values()).count(driver)
            for driver, limit in node.attach_limits.items()
        },
        around=around,
    )


def _volumes(pod: PodSpec, around: Snapshot) -> Iterator[Volume]:
    return (around.volumes[key] for key in pod.volumes if key in around.volumes)


def expected_daemons(
    daemons: Iterable[DaemonSpec],
    labels: Mapping[str, str],
    taints: Sequence[Taint],
    running: Iterable[PodSpec] = (),
) -> tuple[PodSpec, ...]:
    """The daemon pods that such a node will get and does not have yet."""
    there = {pod.owner.uid for pod in running if pod.owner is not None}
    return tuple(
        daemon.pod
        for daemon in daemons
        if daemon.uid not in there
        and accepted(daemon.pod.alternatives, labels)
        and not untolerated(taints, daemon.pod.tolerations)
    )


def accepted(alternatives: Iterable[Requirements], labels: Mapping[str, str]) -> bool:
    """Whether one of the alternatives is met by a node with these labels."""
    return any(terms.accepts(labels) for terms in alternatives)


def conflict(
    one: PodSpec,
    other: PodSpec,
    labels: Mapping[str, str] = ONLY_A_HOST,
    namespaces: Namespaces = NO_NAMESPACES,
) -> str | None:
    """Why two pods cannot share a node, whatever its size: a host port or anti-affinity.

    Args:
        one: a pod.
        other: a pod that is there.
        labels: of the node. Who keeps apart over any of them keeps apart on the node as well.
        namespaces: labels of each, for the terms that select them.
    """
    for port in one.host_ports:
        if any(port.clashes(theirs) for theirs in other.host_ports):
            return f"host port {port.port}/{port.protocol} is taken by {other.key}"
    if any(_concerns(t, other, namespaces) for t in one.apart if t.topology_key in labels):
        return f"must not share a node with {other.key}"
    if any(_concerns(t, one, namespaces) for t in other.apart if t.topology_key in labels):
        return f"{other.key} must not share a node with it"
    return None


def _concerns(term: PodTerm, pod: PodSpec, namespaces: Namespaces) -> bool:
    return term.concerns(pod.namespace, pod.labels, namespaces.get(pod.namespace, {}))


# ---------------------------------------------------------------- why not


def refusal(pod: PodSpec, space: Space) -> str | None:
    """Why *pod* cannot go there; None when it can."""
    checks = (_place_missing, _volume_missing, _company_missing, _room_missing)
    return next((said for check in checks if (said := check(pod, space)) is not None), None)


def _place_missing(pod: PodSpec, space: Space) -> str | None:
    if not accepted(pod.alternatives, space.labels):
        keys = pod.alternatives[0].refusals(space.labels)
        return f"{space.name} does not have {pod.alternatives[0].only_keys(keys)}"
    against = untolerated(space.taints, pod.tolerations)
    if against:
        return f"does not tolerate the taint {against[0]} of {space.name}"
    return None


def _volume_missing(pod: PodSpec, space: Space) -> str | None:
    new: dict[str, str] = {}
    for key in pod.volumes:
        volume = space.around.volumes.get(key)
        if volume is None:
            return f"persistent volume claim {key} does not exist"
        if volume.fault:
            return volume.fault
        if not accepted(volume.alternatives, space.labels):
            return f"{key} is not to be had on {space.name}"
        if volume.driver and volume.handle not in space.attached:
            new[volume.handle] = volume.driver
    for driver, left in sorted(space.attachable.items()):
        wanted = list(new.values()).count(driver)
        if wanted > max(left, 0):
            return f"{space.name} attaches {max(left, 0)} more volumes of {driver}, not {wanted}"
    return None


def _company_missing(pod: PodSpec, space: Space) -> str | None:
    namespaces = space.around.namespaces
    others = space.pods if pod.is_guarded else space.guards
    clashes = (conflict(pod, other, space.labels, namespaces) for other in others)
    clash = next((clash for clash in clashes if clash is not None), None)
    if clash is not None:
        return f"on {space.name}: {clash}"
    for key in (*(t.topology_key for t in pod.beside), *(s.topology_key for s in _hard(pod))):
        if key not in space.labels:
            return f"{space.name} lacks the label {key}, over which it wants company or a spread"
    if any(t.topology_key == HOSTNAME for t in pod.beside) and not _has_company(pod, space):
        return f"the company it wants is not on {space.name}"
    for spread in _hard(pod):
        if spread.topology_key == HOSTNAME and _seen(pod, spread, space) > spread.max_skew:
            return f"more than {spread.max_skew} of its spread would be on {space.name}"
    return None


def _hard(pod: PodSpec) -> tuple[Spread, ...]:
    return tuple(spread for spread in pod.spreads if spread.hard)


def _has_company(pod: PodSpec, space: Space) -> bool:
    """Whether a pod that all its terms mean is there, or it may be the first of its own kind."""
    return any(
        all(_concerns(term, other, space.around.namespaces) for term in pod.beside)
        for other in (pod, *space.pods)
    )


def _seen(pod: PodSpec, spread: Spread, space: Space) -> int:
    """How many pods the spread would count on the node with *pod*; another host may have none.

    For the scheduler, an empty selector counts nothing.
    """
    there = [pod, *(other for other in space.pods if other.deletes_at is None)]
    alike = (other for other in there if other.namespace == pod.namespace)
    return sum(bool(spread.selector) and spread.selector.accepts(p.labels) for p in alike)


def _room_missing(pod: PodSpec, space: Space) -> str | None:
    short = missing(pod.requests, space.free)
    if short:
        name = short[0]
        need = amount_text(name, pod.requests[name])
        left = amount_text(name, max(space.free.get(name, 0), 0))
        return f"needs {need}; {space.name} has {left} left"
    return None
