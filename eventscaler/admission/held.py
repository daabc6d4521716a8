"""What is kept of the other objects: the few fields that decide who scales a workload."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from eventscaler.admission.around import IGNORED, Hpa, Rival, wanted
from kube.objects import OwnerReference
from kube.scale import Target


class Meta(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    annotations: dict[str, str] = msgspec.field(default_factory=dict)
    owner_references: tuple[OwnerReference, ...] = ()


class Slim(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """Metadata without labels and annotations."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""


class Reference(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    api_version: str = ""
    kind: str = ""
    name: str = ""


class HpaSpec(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    scale_target_ref: Reference = Reference()


class HpaObject(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    metadata: Meta
    spec: HpaSpec = HpaSpec()

    @property
    def hpa(self) -> Hpa:
        meta, ref = self.metadata, self.spec.scale_target_ref
        target = Target(meta.namespace or "default", ref.api_version, ref.kind, ref.name)
        return Hpa(
            name=meta.name,
            target=wanted(target),
            owners=tuple(o.name for o in meta.owner_references if o.kind == "ScaledObject"),
            ignored=meta.annotations.get(IGNORED) == "false",
        )


class HpaConfig(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    name: str = ""


class Advanced(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    horizontal_pod_autoscaler_config: HpaConfig | None = None


class ScaledSpec(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    scale_target_ref: Reference = Reference()
    advanced: Advanced | None = None


class ScaledObjectObject(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    metadata: Slim
    spec: ScaledSpec = ScaledSpec()

    @property
    def rival(self) -> Rival:
        meta, ref = self.metadata, self.spec.scale_target_ref
        target = Target(
            meta.namespace or "default",
            ref.api_version or "apps/v1",
            ref.kind or "Deployment",
            ref.name,
        )
        config = self.spec.advanced and self.spec.advanced.horizontal_pod_autoscaler_config
        return Rival(
            name=meta.name,
            target=wanted(target),
            hpa=(config.name if config else "") or f"keda-hpa-{meta.name}",
        )


def hpa_of(body: Mapping[str, Any]) -> Hpa | None:
    """An HPA from a file; None for one that no API server would take."""
    try:
        return msgspec.convert(body, HpaObject).hpa
    except msgspec.ValidationError:
        return None
