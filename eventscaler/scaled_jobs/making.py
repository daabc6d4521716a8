"""What a Job of a ScaledJob looks like: its template, labels, annotations and owner. No I/O."""

from __future__ import annotations

from copy import deepcopy
from importlib.metadata import version

from eventscaler.core.jobs.naming import name_of
from eventscaler.decode import ScaledJob
from eventscaler.decode.job import GENERATION, NAME_LABEL, SEQUENCE
from kube.client import Json
from kube.resources import JOBS, SCALED_JOBS

MANAGER = "tandem"
VERSION = version("tandem-autoscaler")
APPLIED = "kubectl.kubernetes.io/last-applied-configuration"  # of the ScaledJob, not of its Jobs


def job_body(order: ScaledJob, sequence: int) -> Json:
    """The Job with that number. Its owner is the ScaledJob, so both are deleted together."""
    name = name_of(order.name, order.uid, sequence)
    spec: Json = deepcopy(dict(order.job))
    template: Json = spec["template"]
    pod_meta: Json = template.get("metadata") or {}
    pod_labels = {**(pod_meta.get("labels") or {}), NAME_LABEL: order.name}
    template["metadata"] = {**pod_meta, "labels": pod_labels}
    kept = {key: value for key, value in order.annotations.items() if key != APPLIED}
    return {
        "apiVersion": JOBS.api_version,
        "kind": JOBS.kind,
        "metadata": {
            "name": name,
            "namespace": order.namespace,
            "labels": {**_own_labels(order), **order.labels, NAME_LABEL: order.name},
            "annotations": {**kept, GENERATION: order.generation, SEQUENCE: str(sequence)},
            "ownerReferences": [_owner(order)],
        },
        "spec": spec,
    }


def _own_labels(order: ScaledJob) -> dict[str, str]:
    """The recommended labels; what the user set of them is the user's."""
    prefix = "app.kubernetes.io/"
    return {
        f"{prefix}name": order.name,
        f"{prefix}version": VERSION,
        f"{prefix}part-of": order.name,
        f"{prefix}managed-by": MANAGER,
    }


def _owner(order: ScaledJob) -> Json:
    """Without blockOwnerDeletion, which an admission plugin asks another permission for."""
    return {
        "apiVersion": SCALED_JOBS.api_version,
        "kind": SCALED_JOBS.kind,
        "name": order.name,
        "uid": order.uid,
        "controller": True,
    }
