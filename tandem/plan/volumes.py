"""Storage as it is written, and what the claims that pods mount mean for them.

A manifest has not met a cluster: a claim, class or volume that it names and that is nowhere is
taken to be there and to be reachable from anywhere, with a note; and a class that binds at once has
not had its chance yet, so its claims are planned like those that wait for their pod. Between a
cluster's own objects nothing is taken for granted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import msgspec

from kube.objects import ObjectMeta
from nodescaler.core.demands import Volume
from nodescaler.core.model import PodSpec
from nodescaler.decode.stock import Stock
from nodescaler.decode.storage import (
    CsiNodeObject,
    StorageClaimObject,
    StorageClassObject,
    VolumeObject,
)
from nodescaler.decode.structs import StorageAsked
from nodescaler.decode.volumes import WAITS, attach_limits, claim_key, is_for_one_pod, resolve
from tandem.files import Document
from tandem.plan.words import count, some

ANYWHERE = Volume()


@dataclass(slots=True)
class Storage:
    """What has been read.

    Attributes:
        claims: by ``namespace/name``.
        live: keys of the claims that a cluster has.
        limits: for each node that has a CSINode, how many volumes of each driver fit.
    """

    volumes: list[VolumeObject] = field(default_factory=list)
    classes: list[StorageClassObject] = field(default_factory=list)
    claims: dict[str, StorageClaimObject] = field(default_factory=dict)
    live: set[str] = field(default_factory=set)
    limits: dict[str, dict[str, int]] = field(default_factory=dict)

    def read(self, document: Document, *, is_live: bool) -> None:
        """Take one object in.

        Raises:
            msgspec.ValidationError: a field of the wrong type.
        """
        body, kind = document.body, document.body["kind"]
        if kind == "PersistentVolume":
            self.volumes.append(msgspec.convert(body, VolumeObject))
        elif kind == "StorageClass":
            self.classes.append(msgspec.convert(body, StorageClassObject))
        elif kind == "CSINode":
            node = msgspec.convert(body, CsiNodeObject)
            self.limits[node.metadata.name] = attach_limits(node)
        else:
            claim = msgspec.convert(body, StorageClaimObject)
            self.claims[claim_key(claim)] = claim
            if is_live:
                self.live.add(claim_key(claim))

    def make(self, key: str, asked: StorageAsked) -> None:
        """A claim as its controller would make it; of one that exists already, that one counts."""
        namespace, _, name = key.partition("/")
        meta = ObjectMeta(name=name, namespace=namespace)
        self.claims.setdefault(key, StorageClaimObject(meta, asked))


def resolved(storage: Storage, named: Iterable[str]) -> tuple[dict[str, Volume], list[str]]:
    """Every claim by its key, and notes on what was taken for granted.

    Args:
        storage: what has been read.
        named: the claims that pods of files mount.
    """
    stock = Stock(storage.volumes, storage.classes)
    patient = Stock(storage.volumes, map(_patient, storage.classes))
    found: dict[str, Volume] = {}
    granted: dict[str, set[str]] = {}
    for key, claim in sorted(storage.claims.items()):
        missing = "" if key in storage.live else _missing(claim, stock)
        if missing:
            granted.setdefault(missing, set()).add(key)
            found[key] = ANYWHERE
        else:
            found[key] = resolve(claim, stock if key in storage.live else patient)
    for key in set(named) - found.keys():
        granted.setdefault("there is no such claim", set()).add(key)
        found[key] = ANYWHERE
    return found, [_granted(why, sorted(keys)) for why, keys in sorted(granted.items())]


def unless_held(
    storage: Storage, volumes: Mapping[str, Volume], running: Iterable[PodSpec]
) -> dict[str, Volume]:
    """The volumes, of which those for one pod keep all others out while that one runs.

    Args:
        storage: what has been read.
        volumes: from `resolved`.
        running: the pods that have a node and stay there.
    """
    holders: dict[str, str] = {}
    mounting = (pod for pod in running if pod.volumes)
    for pod in sorted(mounting, key=lambda each: each.key):
        for key in pod.volumes:
            if key in storage.claims and is_for_one_pod(storage.claims[key]):
                holders.setdefault(key, pod.key)
    held = {
        key: replace(volumes[key], fault=f"claim {key} is for one pod, and pod {holder} has it")
        for key, holder in holders.items()
        if key in volumes and not volumes[key].fault
    }
    return {**volumes, **held}


def _patient(each: StorageClassObject) -> StorageClassObject:
    return msgspec.structs.replace(each, volume_binding_mode=WAITS)


def _missing(claim: StorageClaimObject, stock: Stock) -> str:
    """What the claim names that is nowhere, in words; empty when all of it is known."""
    name, named = claim.spec.volume_name, claim.spec.storage_class_name
    if name:
        return "" if stock.volume(name) else f"PersistentVolume {name} is not there"
    if named is None:
        return "" if stock.default_class() else "no StorageClass is the default one"
    return "" if not named or stock.storage_class(named) else f"StorageClass {named} is not there"


def _granted(why: str, keys: list[str]) -> str:
    claims = f"{count(len(keys), 'PersistentVolumeClaim')} ({some(keys)})"
    return f"{claims} planned as attachable anywhere: {why}"
