"""A fault, and the label under which the webhook counts it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from eventscaler.core.faults import Fault, Severity

MALFORMED = "malformed"
_REASONS = (
    ("metadata.name", "name-too-long"),
    ("spec.minReplicaCount", "incorrect-replicas"),
    ("spec.maxReplicaCount", "incorrect-replicas"),
    ("spec.idleReplicaCount", "incorrect-replicas"),
    ("spec.fallback.behavior", "scaling-modifiers-fallback"),
    ("spec.fallback", "incorrect-fallback"),
    ("spec.triggers", "incorrect-triggers"),
    ("spec.advanced.horizontalPodAutoscalerConfig.name", "hpa-name-too-long"),
    ("spec.advanced.scalingModifiers", "scaling-modifiers"),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule that is broken.

    Attributes:
        reason: KEDA's label of its metric, such as `incorrect-replicas`.
    """

    fault: Fault
    reason: str

    @property
    def refuses(self) -> bool:
        return self.fault.severity is Severity.ERROR


def labelled(faults: Iterable[Fault]) -> list[Finding]:
    """Findings of rules that concern one field; the field tells the label.

    >>> labelled([Fault("spec.triggers[0].name", "'a'", "another")])[0].reason
    'incorrect-triggers'
    """
    return [Finding(fault, _reason(fault.path)) for fault in faults]


def _reason(path: str) -> str:
    return next((reason for start, reason in _REASONS if path.startswith(start)), MALFORMED)
