"""One metric of many: the formula in a decision."""

from __future__ import annotations

import pytest

from eventscaler.core import formula
from eventscaler.core.behavior import FREE
from eventscaler.core.decide import decide
from eventscaler.core.model import (
    COMPOSITE,
    Composite,
    Decision,
    Fallback,
    FallbackBehavior,
    Limits,
    MetricType,
    Reading,
    Reason,
    Settings,
    State,
)
from tests.eventscaler.core.strategies import NOON

NAMES = ("a", "b", "cpu")
AWARE = Fallback(3, 6, FallbackBehavior.SCALING_MODIFIERS)
STATIC = Fallback(3, 6)


def read(trigger: str, value: float | None, *, passive: bool = False) -> Reading:
    error = "refused" if value is None else ""
    return Reading(
        trigger=trigger, metric=f"s-{trigger}", value=value, target=1, passive=passive, error=error
    )


def made(
    text: str,
    *readings: Reading,
    current: int = 4,
    fallback: Fallback | None = None,
    failures: int = 0,
    activation: float = 0,
    metric_type: MetricType = MetricType.AVERAGE_VALUE,
) -> Decision:
    composite = Composite(
        formula=formula.parse(text, NAMES),
        target=10,
        activation=activation,
        metric_type=metric_type,
    )
    settings = Settings(behavior=FREE, composite=composite, fallback=fallback)
    counts = {f"s-{name}": failures for name in NAMES}
    state = State(current=current, created=NOON, failures=counts)
    return decide(readings, Limits(0, 50), state, settings, NOON)


def test_the_formula_has_the_only_vote() -> None:
    decision = made("a + b", read("a", 30), read("b", 40))

    assert decision.replicas == 7
    assert decision.message == "composite-metric: 70 at 10 each asks for 7"
    assert [vote.reading.trigger for vote in decision.votes] == [COMPOSITE]
    assert [reading.trigger for reading in decision.readings] == ["a", "b", COMPOSITE]


def test_its_value_may_be_for_the_whole_workload() -> None:
    assert made("a", read("a", 20), metric_type=MetricType.VALUE).replicas == 8


def test_only_its_own_activation_counts() -> None:
    assert made("a", read("a", 5), activation=5).active is False
    assert made("a", read("a", 5), activation=4).active is True


@pytest.mark.parametrize("text", ["a + b", "a ?? b"])
def test_a_silent_trigger_blinds_the_formula(text: str) -> None:
    decision = made(text, read("a", None), read("b", 100))

    assert (decision.replicas, decision.reason) == (4, Reason.BLIND)
    assert decision.errors == ("trigger 'a': refused",)


def test_who_is_not_named_may_be_silent() -> None:
    assert made("a", read("a", 70), read("b", None)).replicas == 7


def test_a_formula_that_fails_is_blind_and_says_why() -> None:
    decision = made("a / b", read("a", 70), read("b", 0))

    assert (decision.replicas, decision.reason) == (4, Reason.BLIND)
    assert "zero" in decision.errors[0]


@pytest.mark.parametrize("failures", [0, 2])
def test_up_to_the_threshold_nil_is_not_seen(failures: int) -> None:
    decision = made("a ?? b", read("a", None), read("b", 90), fallback=AWARE, failures=failures)

    assert (decision.replicas, decision.reason) == (4, Reason.BLIND)


def test_an_aware_formula_does_without() -> None:
    decision = made("a ?? b", read("a", None), read("b", 90), fallback=AWARE, failures=3)

    assert (decision.replicas, decision.reason) == (9, Reason.DEMAND)


def test_when_all_of_it_is_nil_the_fallback_speaks() -> None:
    decision = made("a ?? b", read("a", None), read("b", None), fallback=AWARE, failures=3)

    assert (decision.replicas, decision.fallbacks) == (6, (COMPOSITE,))


def test_a_static_fallback_bypasses_the_formula() -> None:
    decision = made("a ?? b", read("a", None), read("b", 90), fallback=STATIC, failures=3)

    assert (decision.replicas, decision.fallbacks) == (6, (COMPOSITE,))


def test_cpu_in_the_formula_has_no_other_vote() -> None:
    decision = made("a + cpu", read("a", 30), read("cpu", 20, passive=True))

    assert (decision.replicas, len(decision.votes)) == (5, 1)


def test_cpu_beside_the_formula_keeps_its_vote() -> None:
    decision = made("a", read("a", 30), read("cpu", 9, passive=True))

    assert (decision.replicas, decision.winner) == (9, "cpu")


def test_zero_comes_from_the_formula_and_not_from_cpu() -> None:
    decision = made("a", read("a", 0), read("cpu", 9, passive=True))

    assert (decision.active, decision.replicas) == (False, 0)
