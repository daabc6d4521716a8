"""Conditions of a status: what is so, why, and since when.

Pure. Source:
https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md#typical-status-properties
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce
from typing import Literal

from kube.values import times

Truth = Literal["True", "False", "Unknown"]
Wire = dict[str, str | int]
TRUTHS: Mapping[str, Truth] = {"True": "True", "False": "False", "Unknown": "Unknown"}


@dataclass(frozen=True, slots=True)
class Condition:
    """One statement about an object; `since` is when its status last changed."""

    type: str
    status: Truth
    reason: str = ""
    message: str = ""
    since: datetime | None = None
    observed_generation: int | None = None

    @property
    def is_true(self) -> bool:
        return self.status == "True"


def with_condition(old: Iterable[Condition], new: Condition) -> tuple[Condition, ...]:
    """Put *new* in its place among *old*; the old time stays when the status did not change.

    >>> noon = times.parse("2024-05-01T12:00:00Z")
    >>> was = Condition("Ready", "True", "Up", since=noon)
    >>> now = Condition("Ready", "True", "StillUp", since=times.parse("2024-05-02T12:00:00Z"))
    >>> with_condition([was], now)[0].since == noon
    True
    """
    kept = tuple(old)
    was = find(kept, new.type)
    if was is None:
        return (*kept, new)
    if was.status == new.status and was.since is not None:
        if _says(was) == _says(new):
            return kept
        new = replace(new, since=was.since)
    return tuple(new if each.type == new.type else each for each in kept)


def with_conditions(old: Iterable[Condition], made: Iterable[Condition]) -> tuple[Condition, ...]:
    """Put each of *made* in its place."""
    return reduce(with_condition, made, tuple(old))


def _says(condition: Condition) -> tuple[str, str, int | None]:
    return (condition.reason, condition.message, condition.observed_generation)


def find(conditions: Iterable[Condition], type_: str) -> Condition | None:
    return next((each for each in conditions if each.type == type_), None)


def is_true(conditions: Iterable[Condition], type_: str) -> bool:
    found = find(conditions, type_)
    return found is not None and found.is_true


def read(items: Iterable[Mapping[str, object]]) -> tuple[Condition, ...]:
    """Read `status.conditions`; a status other than True and False is Unknown, an odd time none.

    >>> read([{"type": "Ready", "status": "maybe", "lastTransitionTime": "noon"}])[0].status
    'Unknown'
    """
    return tuple(_read(item) for item in items)


def write(conditions: Iterable[Condition]) -> list[Wire]:
    """Write `status.conditions`; what is empty is left out, but for the message.

    >>> write([Condition("Ready", "True", "Up")])
    [{'type': 'Ready', 'status': 'True', 'reason': 'Up', 'message': ''}]
    """
    return [_write(condition) for condition in conditions]


def _read(item: Mapping[str, object]) -> Condition:
    generation = item.get("observedGeneration")
    return Condition(
        type=str(item.get("type", "")),
        status=TRUTHS.get(str(item.get("status")), "Unknown"),
        reason=str(item.get("reason") or ""),
        message=str(item.get("message") or ""),
        since=_time(item.get("lastTransitionTime")),
        observed_generation=generation if isinstance(generation, int) else None,
    )


def _time(found: object) -> datetime | None:
    try:
        return times.parse(str(found))
    except ValueError:
        return None


def _write(condition: Condition) -> Wire:
    wire: Wire = {"type": condition.type, "status": condition.status}
    if condition.since is not None:
        wire["lastTransitionTime"] = times.seconds(condition.since)
    if condition.reason:
        wire["reason"] = condition.reason
    wire["message"] = condition.message
    if condition.observed_generation is not None:
        wire["observedGeneration"] = condition.observed_generation
    return wire
