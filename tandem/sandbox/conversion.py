"""One object in another of its versions: custom resources (names only) and the two Event kinds.

Stored is what the storage version says; a custom resource changes its `apiVersion` alone (strategy
None), an Event is stored as core/v1 and read as events.k8s.io/v1 with other field names.
"""

from __future__ import annotations

from collections.abc import Mapping

from tandem.sandbox.kinds import Kind
from tandem.sandbox.status import Json

_EVENT_FIELDS: Mapping[str, str] = {
    "message": "note",
    "involvedObject": "regarding",
    "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
    "reportingComponent": "reportingController",
}
_CORE_FIELDS = {new: old for old, new in _EVENT_FIELDS.items()}


def converted(obj: Json, kind: Kind) -> Json:
    """Give the stored *obj* as *kind*; the same dict when nothing differs."""
    if obj["apiVersion"] == kind.api_version:
        return obj
    names = _EVENT_FIELDS if kind.group == "events.k8s.io" else {}
    return _renamed(obj, names, kind.api_version)


def to_storage(obj: Json, storage_version: str) -> Json:
    """Give *obj*, as a client sent it, the way it is stored."""
    if obj["apiVersion"] == storage_version:
        return obj
    names = _CORE_FIELDS if obj["apiVersion"].startswith("events.k8s.io") else {}
    return _renamed(obj, names, storage_version)


def _renamed(obj: Json, names: Mapping[str, str], api_version: str) -> Json:
    renamed = {names.get(key, key): value for key, value in obj.items()}
    return renamed | {"apiVersion": api_version}
