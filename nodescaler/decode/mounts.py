"""What differs between the pods of one template: which claims they mount, and their gang."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from kube.objects import ObjectMeta
from nodescaler.core.demands import Gang
from nodescaler.decode.faults import Findings
from nodescaler.decode.structs import PodBody

# Which label names the group, and which label or annotation its minimum: the first and the second
# form that the coscheduling plugin of kubernetes-sigs/scheduler-plugins has had.
GROUPS = (
    (
        "pod-group.scheduling.sigs.k8s.io/name",
        "pod-group.scheduling.sigs.k8s.io/min-available",
    ),
    ("scheduling.x-k8s.io/pod-group", "scheduling.x-k8s.io/min-member"),
)
_NUMBER = re.compile(r"[0-9]{1,9}")
_shared = lru_cache(maxsize=1024)(Gang)  # the pods of one gang are compared by identity first


def claims_of(spec: PodBody, namespace: str, pod: str) -> tuple[str, ...]:
    """Keys of the PersistentVolumeClaims that the pod called *pod* mounts, each once."""
    if not spec.volumes:
        return ()
    return tuple(dict.fromkeys(_claims(spec, namespace, pod)))


def _claims(spec: PodBody, namespace: str, pod: str) -> Iterator[str]:
    for volume in spec.volumes or ():
        if volume.persistent_volume_claim is not None:
            yield f"{namespace}/{volume.persistent_volume_claim.claim_name}"
        elif volume.ephemeral is not None:
            yield f"{namespace}/{pod}-{volume.name}"  # what its controller calls the claim


def gang_of(meta: ObjectMeta, path: str, findings: Findings) -> Gang | None:
    """The gang of the pod with *meta*, whose manifest's path is *path*; None without a minimum."""
    for name_key, minimum_key in GROUPS:
        if name_key in meta.labels:
            minimum = _minimum(meta, minimum_key, path, findings)
            name = f"{meta.namespace or 'default'}/{meta.labels[name_key]}"
            return _shared(name, minimum) if minimum else None
    return None


def _minimum(meta: ObjectMeta, key: str, path: str, findings: Findings) -> int:
    for kind, found in (("labels", meta.labels), ("annotations", meta.annotations)):
        if key in found:
            ok = _NUMBER.fullmatch(found[key]) is not None
            findings.check(f"{path}.{kind}.{key}", found[key], "a number from 0", ok=ok)
            return int(found[key]) if ok else 0
    return 0
