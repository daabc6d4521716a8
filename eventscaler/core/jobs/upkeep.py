"""Which Jobs are deleted: finished ones beyond the history limits, and those of another generation.

Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from eventscaler.core.jobs.model import (
    Job,
    JobSettings,
    Outcome,
    Removal,
    RemovalReason,
    Rollout,
)


def removals(jobs: Sequence[Job], settings: JobSettings, generation: str) -> tuple[Removal, ...]:
    """What to delete of *jobs*; nothing that is being deleted already."""
    return (
        *_outdated(jobs, settings, generation),
        *_beyond(jobs, Outcome.COMPLETE, settings.successes_kept),
        *_beyond(jobs, Outcome.FAILED, settings.failures_kept),
    )


def is_outdated(job: Job, settings: JobSettings, generation: str) -> bool:
    """Whether a rollout stops *job*; one that does not say who made it is of another generation."""
    unfinished = job.outcome is None and not job.leaving
    return unfinished and settings.rollout is Rollout.IMMEDIATE and job.generation != generation


def _outdated(jobs: Sequence[Job], settings: JobSettings, generation: str) -> list[Removal]:
    found = [job for job in jobs if is_outdated(job, settings, generation)]
    return [
        Removal(job.name, job.uid, RemovalReason.ROLLOUT, settings.propagation)
        for job in sorted(found, key=_seniority)
    ]


def _beyond(jobs: Sequence[Job], outcome: Outcome, kept: int) -> list[Removal]:
    """The longest finished ones over *kept*."""
    ended = [job for job in jobs if job.outcome is outcome and not job.leaving]
    surplus = max(0, len(ended) - kept)
    return [
        Removal(job.name, job.uid, RemovalReason.HISTORY)
        for job in sorted(ended, key=_ended)[:surplus]
    ]


def _seniority(job: Job) -> tuple[datetime, int, str]:
    """Times are whole seconds, so that many are equal; then the first that was started is first."""
    return (job.created, job.sequence, job.name)


def _ended(job: Job) -> tuple[datetime, tuple[datetime, int, str]]:
    return (job.ended or job.created, _seniority(job))
