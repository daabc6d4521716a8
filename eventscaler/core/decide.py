"""One decision over 0..N: activation, cooldown, rest, formula, fallback and the HPA's arithmetic.

Rules, first match wins:

    mode off                   hold
    paused                     hold, or the count that the user set
    some trigger active        the largest vote, between max(1, min) and max
      ... and another blind    the same, but not below the current count
    some trigger blind         hold; above rest the other votes may still raise
    inactive, never rests      the largest vote, between min and max
    inactive, cooldown runs    the largest vote, between max(1, min) and max
    inactive, cooldown over    idleReplicaCount, or 0

What a rule wants goes through `behavior`, and last through the limits. The fallback makes a vote of
a trigger that failed too often; the formula makes one trigger of many. Blind is never zero: a
missing reading may leave the count or let others raise it, and only the user's own word (maximum,
fallback) can lower a count while a trigger is silent.

Pure. The KEDA side of each rule is described in docs/differences.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from eventscaler.core import behavior, fallback
from eventscaler.core.composite import Composed, composed
from eventscaler.core.history import History
from eventscaler.core.model import (
    Decision,
    Limits,
    Mode,
    Reading,
    Reason,
    Settings,
    State,
    Vote,
)
from eventscaler.core.replicas import vote


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What a rule wants, before behavior and limits; *low* is the least it may end in."""

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

    >>> from datetime import UTC
    >>> noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    >>> read = Reading(trigger="orders", value=81, target=10)
    >>> made = decide([read], Limits(0, 50), State(current=0, created=noon), Settings(), noon)
    >>> made.replicas, made.message
    (9, 'orders: 81 at 10 each asks for 9')
    """
    if state.last_active is not None and state.last_active > now:
        state = replace(state, last_active=now)  # the clock was set back: count from here
    if settings.mode is Mode.OFF:
        return _standing(state, Reason.OFF, state.current, "tandem.sh/mode is off")
    if settings.pause is not None:
        count = settings.pause.replicas
        held = state.current if count is None else count
        return _standing(state, Reason.PAUSED, held, f"paused at {held}")
    failures = fallback.counted(readings, state.failures, settings.fallback)
    seen = _seen(readings, failures, settings)
    votes = _votes(seen, failures, state, settings)
    active = True if settings.force else _activity(votes)
    outcome = _outcome(active, votes, limits, state, settings, now)
    history = behavior.begun(state.history, state.current, now)
    asked, why = _restrained(outcome, limits, state, settings, history, now)
    return Decision(
        replicas=asked,
        current=state.current,
        reason=outcome.reason,
        message=f"{outcome.message}; {why}" if why else outcome.message,
        active=active,
        votes=votes,
        winner=outcome.winner,
        inputs=seen.inputs,
        last_active=now if active else state.last_active,
        history=behavior.remembered(history, outcome.wanted, settings.behavior, now),
        failures=failures,
        retry_at=outcome.retry_at,
        ready=state.ready,
    )


def _standing(state: State, reason: Reason, held: int, message: str) -> Decision:
    """A decision that reads nothing: what was known stays known."""
    return Decision(
        replicas=held,
        current=state.current,
        reason=reason,
        message=message,
        active=None,
        last_active=state.last_active,
        history=state.history,
        failures=state.failures,
    )


def _seen(readings: Sequence[Reading], failures: fallback.Failures, settings: Settings) -> Composed:
    if settings.composite is None:
        return Composed(tuple(readings))
    return composed(readings, settings.composite, failures, settings.fallback)


def _votes(
    seen: Composed, failures: fallback.Failures, state: State, settings: Settings
) -> tuple[Vote, ...]:
    return tuple(
        _vote(reading, state, settings, fails=_fails(reading, seen, failures, settings))
        for reading in seen.readings
    )


def _fails(
    reading: Reading, seen: Composed, failures: fallback.Failures, settings: Settings
) -> bool:
    if seen.inputs and not reading.passive:
        return seen.failed
    return fallback.is_due(reading, failures, settings.fallback)


def _vote(reading: Reading, state: State, settings: Settings, *, fails: bool) -> Vote:
    if fails and settings.fallback is not None:
        stand_in = fallback.replicas(settings.fallback, state.current)
        return Vote(reading, stand_in, fallback=True)
    return vote(reading, state, settings.behavior)


def _activity(votes: Sequence[Vote]) -> bool | None:
    """True when some trigger is active, False when all are known not to be, else None.

    Triggers without an opinion count only where nobody else has one: such a workload is at work as
    long as it is measured.
    """
    telling = [vote for vote in votes if not vote.reading.passive]
    if not telling:
        known = [None if vote.wanted is None else True for vote in votes]
    else:
        known = [vote.is_active() for vote in telling]
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
        return _awake(votes, limits, state, settings)
    if active is None:
        return _blind(votes, limits, state)
    if not limits.can_rest:
        wanted, winner, why = _held(votes, state)
        return _Outcome(Reason.INACTIVE, why, wanted, limits.min, winner)
    if state.current <= limits.rest:
        return _Outcome(Reason.REST, _NO_WORK, limits.rest, limits.rest)
    return _cooling(votes, limits, state, settings, now)


_NO_WORK = "every trigger is at or under its activation"


def _awake(votes: tuple[Vote, ...], limits: Limits, state: State, settings: Settings) -> _Outcome:
    wanted, winner, why = _held(votes, state)
    if settings.force and not _activity(votes):
        why = f"{why}; activation is forced"
    blind = any(vote.wanted is None for vote in votes)
    return _Outcome(Reason.PARTIAL if blind else Reason.DEMAND, why, wanted, limits.awake, winner)


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
    wanted, winner, _ = _held(votes, state)
    why = f"{_NO_WORK}; to {limits.rest} at {end:%H:%M:%S} unless work comes"
    return _Outcome(Reason.COOLDOWN, why, wanted, limits.awake, winner, retry_at=end)


def _restrained(
    outcome: _Outcome,
    limits: Limits,
    state: State,
    settings: Settings,
    history: History,
    now: datetime,
) -> tuple[int, str]:
    """The count to ask for, and what kept it from the one wanted."""
    current, resting = state.current, outcome.reason is Reason.REST
    if resting and settings.jump:
        step = behavior.Step(outcome.wanted)
    elif settings.hpa and settings.mode is Mode.AUTO:  # one that only advises has no HPA
        counted = "" if resting or outcome.wanted == current else "the HPA counts"
        step = behavior.Step(outcome.wanted if resting else current, counted)
    else:
        step = behavior.step(
            current, outcome.wanted, settings.behavior, history, now, resting=resting
        )
    asked = min(max(step.replicas, outcome.low), limits.max)
    if settings.keep_in and asked < current:
        return current, "scale-in is paused"
    if settings.keep_out and asked > current:
        return current, "scale-out is paused"
    return asked, step.why if asked == step.replicas else ""


def _held(votes: tuple[Vote, ...], state: State) -> tuple[int, str, str]:
    """As `_largest`, but not below the current count while somebody is silent."""
    wanted, winner, why = _largest(votes)
    if all(vote.wanted is not None for vote in votes):
        return wanted, winner, why
    silence = f"no answer from {_silent(votes)}, so not below {state.current}"
    return max(wanted, state.current), winner, f"{why}; {silence}" if winner else silence


def _largest(votes: tuple[Vote, ...]) -> tuple[int, str, str]:
    """The highest count asked for, by whom, and the sentence; a tie goes to the first name."""
    heard = [(vote.wanted, vote) for vote in votes if vote.wanted is not None]
    if not heard:
        return 0, "", "no trigger answered"
    wanted, won = min(heard, key=lambda pair: (-pair[0], pair[1].reading.trigger))
    return wanted, won.reading.trigger, str(won)


def _silent(votes: tuple[Vote, ...]) -> str:
    return ", ".join(vote.reading.trigger for vote in votes if vote.wanted is None) or "any trigger"
