"""The conditions of a ScaledJob, from one decision. Types and reasons are KEDA's.

Texts are steady, as in `core.status`: they name triggers and limits, never the values of a sample.

Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from eventscaler.core.jobs.model import JobDecision, JobReason
from eventscaler.core.status import PAUSED_WHOLLY, Problem, not_ready
from kube.values.conditions import Condition, with_conditions

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
        Condition("Fallback", "False", "NoFallbackFound", "a ScaledJob has no fallback", now),
        _paused(decision, now),
    )
    return with_conditions(was, (condition for condition in made if condition is not None))


def _ready(
    decision: JobDecision | None, problem: Problem | None, now: datetime, cautions: Sequence[str]
) -> Condition:
    failed = "; ".join(decision.errors) if decision else ""
    if problem is not None or failed:
        partly = decision is not None and decision.reason is JobReason.PARTIAL
        return not_ready(problem, failed, now, partly=partly)
    read = decision is None or decision.reason not in _STANDING
    answers = "every trigger answers" if read else "the triggers are not read"
    text = f"Jobs can be started and {answers}"
    return Condition("Ready", "True", READY, "; ".join((text, *cautions)), now)


_STANDING: Mapping[JobReason, str] = {
    JobReason.PAUSED: "paused",
    JobReason.OFF: "tandem.sh/mode is off",
}


def _active(decision: JobDecision | None, now: datetime) -> Condition:
    if decision is None or decision.active is None:
        standing = _STANDING.get(decision.reason) if decision else None
        text = standing or ("no trigger answers" if decision else "not known while not ready")
        return Condition("Active", "Unknown", "UnknownState", text, now)
    if not decision.active:
        text = "every trigger is at or under its activation"
        return Condition("Active", "False", "ScalerNotActive", text, now)
    names = [vote.reading.trigger for vote in decision.votes if vote.reading.is_active()]
    text = f"active: {', '.join(names)}" if names else "minReplicaCount Jobs stand by"
    return Condition("Active", "True", "ScalerActive", text, now)


def _paused(decision: JobDecision | None, now: datetime) -> Condition | None:
    if decision is None:
        return None
    if decision.reason is JobReason.PAUSED:
        return Condition("Paused", "True", PAUSED, PAUSED_WHOLLY, now)
    return Condition("Paused", "False", UNPAUSED, "not paused", now)
