"""The step between the count that is wanted and the count that is asked for.

HPA v2, with exact percentages:

    windows    a fall goes no lower than what was wanted at any time in the last
               scaleDown.stabilizationWindowSeconds (300 unless set), a rise no higher than what was
               wanted all through the last scaleUp.stabilizationWindowSeconds (0 unless set)
    policies   a direction moves at most so many replicas, or percent of what there was, in a
               period; of several the kindest counts (Max), or the strictest (Min)
    Disabled   a direction is closed

It covers 0..N, the last step to rest too: there the cooldown is the window unless the manifest
sets one. Without policies a direction is free; the HPA's own default for scaleUp, at most doubling
each 15 s, is taken only where `scaleUp` is written. Limits are not its business: `decide` applies
them after it.

Pure. Source:
https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#configurable-scaling-behavior
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from eventscaler.core.history import History

DOWN_WINDOW = timedelta(seconds=300)
NO_TIME = timedelta(0)
FIRST_STEP = 1  # a policy of so much percent of nothing must not keep a workload at zero


class Unit(StrEnum):
    PODS = "Pods"
    PERCENT = "Percent"  # of the count at the beginning of the period


class Select(StrEnum):
    MAX = "Max"
    MIN = "Min"
    DISABLED = "Disabled"


@dataclass(frozen=True, slots=True)
class Policy:
    unit: Unit
    value: int
    period: timedelta


@dataclass(frozen=True, slots=True)
class Rules:
    """One direction.

    Attributes:
        window: None when the manifest sets none.
        policies: none for no bound on the pace.
    """

    tolerance: float = 0.1
    window: timedelta | None = None
    policies: tuple[Policy, ...] = ()
    select: Select = Select.MAX


# What the HPA takes where a manifest writes a direction without policies.
UP_POLICIES = (
    Policy(Unit.PODS, 4, timedelta(seconds=15)),
    Policy(Unit.PERCENT, 100, timedelta(seconds=15)),
)


@dataclass(frozen=True, slots=True)
class Behavior:
    """How fast the count may move."""

    up: Rules = field(default_factory=Rules)
    down: Rules = field(default_factory=Rules)

    @property
    def up_window(self) -> timedelta:
        return NO_TIME if self.up.window is None else self.up.window

    @property
    def down_window(self) -> timedelta:
        return DOWN_WINDOW if self.down.window is None else self.down.window


@dataclass(frozen=True, slots=True)
class Step:
    """The count to ask for, and what kept it from the one wanted; "" when nothing did."""

    replicas: int
    why: str = ""


FREE = Behavior(down=Rules(window=NO_TIME))


def step(
    current: int,
    wanted: int,
    behavior: Behavior,
    history: History,
    now: datetime,
    *,
    resting: bool = False,
) -> Step:
    """The count to ask for on the way from *current* to *wanted*.

    *history* is from before *wanted* is written into it; *resting* says that this is the way to
    rest, for which the cooldown has been the window.

    >>> from datetime import UTC
    >>> noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    >>> step(3, 9, FREE, History(), noon), step(3, 0, FREE, History(), noon)
    (Step(replicas=9, why=''), Step(replicas=0, why=''))
    >>> slow = Behavior(down=Rules(policies=(Policy(Unit.PODS, 1, timedelta(minutes=1)),)))
    >>> step(3, 0, slow, History(), noon, resting=True)
    Step(replicas=2, why='scaleDown policies allow 2 for now')
    """
    lasting = (behavior.down.window or NO_TIME) if resting else behavior.down_window
    lowest = min(wanted, history.lowest(now, behavior.up_window, wanted))
    highest = max(wanted, history.highest(now, lasting))
    settled = min(max(current, lowest), highest)
    paced = _paced(current, settled, behavior, history, now)
    direction = "scaleUp" if wanted > current else "scaleDown"
    if paced != settled:
        closed = (behavior.up if settled > current else behavior.down).select is Select.DISABLED
        why = "is disabled" if closed else f"policies allow {paced} for now"
        return Step(paced, f"{direction} {why}")
    if settled != wanted:
        return Step(settled, f"{direction} window holds {settled}")
    return Step(settled)


def begun(history: History, current: int, now: datetime) -> History:
    """*history*, fit for a decision now; one that is empty begins with the *current* count.

    So the first decision after a start holds a count for its window, as the HPA does.
    """
    history = history.not_after(now)
    return history if history.recommendations else history.wanting(current, now)


def remembered(history: History, wanted: int, behavior: Behavior, now: datetime) -> History:
    """*history* with what was wanted now, and without what nobody will ask for again."""
    policies = (*behavior.up.policies, *behavior.down.policies)
    longest = max((policy.period for policy in policies), default=NO_TIME)
    kept = history.wanting(wanted, now)
    return kept.pruned(now, behavior.up_window, behavior.down_window, longest)


def _paced(current: int, wanted: int, behavior: Behavior, history: History, now: datetime) -> int:
    if wanted > current:
        return min(wanted, max(current, _ceiling(current, behavior.up, history, now)))
    if wanted < current:
        return max(wanted, min(current, _floor(current, behavior.down, history, now)))
    return wanted


def _ceiling(current: int, rules: Rules, history: History, now: datetime) -> int:
    """The highest count that the policies of scaleUp allow."""
    if rules.select is Select.DISABLED:
        return current
    bounds = [
        _raised(_before(current, history, now, policy.period), policy) for policy in rules.policies
    ]
    strict = rules.select is Select.MIN
    return (min(bounds) if strict else max(bounds)) if bounds else UNBOUNDED


def _floor(current: int, rules: Rules, history: History, now: datetime) -> int:
    """The lowest count that the policies of scaleDown allow."""
    if rules.select is Select.DISABLED:
        return current
    bounds = [
        _lowered(_before(current, history, now, policy.period), policy) for policy in rules.policies
    ]
    strict = rules.select is Select.MIN
    return (max(bounds) if strict else min(bounds)) if bounds else 0


UNBOUNDED = 2**31 - 1


def _before(current: int, history: History, now: datetime, period: timedelta) -> int:
    """The count that the period began with, as far as it was changed here."""
    return current - history.risen(now, period) + history.fallen(now, period)


def _raised(before: int, policy: Policy) -> int:
    if policy.unit is Unit.PODS:
        return before + policy.value
    return max(FIRST_STEP, -(-before * (100 + policy.value) // 100))


def _lowered(before: int, policy: Policy) -> int:
    if policy.unit is Unit.PODS:
        return before - policy.value
    return before * (100 - policy.value) // 100
