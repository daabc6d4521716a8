"""What a round of a ScaledJob is reported as: its status, and the patch from what was there.

Pure functions; the engine writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from eventscaler.core.jobs.status import conditions
from eventscaler.core.journal import last_decision
from eventscaler.core.status import Problem, Status
from eventscaler.decode import ScaledJob
from eventscaler.readings import Asked
from eventscaler.scaled_jobs.rounds import Round
from eventscaler.scaling.report import activity, metric_names, status_patch
from kube.client import Json


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
        metric_names=metric_names(was, asked),
        triggers_types=",".join(order.types),
        authentications_types=",".join(order.auth_kinds),
    )
    if decision is None:
        return status
    return replace(
        status,
        last_active=decision.last_active,
        last_decision=last_decision(was.last_decision, done.entry) if done.entry else None,
        activity=activity(was, asked, [vote.reading for vote in decision.votes]),
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
