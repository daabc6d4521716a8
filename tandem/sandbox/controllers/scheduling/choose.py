"""Where one pod goes: where it is nominated, or else the best of the nodes that pass. Pure.

When no node will do, the answer says why. Pods that are nominated to a node and not there yet count
as if they were, for others of no higher priority.

Source: https://github.com/kubernetes/enhancements/tree/master/keps/sig-scheduling/5278-nominated-node-name-for-expectation
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from tandem.sandbox.controllers.scheduling.filters import Why, refused
from tandem.sandbox.controllers.scheduling.model import Cluster, Pod, Room
from tandem.sandbox.controllers.scheduling.neighbours import Neighbours, neighbours
from tandem.sandbox.controllers.scheduling.scores import best
from tandem.sandbox.controllers.scheduling.storage import Storage, storage
from tandem.sandbox.controllers.settings import Scoring


@dataclass(frozen=True, slots=True)
class Placed:
    node: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The message of the condition PodScheduled, in kube-scheduler's words."""

    message: str


def choose(pod: Pod, cluster: Cluster, scoring: Scoring) -> Placed | Refused:
    """Find the node for *pod*; the cluster is not changed."""
    if not cluster.rooms:
        return Refused("no nodes available to schedule pods")
    volumes = storage(pod, cluster)
    if volumes.impossible:
        return Refused(f"0/{len(cluster.rooms)} nodes are available: {volumes.impossible}.")
    others = neighbours(pod, cluster)
    planned = cluster.rooms.get(pod.nominated)
    if planned is not None and not _refused(pod, planned, volumes, others, cluster):
        return Placed(pod.nominated)
    fitting: list[Room] = []
    reasons: list[Why] = []
    for room in cluster.rooms.values():
        why = _refused(pod, room, volumes, others, cluster)
        if why:
            reasons.append(why)
        else:
            fitting.append(room)
    if not fitting:
        return Refused(summary(reasons))
    return Placed(best(pod, fitting, cluster, scoring).node.name)


def _refused(pod: Pod, room: Room, volumes: Storage, others: Neighbours, cluster: Cluster) -> Why:
    """Ask of the node as it is, then as it will be with the pods that are nominated to it.

    It must do both ways: nobody may lean on a pod that is not there yet.
    """
    why = refused(pod, room) or volumes.refuses(room, cluster) or others.refuses(room)
    guests = cluster.guests(pod, room.node.name)
    return why if why or not guests else _crowded_out(pod, room, guests, volumes, cluster)


def _crowded_out(
    pod: Pod, room: Room, guests: list[Pod], volumes: Storage, cluster: Cluster
) -> Why:
    crowd = room.crowded(guests)
    why = refused(pod, crowd) or volumes.refuses(crowd, cluster)
    if why or not (pod.social or any(guest.apart for guest in guests)):
        return why  # the guests change nothing for the neighbours, and counting them is dear
    there = replace(cluster, rooms={**cluster.rooms, room.node.name: crowd})
    return neighbours(pod, there).refuses(crowd)


def summary(reasons: Iterable[Why]) -> str:
    """Say for how many nodes each reason holds.

    >>> summary([("Insufficient cpu",), ("Insufficient cpu", "Too many pods")])
    '0/2 nodes are available: 1 Too many pods, 2 Insufficient cpu.'
    """
    every = list(reasons)
    counts = Counter(reason for why in every for reason in why)
    parts = sorted(f"{count} {reason}" for reason, count in counts.items())
    return f"0/{len(every)} nodes are available: {', '.join(parts)}."


def queue_order(pod: Pod) -> tuple[int, float, str, str]:
    """Higher priority first, then older, then by name."""
    return (-pod.priority, pod.created, pod.namespace, pod.name)
