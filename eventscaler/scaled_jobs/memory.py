"""What a process remembers of one ScaledJob between rounds; all of it may be lost."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from eventscaler.core.jobs import JobDecision
from eventscaler.decode import ScaledJob


@dataclass(slots=True)
class JobMemory:
    """From one round to the next.

    Attributes:
        last: the highest sequence number used.
        doubtful: numbers whose start was not confirmed: refused, or without an answer.
        last_active: kept with each round, written less often.
        refused: what the last start was refused with.
        decision: the last one.
        quiet: the order of the last round, when no Job was in flight and none to be deleted.
    """

    last: int = 0
    doubtful: set[int] = field(default_factory=set)
    last_active: datetime | None = None
    refused: str = ""
    decision: JobDecision | None = None
    quiet: ScaledJob | None = None
