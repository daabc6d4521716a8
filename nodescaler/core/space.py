"""What an existing or coming node still has room for, and why it refuses a pod.

A node that is not initialised is looked at as it will be: without the taints that go away by
themselves, and with the daemons that have not started yet already subtracted.

Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from nodescaler.core.labels import HOSTNAME, Requirements
from nodescaler.core.model import DaemonSpec, NodeState, PodSpec
from nodescaler.core.resources import Resources, amount_text, minus, missing, total
from nodescaler.core.taints import Taint, lasting, untolerated


@dataclass(frozen=True, slots=True)
class Space:
    """One node as a place for pods; *guards* are those of its pods that refuse company."""

    name: str
    labels: Mapping[str, str]
    taints: tuple[Taint, ...]
    free: Resources
    pods: tuple[PodSpec, ...] = ()
    guards: tuple[PodSpec, ...] = ()


def space_of(node: NodeState, daemons: Sequence[DaemonSpec] = ()) -> Space:
    """The room on *node*, once every daemon that belongs there runs."""
    labels = {HOSTNAME: node.name, **node.labels}
    taints = lasting(node.taints, node.startup_taints, initialised=node.initialised)
    running = [pod for pod in node.pods if not pod.is_over]
    awaited = expected_daemons(daemons, labels, taints, running)
    used = total([node.reserved, *(pod.requests for pod in [*running, *awaited])])
    free = minus(node.allocatable, used)
    pods = (*running, *awaited)
    return Space(node.name, labels, taints, free, pods, tuple(p for p in pods if p.is_guarded))


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


def conflict(one: PodSpec, other: PodSpec) -> str | None:
    """Why two pods cannot share a node, whatever its size: a host port or anti-affinity."""
    for port in one.host_ports:
        if any(port.clashes(theirs) for theirs in other.host_ports):
            return f"host port {port.port}/{port.protocol} is taken by {other.key}"
    if any(
        t.concerns(other.namespace, other.labels) for t in one.apart if t.topology_key == HOSTNAME
    ):
        return f"must not share a node with {other.key}"
    if any(
        t.concerns(one.namespace, one.labels) for t in other.apart if t.topology_key == HOSTNAME
    ):
        return f"{other.key} must not share a node with it"
    return None


def refusal(pod: PodSpec, space: Space) -> str | None:
    """Why *pod* cannot go there; None when it can."""
    if not accepted(pod.alternatives, space.labels):
        keys = pod.alternatives[0].refusals(space.labels)
        return f"{space.name} does not have {pod.alternatives[0].only_keys(keys)}"
    against = untolerated(space.taints, pod.tolerations)
    if against:
        return f"does not tolerate the taint {against[0]} of {space.name}"
    others = space.pods if pod.is_guarded else space.guards
    clash = next((c for other in others if (c := conflict(pod, other)) is not None), None)
    if clash is not None:
        return f"on {space.name}: {clash}"
    short = missing(pod.requests, space.free)
    if short:
        name = short[0]
        need = amount_text(name, pod.requests[name])
        left = amount_text(name, max(space.free.get(name, 0), 0))
        return f"needs {need}; {space.name} has {left} left"
    return None
