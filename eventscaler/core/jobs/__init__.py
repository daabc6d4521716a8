"""How many Jobs a ScaledJob should start, and which of its Jobs should go, decided purely.

``decide(readings, jobs, settings, ...)`` is to a ScaledJob what `core.decide` is to a ScaledObject:
no I/O, no clock, and a reason in the value.
"""

from __future__ import annotations

from eventscaler.core.jobs.decide import decide
from eventscaler.core.jobs.model import (
    Calculation,
    Job,
    JobDecision,
    JobPod,
    JobReason,
    JobSettings,
    Outcome,
    Removal,
    RemovalReason,
    Rollout,
    Strategy,
    Tally,
)

__all__ = [
    "Calculation",
    "Job",
    "JobDecision",
    "JobPod",
    "JobReason",
    "JobSettings",
    "Outcome",
    "Removal",
    "RemovalReason",
    "Rollout",
    "Strategy",
    "Tally",
    "decide",
]
