"""The objects of storage, cut down to the fields that decide where a pod may go.

What a claim asks for stands in `structs`, because pods carry such claims as templates.
"""

from __future__ import annotations

from kube.objects import ObjectMeta
from nodescaler.decode.structs import Amounts, NodeSelector, Part, StorageAsked


class ClaimPhase(Part, frozen=True):
    phase: str = ""  # empty in a manifest: no API server has seen it


class StorageClaimObject(Part, frozen=True):
    """A PersistentVolumeClaim."""

    metadata: ObjectMeta
    spec: StorageAsked = StorageAsked()
    status: ClaimPhase = ClaimPhase()


class CsiSource(Part, frozen=True):
    driver: str = ""


class Present(Part, frozen=True):
    """An object of which it matters only that it is there."""


class ClaimRef(Part, frozen=True):
    namespace: str = ""
    name: str = ""


class VolumeAffinity(Part, frozen=True):
    required: NodeSelector | None = None


class VolumeBody(Part, frozen=True):
    """``spec`` of a PersistentVolume."""

    capacity: Amounts | None = None
    access_modes: tuple[str, ...] | None = None
    volume_mode: str | None = None
    storage_class_name: str = ""
    claim_ref: ClaimRef | None = None
    node_affinity: VolumeAffinity | None = None
    csi: CsiSource | None = None
    aws_elastic_block_store: Present | None = None
    azure_disk: Present | None = None
    azure_file: Present | None = None
    cinder: Present | None = None
    gce_persistent_disk: Present | None = None
    vsphere_volume: Present | None = None


class VolumeObject(Part, frozen=True):
    """A PersistentVolume."""

    metadata: ObjectMeta
    spec: VolumeBody = VolumeBody()


class TopologyLine(Part, frozen=True):
    key: str = ""
    values: tuple[str, ...] = ()


class TopologyTerm(Part, frozen=True):
    match_label_expressions: tuple[TopologyLine, ...] | None = None


class StorageClassObject(Part, frozen=True):
    metadata: ObjectMeta
    provisioner: str = ""
    volume_binding_mode: str = "Immediate"
    allowed_topologies: tuple[TopologyTerm, ...] | None = None


class AttachLimit(Part, frozen=True):
    count: int | None = None


class CsiDriver(Part, frozen=True):
    name: str = ""
    allocatable: AttachLimit | None = None


class CsiDrivers(Part, frozen=True):
    drivers: tuple[CsiDriver, ...] | None = None


class CsiNodeObject(Part, frozen=True):
    """A CSINode: what the drivers of the Node of the same name can do."""

    metadata: ObjectMeta
    spec: CsiDrivers = CsiDrivers()
