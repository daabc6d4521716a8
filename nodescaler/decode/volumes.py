"""Where a PersistentVolumeClaim lets the pods go that mount it.

As kube-scheduler sees it: a bound claim goes where its volume is reachable, one that waits for its
first pod where its class may make a volume, and every other one keeps its pods out. Unlike
Karpenter, a volume that is on one node keeps its pods to that node.
Source: https://kubernetes.io/docs/concepts/storage/persistent-volumes/
https://kubernetes.io/docs/concepts/storage/storage-classes/#volume-binding-mode
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import msgspec

from nodescaler.core.demands import NO_REQUIREMENTS, Volume
from nodescaler.core.labels import (
    REGION,
    ZONE,
    Allowed,
    Requirement,
    Requirements,
    hint,
    normal,
)
from nodescaler.decode.affinity import node_terms
from nodescaler.decode.amounts import checked_amounts
from nodescaler.decode.faults import Faults, Findings
from nodescaler.decode.requirements import NOWHERE, label_selector
from nodescaler.decode.stock import Stock
from nodescaler.decode.storage import (
    CsiNodeObject,
    StorageClaimObject,
    StorageClassObject,
    TopologyTerm,
    VolumeBody,
    VolumeObject,
)
from nodescaler.decode.structs import NodeSelector

ANYWHERE = (NO_REQUIREMENTS,)
PLACES = 4096  # remembered; there are fewer, unless each disk is a node's own
BIND_COMPLETED = "pv.kubernetes.io/bind-completed"
ONE_POD = "ReadWriteOncePod"
WAITS = "WaitForFirstConsumer"
NO_PROVISIONER = "kubernetes.io/no-provisioner"
STORAGE = "storage"
PLACE_LABELS = (
    ZONE,
    REGION,
    "failure-domain.beta.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region",
)
MIGRATED = {  # which driver serves what was built in once, by the name of its provisioner
    "kubernetes.io/aws-ebs": "ebs.csi.aws.com",
    "kubernetes.io/azure-disk": "disk.csi.azure.com",
    "kubernetes.io/azure-file": "file.csi.azure.com",
    "kubernetes.io/cinder": "cinder.csi.openstack.org",
    "kubernetes.io/gce-pd": "pd.csi.storage.gke.io",
    "kubernetes.io/vsphere-volume": "csi.vsphere.vmware.com",
}


def resolve(claim: StorageClaimObject, stock: Stock) -> Volume:
    """What *claim* means for the pods that mount it; what stands against them is its `fault`."""
    key = claim_key(claim)
    try:
        return _resolved(claim, key, stock)
    except Faults as faults:
        return Volume(handle=key, fault=f"claim {key}: {faults}")


def claim_key(claim: StorageClaimObject) -> str:
    return f"{claim.metadata.namespace or 'default'}/{claim.metadata.name}"


def is_for_one_pod(claim: StorageClaimObject) -> bool:
    """Whether a second pod that mounts it has to wait for the first one's end."""
    return ONE_POD in (claim.spec.access_modes or ())


def is_bound(claim: StorageClaimObject) -> bool:
    """Whether its volume is its own; in a manifest nobody has bound it yet, but would."""
    done = claim.status.phase in {"", "Bound"} or BIND_COMPLETED in claim.metadata.annotations
    return bool(claim.spec.volume_name) and done


def attach_limits(node: CsiNodeObject) -> dict[str, int]:
    """How many volumes of each driver fit; a driver that says nothing has no limit."""
    return {
        driver.name: driver.allocatable.count
        for driver in node.spec.drivers or ()
        if driver.allocatable is not None and driver.allocatable.count is not None
    }


def _resolved(claim: StorageClaimObject, key: str, stock: Stock) -> Volume:
    name = claim.spec.volume_name
    if claim.metadata.deletion_timestamp is not None:
        return Volume(handle=key, fault=f"claim {key} is being deleted")
    if claim.status.phase == "Lost":
        return Volume(handle=key, fault=f"claim {key} has lost its volume {name}")
    if is_bound(claim):
        return _bound(key, name, stock)
    if name:
        return Volume(handle=key, fault=f"claim {key} is not bound yet to volume {name}")
    return _unbound(claim, key, stock)


# ---------------------------------------------------------------- bound


def _bound(key: str, name: str, stock: Stock) -> Volume:
    volume = stock.volume(name)
    if volume is None:
        told = f"claim {key} is bound to volume {name}, which does not exist"
        return Volume(handle=name, fault=told)
    try:
        places = _reachable_from(volume)
    except Faults as faults:
        return Volume(handle=name, fault=f"volume {name} of claim {key}: {faults}")
    return Volume(places, _driver_of(volume.spec), name)


def _reachable_from(volume: VolumeObject) -> tuple[Requirements, ...]:
    """The nodes that can attach it; the very same object for volumes of one place.

    Raises:
        Faults: a term that cannot be read.
    """
    affinity, labels = volume.spec.node_affinity, volume.metadata.labels
    own = tuple((key, labels[key]) for key in PLACE_LABELS if key in labels)
    required = affinity.required if affinity is not None else None
    if required is None and not own:
        return ANYWHERE
    return _remembered(_Place(msgspec.json.encode(required), own, required))


