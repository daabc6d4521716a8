"""The cluster's HPAs in memory: who looks for an edit then asks nobody."""

from __future__ import annotations

from typing import Any

import msgspec

from kube.cache import Cache, Change
from kube.client import Client, Json
from kube.objects import ObjectMeta
from kube.resources import HORIZONTAL_POD_AUTOSCALERS, SCALED_OBJECTS

__all__ = ["Change", "Hpa", "HpaCache", "concerns", "hpa_of", "hpas"]


class HpaCondition(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    type: str
    status: str
    reason: str = ""
    message: str = ""


class HpaStatus(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    conditions: tuple[HpaCondition, ...] | None = None


class Hpa(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    metadata: ObjectMeta
    spec: dict[str, Any]
    status: HpaStatus = HpaStatus()

    @property
    def body(self) -> Json:
        """The part that is compared: metadata and spec as JSON."""
        return {"metadata": msgspec.to_builtins(self.metadata), "spec": self.spec}

    @property
    def controller(self) -> tuple[str, str]:
        """Kind and name of the object that controls it; two empty texts for none."""
        for each in self.metadata.owner_references:
            if each.controller:
                return each.kind, each.name
        return "", ""


HpaCache = Cache[Hpa]


def hpas(client: Client) -> HpaCache:
    return Cache(client, HORIZONTAL_POD_AUTOSCALERS, Hpa)


def hpa_of(body: Json) -> Hpa:
    """The API's answer to a write, as the cache would hold it."""
    return msgspec.convert(body, Hpa)


def concerns(change: Change[Hpa]) -> set[tuple[str, str]]:
    """Namespace and name of the ScaledObjects whose HPA was edited or taken away.

    The status of an HPA is written all the time and is no edit.
    """
    old, new = change.old, change.new
    if old is not None and new is not None and _edges(old) == _edges(new):
        return set()
    found = [each for each in (old, new) if each is not None]
    owners = [(each.metadata.namespace, *each.controller) for each in found]
    return {(namespace, name) for namespace, kind, name in owners if kind == SCALED_OBJECTS.kind}


def _edges(hpa: Hpa) -> tuple[object, ...]:
    meta = hpa.metadata
    return meta.uid, hpa.spec, meta.labels, meta.annotations, meta.owner_references
