"""Pods and DaemonSets as the model's `PodSpec` and `DaemonSpec`.

What their specs ask of a node is read by `needs`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import inf

from msgspec import structs

from kube.objects import ObjectMeta, OwnerReference
from kube.values.duration import seconds
from nodescaler.core.demands import Gang
from nodescaler.core.drain import DO_NOT_DISRUPT
from nodescaler.core.model import DaemonSpec, Owner, PodSpec
from nodescaler.decode.faults import Findings
from nodescaler.decode.mounts import claims_of, gang_of
from nodescaler.decode.needs import Needs, needs_like, tolerated
from nodescaler.decode.requirements import NOWHERE
from nodescaler.decode.structs import DaemonSetObject, PodBody, PodObject, PodStatus

MIRROR = "kubernetes.io/config.mirror"
UNREADABLE = Needs(alternatives=(NOWHERE,), unplannable="its manifest cannot be read")


def pod_spec(obj: PodObject, path: str = "spec") -> PodSpec:
    """Read a pod; *path* is where its spec stands in the manifest.

    Raises:
        Faults: everything that the API server would refuse, at once (`needs`), and a gang's minimum
            that is no number.
    """
    meta, findings = obj.metadata, Findings()
    namespace = meta.namespace or "default"
    spec = _asking(obj)
    asked = findings.of(lambda: needs_like(spec, namespace, meta.labels, path), UNREADABLE)
    gang = gang_of(meta, f"{path.removesuffix('spec')}metadata", findings)
    findings.raise_if_any()
    return _pod(obj, asked, gang)


def _asking(obj: PodObject) -> PodBody:
    """Its spec, as far as it is a question where it goes.

    A daemon that has its node goes nowhere else. Its affinity names that node, and would make each
    of the ten thousands of daemons of a large cluster a kind of its own.
    """
    spec, owner = obj.spec, _owner(obj.metadata.owner_references)
    if spec.affinity is None or not spec.node_name or owner is None or owner.kind != "DaemonSet":
        return spec
    return structs.replace(spec, affinity=structs.replace(spec.affinity, node_affinity=None))


def unreadable_pod(obj: PodObject) -> PodSpec:
    """A pod that `pod_spec` refuses: never planned, but not overlooked where it runs."""
    return replace(
        _pod(obj, replace(UNREADABLE, tolerations=tolerated(obj.spec))), unschedulable=False
    )


def _pod(obj: PodObject, asked: Needs, gang: Gang | None = None) -> PodSpec:
    meta, spec, status = obj.metadata, obj.spec, obj.status
    namespace = meta.namespace or "default"
    return PodSpec(
        namespace=namespace,
        name=meta.name,
        uid=meta.uid,
        labels=meta.labels,
        annotations=meta.annotations,
        requests=asked.requests,
        alternatives=asked.alternatives,
        preferences=asked.preferences,
        tolerations=asked.tolerations,
        host_ports=asked.host_ports,
        beside=asked.beside,
        apart=asked.apart,
        company=asked.company,
        spreads=asked.spreads,
        volumes=claims_of(spec, namespace, meta.name),
        gang=gang,
        unplannable=asked.unplannable,
        owner=_owner(meta.owner_references),
        priority=spec.priority or 0,
        priority_class=spec.priority_class_name,
        node_name=spec.node_name,
        nominated_node=status.nominated_node_name,
        phase=status.phase,
        unschedulable=_is_unschedulable(status),
        gated=bool(spec.scheduling_gates),
        mirror=MIRROR in meta.annotations,
        created=meta.creation_timestamp,
        started=status.start_time,
        deletes_at=meta.deletion_timestamp,
        grace_s=_grace_s(spec),
        protected_s=protected_s(meta.annotations.get(DO_NOT_DISRUPT)),
    )


def daemon_spec(obj: DaemonSetObject) -> DaemonSpec:
    """Read a DaemonSet.

    Raises:
        Faults: as for a pod.
    """
    meta, template = obj.metadata, obj.spec.template
    owner = OwnerReference(kind="DaemonSet", name=meta.name, uid=meta.uid, controller=True)
    pod = PodObject(
        metadata=ObjectMeta(
            name=meta.name,
            namespace=meta.namespace,
            labels=template.metadata.labels,
            owner_references=(owner,),
        ),
        spec=template.spec,
    )
    read = replace(pod_spec(pod, "spec.template.spec"), volumes=())  # each of its pods has its own
    return DaemonSpec(read.namespace, read.name, meta.uid or read.key, read)


def protected_s(annotation: str | None) -> float:
    """For how long after its start a pod must not be disrupted; what is not readable is ignored.

    >>> protected_s("true"), protected_s("1h"), protected_s("maybe"), protected_s(None)
    (inf, 3600.0, 0.0, 0.0)
    """
    if annotation == "true":
        return inf
    try:
        return seconds(annotation) if annotation else 0.0
    except ValueError:
        return 0.0


def _owner(references: Sequence[OwnerReference]) -> Owner | None:
    ref = next((each for each in references if each.controller), None)
    return Owner(ref.kind, ref.name, ref.uid) if ref is not None else None


def _is_unschedulable(status: PodStatus) -> bool:
    return any(
        each.type == "PodScheduled" and each.status == "False" and each.reason == "Unschedulable"
        for each in status.conditions or ()
    )


def _grace_s(spec: PodBody) -> float:
    given = spec.termination_grace_period_seconds
    return 30.0 if given is None else float(given)
