"""The five behaviours of `fallback`, counted per sample."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eventscaler.core.behavior import FREE
from eventscaler.core.decide import decide
from eventscaler.core.model import (
    Decision,
    Fallback,
    FallbackBehavior,
    Limits,
    Reading,
    Reason,
    Settings,
    State,
)
from tests.eventscaler.core.strategies import NOON

BLIND = Reading(trigger="q", metric="s0-q", value=None, target=10, error="refused")
BUSY = Reading(trigger="m", metric="s1-m", value=70, target=10)
CALM = replace(BUSY, value=0)
CPU = Reading(trigger="cpu", metric="s2-cpu", value=None, target=50, passive=True, error="none")


def after(
    failures: int,
    *readings: Reading,
    current: int = 4,
    replicas: int = 6,
    behavior: FallbackBehavior = FallbackBehavior.STATIC,
) -> Decision:
    """The decision when s0-q has failed so often before this sample, the threshold being 3."""
    settings = Settings(behavior=FREE, fallback=Fallback(3, replicas, behavior))
    state = State(current=current, created=NOON, failures={"s0-q": failures})
    return decide(readings or (BLIND,), Limits(0, 50), state, settings, NOON)


def test_up_to_the_threshold_the_count_is_held() -> None:
    made = after(2)

    assert (made.replicas, made.reason, made.fallbacks) == (4, Reason.BLIND, ())
    assert made.failures == {"s0-q": 3}


def test_above_it_the_fallback_speaks() -> None:
    made = after(3)

    assert (made.replicas, made.reason, made.fallbacks) == (6, Reason.DEMAND, ("q",))
    assert made.message == "q: no answer, fallback to 6"
    assert made.errors == ("trigger 'q': refused",)


def test_a_count_of_failures_does_not_grow_for_ever() -> None:
    assert after(4).failures == {"s0-q": 4}


def test_a_reading_ends_the_count() -> None:
    assert after(4, replace(BLIND, value=1, error="")).failures == {"s0-q": 0}


@pytest.mark.parametrize(
    ("behavior", "current", "expected"),
    [
        (FallbackBehavior.STATIC, 9, 6),
        (FallbackBehavior.CURRENT, 9, 9),
        (FallbackBehavior.CURRENT, 2, 2),
        (FallbackBehavior.CURRENT_IF_HIGHER, 9, 9),
        (FallbackBehavior.CURRENT_IF_HIGHER, 2, 6),
        (FallbackBehavior.CURRENT_IF_LOWER, 9, 6),
        (FallbackBehavior.CURRENT_IF_LOWER, 2, 2),
    ],
)
def test_behaviors(behavior: FallbackBehavior, current: int, expected: int) -> None:
    assert after(3, current=current, behavior=behavior).replicas == expected


def test_other_triggers_still_vote() -> None:
    assert after(3, BLIND, BUSY).replicas == 7
    assert after(3, BLIND, CALM).replicas == 6


def test_a_fallback_wakes_what_rests() -> None:
    assert after(3, current=0).replicas == 6


def test_a_fallback_of_nothing_is_no_work() -> None:
    made = after(3, replicas=0)

    assert (made.active, made.reason, made.replicas) == (False, Reason.REST, 0)


def test_cpu_and_memory_have_no_fallback() -> None:
    made = after(3, CPU, BUSY)

    assert made.failures == {"s1-m": 0}
    assert (made.reason, made.fallbacks) == (Reason.PARTIAL, ())


def test_without_a_fallback_nothing_is_counted() -> None:
    state = State(current=4, created=NOON, failures={"s0-q": 9})

    assert decide([BLIND], Limits(0, 50), state, Settings(), NOON).failures == {}
