"""What is reported of an object: conditions and the rest of `status`, from one decision.

Texts are steady: they name triggers and limits, never the values of a sample, so that a status is
written when something changed and not when something was read.

Condition types and reasons are KEDA's. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from eventscaler.core.model import Decision, Reason
from kube.values.conditions import Condition, find, with_conditions


@dataclass(frozen=True, slots=True)
class Problem:
    """Why an object cannot be scaled at the moment; `reason` is the Ready condition's."""

    reason: str
    message: str


CHECK_FAILED = "ScaledObjectCheckFailed"
TRIGGER_ERROR = "TriggerError"
PARTIAL_ERROR = "PartialTriggerError"
NO_REPLICAS = "ErrorGettingCurrentReplicas"
READY = "ScaledObjectReady"
ACTIVE_S = 300.0  # how far lastActiveTime may lag behind while active
FALLBACK = "FallbackExists"
NO_FALLBACK = "NoFallbackFound"


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The part of `status` that Tandem writes.

    Attributes:
        resource_names: cpu and memory where they are triggers; `metric_names` has all others.
        scale_target: group, version, kind and resource of the workload.
        activity: metric name and whether it is active, of the triggers that answered.
        composite_name: of the metric that a formula makes; "" without one.
        hpa_name: of the HPA that was made for the object.
        last_decision: the last one that asked for another count, or by another rule.
        failures: samples in a row without an answer by metric name, where there is a fallback.
    """

    conditions: tuple[Condition, ...] = ()
    last_active: datetime | None = None
    original_replicas: int | None = None
    paused_replicas: int | None = None
    metric_names: tuple[str, ...] = ()
    resource_names: tuple[str, ...] = ()
    activity: tuple[tuple[str, bool], ...] = ()
    failures: tuple[tuple[str, int], ...] = ()
    last_decision: Mapping[str, object] | None = None
    scale_target: tuple[str, str, str, str] | None = None
    triggers_types: str = ""
    authentications_types: str = ""
    composite_name: str = ""
    hpa_name: str = ""

    def condition(self, kind: str) -> Condition | None:
        return find(self.conditions, kind)


def conditions(
    was: Sequence[Condition],
    decision: Decision | None,
    problem: Problem | None,
    now: datetime,
    cautions: Sequence[str] = (),
    *,
    one_way: str = "",
) -> tuple[Condition, ...]:
    """The four conditions after a sample, with the times of those that did not turn.

    *decision* is None when *problem* kept one from being made; *cautions* are what is odd about a
    manifest that works all the same; *one_way* names the directions that are paused.
    """
    made = (
        _ready(decision, problem, now, cautions),
        _active(decision, now),
        _fallback(decision, now),
        _paused(decision, one_way, now),
    )
    return with_conditions(was, (condition for condition in made if condition is not None))


def _ready(
    decision: Decision | None, problem: Problem | None, now: datetime, cautions: Sequence[str]
) -> Condition:
    failed = "; ".join(decision.errors) if decision else ""
    if problem is not None or failed:
        return not_ready(problem, failed, now, partly=bool(decision and decision.active))
    read = decision is None or decision.reason not in _STANDING
    answers = "every trigger answers" if read else "the triggers are not read"
    text = f"the target can be scaled and {answers}"
    return Condition("Ready", "True", READY, "; ".join((text, *cautions)), now)


def not_ready(problem: Problem | None, failed: str, now: datetime, *, partly: bool) -> Condition:
    """Ready, while there is a *problem* or triggers *failed*; *partly* when others serve."""
    if problem is not None:
        return Condition("Ready", "False", problem.reason, problem.message, now)
    if partly:
        return Condition("Ready", "Unknown", PARTIAL_ERROR, failed, now)
    return Condition("Ready", "False", TRIGGER_ERROR, failed, now)


_STANDING = {Reason.PAUSED: "paused", Reason.OFF: "tandem.sh/mode is off"}


def _active(decision: Decision | None, now: datetime) -> Condition:
    if decision is None or decision.active is None:
        standing = _STANDING.get(decision.reason) if decision else None
        text = standing or ("no trigger answers" if decision else "not known while not ready")
        return Condition("Active", "Unknown", "UnknownState", text, now)
    if decision.active:
        names = [vote.reading.trigger for vote in decision.votes if vote.is_active()]
        text = f"active: {', '.join(names)}" if names else "activation is forced"
        return Condition("Active", "True", "ScalerActive", text, now)
    text = "every trigger is at or under its activation"
    if decision.reason is Reason.COOLDOWN:
        return Condition("Active", "False", "ScalerCooldown", f"{text}; cooling down", now)
    return Condition("Active", "False", "ScalerNotActive", text, now)


def _fallback(decision: Decision | None, now: datetime) -> Condition | None:
    if decision is None or not decision.votes:
        return Condition("Fallback", "False", NO_FALLBACK, "no fallback is in use", now)
    if decision.fallbacks:
        text = f"a fallback speaks for {', '.join(decision.fallbacks)}"
        return Condition("Fallback", "True", FALLBACK, text, now)
    return Condition("Fallback", "False", NO_FALLBACK, "no fallback is in use", now)


PAUSED_WHOLLY = "paused by annotation"


def _paused(decision: Decision | None, one_way: str, now: datetime) -> Condition | None:
    if decision is None:
        return None
    if decision.reason is Reason.PAUSED:
        return Condition("Paused", "True", "ScaledObjectPaused", PAUSED_WHOLLY, now)
    if one_way:
        text = f"{one_way} is paused by annotation"
        return Condition("Paused", "True", "ScaledObjectPaused", text, now)
    return Condition("Paused", "False", "ScaledObjectUnpaused", "not paused", now)


def worth_writing(was: Status, new: Status, elapsed_s: float, refresh_s: float) -> bool:
    """Whether *new* is written now: at once when something turned, else once per *refresh_s*.

    Only lastActiveTime and messages may wait. A message may hold a text of the source that differs
    each time. While active the time moves with each sample, and nobody needs it before that ends:
    an object that was active when its operator stopped begins its cooldown with the next one.
    """
    if _edges(was) != _edges(new):
        return True
    if was == new:
        return False
    only_active = replace(was, last_active=new.last_active) == new
    return elapsed_s >= (ACTIVE_S if only_active else refresh_s)


def _edges(status: Status) -> tuple[object, ...]:
    turned = sorted((c.type, c.status, c.reason) for c in status.conditions)
    return (
        turned,
        status.last_active is None,
        status.original_replicas,
        status.paused_replicas,
        status.metric_names,
        status.resource_names,
        status.activity,
        status.failures,
        status.last_decision,
        status.scale_target,
        status.triggers_types,
        status.authentications_types,
        status.composite_name,
        status.hpa_name,
    )
