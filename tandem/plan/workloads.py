"""Deployments, StatefulSets, ReplicaSets and Jobs as the pods that they would make."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from kube.client import Json
from kube.objects import ObjectMeta, OwnerReference
from nodescaler.core.model import PodSpec
from nodescaler.decode import Faults, PodObject, pod_spec
from nodescaler.decode.faults import Fault
from nodescaler.decode.mounts import claims_of
from nodescaler.decode.structs import NamePart, Part, PodBody, PodTemplate, StorageAsked
from tandem.files import Document
from tandem.plan.world import Sample, World, name_of

PATH = "spec.template.spec"
MOST_REPLICAS = 1_000_000  # more is a slip of the finger, and would not fit into memory


class ClaimTemplate(Part, frozen=True):
    metadata: NamePart = NamePart()
    spec: StorageAsked = StorageAsked()


class Ordinals(Part, frozen=True):
    start: int = 0


class Body(Part, frozen=True):
    replicas: int | None = None
    parallelism: int | None = None
    completions: int | None = None
    suspend: bool | None = None
    ordinals: Ordinals | None = None
    volume_claim_templates: tuple[ClaimTemplate, ...] | None = None
    template: PodTemplate = PodTemplate()


class Workload(Part, frozen=True):
    metadata: ObjectMeta
    spec: Body = Body()


def read_workload(document: Document, world: World) -> None:
    """Put its replicas into *world*, with the claims that come with them.

    Raises:
        Faults: a count or a pod that cannot be.
        msgspec.ValidationError: a field of the wrong type.
    """
    kind = str(document.body["kind"])
    workload = msgspec.convert(with_admitted_template(document, world), Workload)
    count = _count(kind, workload.spec)
    meta, template = workload.metadata, workload.spec.template
    owner = OwnerReference(kind=kind, name=meta.name, uid=meta.uid, controller=True)
    first = PodObject(
        metadata=ObjectMeta(
            name=meta.name,
            namespace=meta.namespace,
            labels=template.metadata.labels,
            annotations=template.metadata.annotations,
            owner_references=(owner,),
        ),
        spec=template.spec,
    )
    sample = pod_spec(first, PATH)
    world.samples.append(Sample(document.where, PATH, sample))
    start = (workload.spec.ordinals or Ordinals()).start
    for number in range(start, start + count):
        pod = replace(sample, name=f"{meta.name}-{number}")
        world.pods.append(_with_claims(pod, workload, world))


def with_admitted_template(document: Document, world: World) -> Json:
    """The workload or DaemonSet with what its pods would get on their way in."""
    body = document.body
    spec = body.get("spec")
    template = spec.get("template") if isinstance(spec, dict) else None
    if not isinstance(spec, dict) or not isinstance(template, dict) or "spec" not in template:
        return body
    for text in world.admission.unknown(template["spec"]):
        world.note(document.where, f"{name_of(body)}: {text}")
    admitted = template | {"spec": world.admission.admitted(template["spec"])}
    return body | {"spec": spec | {"template": admitted}}


def _count(kind: str, spec: Body) -> int:
    fields = ("parallelism", "completions") if kind == "Job" else ("replicas",)
    faults = [
        Fault(f"spec.{name}", str(found), f"a number from 0 to {MOST_REPLICAS}")
        for name in fields
        if (found := getattr(spec, name)) is not None and not 0 <= found <= MOST_REPLICAS
    ]
    if faults:
        raise Faults(tuple(faults))
    if kind != "Job":
        return 1 if spec.replicas is None else spec.replicas
    if spec.suspend:
        return 0
    at_once = 1 if spec.parallelism is None else spec.parallelism
    return at_once if spec.completions is None else min(at_once, spec.completions)


# ---------------------------------------------------------------- their claims


def _with_claims(pod: PodSpec, workload: Workload, world: World) -> PodSpec:
    """The replica with the claims that bear its name."""
    spec = workload.spec.template.spec
    templates = workload.spec.volume_claim_templates or ()
    if not spec.volumes and not templates:
        return pod
    volumes = list(claims_of(spec, pod.namespace, pod.name))
    make_ephemeral_claims(pod, spec, world)
    for template in templates:
        key = f"{pod.namespace}/{template.metadata.name}-{pod.name}"
        volumes.append(key)
        world.storage.make(key, template.spec)
    return replace(pod, volumes=tuple(dict.fromkeys(volumes)))


def make_ephemeral_claims(pod: PodSpec, spec: PodBody, world: World) -> None:
    """The claims of a pod's own that the API would make with it."""
    for volume in spec.volumes or ():
        if volume.ephemeral is not None:
            claim = volume.ephemeral.volume_claim_template.spec
            world.storage.make(f"{pod.key}-{volume.name}", claim)
