"""Keeps the scheduler's picture of the cluster true, change by change.

`helps` is called when something changed that could give a pod without a node one: a node came or
changed, a pod left, a volume or a namespace changed, and, while pods wait that look at other pods,
also when a pod appeared.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from kube.resources import (
    NAMESPACES,
    NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    PODS,
    STORAGE_CLASSES,
    Resource,
)
from tandem.sandbox.controllers.followed import CSI_NODES
from tandem.sandbox.controllers.pods import finished
from tandem.sandbox.controllers.scheduling import decode
from tandem.sandbox.controllers.scheduling.model import Class, Cluster, Key, Pod
from tandem.sandbox.controllers.things import StorageClass, Thing
from tandem.sandbox.controllers.world import Seen, World

FOLLOWED = (
    NAMESPACES,
    STORAGE_CLASSES,
    CSI_NODES,
    PERSISTENT_VOLUMES,
    PERSISTENT_VOLUME_CLAIMS,
    NODES,
    PODS,
)

W = TypeVar("W")
V = TypeVar("V")


class Snapshot:
    """The cluster as the caches tell it, plus the pods that the scheduler has promised a node."""

    def __init__(self, world: World, *, helps: Callable[[], None]) -> None:
        self.cluster = Cluster()
        self._world = world
        self._helps = helps
        self._promised: dict[Key, tuple[Pod, str]] = {}

    def follow(self) -> None:
        """Take what the caches hold and every later change."""
        handlers: dict[Resource, Callable[[Thing | None, Thing | None], None]] = {
            NAMESPACES: self._on_namespace,
            STORAGE_CLASSES: self._on_class,
            CSI_NODES: self._on_limits,
            PERSISTENT_VOLUMES: self._on_volume,
            PERSISTENT_VOLUME_CLAIMS: self._on_claim,
            NODES: self._on_node,
            PODS: self._on_pod,
        }
        for resource, handler in handlers.items():
            follow(self._world, resource, handler)

    def promise(self, pod: Pod, node: str) -> None:
        """Count *pod* on *node* before the watch shows it there."""
        self._promised[pod.key] = (pod, node)
        self.cluster.rooms[node].add(pod)

    def withdraw(self, key: Key) -> None:
        """The promise is void: the binding was refused, or the pod is gone."""
        _, node = self._promised.pop(key, (None, ""))
        if node:
            self._remove(key, node)

    def _on_node(self, old: Thing | None, new: Thing | None) -> None:
        if new is None:
            self.cluster.rooms.pop(old.name if old is not None else "", None)
            self._helps()
        else:
            self._node_is(new)

    def _node_is(self, new: Thing) -> None:
        node = decode.node_of(new)
        room = self.cluster.rooms.get(node.name)
        if room is not None and room.node == node:
            return
        self.cluster.put_node(node)
        if room is None:
            self._fill(node.name)
        self._helps()

    def _fill(self, node: str) -> None:
        """Put the pods into a new node's room that were bound to it before it was known."""
        room = self.cluster.rooms[node]
        for found in self._world.on_node(node):
            if not finished(found):
                room.add(decode.pod_of(found))

    def _on_pod(self, old: Thing | None, new: Thing | None) -> None:
        if new is None or finished(new):
            gone = old or new
            if gone is not None:
                self.withdraw(gone.key)
                self._remove(gone.key, gone.node)
        elif new.node:
            self._promised.pop(new.key, None)
            self._put(new)

    def _put(self, found: Thing) -> None:
        room = self.cluster.rooms.get(found.node)
        if room is None:
            return
        known = room.pods.get(found.key)
        shown = None if known is None else (known.uid, known.leaving, known.labels)
        if shown != (found.uid, found.leaving, found.labels):
            room.add(decode.pod_of(found))
            self._helps()

    def _remove(self, key: Key, node: str) -> None:
        room = self.cluster.rooms.get(node)
        if room is not None and key in room.pods:
            room.remove(key)
            self._helps()

    def _on_namespace(self, old: Thing | None, new: Thing | None) -> None:
        if new is not None and (old is None or old.labels != new.labels):
            self.cluster.namespaces[new.name] = new.labels
            self._helps()
        elif new is None and old is not None:
            self.cluster.namespaces.pop(old.name, None)

    def _on_claim(self, old: Thing | None, new: Thing | None) -> None:
        self._hold(self.cluster.claims, old, new, lambda found: found.key, decode.claim_of)

    def _on_volume(self, old: Thing | None, new: Thing | None) -> None:
        self._hold(self.cluster.volumes, old, new, lambda found: found.name, decode.volume_of)

    def _on_class(self, old: Thing | None, new: Thing | None) -> None:
        self._hold(self.cluster.classes, old, new, lambda found: found.name, _class_of)

    def _on_limits(self, old: Thing | None, new: Thing | None) -> None:
        limits = self.cluster.attach_limits
        self._hold(limits, old, new, lambda found: found.name, decode.attach_limits_of)

    def _hold(
        self,
        held: dict[W, V],
        old: Thing | None,
        new: Thing | None,
        word: Callable[[Thing], W],
        read: Callable[[Thing], V],
    ) -> None:
        if new is not None:
            held[word(new)] = read(new)
        elif old is not None:
            held.pop(word(old), None)
        self._helps()


def follow(
    world: World, resource: Resource, handle: Callable[[Thing | None, Thing | None], None]
) -> None:
    """Tell *handle* of everything that is held and of every later change."""

    def on_change(change: Seen) -> None:
        handle(change.old, change.new)

    cache = world.cache(resource)
    for found in list(cache.values()):
        handle(None, found)
    cache.subscribe(on_change)


def _class_of(found: Thing) -> Class:
    return decode.class_of(found) if isinstance(found, StorageClass) else Class()
