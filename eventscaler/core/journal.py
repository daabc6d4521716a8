"""The last decisions of an object, kept with their inputs, so that "why?" has an answer.

Decisions that ask for the same by the same rule are one *entry*: it keeps the newest inputs, when
it began, and how often it was made. So ten entries reach back over ten turns of events, not over
ten samples.

Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from eventscaler.core.model import Decision, Reading
from kube.values import times

KEPT = 10

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Input:
    """What one trigger said."""

    name: str
    value: float | None
    target: float
    metric_type: str
    active: bool | None
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One decision, made *times* times from *since* to *until*.

    Attributes:
        message: the newest one's.
        written: whether the scale was set.
        refused: what the API said no with.
    """

    since: datetime
    until: datetime
    times: int
    current: int
    replicas: int
    rule: str
    message: str
    winner: str
    inputs: tuple[Input, ...]
    written: bool = False
    refused: str = ""

    def json(self) -> Json:
        """As the operator and `tandem explain --json` give it."""
        return {
            "since": times.seconds(self.since),
            "until": times.seconds(self.until),
            "times": self.times,
            **self.brief(),
            "triggers": [_input(each) for each in self.inputs],
        }

    def brief(self) -> Json:
        """What was decided, without the inputs."""
        return {
            "currentReplicas": self.current,
            "desiredReplicas": self.replicas,
            "rule": self.rule,
            "message": self.message,
            "winner": self.winner or None,
            "written": self.written,
            "refused": self.refused or None,
        }


def _input(each: Input) -> Json:
    return {
        "name": each.name,
        "value": each.value,
        "target": each.target,
        "metricType": each.metric_type,
        "active": each.active,
        "error": each.error or None,
    }


@dataclass(frozen=True, slots=True)
class Journal:
    """The last entries, oldest first."""

    entries: tuple[Entry, ...] = ()

    def noted(self, made: Entry) -> Journal:
        """With *made*, which joins the last entry when it asks for the same."""
        if self.entries and _same(self.entries[-1], made):
            last = self.entries[-1]
            joined = replace(made, since=last.since, times=last.times + 1)
            return Journal((*self.entries[:-1], joined))
        return Journal((*self.entries, made)[-KEPT:])


def _same(one: Entry, other: Entry) -> bool:
    return _essence(one) == _essence(other)


def _essence(entry: Entry) -> tuple[object, ...]:
    return (entry.current, entry.replicas, entry.rule, entry.winner, entry.written, entry.refused)


def entry(decision: Decision, now: datetime, *, written: bool = False, refused: str = "") -> Entry:
    """What is kept of *decision*."""
    return Entry(
        since=now,
        until=now,
        times=1,
        current=decision.current,
        replicas=decision.replicas,
        rule=decision.reason.value,
        message=decision.message,
        winner=decision.winner,
        inputs=tuple(said(reading) for reading in decision.readings),
        written=written,
        refused=refused,
    )


def said(reading: Reading) -> Input:
    """What is kept of a reading."""
    return Input(
        name=reading.trigger,
        value=reading.value,
        target=reading.target,
        metric_type=reading.metric_type.value,
        active=reading.is_active(),
        error=reading.error,
    )


def last_decision(was: Mapping[str, object] | None, made: Entry) -> Mapping[str, object]:
    """`status.lastDecision` after *made*: written anew when another count, rule or outcome came.

    Samples that hold what there is leave it alone, so that it says when the last turn was.
    """
    outcome = (made.rule, made.replicas, made.refused or None)
    if was and not made.written and _outcome(was) == outcome:
        return was
    told = {"time": times.seconds(made.since)} | made.brief()
    return _known(told | {"triggers": [_known(_input(each)) for each in made.inputs]})


def _outcome(said: Mapping[str, object]) -> tuple[object, ...]:
    return (said.get("rule"), said.get("desiredReplicas"), said.get("refused"))


def _known(body: Json) -> Json:
    """*body* without what is not known: a status has no nulls."""
    return {key: value for key, value in body.items() if value is not None}
