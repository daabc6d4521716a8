"""Counts from cpu and memory, as tables that can be redone by hand.

That they are the HPA's is held by tests/eventscaler/test_real_hpa.py.
"""

from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventscaler.core import resources
from eventscaler.core.behavior import Behavior
from eventscaler.core.model import MetricType, Reading, State
from eventscaler.core.replicas import vote
from kube.values.usage import PodUsage
from tests.eventscaler.core.strategies import NOON

REQUEST = 100


def usage(*used: int, unready: int = 0, missing: int = 0) -> PodUsage:
    """Pods that each request `REQUEST`."""
    return PodUsage(
        ready=tuple((each, REQUEST) for each in used),
        unready=(REQUEST,) * unready,
        missing=(REQUEST,) * missing,
    )


def wanted(
    pods: PodUsage, target: float, current: int, kind: MetricType = MetricType.UTILIZATION
) -> int | None:
    reading = Reading(
        trigger="cpu", value=1, target=target, metric_type=kind, usage=pods, passive=True
    )
    return vote(reading, State(current=current, created=NOON), Behavior()).wanted


def test_the_examples_hold() -> None:
    assert doctest.testmod(resources).failed == 0


@pytest.mark.parametrize(
    ("pods", "current", "expected"),
    [
        pytest.param(usage(90, 90), 2, 4, id="ninety of fifty"),
        pytest.param(usage(55, 55), 2, 2, id="10 % above is near enough"),
        pytest.param(usage(56, 56), 2, 3, id="more is not"),
        pytest.param(usage(56, 55), 2, 2, id="a fraction of a per cent is dropped"),
        pytest.param(usage(10, 10, 10, 10), 4, 1, id="a fifth of the target"),
        pytest.param(usage(0, 0), 2, 0, id="idle"),
        pytest.param(usage(90, unready=1), 2, 2, id="up: one that starts counts as idle"),
        pytest.param(usage(130, unready=1), 2, 3, id="up: enough in spite of that"),
        pytest.param(usage(10, unready=3), 4, 1, id="down: those that start are no matter"),
        pytest.param(usage(130, missing=1), 2, 3, id="up: an unknown one counts as idle"),
        pytest.param(usage(75, missing=1), 2, 2, id="up, but on the whole below: no change"),
        pytest.param(usage(10, 10, 10, missing=1), 4, 3, id="down: an unknown one is fully used"),
        pytest.param(usage(40, missing=1), 2, 2, id="down, but on the whole above: no change"),
        pytest.param(usage(50, missing=1), 2, 2, id="on target is on target"),
        pytest.param(usage(75, 75), 10, 10, id="above the target never lowers"),
        pytest.param(usage(40, 40, 40), 2, 2, id="below the target never raises"),
        pytest.param(usage(), 3, 3, id="no pods yet: no opinion"),
        pytest.param(usage(90), 0, 0, id="nothing is asked for at zero"),
    ],
)
def test_utilization_of_fifty(pods: PodUsage, current: int, expected: int) -> None:
    assert wanted(pods, 50, current) == expected


def test_unknown_pods_use_the_target_where_it_is_above_their_request() -> None:
    """On the way down, at 200 %: 100 of 200 known, the other taken as 200."""
    assert wanted(usage(100, missing=1), 200, 2) == 2
    assert wanted(usage(60, 60, 60, missing=1), 200, 4) == 2


@pytest.mark.parametrize(
    ("pods", "current", "expected"),
    [
        pytest.param(usage(90, 90), 2, 4, id="ninety of fifty"),
        pytest.param(usage(10, 10, missing=1), 3, 2, id="down: an unknown one is on target"),
        pytest.param(usage(130, unready=1, missing=1), 3, 3, id="up: both count as idle"),
        pytest.param(usage(200, unready=1, missing=1), 3, 4, id="up: in spite of both"),
    ],
)
def test_average_of_fifty_thousandths(pods: PodUsage, current: int, expected: int) -> None:
    assert wanted(pods, 0.05, current, MetricType.AVERAGE_VALUE) == expected


@given(
    st.lists(st.integers(0, 10_000), min_size=1, max_size=8),
    st.integers(0, 4),
    st.integers(0, 4),
    st.integers(1, 300),
    st.integers(1, 20),
    st.sampled_from([MetricType.UTILIZATION, MetricType.AVERAGE_VALUE]),
)
def test_no_move_goes_against_what_is_measured(
    used: list[int], unready: int, missing: int, target: int, current: int, kind: MetricType
) -> None:
    per_cent = kind is MetricType.UTILIZATION
    found = wanted(
        usage(*used, unready=unready, missing=missing),
        target if per_cent else target / 1000,
        current,
        kind,
    )
    assert found is not None
    level = sum(used) // len(used)  # the request is a hundred, so per cent are thousandths
    if level >= target:
        assert found >= current
    if level <= target:
        assert found <= current
