"""Every Kubernetes Event of the event half, with its text: what a user reads in `describe`.

An Event tells of a turn, never of a state: the functions compare what was with what is, so that an
object in which nothing turns makes no Event. Reasons are KEDA's. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from eventscaler.core.faults import Fault, sentence
from eventscaler.core.model import Decision, Reason
from eventscaler.core.status import (
    CHECK_FAILED,
    PARTIAL_ERROR,
    PAUSED_WHOLLY,
    TRIGGER_ERROR,
    Status,
)
from eventscaler.decode import ScaledObject
from eventscaler.scaling.sample import Round
from kube.values.conditions import Condition
from kube.values.events import EventType


@dataclass(frozen=True, slots=True)
class Notice:
    reason: str
    message: str
    warning: bool = False

    @property
    def type(self) -> EventType:
        return "Warning" if self.warning else "Normal"


STARTED = Notice("KEDAScalersStarted", "started watching the triggers")
STOPPED = Notice("KEDAScalersStopped", "stopped watching the triggers")


def turns(was: Status, new: Status, order: object = None) -> Iterator[Notice]:
    """What the conditions of *order* tell."""
    yield from ready_turn(was, new, failed=_failed(order), refused=CHECK_FAILED)
    yield from _pause_turn(was, new)
    yield from _fallback_turn(was, new)


def _failed(order: object) -> str:
    """The reason that tells of a trigger without an answer."""
    if isinstance(order, ScaledObject) and order.settings.composite is not None:
        return "KEDAMetricSourceFailed"  # of the formula
    return "KEDAScalerFailed"


def departed(kind: str, *, watched: bool) -> Iterator[Notice]:
    """What the deletion of an object tells; *watched* when its triggers were read."""
    if watched:
        yield STOPPED
    yield Notice(f"{kind}Deleted", "its workload is not scaled any more")


def ready_turn(was: Status, new: Status, *, failed: str, refused: str) -> Iterator[Notice]:
    """What Ready tells; *failed* is the reason of a silent trigger, *refused* of all the rest."""
    before, after = was.condition("Ready"), new.condition("Ready")
    if after is None or (before and _told(before) == _told(after)):
        return
    if after.is_true and before is not None and before.reason == after.reason:
        return  # ready as before, in other words
    if after.is_true:
        yield STARTED
        yield Notice(after.reason, "ready for scaling")
    elif after.reason in {TRIGGER_ERROR, PARTIAL_ERROR}:
        yield Notice(failed, after.message, warning=True)
    else:
        yield Notice(refused, after.message, warning=True)


def _told(condition: Condition) -> tuple[str, str]:
    return (condition.reason, condition.message)


def _pause_turn(was: Status, new: Status) -> Iterator[Notice]:
    before, after = was.condition("Paused"), new.condition("Paused")
    if after is None or (before and before.status == after.status):
        return
    if after.status == "True":
        if before is not None and after.message == PAUSED_WHOLLY:
            yield STOPPED
        yield Notice("ScaledObjectPaused", after.message)
    elif before is not None and before.status == "True":
        if before.message == PAUSED_WHOLLY:
            yield STARTED
        yield Notice("ScaledObjectUnpaused", "scaling again")


def _fallback_turn(was: Status, new: Status) -> Iterator[Notice]:
    before, after = was.condition("Fallback"), new.condition("Fallback")
    if after is None or (before.status if before else "False") == after.status:
        return
    if after.status == "True":
        yield Notice("ScaledObjectFallbackActivated", after.message, warning=True)
    else:
        yield Notice("ScaledObjectFallbackDeactivated", "every trigger answers again")


def scaled(order: ScaledObject, done: Round, refused_before: str) -> Iterator[Notice]:
    """What the write of the scale tells."""
    decision = done.decision
    if decision is None:
        return
    what = f"{order.target.kind} {order.target.namespace}/{order.target.name}"
    move = f"{what} from {decision.current} to {decision.replicas}"
    if done.written:
        yield _moved(order, decision, move)
    elif done.refused and done.refused != refused_before:
        side = "Activation" if decision.replicas > decision.current else "Deactivation"
        text = f"could not scale {move}: {done.refused}"
        yield Notice(f"KEDAScaleTarget{side}Failed", text, warning=True)


def _moved(order: ScaledObject, decision: Decision, move: str) -> Notice:
    rest = order.limits.rest if order.limits.can_rest else 0
    if decision.reason is Reason.PAUSED:
        return Notice("ScaledObjectPaused", f"scaled {move}: {decision.message}")
    if decision.current <= rest < decision.replicas:
        return Notice("KEDAScaleTargetActivated", f"scaled {move}: {decision.message}")
    if decision.replicas <= rest < decision.current:
        return Notice("KEDAScaleTargetDeactivated", f"scaled {move}: {decision.message}")
    return Notice("SuccessfulRescale", f"scaled {move}: {decision.message}")


def cautions(faults: Sequence[Fault]) -> Iterator[Notice]:
    """What is odd about an accepted manifest, in one Event."""
    if faults:
        yield Notice("KEDAScalerInfo", sentence(faults), warning=True)
