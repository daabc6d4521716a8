"""Where Tandem's count is not the HPA's, and why: docs/differences.md as code.

A difference is explained when the HPA says what Tandem says once it is spared the cause: the same
case without the pods that are being deleted, or with a scaleUp that is written out. What cannot be
spared it is predicted: a guard against moves that go against the metric.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from eventscaler.core.model import Decision, MetricType
from tests.eventscaler.hpa_cases import OPEN, Case, External, Pod

UNMADE = {"scaleDown": {"stabilizationWindowSeconds": 300}}  # what the HPA does unasked, downwards


def spared(case: Case) -> Case | None:
    """*case* without what Tandem does otherwise; None when there is nothing of it."""
    changes = dict(_changes(case))
    return replace(case, name=f"{case.name}-spared", **changes) if changes else None  # type: ignore[arg-type]  # the names are the fields'


def _changes(case: Case) -> Iterator[tuple[str, object]]:
    if any(pod.deleted for pod in case.pods) and any(
        isinstance(each, External) and each.type == "Value" for each in case.metrics
    ):
        yield "pods", tuple(_gone(pod) for pod in case.pods)
    if case.behavior is None or "scaleUp" not in case.behavior:
        yield "behavior", {"scaleUp": OPEN["scaleUp"]} | (case.behavior or UNMADE)
    if case.current < case.low:
        yield "low", 1


def _gone(pod: Pod) -> Pod:
    """Being deleted, and not ready any more."""
    return replace(pod, ready=False) if pod.deleted else pod


def is_guarded(case: Case, theirs: int, made: Decision) -> bool:
    """Whether Tandem holds where *theirs* goes against the metric, or multiplies no pods at all."""
    if made.replicas != min(max(case.current, case.low), case.high):
        return False
    (winner,) = (vote.reading for vote in made.votes if vote.reading.trigger == made.winner)
    assert winner.value is not None
    if winner.metric_type is MetricType.VALUE and not any(pod.ready for pod in case.pods):
        return True
    if winner.value > winner.target:
        return theirs < case.current
    return theirs > case.current
