"""One decision over 0..N: activation, cooldown, rest and the HPA's arithmetic in one model.

Rules, first match wins:

    paused                     hold, or the count that the user set
    some trigger active        the largest vote, between max(1, min) and max; straight from zero
      ... and another blind    the same, but not below the current count
    some trigger blind         hold; above rest the other votes may still raise
    inactive, never rests      the largest vote, between min and max
    inactive, cooldown runs    the largest vote, between max(1, min) and max
    inactive, cooldown over    idleReplicaCount, or 0

Blind is never zero: a missing reading may leave the count or let others raise it, and only the
user's own maximum can lower a count while a trigger is silent.

Pure. The KEDA side of each rule is described in docs/differences.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from eventscaler.core.behavior import step
from eventscaler.core.model import Decision, Limits, Reading, Reason, Settings, State, Vote
from eventscaler.core.replicas import vote


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What a rule wants, before behavior and limits."""

    reason: Reason
    message: str
    wanted: int
    low: int
    winner: str = ""
    retry_at: datetime | None = None


def decide(
    readings: Sequence[Reading], limits: Limits, state: State, settings: Settings, now: datetime
) -> Decision:
    """Say how many replicas the workload should have, and why.

    >>> from datetime import UTC, datetime
    >>> noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    >>> read = Reading(trigger="orders", value=81, target=10)
    >>> made = decide([read], Limits(0, 50), State(current=0, created=noon), Settings(), noon)
    >>> made.replicas, made.message
    (9, 'orders: 81 at 10 each asks for 9')
    """
    if state.last_active is not None and state.last_active > now:
        state = replace(state, last_active=now)  # the clock was set back: count from here
    votes = tuple(vote(reading, state, settings.behavior) for reading in readings)
    if settings.pause is not None:
        return _paused(votes, state, settings.pause.replicas)
    active = _activity(readings)
    outcome = _outcome(active, votes, limits, state, settings, now)
    asked = step(state.current, outcome.wanted, settings.behavior)
    return Decision(
        replicas=min(max(asked, outcome.low), limits.max),
        current=state.current,
        reason=outcome.reason,
        message=outcome.message,
        active=active,
        votes=votes,
        winner=outcome.winner,
        last_active=now if active else state.last_active,
        retry_at=outcome.retry_at,
    )


def _paused(votes: tuple[Vote, ...], state: State, replicas: int | None) -> Decision:
    held = state.current if replicas is None else replicas
    return Decision(
        replicas=held,
        current=state.current,
        reason=Reason.PAUSED,
        message=f"paused at {held}",
        active=None,
        votes=votes,
        last_active=state.last_active,
    )


def _activity(readings: Sequence[Reading]) -> bool | None:
    """True when some trigger is active, False when all are known not to be, else None."""
    known = [reading.is_active() for reading in readings]
    if any(known):
        return True
    return None if None in known or not known else False


def _outcome(
    active: bool | None,  # noqa: FBT001 - three-valued: work, no work, unknown
    votes: tuple[Vote, ...],
    limits: Limits,
    state: State,
    settings: Settings,
    now: datetime,
) -> _Outcome:
    if active:
        return _awake(votes, limits, state)
    if active is None:
        return _blind(votes, limits, state)
    if not limits.can_rest:
        wanted, winner, why = _largest(votes)
        return _Outcome(Reason.INACTIVE, why, wanted, limits.min, winner)
    if state.current <= limits.rest:
        return _Outcome(Reason.REST, _NO_WORK, limits.rest, limits.rest)
    return _cooling(votes, limits, state, settings, now)


_NO_WORK = "every trigger is at or under its activation"


def _awake(votes: tuple[Vote, ...], limits: Limits, state: State) -> _Outcome:
    wanted, winner, why = _largest(votes)
    if all(vote.wanted is not None for vote in votes):
        return _Outcome(Reason.DEMAND, why, wanted, limits.awake, winner)
    why = f"{why}; no answer from {_silent(votes)}, so not below {state.current}"
    return _Outcome(Reason.PARTIAL, why, max(wanted, state.current), limits.awake, winner)


def _blind(votes: tuple[Vote, ...], limits: Limits, state: State) -> _Outcome:
    wanted, winner, other = _largest(votes)
    if state.current > limits.rest and wanted > state.current:
        why = f"no answer from {_silent(votes)}; {other}"
        return _Outcome(Reason.BLIND, why, wanted, limits.rest, winner)
    held = min(max(state.current, limits.rest), limits.max)
    why = f"no answer from {_silent(votes)}; holding {held}"
    return _Outcome(Reason.BLIND, why, state.current, limits.rest)


def _cooling(
    votes: tuple[Vote, ...], limits: Limits, state: State, settings: Settings, now: datetime
) -> _Outcome:
    if state.last_active is None:
        end = state.created + settings.initial_cooldown
    else:
        end = state.last_active + settings.cooldown
    if now >= end:
        return _Outcome(Reason.REST, _NO_WORK, limits.rest, limits.rest)
    wanted, winner, _ = _largest(votes)
    why = f"{_NO_WORK}; to {limits.rest} at {end:%H:%M:%S} unless work comes"
    return _Outcome(Reason.COOLDOWN, why, wanted, limits.awake, winner, retry_at=end)


def _largest(votes: tuple[Vote, ...]) -> tuple[int, str, str]:
    """The highest count asked for, by whom, and the sentence; a tie goes to the first name."""
    heard = [(vote.wanted, vote) for vote in votes if vote.wanted is not None]
    if not heard:
        return 0, "", "no trigger answered"
    wanted, won = min(heard, key=lambda pair: (-pair[0], pair[1].reading.trigger))
    return wanted, won.reading.trigger, str(won)


def _silent(votes: tuple[Vote, ...]) -> str:
    return ", ".join(vote.reading.trigger for vote in votes if vote.wanted is None) or "any trigger"
