"""Backoff: never too long, never shorter for more failures."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kube.values.backoff import Backoff

RULES = st.builds(
    Backoff,
    first_s=st.floats(0.001, 10),
    factor=st.floats(1, 10),
    ceiling_s=st.floats(10, 1000),
    spread=st.floats(0, 1),
)
JITTER = st.floats(0, 1, exclude_max=True)


@given(RULES, st.integers(1, 10**6), JITTER)
def test_waits_lie_between_zero_and_the_ceiling(rule: Backoff, n: int, jitter: float) -> None:
    assert 0 <= rule.after(n, jitter) <= rule.ceiling_s


@given(RULES, st.integers(0, 1000), JITTER)
def test_more_failures_never_wait_less(rule: Backoff, n: int, jitter: float) -> None:
    assert rule.after(n, jitter) <= rule.after(n + 1, jitter)


@given(RULES, st.integers(1, 1000), JITTER)
def test_jitter_takes_away_at_most_the_spread(rule: Backoff, n: int, jitter: float) -> None:
    assert rule.after(n, jitter) >= rule.after(n) * (1 - rule.spread)


def test_no_failure_no_wait() -> None:
    assert Backoff().after(0) == 0.0
    assert Backoff().after(-1) == 0.0
