"""Jobs and their pods, of which a decision needs a few facts.

The API made these bodies; what is odd in one counts as absent.

Source: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/job-v1/
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from eventscaler.core.jobs import Job, JobPod, Outcome
from kube.values import times

NAME_LABEL = "scaledjob.keda.sh/name"
GENERATION = "scaledjob.keda.sh/generation"
SEQUENCE = "tandem.sh/sequence"

Body = Mapping[str, Any]


def jobs_of(bodies: Iterable[Body], pods: Iterable[Body] | None) -> tuple[Job, ...]:
    """The Jobs with their pods; without pods when those were not looked at."""
    if pods is None:
        return tuple(_job(body, None) for body in bodies)
    by_owner: dict[str, list[Body]] = {}
    for pod in pods:
        by_owner.setdefault(_controller(pod), []).append(pod)
    return tuple(_job(body, by_owner.get(str(body["metadata"]["uid"]), ())) for body in bodies)


def is_finished(body: Body) -> bool:
    return _ending(body) is not None


def _job(body: Body, pods: Sequence[Body] | None) -> Job:
    meta = body["metadata"]
    annotations = meta.get("annotations") or {}
    sequence = str(annotations.get(SEQUENCE, ""))
    ending = _ending(body)
    status = body.get("status") or {}
    return Job(
        name=str(meta["name"]),
        uid=str(meta["uid"]),
        created=_time(meta.get("creationTimestamp")) or times.EPOCH,
        generation=str(annotations.get(GENERATION, "")),
        sequence=int(sequence) if sequence.isascii() and sequence.isdecimal() else 0,
        outcome=Outcome(ending["type"]) if ending else None,
        ended=_time(status.get("completionTime"))
        or (_time(ending.get("lastTransitionTime")) if ending else None),
        leaving=bool(meta.get("deletionTimestamp")),
        pods=None if pods is None else tuple(_pod(pod) for pod in pods),
    )


def _ending(body: Body) -> Body | None:
    """The condition that says that it is over."""
    found: Sequence[Body] = (body.get("status") or {}).get("conditions") or ()
    kinds = {outcome.value for outcome in Outcome}
    over = [item for item in found if item.get("type") in kinds and item.get("status") == "True"]
    return over[0] if over else None


def _pod(body: Body) -> JobPod:
    status = body.get("status") or {}
    true = {
        str(item.get("type"))
        for item in status.get("conditions") or ()
        if item.get("status") == "True"
    }
    nodeless = not (body.get("spec") or {}).get("nodeName")
    phase = str(status.get("phase") or "Pending")
    return JobPod(phase, frozenset(true), awaits_node=nodeless and phase == "Pending")


def _controller(body: Body) -> str:
    owners = body["metadata"].get("ownerReferences") or ()
    return next((str(owner.get("uid")) for owner in owners if owner.get("controller")), "")


def _time(raw: object) -> datetime | None:
    try:
        return times.parse(raw) if isinstance(raw, str) else None
    except ValueError:
        return None
