"""The Job controller: run pods until enough succeeded, and count each of them once. Pure.

Counting is upstream's: each pod carries a finalizer; a finished pod is first noted by its UID in
`status.uncountedTerminatedPods`, then loses the finalizer, then moves into the count. A crash
between two of these steps neither loses nor doubles a pod.

Limits: no podFailurePolicy, successPolicy or backoffLimitPerIndex.
Source: https://kubernetes.io/docs/concepts/workloads/controllers/job/
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from kube.client import Json
from kube.resources import JOBS, PODS
from kube.values.backoff import Backoff
from kube.values.times import parse as parse_time
from kube.values.times import seconds
from tandem.sandbox.controllers import job_indexes as indexes
from tandem.sandbox.controllers import pods as facts
from tandem.sandbox.controllers.conditions import Said, put
from tandem.sandbox.controllers.plans import (
    Action,
    Create,
    Plan,
    change,
    delete,
    deletions,
    status_change,
)
from tandem.sandbox.controllers.things import JOB_TRACKING, Thing, condition, is_true

TARGETS = {"SuccessCriteriaMet": "Complete", "FailureTarget": "Failed"}
BACKOFF = Backoff(first_s=10.0, ceiling_s=600.0)


@dataclass(frozen=True, slots=True)
class Tally:
    """How a Job stands, finished pods counted once whether or not the status has them yet."""

    succeeded: int
    failed: int
    active: tuple[Thing, ...]
    noted: Json  # uncountedTerminatedPods to have
    counted: tuple[int, int]  # succeeded and failed to have in the status


def reconcile(job: Thing, owned: Sequence[Thing], now: datetime) -> Plan:
    """The next step and the status.

    Args:
        job: the Job.
        owned: all pods that it controls.
        now: for deadlines, back-off and the time to live.
    """
    tally = count(job, owned)
    over = done(job)
    if job.leaving:
        return Plan(_release(owned))
    if over:
        return (
            Plan((*_release(owned), *_stop(tally)))
            + _report(job, tally, None, owned, now)
            + _live(job, now)
        )
    ending = _target(job) or _ending(job, tally, now)
    if ending:
        return Plan(_stop(tally)) + _report(job, tally, ending, owned, now)
    return _run(job, tally, owned, now) + _report(job, tally, None, owned, now)


def done(job: Thing) -> bool:
    return is_true(job, "Complete") or is_true(job, "Failed")


def suspended(job: Thing) -> bool:
    return bool(job.spec.get("suspend"))


def parallelism(job: Thing) -> int:
    value = job.spec.get("parallelism")
    return 1 if value is None else int(value)


def completions(job: Thing) -> int | None:
    value = job.spec.get("completions")
    return None if value is None else int(value)


def _tracked(pod: Thing) -> bool:
    return JOB_TRACKING in pod.metadata.finalizers


def count(job: Thing, owned: Sequence[Thing]) -> Tally:
    """Count pods; one that was deleted before it finished counts as failed, as upstream does."""
    uncounted = job.status.get("uncountedTerminatedPods") or {}
    noted = {word: list(uncounted.get(word) or []) for word in ("succeeded", "failed")}
    tracked = {pod.uid for pod in owned if _tracked(pod)}
    settled = {word: [u for u in uids if u not in tracked] for word, uids in noted.items()}
    kept = {word: [u for u in uids if u in tracked] for word, uids in noted.items()}
    known = {uid for uids in noted.values() for uid in uids}
    for pod in owned:
        if _tracked(pod) and pod.uid not in known and (facts.finished(pod) or pod.leaving):
            kept["succeeded" if pod.phase == "Succeeded" else "failed"].append(pod.uid)
    was = [int(job.status.get(word) or 0) for word in ("succeeded", "failed")]
    now_counted = (was[0] + len(settled["succeeded"]), was[1] + len(settled["failed"]))
    return Tally(
        now_counted[0] + len(kept["succeeded"]),
        now_counted[1] + len(kept["failed"]),
        tuple(pod for pod in owned if facts.active(pod)),
        kept,
        now_counted,
    )


def _target(job: Thing) -> Said | None:
    """The end that was decided on before, while pods were still to be counted or stopped."""
    for interim, kind in TARGETS.items():
        found = condition(job, interim)
        if found.get("status") == "True":
            return Said(kind, "True", found.get("reason", ""), found.get("message", ""))
    return None


def _ending(job: Thing, tally: Tally, now: datetime) -> Said | None:
    """The final condition that is due, if any."""
    wanted = completions(job)
    enough = tally.succeeded >= wanted if wanted is not None else tally.succeeded > 0
    if enough and (wanted is not None or not tally.active):
        return Said(
            "Complete", "True", "CompletionsReached", "Reached expected number of succeeded pods"
        )
    limit = job.spec.get("backoffLimit")
    if tally.failed > (6 if limit is None else int(limit)):
        message = "Job has reached the specified backoff limit"
        return Said("Failed", "True", "BackoffLimitExceeded", message)
    left = deadline_s(job, now)
    if left is not None and left <= 0:
        message = "Job was active longer than specified deadline"
        return Said("Failed", "True", "DeadlineExceeded", message)
    return None


def deadline_s(job: Thing, now: datetime) -> float | None:
    """Seconds until activeDeadlineSeconds passes; None without one or while suspended."""
    limit, start = job.spec.get("activeDeadlineSeconds"), job.status.get("startTime")
    if limit is None or not start or suspended(job):
        return None
    return (parse_time(start) + timedelta(seconds=int(limit)) - now).total_seconds()


def _run(job: Thing, tally: Tally, owned: Sequence[Thing], now: datetime) -> Plan:
    if suspended(job):
        return Plan(_stop(tally))
    left = deadline_s(job, now)
    waiting = Plan((), left)
    wanted = _wanted_active(job, tally)
    surplus = len(tally.active) - wanted
    if surplus > 0:
        ordered = sorted(tally.active, key=lambda pod: (facts.ready(pod), pod.name))
        return Plan(deletions(PODS, ordered[:surplus])) + waiting
    if surplus == 0:
        return waiting
    pause_s = backoff_s(tally, owned, now)
    if pause_s > 0:
        return Plan((), pause_s) + waiting
    return Plan(_create(job, owned, -surplus)) + waiting


def _wanted_active(job: Thing, tally: Tally) -> int:
    """As many at once as allowed, never more than are still needed."""
    wanted = completions(job)
    if wanted is None:  # a work queue: once one pod succeeded, start no more
        return len(tally.active) if tally.succeeded else parallelism(job)
    return max(0, min(parallelism(job), wanted - tally.succeeded))


def backoff_s(tally: Tally, owned: Sequence[Thing], now: datetime) -> float:
    """Seconds until the next pod may start: 10, 20, 40, ... after the last failure, at most 600."""
    if not tally.failed:
        return 0.0
    ends = [end for pod in owned if pod.phase == "Failed" and (end := ended(pod))]
    if not ends:
        return 0.0
    return max(0.0, BACKOFF.after(tally.failed) - (now - max(ends)).total_seconds())


def ended(pod: Thing) -> datetime | None:
    """When the last container of a finished pod ended."""
    states = [each.get("state") or {} for each in pod.status.get("containerStatuses") or []]
    stamps = [(state.get("terminated") or {}).get("finishedAt") for state in states]
    return max((parse_time(stamp) for stamp in stamps if stamp), default=None)


def _create(job: Thing, owned: Sequence[Thing], missing: int) -> tuple[Action, ...]:
    template = job.spec.get("template") or {}
    labels = {
        "batch.kubernetes.io/job-name": job.name,
        "batch.kubernetes.io/controller-uid": job.uid,
        "job-name": job.name,
        "controller-uid": job.uid,
    }
    bodies = []
    for index in indexes.free(job, owned, missing):
        body = facts.from_template(template, job, JOBS, labels=labels)
        body["metadata"].setdefault("finalizers", []).append(JOB_TRACKING)
        bodies.append(body if index is None else indexes.marked(body, job, index))
    return tuple(Create(PODS, body, job.namespace) for body in bodies)


def _stop(tally: Tally) -> tuple[Action, ...]:
    return deletions(PODS, tally.active)


def _release(owned: Sequence[Thing], only: Sequence[str] | None = None) -> tuple[Action, ...]:
    """Take the finalizer off pods: all of them, or those with the UIDs given."""
    return tuple(
        change(PODS, pod, {"metadata": {"finalizers": kept or None, "uid": pod.uid}})
        for pod in owned
        if _tracked(pod) and (only is None or pod.uid in only)
        for kept in [[each for each in pod.metadata.finalizers if each != JOB_TRACKING]]
    )


def abandoned(pod: Thing) -> Plan:
    """The Job of *pod* is gone: nobody else will take the finalizer off."""
    return Plan(_release([pod]))


def _report(
    job: Thing, tally: Tally, ending: Said | None, owned: Sequence[Thing], now: datetime
) -> Plan:
    """Status first, then the finalizers of those that the status already notes."""
    status = _status(job, tally, ending, owned, now)
    noted = {
        uid for uids in (job.status.get("uncountedTerminatedPods") or {}).values() for uid in uids
    }
    return Plan((*_guarded(job, status), *_release(owned, sorted(noted))))


def _guarded(job: Thing, status: Json) -> tuple[Action, ...]:
    """Write only over the status that was read: counts must not be added to twice."""
    version = {"metadata": {"resourceVersion": job.metadata.resource_version}}
    return tuple(
        replace(each, body={**version, **each.body}) for each in status_change(JOBS, job, status)
    )


def _status(
    job: Thing, tally: Tally, ending: Said | None, owned: Sequence[Thing], now: datetime
) -> Json:
    over = ending is not None or done(job)
    active = 0 if over or suspended(job) else len(tally.active)
    ready = 0 if over or suspended(job) else sum(map(facts.ready, tally.active))
    settled = not any(tally.noted.values()) and not tally.active
    settled = settled and not any(pod.leaving and _tracked(pod) for pod in owned)
    status: Json = {
        "active": facts.counted(active),
        "ready": ready,
        "terminating": sum(pod.leaving and not facts.finished(pod) for pod in owned),
        "succeeded": facts.counted(tally.counted[0]),
        "failed": facts.counted(tally.counted[1]),
        "uncountedTerminatedPods": {word: uids for word, uids in tally.noted.items() if uids},
        "startTime": _start(job, now),
        "conditions": _conditions(job, ending, now, over=settled) or None,
    }
    status |= indexes.completed(job, owned)
    if ending is not None and ending.kind == "Complete" and settled:
        status["completionTime"] = seconds(now)
    return status


def _start(job: Thing, now: datetime) -> str | None:
    if suspended(job) and not done(job):
        return None
    return job.status.get("startTime") or seconds(now)


def _conditions(job: Thing, ending: Said | None, now: datetime, *, over: bool) -> list[Json]:
    """First what the Job will end as, and once every pod is stopped and counted the end itself."""
    conditions: list[Json] = job.status.get("conditions") or []
    if ending is not None:
        kind = "SuccessCriteriaMet" if ending.kind == "Complete" else "FailureTarget"
        conditions = put(conditions, ending._replace(kind=kind), now, probed=True)
        return put(conditions, ending, now, probed=True) if over else conditions
    if done(job):
        return conditions
    if suspended(job):
        return put(
            conditions, Said("Suspended", "True", "JobSuspended", "Job suspended"), now, probed=True
        )
    if is_true(job, "Suspended"):
        return put(
            conditions, Said("Suspended", "False", "JobResumed", "Job resumed"), now, probed=True
        )
    return conditions


def _live(job: Thing, now: datetime) -> Plan:
    """Delete a finished Job when its time to live has passed."""
    ttl_s = job.spec.get("ttlSecondsAfterFinished")
    if ttl_s is None:
        return Plan()
    ends = [
        c["lastTransitionTime"]
        for c in job.status["conditions"]
        if c["type"] in ("Complete", "Failed")
    ]
    left = (parse_time(max(ends)) + timedelta(seconds=int(ttl_s)) - now).total_seconds()
    return Plan((), left) if left > 0 else Plan((delete(JOBS, job),))
