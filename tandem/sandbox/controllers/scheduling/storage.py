"""May this pod run on this node, given its volumes: where they are, and how many fit. Pure.

Sources: https://kubernetes.io/docs/concepts/storage/persistent-volumes/#node-affinity
https://kubernetes.io/docs/concepts/storage/storage-classes/#volume-binding-mode
https://kubernetes.io/docs/concepts/storage/storage-limits/
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from tandem.sandbox.controllers.scheduling.filters import Why
from tandem.sandbox.controllers.scheduling.model import (
    Claim,
    Cluster,
    Labels,
    Node,
    NodeTerm,
    Pod,
    Room,
    Volume,
)

NO_PROVISIONER = "kubernetes.io/no-provisioner"
ZONES = ("topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone")
REGIONS = ("topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/region")
CONFLICT = "node(s) didn't match PersistentVolume's node affinity"
NO_ZONE = "node(s) had no available volume zone"
NOTHING_TO_BIND = "node(s) didn't find available persistent volumes to bind"
TOO_MANY = "node(s) exceed max volume count"
UNBOUND = "pod has unbound immediate PersistentVolumeClaims"


@dataclass(frozen=True, slots=True)
class Storage:
    """The volumes of one pod, looked up once; `impossible` says why no node will do."""

    bound: tuple[Volume, ...] = ()
    waiting: tuple[Claim, ...] = ()
    unbound: tuple[str, ...] = ()  # the names of those that wait
    impossible: str = ""

    def refuses(self, room: Room, cluster: Cluster) -> Why:
        if not self.bound and not self.waiting:
            return ()
        if self._over_limit(room, cluster):
            return (TOO_MANY,)
        for volume in self.bound:
            why = _unreachable(volume, room.node)
            if why:
                return (why,)
        if not all(bindable(claim, room.node, cluster) for claim in self.waiting):
            return (NOTHING_TO_BIND,)
        return ()

    def _over_limit(self, room: Room, cluster: Cluster) -> bool:
        limits = cluster.attach_limits.get(room.node.name)
        if not limits:
            return False
        there = {volume for other in room.pods.values() for volume in _attached(other, cluster)}
        there |= {(volume.driver, volume.name) for volume in self.bound}
        counts = Counter(driver for driver, _ in there)
        for claim in self.waiting:
            known = cluster.classes.get(claim.storage_class)
            counts[known.provisioner if known else ""] += 1
        mine = {volume.driver for volume in self.bound} | {
            cluster.classes[claim.storage_class].provisioner
            for claim in self.waiting
            if claim.storage_class in cluster.classes
        }
        return any(counts[driver] > limits[driver] for driver in mine if driver in limits)


def storage(pod: Pod, cluster: Cluster) -> Storage:
    """Look the claims of *pod* up."""
    bound: list[Volume] = []
    waiting: dict[str, Claim] = {}
    for name in pod.claims:
        claim = cluster.claims.get((pod.namespace, name))
        if claim is None:
            return Storage(impossible=f'persistentvolumeclaim "{name}" not found')
        volume = cluster.volumes.get(claim.volume) if claim.volume else None
        known = cluster.classes.get(claim.storage_class)
        if volume is not None:
            bound.append(volume)
        elif not claim.volume and known is not None and known.waits:
            waiting[name] = claim
        else:
            return Storage(impossible=UNBOUND)
    return Storage(tuple(bound), tuple(waiting.values()), tuple(waiting))


def _attached(pod: Pod, cluster: Cluster) -> Iterator[tuple[str, str]]:
    for name in pod.claims:
        claim = cluster.claims.get((pod.namespace, name))
        volume = cluster.volumes.get(claim.volume) if claim else None
        if volume is not None:
            yield volume.driver, volume.name


def _unreachable(volume: Volume, node: Node) -> str:
    if not allows(volume.node_terms, node):
        return CONFLICT
    return "" if _same_place(volume.labels, node.labels) else NO_ZONE


def allows(terms: tuple[NodeTerm, ...] | None, node: Node) -> bool:
    return terms is None or any(term.matches(node.labels, node.name) for term in terms)


def _same_place(volume: Labels, node: Labels) -> bool:
    """Zone and region labels of an old-style volume must be the node's; `__` separates several."""
    for names in (ZONES, REGIONS):
        wanted = next((volume[name] for name in names if name in volume), None)
        found = next((node[name] for name in names if name in node), None)
        if wanted is not None and found not in wanted.split("__"):
            return False
    return True


def bindable(claim: Claim, node: Node, cluster: Cluster) -> bool:
    """Could *claim* be bound to something that *node* reaches?"""
    if claim.selected_node in cluster.rooms:
        return claim.selected_node == node.name
    if any(
        fits(claim, volume) and allows(volume.node_terms, node)
        for volume in cluster.volumes.values()
    ):
        return True
    known = cluster.classes.get(claim.storage_class)
    if known is None or known.provisioner in ("", NO_PROVISIONER):
        return False
    return not known.topologies or any(matches(node.labels) for matches in known.topologies)


def fits(claim: Claim, volume: Volume) -> bool:
    """Is *volume* free and enough for *claim*?"""
    return (
        not volume.claimed
        and volume.storage_class == claim.storage_class
        and volume.capacity >= claim.request
        and claim.modes <= volume.modes
    )
