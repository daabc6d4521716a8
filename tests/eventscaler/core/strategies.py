"""Hypothesis strategies for the values of a decision."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from eventscaler.core.behavior import FREE, Behavior, Policy, Rules, Select, Unit
from eventscaler.core.history import History
from eventscaler.core.model import Limits, MetricType, Reading, Settings, State

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)

AMOUNTS = st.one_of(
    st.integers(0, 2_000).map(float),
    st.floats(0, 1e6, allow_nan=False, allow_infinity=False),
)
TARGETS = st.one_of(
    st.integers(1, 200).map(float), st.floats(0.001, 1e4, allow_nan=False, allow_infinity=False)
)


@st.composite
def limits(draw: st.DrawFn) -> Limits:
    """Any that the decoder lets through: idle < min <= max, max at least 1."""
    high = draw(st.integers(1, 60))
    low = draw(st.integers(0, high))
    idle = draw(st.none() | st.integers(0, low - 1)) if low else None
    return Limits(low, high, idle)


SOMETIMES_BLIND = st.none() | AMOUNTS


def readings(
    values: st.SearchStrategy[float | None] = SOMETIMES_BLIND,
) -> st.SearchStrategy[list[Reading]]:
    """One to four triggers; by default some are blind."""
    one = st.builds(
        Reading,
        trigger=st.sampled_from(["a", "b", "c"]),
        value=values,
        target=TARGETS,
        metric_type=st.sampled_from(MetricType),
        activation=st.sampled_from([0.0, 5.0, 100.0]),
        error=st.just("no route to host"),
        metric=st.sampled_from(["s0-a", "s1-b"]),
        passive=st.sampled_from([False, False, True]),
    )
    return st.lists(one, min_size=1, max_size=4)


SECONDS = st.integers(0, 600).map(lambda s: timedelta(seconds=s))


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Some wishes and moves of the last minutes, oldest first."""
    ages = sorted(draw(st.lists(SECONDS, max_size=5)), reverse=True)
    wished = tuple((NOON - age, draw(st.integers(0, 80))) for age in ages)
    moves = tuple((NOON - age, draw(st.integers(-9, 9))) for age in ages)
    return History(wished, moves)


def _rules(select: st.SearchStrategy[Select]) -> st.SearchStrategy[Rules]:
    policy = st.builds(
        Policy,
        unit=st.sampled_from(Unit),
        value=st.integers(1, 200),
        period=st.integers(1, 300).map(lambda s: timedelta(seconds=s)),
    )
    return st.builds(
        Rules,
        tolerance=st.sampled_from([0.0, 0.1, 0.5]),
        window=st.none() | SECONDS,
        policies=st.lists(policy, max_size=3).map(tuple),
        select=select,
    )


BEHAVIORS = st.builds(
    Behavior, up=_rules(st.sampled_from(Select)), down=_rules(st.sampled_from(Select))
)


@st.composite
def states(draw: st.DrawFn, top: int = 80) -> State:
    ago = st.integers(0, 1000).map(lambda s: NOON - timedelta(seconds=s))
    current = draw(st.integers(0, top))
    return State(
        current=current,
        created=draw(ago),
        ready=draw(st.none() | st.integers(0, top)),
        last_active=draw(st.none() | ago),
        history=draw(histories()),
    )


SETTINGS = st.builds(
    Settings,
    cooldown=st.sampled_from([timedelta(0), timedelta(seconds=300)]),
    initial_cooldown=st.sampled_from([timedelta(0), timedelta(seconds=60)]),
    behavior=st.just(FREE) | BEHAVIORS,
    force=st.booleans(),
    jump=st.booleans(),
    hpa=st.booleans(),
)
