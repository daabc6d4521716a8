"""Claims, volumes, storage classes and attach limits, resolved for the pods that mount claims.

Each claim is resolved once per change of what it depends on, so a snapshot only collects. Most
clusters have many claims that no pending pod mounts: their changes are followed, and tell nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from kube.cache import Cache, Change
from kube.client import Client
from kube.resources import (
    CSI_NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    STORAGE_CLASSES,
)
from nodescaler import decode
from nodescaler.controllers.pods import PodIndex, is_ours_to_plan
from nodescaler.core.demands import Volume
from nodescaler.decode.volumes import NO_PROVISIONER, claim_key, is_for_one_pod

NO_LIMITS: Mapping[str, int] = {}


class Storage:
    """Args: changed: called after each change that may let a pending pod go somewhere."""

    def __init__(self, client: Client, pods: PodIndex, changed: Callable[[], None]) -> None:
        self._pods = pods
        self._changed = changed
        self._stock = decode.Stock()
        self._resolved: dict[str, Volume] = {}
        self._for_one_pod: set[str] = set()
        self._limits: dict[str, Mapping[str, int]] = {}
        self._claims = Cache(client, PERSISTENT_VOLUME_CLAIMS, decode.StorageClaimObject)
        self._volumes = Cache(client, PERSISTENT_VOLUMES, decode.VolumeObject)
        self._classes = Cache(client, STORAGE_CLASSES, decode.StorageClassObject)
        self._nodes = Cache(client, CSI_NODES, decode.CsiNodeObject)
        self._claims.subscribe(self._claim_changed)
        self._volumes.subscribe(self._volume_changed)
        self._classes.subscribe(self._class_changed)
        self._nodes.subscribe(self._limits_changed)
        self.caches = (self._claims, self._volumes, self._classes, self._nodes)

    # -------------------------------------------------------------- questions

    def volumes(self, leaving: Collection[str] = ()) -> dict[str, Volume]:
        """The claims that some pod mounts; one that does not exist is not there.

        Args:
            leaving: keys of the pods that give up what they hold.
        """
        known, found = self._resolved, {}
        for key in self._pods.mounted():
            volume = known.get(key) or self._resolve(key)
            if volume is not None:
                found[key] = volume
        for key in self._for_one_pod & found.keys():
            found[key] = self._unless_held(key, found[key], leaving)
        return found

    def attach_limits(self, node: str) -> Mapping[str, int]:
        """By driver; a driver that is not there has no limit."""
        return self._limits.get(node, NO_LIMITS)

    def _resolve(self, key: str) -> Volume | None:
        namespace, _, name = key.partition("/")
        claim = self._claims.get(name, namespace)
        if claim is None:
            return None
        if is_for_one_pod(claim):
            self._for_one_pod.add(key)
        self._resolved[key] = decode.resolve(claim, self._stock)
        return self._resolved[key]

    def _unless_held(self, key: str, volume: Volume, leaving: Collection[str]) -> Volume:
        """A claim for one pod keeps every other pod out while that one has a node."""
        holders = (
            pod.key for pod in self._pods.mounting(key) if pod.node_name and pod.key not in leaving
        )
        holder = min(holders, default="")
        if not holder or volume.fault:
            return volume
        return replace(volume, fault=f"claim {key} is for one pod, and pod {holder} has it")

    # -------------------------------------------------------------- what changes

    def _claim_changed(self, change: Change[decode.StorageClaimObject]) -> None:
        claim = change.new or change.old
        if claim is not None:
            self._look_again((claim_key(claim),))

    def _volume_changed(self, change: Change[decode.VolumeObject]) -> None:
        self._stock.apply_volume(change.old, change.new)
        concerned: set[str] = set()
        for volume in (change.old, change.new):
            ref = volume.spec.claim_ref if volume is not None else None
            if ref is not None:
                concerned.add(f"{ref.namespace}/{ref.name}")
            if volume is not None:
                concerned.update(self._that_wait_for(volume.spec.storage_class_name))
        self._look_again(concerned)

    def _that_wait_for(self, name: str) -> Iterator[str]:
        """The unbound claims of a class that makes no volumes: each new one may be theirs."""
        found = self._stock.storage_class(name)
        if found is not None and found.provisioner == NO_PROVISIONER:
            yield from self._unbound()

    def _class_changed(self, change: Change[decode.StorageClassObject]) -> None:
        self._stock.apply_class(change.old, change.new)
        self._look_again(tuple(self._unbound()))

    def _unbound(self) -> Iterator[str]:
        for key in self._resolved:
            namespace, _, name = key.partition("/")
            claim = self._claims.get(name, namespace)
            if claim is not None and not claim.spec.volume_name:
                yield key

    def _look_again(self, keys: Iterable[str]) -> None:
        """What was resolved is so no longer; tell it where a pending pod may go elsewhere now."""
        news = False
        for key in keys:
            was = self._resolved.pop(key, None)
            self._for_one_pod.discard(key)
            if any(map(is_ours_to_plan, self._pods.mounting(key))):
                news |= self._resolve(key) != was
        if news:
            self._changed()

    def _limits_changed(self, change: Change[decode.CsiNodeObject]) -> None:
        seen = change.new or change.old
        if seen is None:
            return
        name = seen.metadata.name
        was = self._limits.pop(name, NO_LIMITS)
        if change.new is not None:
            self._limits[name] = decode.attach_limits(change.new)
        now = self.attach_limits(name)
        if any(driver not in now or now[driver] > limit for driver, limit in was.items()):
            self._changed()  # room was made
