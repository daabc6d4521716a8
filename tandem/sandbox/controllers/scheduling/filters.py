"""May this pod run on this node, as far as the two alone decide: the filters of one node. Pure.

Each filter returns why not, in kube-scheduler's words, or () for yes. Filters run in upstream's
order and the first that refuses speaks for the node.

Source: https://kubernetes.io/docs/reference/scheduling/config/#scheduling-plugins
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tandem.sandbox.controllers.scheduling.model import Node, Pod, Port, Room, Taint

UNSCHEDULABLE = Taint("node.kubernetes.io/unschedulable", "", "NoSchedule")
HARD_EFFECTS = frozenset({"NoSchedule", "NoExecute"})
ANY_IP = "0.0.0.0"  # noqa: S104 the API's name for every address of a host; nothing listens here

Why = tuple[str, ...]


def tolerated(pod: Pod, taint: Taint) -> bool:
    return any(toleration.covers(taint) for toleration in pod.tolerations)


def cordon(pod: Pod, room: Room) -> Why:
    if room.node.unschedulable and not tolerated(pod, UNSCHEDULABLE):
        return ("node(s) were unschedulable",)
    return ()


def named_node(pod: Pod, room: Room) -> Why:
    if pod.node and pod.node != room.node.name:
        return ("node(s) didn't match the requested node name",)
    return ()


def untolerated(pod: Pod, node: Node) -> Taint | None:
    """The first taint that keeps *pod* off *node*."""
    hard = (taint for taint in node.taints if taint.effect in HARD_EFFECTS)
    return next((taint for taint in hard if not tolerated(pod, taint)), None)


def taints(pod: Pod, room: Room) -> Why:
    taint = untolerated(pod, room.node)  # since 1.35 the message no longer names it
    return ("node(s) had untolerated taint(s)",) if taint else ()


def chosen(pod: Pod, node: Node) -> bool:
    """Does *node* satisfy the nodeSelector and the required node affinity?"""
    if not pod.node_selector.items() <= node.labels.items():
        return False
    if pod.node_terms is None:
        return True
    return any(term.matches(node.labels, node.name) for term in pod.node_terms)


def node_affinity(pod: Pod, room: Room) -> Why:
    return () if chosen(pod, room.node) else ("node(s) didn't match Pod's node affinity/selector",)


def ports(pod: Pod, room: Room) -> Why:
    if not pod.ports:
        return ()
    taken = (port for other in room.pods.values() for port in other.ports)
    if collide(pod.ports, taken):
        return ("node(s) didn't have free ports for the requested pod ports",)
    return ()


def collide(wanted: Iterable[Port], taken: Iterable[Port]) -> bool:
    """Equal port and protocol, on the same address or with one of them on every address."""
    asked = list(wanted)
    return any(
        (port, protocol) == (mine[1], mine[2]) and (ip == mine[0] or ANY_IP in (ip, mine[0]))
        for ip, port, protocol in taken
        for mine in asked
    )


def resources(pod: Pod, room: Room) -> Why:
    """Every resource that is short, not only the first; the count of pods is one of them."""
    free = room.node.allocatable
    why = []
    if (len(room.pods) + 1) * 1000 > free.get("pods", 0):
        why.append("Too many pods")
    why += [
        f"Insufficient {name}"
        for name, amount in pod.requests.items()
        if amount > 0 and amount > free.get(name, 0) - room.used.get(name, 0)
    ]
    return tuple(why)


Filter = Callable[[Pod, Room], Why]
LOCAL: tuple[Filter, ...] = (cordon, named_node, taints, node_affinity, ports, resources)


def refused(pod: Pod, room: Room) -> Why:
    """Why *pod* cannot run on that node, or ()."""
    for each in LOCAL:
        why = each(pod, room)
        if why:
            return why
    return ()
