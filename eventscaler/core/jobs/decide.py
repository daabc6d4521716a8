"""One decision about the Jobs of a ScaledJob: what to start, what to delete, and why.

Blind is never zero and never a number: a trigger that did not answer starts no Job, and only the
user's own minimum, history limits and rollout are carried out without any reading.

*jobs* must be listed before the triggers are read. What happens between the two (a pending Job
takes its message, a Job ends) then makes the queue look shorter beside Jobs that are counted, and
fewer are started; in the other order a message would be counted in the queue and its Job not.

Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from eventscaler.core.jobs import room
from eventscaler.core.jobs.demand import needed, vote
from eventscaler.core.jobs.model import Job, JobDecision, JobPod, JobReason, JobSettings, Tally
from eventscaler.core.jobs.upkeep import is_outdated, removals
from eventscaler.core.model import Reading, Vote

BEGUN = {"Running", "Succeeded"}


def decide(
    readings: Sequence[Reading],
    jobs: Sequence[Job],
    settings: JobSettings,
    generation: str,
    now: datetime,
    last_active: datetime | None = None,
) -> JobDecision:
    """Say how many Jobs to start, and which to delete.

    >>> from datetime import UTC, datetime
    >>> noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    >>> read = Reading(trigger="orders", value=81, target=10)
    >>> made = decide([read], [], JobSettings(), "1", noon)
    >>> made.create, made.message
    (9, 'orders: 81 at 10 each asks for 9; none in flight; starting 9')
    """
    votes = tuple(vote(reading) for reading in readings)
    tally = count(jobs, settings, generation)
    if not settings.reads:
        why = "paused" if settings.paused else "tandem.sh/mode is off"
        return JobDecision(
            create=0,
            remove=(),
            needed=0,
            tally=tally,
            reason=JobReason.PAUSED if settings.paused else JobReason.OFF,
            message=f"{why}; {_in_flight(tally)}",
            active=None,
            votes=votes,
            last_active=last_active,
        )
    active = _activity(readings)
    wanted = needed(readings, settings.calculation, room.most(settings))
    create = room.standing(tally, settings) + room.start(wanted, tally, settings)
    at_work = active or (settings.floor > 0 and active is False)
    return JobDecision(
        create=create,
        remove=removals(jobs, settings, generation),
        needed=wanted,
        tally=tally,
        reason=_reason(readings, active=active),
        message=_message(votes, settings, tally, wanted, create),
        active=True if at_work else active,
        votes=votes,
        last_active=now if at_work else last_active,
    )


def count(jobs: Sequence[Job], settings: JobSettings, generation: str) -> Tally:
    """Count the unfinished ones; one that a rollout is about to delete counts as leaving."""
    begun = pending = waiting = leaving = 0
    for job in jobs:
        if job.outcome is not None:
            continue
        if job.leaving or is_outdated(job, settings, generation):
            leaving += 1
        elif job.pods is None or any(_has_begun(pod, settings) for pod in job.pods):
            begun += 1
        else:
            pending += 1
            waiting += all(pod.awaits_node for pod in job.pods)
    return Tally(begun, pending, waiting, leaving)


def _has_begun(pod: JobPod, settings: JobSettings) -> bool:
    if settings.begun_when:
        return pod.conditions.issuperset(settings.begun_when)
    return pod.phase in BEGUN


def _activity(readings: Sequence[Reading]) -> bool | None:
    """True when some trigger is active, False when all are known not to be, else None."""
    known = [reading.is_active() for reading in readings]
    if any(known):
        return True
    return None if None in known or not known else False


def _reason(readings: Sequence[Reading], *, active: bool | None) -> JobReason:
    if active:
        blind = any(reading.value is None for reading in readings)
        return JobReason.PARTIAL if blind else JobReason.DEMAND
    return JobReason.BLIND if active is None else JobReason.IDLE


def _message(
    votes: Sequence[Vote], settings: JobSettings, tally: Tally, wanted: int, create: int
) -> str:
    asking = [vote for vote in votes if vote.reading.is_active()]
    parts = [str(vote) for vote in asking]
    if len(asking) > 1:
        parts.append(f"the {settings.calculation} is {wanted}")
    elif asking and asking[0].wanted != wanted:
        parts.append(f"there is room for {wanted}")
    silent = [vote.reading.trigger for vote in votes if vote.wanted is None]
    if silent or not votes:
        parts.append(f"no answer from {', '.join(silent) or 'any trigger'}")
    elif not asking:
        parts.append("every trigger is at or under its activation")
    if settings.floor:
        parts.append(f"{settings.floor} stand by")
    parts += [_in_flight(tally), f"starting {create}" if create else "starting none"]
    return "; ".join(parts)


def _in_flight(tally: Tally) -> str:
    """As a user reads it.

    >>> _in_flight(Tally(begun=2, pending=3, waiting=3, leaving=1))
    '5 in flight, 3 of them pending, 3 without a node; 1 being deleted'
    """
    text = f"{tally.in_flight or 'none'} in flight"
    if tally.pending:
        text += f", {tally.pending} of them pending"
    if tally.waiting:
        text += f", {tally.waiting} without a node"
    return f"{text}; {tally.leaving} being deleted" if tally.leaving else text
