"""The StatefulSet controller: named pods in order, each with claims of its own. Pure.

Limit: there are no ControllerRevision objects, so a pod below the partition that must be made again
gets today's template, and `kubectl rollout undo` has no history.

Source: https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from kube.client import Json
from kube.resources import PERSISTENT_VOLUME_CLAIMS, PODS, STATEFUL_SETS
from tandem.sandbox.controllers import pods as facts
from tandem.sandbox.controllers.plans import Action, Create, Plan, delete, status_change
from tandem.sandbox.controllers.rollout import wanted
from tandem.sandbox.controllers.shares import share
from tandem.sandbox.controllers.things import Key, Thing, owner_reference

REVISION = "controller-revision-hash"
POD_NAME = "statefulset.kubernetes.io/pod-name"
POD_INDEX = "apps.kubernetes.io/pod-index"

Known = Callable[[Key], bool]


def reconcile(sts: Thing, owned: Sequence[Thing], claim_exists: Known, now: datetime) -> Plan:
    """The next step and the status.

    Args:
        sts: the StatefulSet.
        owned: all pods that it controls.
        claim_exists: whether a PersistentVolumeClaim is there already.
        now: for minReadySeconds.
    """
    revision = f"{sts.name}-{facts.template_hash(sts.spec.get('template') or {})}"
    report = status_change(STATEFUL_SETS, sts, _status(sts, owned, revision, now))
    if sts.leaving:
        return Plan(report)
    min_ready_s = int(sts.spec.get("minReadySeconds") or 0)
    again_s = facts.next_available_s(list(owned), min_ready_s, now) if min_ready_s else None
    by_ordinal = {ordinal(pod): pod for pod in owned}
    step = _step(sts, by_ordinal, revision, now)
    claims = [c for each in step if isinstance(each, Create) for c in _claims(sts, each)]
    missing = [c for c in claims if not claim_exists((sts.namespace, c["metadata"]["name"]))]
    making = tuple(Create(PERSISTENT_VOLUME_CLAIMS, c, sts.namespace) for c in missing)
    return Plan((*making, *step, *report), again_s)


def ordinal(pod: Thing) -> int:
    tail = pod.name.rpartition("-")[2]
    return int(tail) if tail.isdecimal() else -1


def _ordinals(sts: Thing) -> range:
    start = int((sts.spec.get("ordinals") or {}).get("start") or 0)
    return range(start, start + wanted(sts))


def _step(
    sts: Thing, pods: Mapping[int, Thing], revision: str, now: datetime
) -> tuple[Action, ...]:
    steps = _repair(sts, pods, revision, now)
    parallel = sts.spec.get("podManagementPolicy") == "Parallel"
    if parallel:
        made = tuple(each for each in steps if each is not None)
        return made or _update(sts, pods, revision, now)
    found = list(steps)
    if not found:
        return _update(sts, pods, revision, now)
    return () if found[0] is None else (found[0],)


def _repair(
    sts: Thing, pods: Mapping[int, Thing], revision: str, now: datetime
) -> Iterator[Action | None]:
    """What keeps the set from being whole, most urgent first; None is "wait for this pod"."""
    parallel = sts.spec.get("podManagementPolicy") == "Parallel"
    whole = True
    for index in _ordinals(sts):
        pod = pods.get(index)
        if pod is None:
            yield Create(PODS, _pod(sts, index, revision), sts.namespace)
        elif facts.finished(pod) and not pod.leaving:
            yield delete(PODS, pod)
        elif pod.leaving or not _available(sts, pod, now):
            whole = False
            if not parallel:
                yield None
    yield from _condemned(sts, pods, parallel=parallel, whole=whole)


def _condemned(
    sts: Thing, pods: Mapping[int, Thing], *, parallel: bool, whole: bool
) -> Iterator[Action | None]:
    """Pods past the last ordinal, from the highest; one at a time unless Parallel."""
    for index in sorted(set(pods) - set(_ordinals(sts)), reverse=True):
        if pods[index].leaving:
            yield None
        elif parallel or whole:
            yield delete(PODS, pods[index])


def _available(sts: Thing, pod: Thing, now: datetime) -> bool:
    return facts.available(pod, int(sts.spec.get("minReadySeconds") or 0), now)


def _update(
    sts: Thing, pods: Mapping[int, Thing], revision: str, now: datetime
) -> tuple[Action, ...]:
    """Replace pods of an old template from the highest ordinal down to the partition."""
    strategy = sts.spec.get("updateStrategy") or {}
    if strategy.get("type") == "OnDelete":
        return ()
    rolling = strategy.get("rollingUpdate") or {}
    allowed = max(1, share(rolling.get("maxUnavailable", 1), wanted(sts), up=True))
    partition = int(rolling.get("partition") or 0)
    chosen: list[Action] = []
    for index in reversed(_ordinals(sts)):
        pod = pods.get(index)
        if index < partition or pod is None:
            continue
        if pod.leaving or len(chosen) >= allowed:
            allowed -= 1
        elif pod.labels.get(REVISION) != revision:
            chosen.append(delete(PODS, pod))
        elif not _available(sts, pod, now):
            allowed -= 1
        if len(chosen) >= allowed:
            break
    return tuple(chosen)


def _pod(sts: Thing, index: int, revision: str) -> Json:
    name = f"{sts.name}-{index}"
    labels = {POD_NAME: name, POD_INDEX: str(index), REVISION: revision}
    template = sts.spec.get("template") or {}
    body = facts.from_template(template, sts, STATEFUL_SETS, name=name, labels=labels)
    spec = body["spec"]
    spec["hostname"] = name
    if sts.spec.get("serviceName"):
        spec["subdomain"] = sts.spec["serviceName"]
    claimed = {
        each["metadata"]["name"]: claim_name(sts, each, index) for each in _claim_templates(sts)
    }
    kept = [v for v in spec.get("volumes") or [] if v.get("name") not in claimed]
    mounted = [
        {"name": volume, "persistentVolumeClaim": {"claimName": claim}}
        for volume, claim in claimed.items()
    ]
    if kept or mounted:
        spec["volumes"] = [*mounted, *kept]
    return body


def _claim_templates(sts: Thing) -> list[Json]:
    return sts.spec.get("volumeClaimTemplates") or []


def claim_name(sts: Thing, template: Json, index: int) -> str:
    return f"{template['metadata']['name']}-{sts.name}-{index}"


def _claims(sts: Thing, creation: Create) -> Iterator[Json]:
    index = int(creation.body["metadata"]["name"].rpartition("-")[2])
    matched = (sts.spec.get("selector") or {}).get("matchLabels") or {}
    policy = sts.spec.get("persistentVolumeClaimRetentionPolicy") or {}
    for template in _claim_templates(sts):
        given = template.get("metadata") or {}
        metadata: Json = {
            "name": claim_name(sts, template, index),
            "namespace": sts.namespace,
            "labels": {**(given.get("labels") or {}), **matched},
            "annotations": given.get("annotations") or {},
        }
        if policy.get("whenDeleted") == "Delete":
            metadata["ownerReferences"] = [owner_reference(sts, STATEFUL_SETS)]
        yield {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": metadata,
            "spec": template.get("spec") or {},
        }


def _status(sts: Thing, owned: Iterable[Thing], revision: str, now: datetime) -> Json:
    pods = [pod for pod in owned if not pod.leaving]
    updated = sum(pod.labels.get(REVISION) == revision for pod in pods)
    settled = updated == len(pods) == wanted(sts)
    was = sts.status.get("currentRevision") or revision
    current = revision if settled else was
    return {
        "replicas": len(pods),
        "readyReplicas": facts.counted(sum(map(facts.ready, pods))),
        "availableReplicas": sum(_available(sts, pod, now) for pod in pods),
        "currentReplicas": facts.counted(sum(p.labels.get(REVISION) == current for p in pods)),
        "updatedReplicas": facts.counted(updated),
        "currentRevision": current,
        "updateRevision": revision,
        "observedGeneration": sts.metadata.generation,
    }
