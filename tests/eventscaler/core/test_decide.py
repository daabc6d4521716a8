"""The decision over 0..N: a table of every rule, then the laws that hold for all input."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventscaler.core.behavior import FREE, Behavior, Rules, Select
from eventscaler.core.decide import decide
from eventscaler.core.model import (
    Decision,
    Limits,
    MetricType,
    Mode,
    Pause,
    Reading,
    Reason,
    Settings,
    State,
)
from tests.eventscaler.core.strategies import (
    AMOUNTS,
    NOON,
    SETTINGS,
    limits,
    readings,
    states,
)

LONG_AGO = NOON - timedelta(days=1)
OFF = Limits(0, 10)
FLOOR = Limits(2, 10)
IDLE = Limits(3, 10, idle=1)
PLAIN = Settings(behavior=FREE)
CLOSED = Rules(select=Select.DISABLED)


def read(value: float | None, name: str = "orders", activation: float = 0) -> Reading:
    error = "connection refused" if value is None else ""
    return Reading(trigger=name, value=value, target=10, activation=activation, error=error)


def made(
    current: int,
    *given_readings: Reading,
    within: Limits = OFF,
    active_ago_s: float | None = 10_000,
    created_ago_s: float = 86_400,
    settings: Settings = PLAIN,
) -> Decision:
    last = None if active_ago_s is None else NOON - timedelta(seconds=active_ago_s)
    created = NOON - timedelta(seconds=created_ago_s)
    state = State(current=current, created=created, last_active=last)
    return decide(given_readings, within, state, settings, NOON)


@pytest.mark.parametrize(
    ("decision", "replicas", "reason"),
    [
        pytest.param(made(0, read(81)), 9, Reason.DEMAND, id="from zero straight to the demand"),
        pytest.param(made(0, read(1)), 1, Reason.DEMAND, id="one message is enough"),
        pytest.param(made(0, read(500)), 10, Reason.DEMAND, id="never above max"),
        pytest.param(made(0, read(5, activation=5)), 0, Reason.REST, id="activation is strict"),
        pytest.param(made(0, read(6, activation=5)), 1, Reason.DEMAND, id="above activation"),
        pytest.param(made(8, read(31)), 4, Reason.DEMAND, id="down with the load"),
        pytest.param(made(3, read(31), read(70, "mail")), 7, Reason.DEMAND, id="the largest vote"),
        pytest.param(made(0, read(1), within=FLOOR), 2, Reason.DEMAND, id="never below min"),
        pytest.param(made(5, read(0), within=FLOOR), 2, Reason.INACTIVE, id="inactive, to min"),
        pytest.param(
            made(2, read(60, activation=99), within=FLOOR),
            6,
            Reason.INACTIVE,
            id="under its activation the target still counts where nothing rests",
        ),
        pytest.param(made(0, read(0), within=FLOOR), 2, Reason.INACTIVE, id="raised to min"),
        pytest.param(made(5, read(0)), 0, Reason.REST, id="the cooldown is over"),
        pytest.param(made(5, read(0), active_ago_s=299), 1, Reason.COOLDOWN, id="it is not"),
        pytest.param(made(5, read(0), active_ago_s=300), 0, Reason.REST, id="at its very end"),
        pytest.param(
            made(5, read(0), active_ago_s=None, created_ago_s=1),
            0,
            Reason.REST,
            id="never active: the initial cooldown counts, and is 0",
        ),
        pytest.param(
            made(
                5,
                read(50, activation=99),
                active_ago_s=None,
                created_ago_s=59,
                settings=Settings(behavior=FREE, initial_cooldown=timedelta(seconds=60)),
            ),
            5,
            Reason.COOLDOWN,
            id="the initial cooldown runs",
        ),
        pytest.param(made(6, read(0), within=IDLE), 1, Reason.REST, id="to the idle count"),
        pytest.param(made(1, read(0), within=IDLE), 1, Reason.REST, id="stays idle"),
        pytest.param(made(0, read(0), within=IDLE), 1, Reason.REST, id="up to the idle count"),
        pytest.param(made(1, read(1), within=IDLE), 3, Reason.DEMAND, id="from idle to min"),
        pytest.param(made(4, read(None)), 4, Reason.BLIND, id="blind holds"),
        pytest.param(made(0, read(None)), 0, Reason.BLIND, id="blind holds zero"),
        pytest.param(made(12, read(None)), 10, Reason.BLIND, id="max is the user's own word"),
        pytest.param(made(4, read(None), read(0, "mail")), 4, Reason.BLIND, id="partly blind"),
        pytest.param(
            made(4, read(None), read(70, "mail", activation=99)),
            7,
            Reason.BLIND,
            id="another vote may raise what is awake",
        ),
        pytest.param(
            made(0, read(None), read(70, "mail", activation=99)),
            0,
            Reason.BLIND,
            id="but not wake what rests",
        ),
        pytest.param(made(4, read(None), read(70, "mail")), 7, Reason.PARTIAL, id="active, up"),
        pytest.param(made(4, read(None), read(10, "mail")), 4, Reason.PARTIAL, id="active, held"),
        pytest.param(made(4), 4, Reason.BLIND, id="no trigger at all is blind too"),
        pytest.param(
            made(4, read(90), settings=Settings(pause=Pause())), 4, Reason.PAUSED, id="paused"
        ),
        pytest.param(
            made(4, read(90), settings=Settings(pause=Pause(0))), 0, Reason.PAUSED, id="paused at 0"
        ),
        pytest.param(
            made(4, read(90), settings=Settings(behavior=Behavior(up=CLOSED))),
            4,
            Reason.DEMAND,
            id="scale-up is closed",
        ),
        pytest.param(
            made(4, read(0), settings=Settings(behavior=Behavior(down=CLOSED))),
            4,
            Reason.REST,
            id="scale-down is closed",
        ),
    ],
)
def test_rules(decision: Decision, replicas: int, reason: Reason) -> None:
    assert (decision.replicas, decision.reason) == (replicas, reason)


@pytest.mark.parametrize(
    ("decision", "message"),
    [
        pytest.param(made(0, read(81)), "orders: 81 at 10 each asks for 9", id="demand"),
        pytest.param(made(4, read(None)), "no answer from orders; holding 4", id="blind"),
        pytest.param(
            made(4, read(None), read(10, "mail")),
            "mail: 10 at 10 each asks for 1; no answer from orders, so not below 4",
            id="partly blind",
        ),
        pytest.param(
            made(4, read(None), read(70, "mail", activation=99)),
            "no answer from orders; mail: 70 at 10 each asks for 7",
            id="raised while blind",
        ),
        pytest.param(
            made(5, read(0), active_ago_s=100),
            "every trigger is at or under its activation; to 0 at 12:03:20 unless work comes",
            id="cooldown",
        ),
        pytest.param(made(4), "no answer from any trigger; holding 4", id="no trigger"),
        pytest.param(
            made(0, read(None), within=IDLE),
            "no answer from orders; holding 1",
            id="what is held is within the limits",
        ),
        pytest.param(made(4, settings=Settings(pause=Pause(2))), "paused at 2", id="paused"),
    ],
)
def test_messages(decision: Decision, message: str) -> None:
    assert decision.message == message


def test_the_end_of_the_cooldown_is_when_to_look_again() -> None:
    assert made(5, read(0), active_ago_s=100).retry_at == NOON + timedelta(seconds=200)


def test_activity_is_remembered_only_when_seen() -> None:
    assert made(0, read(1)).last_active == NOON
    assert made(0, read(0), active_ago_s=7).last_active == NOON - timedelta(seconds=7)
    assert made(0, read(None), active_ago_s=7).last_active == NOON - timedelta(seconds=7)


def test_advice_counts_although_an_hpa_would() -> None:
    """One that only advises has no HPA: nobody else would say how many."""
    hpa = Settings(behavior=FREE, hpa=True)
    assert made(3, read(81), settings=hpa).replicas == 3
    assert made(3, read(81), settings=replace(hpa, mode=Mode.RECOMMEND)).replicas == 9


def test_errors_name_the_trigger_and_its_reason() -> None:
    assert made(4, read(None), read(1, "mail")).errors == ("trigger 'orders': connection refused",)


def test_a_scaler_may_judge_activity_itself() -> None:
    by_verdict = Reading(trigger="a", value=0, target=1, active=True)
    by_other_value = Reading(trigger="b", value=0, target=1, activation=3, activation_value=4)

    assert made(0, by_verdict).replicas == 1
    assert made(0, by_other_value).replicas == 1


def test_equal_votes_go_to_the_first_name() -> None:
    assert made(0, read(50, "b"), read(50, "a")).winner == "a"


@given(readings(), limits(), states(), SETTINGS)
def test_always_within_the_limits(
    given_readings: list[Reading], within: Limits, state: State, settings: Settings
) -> None:
    replicas = decide(given_readings, within, state, settings, NOON).replicas

    assert within.rest <= replicas <= within.max


@given(readings(), limits(), states(), SETTINGS)
def test_idle_only_when_nothing_is_active(
    given_readings: list[Reading], within: Limits, state: State, settings: Settings
) -> None:
    decision = decide(given_readings, within, state, settings, NOON)

    if decision.active:
        assert decision.replicas >= within.awake


@given(
    st.lists(readings(), max_size=6), limits(), states(), SETTINGS, st.integers(0, 3), st.booleans()
)
def test_no_sequence_of_blind_samples_ever_lowers(
    samples: list[list[Reading]],
    within: Limits,
    state: State,
    settings: Settings,
    blind: int,
    all_blind: bool,
) -> None:
    """Whatever else is read: while one trigger is silent the count within limits never falls."""
    current, now = min(state.current, within.max), NOON
    for sample in samples:
        at = blind % len(sample)
        seen = [
            replace(reading, value=None, passive=False) if all_blind or index == at else reading
            for index, reading in enumerate(sample)
        ]
        decision = decide(seen, within, replace(state, current=current), settings, now)

        assert decision.replicas >= current
        current, now = decision.replicas, now + timedelta(seconds=200)


@given(readings(AMOUNTS), limits(), states(), SETTINGS, AMOUNTS, st.integers(0, 3))
def test_more_load_never_means_fewer_replicas(
    given_readings: list[Reading],
    within: Limits,
    state: State,
    settings: Settings,
    value: float,
    which: int,
) -> None:
    index = which % len(given_readings)
    before = given_readings[index].value
    assert before is not None
    low, high = sorted((before, value))
    less, more = list(given_readings), list(given_readings)
    less[index] = replace(less[index], value=low)
    more[index] = replace(more[index], value=high)

    fewer = decide(less, within, state, settings, NOON).replicas
    assert fewer <= decide(more, within, state, settings, NOON).replicas


@given(readings(), limits(), states(), SETTINGS)
def test_the_order_of_triggers_does_not_matter(
    given_readings: list[Reading], within: Limits, state: State, settings: Settings
) -> None:
    there = decide(given_readings, within, state, settings, NOON)
    back = decide(given_readings[::-1], within, state, settings, NOON)

    assert (there.replicas, there.reason, there.winner) == (back.replicas, back.reason, back.winner)


@given(readings(AMOUNTS), limits(), states(), SETTINGS)
def test_a_settled_count_stays(
    given_readings: list[Reading], within: Limits, state: State, settings: Settings
) -> None:
    """Deciding again on the same AverageValue readings changes nothing: no oscillation."""
    average = [replace(reading, metric_type=MetricType.AVERAGE_VALUE) for reading in given_readings]
    first = decide(average, within, state, settings, NOON)
    second = decide(average, within, replace(state, current=first.replicas), settings, NOON)
    third = decide(average, within, replace(state, current=second.replicas), settings, NOON)

    assert second.replicas == third.replicas


def test_an_activity_in_the_future_cools_down_from_now() -> None:
    """The clock was a year ahead when it was written: that must not keep replicas for a year."""
    state = State(current=3, created=LONG_AGO, last_active=NOON + timedelta(days=365))
    made = decide([read(0)], OFF, state, PLAIN, NOON)
    assert (made.reason, made.last_active) == (Reason.COOLDOWN, NOON)
    later = NOON + PLAIN.cooldown
    state = replace(state, last_active=made.last_active)
    assert decide([read(0)], OFF, state, PLAIN, later).replicas == 0


@pytest.mark.parametrize("kind", MetricType)
def test_the_largest_number_is_a_number(kind: MetricType) -> None:
    huge = Reading(trigger="orders", value=1e308, target=1e-300, metric_type=kind)
    state = State(current=3, created=LONG_AGO)
    assert decide([huge], OFF, state, PLAIN, NOON).replicas == OFF.max
