"""An object as the actors see it: typed metadata, and spec and status as plain JSON.

The actors copy templates and write statuses whole, so a struct for every field would be typing for
its own sake; the scheduler, which reads the same fields a thousand times, decodes them once into
its own model. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from kube.client import Json
from kube.objects import ObjectMeta, OwnerReference
from kube.resources import Resource

Key = tuple[str, str]  # namespace ("" for cluster-scoped kinds), name

JOB_TRACKING = "batch.kubernetes.io/job-tracking"
SELECTED_NODE = "volume.kubernetes.io/selected-node"  # written by the scheduler on a claim
FINISHED = frozenset({"Succeeded", "Failed"})


class Meta(ObjectMeta, frozen=True, gc=False, rename="camel"):
    deletion_grace_period_seconds: int | None = None


class Thing(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """Any object with a spec and a status; kinds with other fields have structs of their own."""

    metadata: Meta
    spec: dict[str, Any] = msgspec.field(default_factory=dict)
    status: dict[str, Any] = msgspec.field(default_factory=dict)

    @property
    def key(self) -> Key:
        return self.metadata.key

    @property
    def name(self) -> str:
        return self.metadata.name

    @property
    def namespace(self) -> str:
        return self.metadata.namespace

    @property
    def uid(self) -> str:
        return self.metadata.uid

    @property
    def labels(self) -> Mapping[str, str]:
        return self.metadata.labels or {}

    @property
    def annotations(self) -> Mapping[str, str]:
        return self.metadata.annotations or {}

    @property
    def leaving(self) -> bool:
        return self.metadata.deletion_timestamp is not None

    @property
    def phase(self) -> str:
        return str(self.status.get("phase", ""))

    @property
    def node(self) -> str:
        return str(self.spec.get("nodeName") or "")


class StorageClass(Thing, frozen=True, gc=False, rename="camel"):
    """A StorageClass keeps its fields beside the metadata, not in a spec."""

    provisioner: str = ""
    reclaim_policy: str = "Delete"
    volume_binding_mode: str = "Immediate"
    allowed_topologies: tuple[dict[str, Any], ...] = ()


def thing(body: Json) -> Thing:
    """Read an object out of its JSON, as the caches do."""
    return msgspec.convert(body, Thing)


def controller_of(found: Thing) -> OwnerReference | None:
    """The one owner that manages *found*."""
    return next((owner for owner in found.metadata.owner_references if owner.controller), None)


def owner_reference(owner: Thing, resource: Resource) -> Json:
    """What a new dependent of *owner* says about it."""
    return {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "name": owner.name,
        "uid": owner.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def condition(found: Thing, kind: str) -> Json:
    """One of the status conditions, or {}."""
    conditions: list[Json] = found.status.get("conditions") or []
    return next((c for c in conditions if c.get("type") == kind), {})


def is_true(found: Thing, kind: str) -> bool:
    return bool(condition(found, kind).get("status") == "True")
