"""What a round of a ScaledJob is reported as: its status, and the patch from what was there.

Pure functions; the engine writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from eventscaler.core.jobs import JobDecision
from eventscaler.core.jobs.status import conditions
from eventscaler.core.journal import last_decision
from eventscaler.core.status import Problem, Status
from eventscaler.decode import ScaledJob
from eventscaler.readings import Asked
from eventscaler.scaled_jobs.rounds import Round
from eventscaler.scaling.report import status_patch
from kube.client import Json

REFRESH_S = 30.0  # how far lastActiveTime may lag behind while active


def status_after(
    was: Status,
    order: ScaledJob,
    asked: Sequence[Asked],
    done: Round,
    now: datetime,
    *,
    cautions: Sequence[str] = (),
) -> Status:
    """The status of *order* after *done*; *cautions* are told with Ready."""
    decision = done.decision
    status = replace(
        was,
        conditions=conditions(was.conditions, decision, done.problem, now, cautions),
        metric_names=_metric_names(was, asked),
        triggers_types=",".join(order.types),
        authentications_types=",".join(order.auth_kinds),
    )
    if decision is None:
        return status
    return replace(
        status,
        last_active=decision.last_active,
        last_decision=last_decision(was.last_decision, done.entry) if done.entry else None,
        activity=_activity(was, asked, decision),
    )


def bare_status(was: Status, problem: Problem, now: datetime) -> Status:
    """The status of an object whose manifest is refused."""
    return replace(was, conditions=conditions(was.conditions, None, problem, now))


def patch(was: Status, new: Status) -> Json:
    """A merge patch from *was* to *new*; `Paused` repeats the condition, as KEDA's column asks."""
    found = status_patch(was, new)
    before, after = was.condition("Paused"), new.condition("Paused")
    if after is not None and (before is None or before.status != after.status):
        found["status"]["Paused"] = after.status
    return found


def _metric_names(was: Status, asked: Sequence[Asked]) -> tuple[str, ...]:
    """As bound now; while paused, or while credentials are missing, as known before."""
    if asked and all(one.trigger for one in asked):
        return tuple(one.trigger.metric_name for one in asked if one.trigger)
    return was.metric_names


def _activity(
    was: Status, asked: Sequence[Asked], decision: JobDecision
) -> tuple[tuple[str, bool], ...]:
    """Activity by metric name; a trigger that did not answer keeps what was known of it."""
    if not asked:
        return was.activity
    before = dict(was.activity)
    names = {one.label: one.trigger.metric_name for one in asked if one.trigger}
    known = {name: before[name] for name in names.values() if name in before}
    for vote in decision.votes:
        active = vote.reading.is_active()
        if active is not None:
            known[names[vote.reading.trigger]] = active
    return tuple(sorted(known.items()))
