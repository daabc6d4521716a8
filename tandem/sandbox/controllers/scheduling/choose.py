"""Where one pod goes: all filters over all nodes, then the best, or why none will do. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

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
    return refused(pod, room) or volumes.refuses(room, cluster) or others.refuses(room)


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
