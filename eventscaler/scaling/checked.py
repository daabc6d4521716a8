"""What a check found and what would follow: the values that `tandem check` prints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from eventscaler.core.faults import Fault, errors, sentence
from eventscaler.core.model import Memory, Reading
from eventscaler.decode import (
    TriggerBody,
)
from eventscaler.readings import Asked
from kube.client import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedTrigger:
    name: str
    type: str
    metric_name: str
    value: float | None
    target: float
    metric_type: str
    activation: float
    active: bool | None
    error: str

    def json(self) -> Json:
        return {
            "name": self.name,
            "type": self.type,
            "metricName": self.metric_name,
            "value": self.value,
            "target": self.target,
            "metricType": self.metric_type,
            "activation": self.activation,
            "active": self.active,
            "error": self.error or None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedJobs:
    """What would be done to the Jobs of a ScaledJob.

    Attributes:
        begun, pending: those in flight.
        create: how many would be started.
        delete: the names of those that would be deleted.
    """

    begun: int
    pending: int
    create: int
    delete: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What one check leaves to the next, as if its decision had been carried out.

    Attributes:
        current, desired: the count that was found, and the one that was decided.
    """

    memory: Memory
    current: int = 0
    desired: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """What was read and what would follow.

    Attributes:
        active: None when nobody can tell.
        faults: what is wrong with the manifest; with an error nothing was read.
        jobs: for a ScaledJob, whose replicas are its Jobs in flight.
        polling_s: how often the manifest wants to be looked at.
        carried: for the next check of the same object; None when there was no decision.
    """

    triggers: tuple[CheckedTrigger, ...]
    active: bool | None
    current_replicas: int
    desired_replicas: int
    reason: str
    faults: tuple[Fault, ...] = ()
    jobs: CheckedJobs | None = None
    polling_s: float = 30.0
    carried: Carried | None = None

    @property
    def ok(self) -> bool:
        """Whether the manifest is sound and every trigger answered."""
        return not errors(self.faults) and not any(trigger.error for trigger in self.triggers)

    def json(self) -> Json:
        """The object that `tandem check --json` prints."""
        found: Json = {
            "triggers": [trigger.json() for trigger in self.triggers],
            "active": self.active,
            "currentReplicas": self.current_replicas,
            "desiredReplicas": self.desired_replicas,
            "reason": self.reason,
        }
        return found if self.jobs is None else found | {"jobs": asdict(self.jobs)}


def refused(faults: Sequence[Fault]) -> CheckReport:
    reason = sentence(errors(faults))
    return CheckReport(
        triggers=(),
        active=None,
        current_replicas=0,
        desired_replicas=0,
        reason=reason,
        faults=tuple(faults),
    )


def checked(trigger: TriggerBody, asked: Asked, reading: Reading) -> CheckedTrigger:
    return CheckedTrigger(
        name=asked.label,
        type=trigger.type,
        metric_name=asked.trigger.metric_name if asked.trigger else "",
        value=reading.value,
        target=reading.target,
        metric_type=trigger.metric_type,
        activation=reading.activation,
        active=reading.is_active(),
        error=reading.error,
    )


def computed(reading: Reading) -> CheckedTrigger:
    """What the formula made of the others."""
    return CheckedTrigger(
        name=reading.trigger,
        type="formula",
        metric_name=reading.metric,
        value=reading.value,
        target=reading.target,
        metric_type=reading.metric_type.value,
        activation=reading.activation,
        active=reading.is_active(),
        error=reading.error,
    )
