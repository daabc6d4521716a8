"""The HPA's arithmetic, as a table that can be redone by hand."""

from __future__ import annotations

from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventscaler.core.behavior import Behavior
from eventscaler.core.model import MetricType, Reading, State
from eventscaler.core.replicas import vote
from tests.eventscaler.core.strategies import NOON, TARGETS


def wanted(
    value: float | None,
    target: float,
    current: int,
    metric_type: MetricType = MetricType.AVERAGE_VALUE,
    ready: int | None = None,
) -> int | None:
    reading = Reading(trigger="q", value=value, target=target, metric_type=metric_type)
    return vote(reading, State(current=current, created=NOON, ready=ready), Behavior()).wanted


@pytest.mark.parametrize(
    ("value", "target", "current", "expected"),
    [
        pytest.param(0, 10, 4, 0, id="nothing to do"),
        pytest.param(1, 10, 4, 1, id="one message is one replica"),
        pytest.param(81, 10, 4, 9, id="rounded up"),
        pytest.param(80, 10, 4, 8, id="exact"),
        pytest.param(44, 10, 4, 4, id="10 % above is near enough"),
        pytest.param(44.1, 10, 4, 5, id="more than 10 % above is not"),
        pytest.param(36, 10, 4, 4, id="10 % below is near enough"),
        pytest.param(35, 10, 4, 4, id="below that it is rounded up anyway"),
        pytest.param(89, 10, 10, 9, id="more than 10 % below"),
        pytest.param(5, 10, 0, 1, id="no tolerance at zero"),
        pytest.param(0.3, 0.1, 1, 3, id="no float noise: 0.3 at 0.1 is 3"),
        pytest.param(0.3, 0.0001, 1, 300, id="a target below a thousandth counts as one"),
    ],
)
def test_average_value(value: float, target: float, current: int, expected: int) -> None:
    assert wanted(value, target, current) == expected


@pytest.mark.parametrize(
    ("value", "target", "current", "ready", "expected"),
    [
        pytest.param(200, 100, 4, None, 8, id="twice the target, twice the replicas"),
        pytest.param(200, 100, 4, 3, 6, id="only ready pods are multiplied"),
        pytest.param(110, 100, 4, None, 4, id="10 % above is near enough"),
        pytest.param(120, 100, 10, 2, 10, id="above target never lowers"),
        pytest.param(80, 100, 3, 5, 3, id="below target never raises"),
        pytest.param(50, 100, 4, 0, 4, id="with none ready the ratio says nothing"),
        pytest.param(0, 100, 4, 0, 0, id="but nothing to do is nothing to do"),
        pytest.param(250, 100, 0, None, 3, id="from zero as if from one"),
    ],
)
def test_value(value: float, target: float, current: int, ready: int | None, expected: int) -> None:
    assert wanted(value, target, current, MetricType.VALUE, ready) == expected


def test_a_missing_value_asks_for_nothing() -> None:
    assert wanted(None, 10, 4) is None


@given(st.integers(0, 10_000), st.integers(1, 500), st.integers(0, 100))
def test_average_value_is_near_the_exact_quotient(value: int, target: int, current: int) -> None:
    """Either the exact ceiling, or the current count when that is within 10 % of it."""
    exact = ceil(value / target)
    got = wanted(value, target, current)

    assert got == exact or (got == current and abs(value / target - current) <= 0.1001 * current)


@given(st.floats(0, 1e6), st.floats(0, 1e6), TARGETS, st.integers(0, 80), st.integers(0, 80))
def test_more_load_never_asks_for_less(
    one: float, other: float, target: float, current: int, ready: int
) -> None:
    low, high = sorted((one, other))
    for metric_type in MetricType:
        less = wanted(low, target, current, metric_type, ready)
        more = wanted(high, target, current, metric_type, ready)

        assert less is not None
        assert more is not None
        assert less <= more
