"""The PersistentVolumes and StorageClasses that claims are resolved against, by name and by class.

Pure bookkeeping, fed one change at a time, so that no claim walks all volumes of the cluster.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, datetime

from nodescaler.decode.storage import StorageClassObject, VolumeObject

DEFAULT_MARKS = (
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
)
LONG_AGO = datetime.min.replace(tzinfo=UTC)


class Stock:
    def __init__(
        self,
        volumes: Iterable[VolumeObject] = (),
        classes: Iterable[StorageClassObject] = (),
    ) -> None:
        self._volumes: dict[str, VolumeObject] = {}
        self._by_class: dict[str, dict[str, VolumeObject]] = {}
        self._classes: dict[str, StorageClassObject] = {}
        for volume in volumes:
            self.apply_volume(None, volume)
        for each in classes:
            self.apply_class(None, each)

    def apply_volume(self, old: VolumeObject | None, new: VolumeObject | None) -> None:
        """Replace *old*, which is what is held, by *new*."""
        if old is not None:
            self._volumes.pop(old.metadata.name, None)
            self._by_class.get(old.spec.storage_class_name, {}).pop(old.metadata.name, None)
        if new is not None:
            name = new.metadata.name
            self._volumes[name] = new
            self._by_class.setdefault(new.spec.storage_class_name, {})[name] = new

    def apply_class(self, old: StorageClassObject | None, new: StorageClassObject | None) -> None:
        """Replace *old*, which is what is held, by *new*."""
        if old is not None:
            self._classes.pop(old.metadata.name, None)
        if new is not None:
            self._classes[new.metadata.name] = new

    def volume(self, name: str) -> VolumeObject | None:
        return self._volumes.get(name)

    def of_class(self, name: str) -> Collection[VolumeObject]:
        return self._by_class.get(name, {}).values()

    def storage_class(self, name: str) -> StorageClassObject | None:
        return self._classes.get(name)

    def class_names(self) -> Collection[str]:
        return self._classes.keys()

    def default_class(self) -> StorageClassObject | None:
        """The class of claims that name none: of several defaults the newest, as in the API."""
        found = [each for each in self._classes.values() if _is_default(each)]
        return min(found, key=_newest_first, default=None)


def _is_default(each: StorageClassObject) -> bool:
    return any(each.metadata.annotations.get(mark) == "true" for mark in DEFAULT_MARKS)


def _newest_first(each: StorageClassObject) -> tuple[float, str]:
    made = each.metadata.creation_timestamp or LONG_AGO
    return (-made.timestamp(), each.metadata.name)
