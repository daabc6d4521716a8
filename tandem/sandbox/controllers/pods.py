"""Facts about pods that all workload controllers read, and how a template becomes a pod. Pure.

Source: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timedelta

from kube.client import Json
from kube.resources import Resource
from kube.values.times import parse as parse_time
from tandem.sandbox.controllers.things import FINISHED, Thing, condition, is_true, owner_reference

SAFE = "bcdfghjklmnpqrstvwxz2456789"  # no vowels: a hash never spells a word


def finished(pod: Thing) -> bool:
    return pod.phase in FINISHED


def active(pod: Thing) -> bool:
    """Counts towards the replicas of its owner: neither finished nor leaving."""
    return not finished(pod) and not pod.leaving


def ready(pod: Thing) -> bool:
    return is_true(pod, "Ready")


def ready_since(pod: Thing) -> datetime | None:
    found = condition(pod, "Ready")
    if found.get("status") != "True":
        return None
    since = found.get("lastTransitionTime")
    return parse_time(since) if since else pod.metadata.creation_timestamp


def available_in_s(pod: Thing, min_ready_s: int, now: datetime) -> float | None:
    """Seconds until a ready pod has been so long enough: 0 is available, None not ready."""
    since = ready_since(pod)
    if since is None:
        return None
    return max(0.0, (since + timedelta(seconds=min_ready_s) - now).total_seconds())


def available(pod: Thing, min_ready_s: int, now: datetime) -> bool:
    return available_in_s(pod, min_ready_s, now) == 0.0


def next_available_s(pods: list[Thing], min_ready_s: int, now: datetime) -> float | None:
    """When the next of *pods* becomes available by waiting alone."""
    waits = [available_in_s(pod, min_ready_s, now) for pod in pods]
    return min((wait for wait in waits if wait), default=None)


def from_template(
    template: Json,
    owner: Thing,
    resource: Resource,
    *,
    name: str | None = None,
    labels: Mapping[str, str] | None = None,
) -> Json:
    """The pod that *owner* makes of *template*; without a name the API generates one."""
    given = template.get("metadata") or {}
    metadata: Json = {"namespace": owner.namespace}
    metadata |= {"name": name} if name else {"generateName": f"{owner.name}-"}
    metadata["labels"] = {**(given.get("labels") or {}), **(labels or {})}
    metadata["annotations"] = dict(given.get("annotations") or {})
    metadata["finalizers"] = list(given.get("finalizers") or [])
    metadata["ownerReferences"] = [owner_reference(owner, resource)]
    metadata = {key: value for key, value in metadata.items() if value}
    spec = dict(template.get("spec") or {})
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def template_hash(template: Json, collisions: int = 0) -> str:
    """Ten letters that name a template; equal templates give equal letters.

    >>> template_hash({}) == template_hash({}), template_hash({}) == template_hash({}, 1)
    (True, False)
    """
    canonical = json.dumps([template, collisions], sort_keys=True).encode()
    number = int.from_bytes(hashlib.sha256(canonical).digest()[:8], "big")
    letters = []
    for _ in range(10):
        number, digit = divmod(number, len(SAFE))
        letters.append(SAFE[digit])
    return "".join(letters)


def counted(number: int) -> int | None:
    """A count as upstream's statuses show it: absent when zero."""
    return number or None
