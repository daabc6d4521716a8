"""Windows and policies: each rule by hand, then the laws of a step."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventscaler.core.behavior import (
    FREE,
    UP_POLICIES,
    Behavior,
    Policy,
    Rules,
    Select,
    Step,
    Unit,
    begun,
    remembered,
    step,
)
from eventscaler.core.history import History
from tests.eventscaler.core.strategies import BEHAVIORS, NOON, histories

COUNTS = st.integers(0, 80)


def seconds(amount: float) -> timedelta:
    return timedelta(seconds=amount)


def wanted(*wishes: tuple[float, int]) -> History:
    """Wishes as seconds ago and count, the oldest first."""
    return History(tuple((NOON - seconds(ago), count) for ago, count in wishes))


def moved(*moves: tuple[float, int]) -> History:
    return History((), tuple((NOON - seconds(ago), change) for ago, change in moves))


def pods(value: int, period_s: float = 60) -> Policy:
    return Policy(Unit.PODS, value, seconds(period_s))


def percent(value: int, period_s: float = 60) -> Policy:
    return Policy(Unit.PERCENT, value, seconds(period_s))


def up(*policies: Policy, window_s: float = 0, select: Select = Select.MAX) -> Behavior:
    return replace(FREE, up=Rules(window=seconds(window_s), policies=policies, select=select))


def down(*policies: Policy, window_s: float = 0, select: Select = Select.MAX) -> Behavior:
    return replace(FREE, down=Rules(window=seconds(window_s), policies=policies, select=select))


@pytest.mark.parametrize(
    ("current", "asks", "behavior", "history", "expected"),
    [
        pytest.param(5, 2, Behavior(), wanted((299, 4)), 4, id="300 s are the default window"),
        pytest.param(5, 2, Behavior(), wanted((300, 4)), 2, id="and not more"),
        pytest.param(5, 2, down(window_s=60), wanted((59, 9)), 5, id="a window never raises"),
        pytest.param(5, 2, down(window_s=60), wanted((30, 3), (10, 4)), 4, id="its largest"),
        pytest.param(5, 9, down(window_s=60), wanted((30, 1)), 9, id="a rise has its own window"),
        pytest.param(5, 9, up(window_s=60), wanted((30, 7)), 7, id="its smallest"),
        pytest.param(5, 9, up(window_s=60), wanted((30, 2)), 5, id="never lowers"),
        pytest.param(5, 9, up(window_s=60), wanted((60, 2)), 9, id="past the window"),
        pytest.param(5, 50, up(pods(4)), History(), 9, id="so many pods"),
        pytest.param(5, 50, up(percent(100)), History(), 10, id="so many percent"),
        pytest.param(5, 50, up(percent(10)), History(), 6, id="percent rounds up"),
        pytest.param(20, 50, up(percent(10)), History(), 22, id="without float noise: not 23"),
        pytest.param(5, 50, up(pods(4), percent(10)), History(), 9, id="the kindest"),
        pytest.param(
            5, 50, up(pods(4), percent(10), select=Select.MIN), History(), 6, id="the strictest"
        ),
        pytest.param(5, 6, up(pods(4)), History(), 6, id="no further than wanted"),
        pytest.param(9, 50, up(pods(4)), moved((59, 4)), 9, id="the period's moves count"),
        pytest.param(9, 50, up(pods(4)), moved((60, 4)), 13, id="those before do not"),
        pytest.param(9, 50, up(pods(4)), moved((59, 3)), 10, id="what is left of them"),
        pytest.param(3, 50, up(pods(4)), moved((59, -5)), 12, id="falls give room back"),
        pytest.param(0, 50, up(percent(100)), History(), 1, id="percent of nothing is one"),
        pytest.param(0, 50, up(*UP_POLICIES), History(), 4, id="the HPA's own, from zero"),
        pytest.param(9, 0, down(pods(2)), History(), 7, id="down by pods"),
        pytest.param(9, 0, down(percent(50)), History(), 4, id="down by percent, rounded down"),
        pytest.param(9, 0, down(pods(2), percent(50)), History(), 4, id="down, the kindest"),
        pytest.param(
            9, 0, down(pods(2), percent(50), select=Select.MIN), History(), 7, id="down, strictest"
        ),
        pytest.param(7, 0, down(pods(2)), moved((10, -2)), 7, id="down, moves count"),
        pytest.param(7, 0, down(pods(2)), moved((10, -3)), 7, id="never up to make good for it"),
        pytest.param(5, 9, up(select=Select.DISABLED), History(), 5, id="up is disabled"),
        pytest.param(5, 1, down(select=Select.DISABLED), History(), 5, id="down is disabled"),
    ],
)
def test_steps(
    current: int, asks: int, behavior: Behavior, history: History, expected: int
) -> None:
    assert step(current, asks, behavior, history, NOON).replicas == expected


@pytest.mark.parametrize(
    ("behavior", "expected"),
    [
        pytest.param(Behavior(), 0, id="the cooldown was the window"),
        pytest.param(down(window_s=60), 5, id="unless the manifest sets one"),
        pytest.param(down(pods(1)), 4, id="policies hold to the end"),
        pytest.param(down(select=Select.DISABLED), 5, id="a closed direction too"),
    ],
)
def test_the_way_to_rest(behavior: Behavior, expected: int) -> None:
    made = step(5, 0, behavior, wanted((30, 7)), NOON, resting=True)

    assert made.replicas == expected


@pytest.mark.parametrize(
    ("made", "why"),
    [
        pytest.param(step(5, 2, Behavior(), wanted((9, 4)), NOON), "scaleDown window holds 4"),
        pytest.param(step(5, 9, up(window_s=60), wanted((9, 7)), NOON), "scaleUp window holds 7"),
        pytest.param(step(5, 9, up(pods(1)), History(), NOON), "scaleUp policies allow 6 for now"),
        pytest.param(
            step(5, 9, up(select=Select.DISABLED), History(), NOON), "scaleUp is disabled"
        ),
        pytest.param(step(5, 9, FREE, History(), NOON), ""),
    ],
)
def test_a_step_says_what_held_it(made: Step, why: str) -> None:
    assert made.why == why


@given(COUNTS, COUNTS, BEHAVIORS, histories(), st.booleans())
def test_a_step_is_between_here_and_there(
    current: int, asks: int, behavior: Behavior, history: History, resting: bool
) -> None:
    made = step(current, asks, behavior, history, NOON, resting=resting).replicas

    assert min(current, asks) <= made <= max(current, asks)


@given(COUNTS, COUNTS, COUNTS, BEHAVIORS, histories())
def test_wanting_more_never_gives_less(
    current: int, one: int, other: int, behavior: Behavior, history: History
) -> None:
    less, more = sorted((one, other))
    lower = step(current, less, behavior, history, NOON).replicas

    assert lower <= step(current, more, behavior, history, NOON).replicas


@given(st.lists(st.tuples(st.integers(0, 40), COUNTS), max_size=40), COUNTS, COUNTS, BEHAVIORS)
def test_what_is_forgotten_changes_no_step(
    samples: list[tuple[int, int]], current: int, asks: int, behavior: Behavior
) -> None:
    """A pruned history answers as the full one does."""
    full = pruned = begun(History(), current, NOON)
    now = NOON
    for waited, wish in samples:
        now += seconds(waited)
        full = full.wanting(wish, now)
        pruned = remembered(pruned, wish, behavior, now)
    short = step(current, asks, behavior, pruned, now)

    assert short == step(current, asks, behavior, full, now)
    assert len(pruned.recommendations) <= len({wish for _, wish in samples} | {current})


@given(histories(), COUNTS, COUNTS, BEHAVIORS, st.integers(0, 900))
def test_a_clock_set_back_lets_nothing_go_early(
    history: History, current: int, asks: int, behavior: Behavior, back_s: int
) -> None:
    """What a window held before the clock was set back, it holds after it."""
    then = NOON - seconds(back_s)
    behavior = replace(behavior, down=replace(behavior.down, policies=(), select=Select.MAX))
    before = step(current, asks, behavior, history, NOON).replicas
    after = step(current, asks, behavior, begun(history, current, then), then).replicas

    assert after >= before or asks >= current


def test_the_first_decision_holds_what_there_is() -> None:
    history = begun(History(), 8, NOON)

    assert step(8, 2, Behavior(), history, NOON).replicas == 8
    assert step(8, 2, Behavior(), history, NOON + seconds(300)).replicas == 2