@dataclass(frozen=True, slots=True)
class _Place:
    """What says where a volume is; two are equal when they say the same."""

    text: bytes
    labels: tuple[tuple[str, str], ...]
    required: NodeSelector | None = field(compare=False)


@lru_cache(maxsize=PLACES)
def _remembered(place: _Place) -> tuple[Requirements, ...]:
    labels = _by_labels(dict(place.labels))
    if place.required is None:
        return (labels,)
    findings = Findings()
    found = node_terms(place.required, "spec.nodeAffinity.required", findings)
    findings.raise_if_any()
    return tuple(each & labels for each in found)


def _by_labels(labels: Mapping[str, str]) -> Requirements:
    """Volumes of the first drivers say their places by labels, several zones as ``a__b``."""
    found = NO_REQUIREMENTS
    for key in PLACE_LABELS:
        if key in labels:
            found &= Requirements({normal(key): Allowed.one_of(*labels[key].split("__"))})
    return found


def _driver_of(volume: VolumeBody) -> str:
    if volume.csi is not None:
        return volume.csi.driver
    built_in = {
        "kubernetes.io/aws-ebs": volume.aws_elastic_block_store,
        "kubernetes.io/azure-disk": volume.azure_disk,
        "kubernetes.io/azure-file": volume.azure_file,
        "kubernetes.io/cinder": volume.cinder,
        "kubernetes.io/gce-pd": volume.gce_persistent_disk,
        "kubernetes.io/vsphere-volume": volume.vsphere_volume,
    }
    return next((MIGRATED[name] for name, source in built_in.items() if source is not None), "")


# ---------------------------------------------------------------- not bound


def _unbound(claim: StorageClaimObject, key: str, stock: Stock) -> Volume:
    named = claim.spec.storage_class_name
    found = stock.default_class() if named is None else stock.storage_class(named)
    if not named and found is None:
        told = f"claim {key} is bound to no volume and has no storage class"
        return Volume(handle=key, fault=told)
    if found is None:
        near = hint(named or "", stock.class_names())
        told = f"claim {key} names storage class {named}, which does not exist{near}"
        return Volume(handle=key, fault=told)
    if found.volume_binding_mode != WAITS:
        told = f"claim {key} is not bound yet, and its class {found.metadata.name} does not wait"
        return Volume(handle=key, fault=f"{told} for a pod to be placed")
    if found.provisioner == NO_PROVISIONER:
        return _at_hand(claim, key, found, stock)
    return Volume(_may_be_made_in(found), _makes_for(found.provisioner), key)


def _may_be_made_in(found: StorageClassObject) -> tuple[Requirements, ...]:
    return tuple(map(_topology, found.allowed_topologies or ())) or ANYWHERE


def _topology(term: TopologyTerm) -> Requirements:
    """A term that says nothing allows nothing."""
    lines = term.match_label_expressions
    if not lines:
        return NOWHERE
    return Requirements.of(*(Requirement(line.key, "In", line.values) for line in lines))


def _makes_for(provisioner: str) -> str:
    """The driver behind a provisioner; CSI calls both the same, and drivers have no slash."""
    return MIGRATED.get(provisioner, "" if "/" in provisioner else provisioner)


def _at_hand(
    claim: StorageClaimObject, key: str, found: StorageClassObject, stock: Stock
) -> Volume:
    """A class that makes no volumes (local disks) has those that are there and free.

    Raises:
        Faults: an amount or a selector of the claim, or a volume's place, cannot be read.
    """
    name = found.metadata.name
    fitting = list(_fitting(claim, key, stock.of_class(name)))
    if not fitting:
        told = f"claim {key} fits no free volume of class {name}, which makes none"
        return Volume(handle=key, fault=told)
    places = [place for volume in fitting for place in _reachable_from(volume)]
    return Volume(tuple(dict.fromkeys(places)), handle=key)


def _fitting(
    claim: StorageClaimObject, key: str, volumes: Iterable[VolumeObject]
) -> Iterator[VolumeObject]:
    """The volumes that could be bound to *claim*, in the order of their names."""
    findings, spec = Findings(), claim.spec
    asked = spec.resources.requests if spec.resources is not None else None
    need = checked_amounts(asked, "spec.resources.requests", findings)
    chosen = (
        NO_REQUIREMENTS
        if spec.selector is None
        else label_selector(spec.selector, "spec.selector", findings)
    )
    findings.raise_if_any()
    for volume in sorted(volumes, key=lambda each: each.metadata.name):
        have = checked_amounts(volume.spec.capacity, "spec.capacity", Findings())
        suits = have.get(STORAGE, 0) >= need.get(STORAGE, 0) and _suits(volume.spec, claim)
        if suits and _is_free(volume, key) and chosen.accepts(volume.metadata.labels):
            yield volume


def _is_free(volume: VolumeObject, key: str) -> bool:
    """Nobody's, or kept for this claim."""
    ref = volume.spec.claim_ref
    free = ref is None or f"{ref.namespace}/{ref.name}" == key
    return free and volume.metadata.deletion_timestamp is None


def _suits(volume: VolumeBody, claim: StorageClaimObject) -> bool:
    asked, mode = claim.spec.access_modes or (), "Filesystem"
    same = (volume.volume_mode or mode) == (claim.spec.volume_mode or mode)
    return same and set(asked) <= set(volume.access_modes or ())
