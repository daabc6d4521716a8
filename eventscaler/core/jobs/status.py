"""The conditions of a ScaledJob, from one decision. Types and reasons are KEDA's.

Texts are steady, as in `core.status`: they name triggers and limits, never the values of a sample.

Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from eventscaler.core.jobs.model import JobDecision, JobReason
from eventscaler.core.status import PARTIAL_ERROR, TRIGGER_ERROR, Problem
from kube.values.conditions import Condition, Truth, with_condition

READY = "ScaledJobReady"
CHECK_FAILED = "ScaledJobCheckFailed"
CREATE_FAILED = "KEDAJobCreateFailed"
PAUSED, UNPAUSED = "ScaledJobPaused", "ScaledJobUnpaused"


def conditions(
    was: Sequence[Condition],
    decision: JobDecision | None,
    problem: Problem | None,
    now: datetime,
    cautions: Sequence[str] = (),
) -> tuple[Condition, ...]:
    """The four conditions after a round, with the times of those that did not turn.

    *decision* is None when *problem* kept one from being made; with both, Jobs could not be
    started. *cautions* are what is odd about a manifest that works all the same.
    """
    made = (
        _ready(decision, problem, now, cautions),
        _active(decision, now),
        _condition("Fallback", "False", "NoFallbackFound", "a ScaledJob has no fallback", now),
        _paused(decision, now),
    )
    found = tuple(was)
    for condition in made:
        if condition is not None:
            found = with_condition(found, condition)
    return found


def _ready(
    decision: JobDecision | None, problem: Problem | None, now: datetime, cautions: Sequence[str]
) -> Condition:
    if problem is not None:
        return _condition("Ready", "False", problem.reason, problem.message, now)
    failed = "; ".join(decision.errors) if decision else ""
    if not failed:
        text = "Jobs can be started and every trigger answers"
        return _condition("Ready", "True", READY, "; ".join((text, *cautions)), now)
    if decision and decision.reason is JobReason.PARTIAL:
        return _condition("Ready", "Unknown", PARTIAL_ERROR, failed, now)
    return _condition("Ready", "False", TRIGGER_ERROR, failed, now)


_STANDING: Mapping[JobReason | None, str] = {
    JobReason.PAUSED: "paused",
    JobReason.OFF: "tandem.sh/mode is off",
}


def _active(decision: JobDecision | None, now: datetime) -> Condition:
    if decision is None or decision.active is None:
        text = _STANDING.get(decision.reason if decision else None, "no trigger answers")
        return _condition("Active", "Unknown", "UnknownState", text, now)
    if not decision.active:
        text = "every trigger is at or under its activation"
        return _condition("Active", "False", "ScalerNotActive", text, now)
    names = [vote.reading.trigger for vote in decision.votes if vote.reading.is_active()]
    text = f"active: {', '.join(names)}" if names else "minReplicaCount Jobs stand by"
    return _condition("Active", "True", "ScalerActive", text, now)


def _paused(decision: JobDecision | None, now: datetime) -> Condition | None:
    if decision is None:
        return None
    if decision.reason is JobReason.PAUSED:
        return _condition("Paused", "True", PAUSED, "paused by annotation", now)
    return _condition("Paused", "False", UNPAUSED, "not paused", now)


def _condition(kind: str, status: Truth, reason: str, message: str, now: datetime) -> Condition:
    return Condition(type=kind, status=status, reason=reason, message=message, since=now)
