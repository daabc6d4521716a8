"""Conditions follow from one decision; a status is written when something turned."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from eventscaler.core.decide import decide
from eventscaler.core.faults import Fault, Severity, errors
from eventscaler.core.model import (
    Decision,
    Limits,
    MetricType,
    Pause,
    Reading,
    Settings,
    State,
    Vote,
)
from eventscaler.core.status import CHECK_FAILED, Problem, Status, conditions, worth_writing
from tests.eventscaler.core.strategies import NOON


def after(*values: float | None, current: int = 1, pause: Pause | None = None) -> Decision:
    readings = [
        Reading(trigger=f"q{i}", value=value, target=10, error="" if value is not None else "down")
        for i, value in enumerate(values)
    ]
    state = State(current=current, created=NOON, last_active=NOON)
    return decide(readings, Limits(), state, Settings(pause=pause), NOON)


@pytest.mark.parametrize(
    ("decision", "kind", "status", "reason", "message"),
    [
        (after(5), "Ready", "True", "ScaledObjectReady", "the target can be scaled"),
        (after(5), "Active", "True", "ScalerActive", "active: q0"),
        (after(5), "Fallback", "False", "NoFallbackFound", "no fallback"),
        (after(5), "Paused", "False", "ScaledObjectUnpaused", "not paused"),
        (after(5, None), "Ready", "Unknown", "PartialTriggerError", "trigger 'q1': down"),
        (after(0, None), "Ready", "False", "TriggerError", "trigger 'q1': down"),
        (after(0, None), "Active", "Unknown", "UnknownState", "no trigger answers"),
        (after(0), "Active", "False", "ScalerCooldown", "cooling down"),
        (after(0, current=0), "Active", "False", "ScalerNotActive", "at or under"),
        (after(5, pause=Pause()), "Paused", "True", "ScaledObjectPaused", "paused by annotation"),
        (after(5, pause=Pause()), "Active", "Unknown", "UnknownState", "paused"),
        (after(5, pause=Pause()), "Ready", "True", "ScaledObjectReady", "triggers are not read"),
    ],
)
def test_conditions(decision: Decision, kind: str, status: str, reason: str, message: str) -> None:
    found = Status(conditions=conditions((), decision, None, NOON)).condition(kind)

    assert found is not None
    assert (found.status, found.reason) == (status, reason)
    assert message in found.message


def test_a_problem_is_the_ready_condition_and_leaves_paused_alone() -> None:
    found = Status(conditions=conditions((), None, Problem(CHECK_FAILED, "no such kind"), NOON))
    ready = found.condition("Ready")

    assert ready is not None
    assert (ready.status, ready.message) == ("False", "no such kind")
    assert found.condition("Paused") is None


def test_without_decision_or_problem_the_object_is_ready_as_far_as_is_known() -> None:
    ready = Status(conditions=conditions((), None, None, NOON)).condition("Ready")

    assert ready is not None
    assert ready.is_true


def test_a_condition_keeps_its_time_until_it_turns() -> None:
    first = conditions((), after(5), None, NOON)
    later = NOON + timedelta(hours=1)
    same, turned = (
        conditions(first, after(6), None, later),
        conditions(first, after(0), None, later),
    )

    assert same == first
    assert [c.since for c in turned if c.type == "Active"] == [later]


def test_texts_do_not_carry_values_of_the_sample() -> None:
    assert conditions((), after(5), None, NOON) == conditions((), after(7.25), None, NOON)


BEFORE = Status(conditions=conditions((), after(5), None, NOON), last_active=NOON)
OTHER_WORDS = replace(
    BEFORE,
    conditions=tuple(replace(each, message=each.message + "!") for each in BEFORE.conditions),
)


@pytest.mark.parametrize(
    ("new", "elapsed_s", "expected"),
    [
        pytest.param(BEFORE, 1e9, False, id="nothing changed, ever"),
        pytest.param(
            replace(BEFORE, last_active=NOON + timedelta(1)), 299, False, id="still active"
        ),
        pytest.param(
            replace(BEFORE, last_active=NOON + timedelta(1)), 300, True, id="and for long"
        ),
        pytest.param(OTHER_WORDS, 29, False, id="a message may wait"),
        pytest.param(OTHER_WORDS, 30, True, id="but not as long"),
        pytest.param(replace(BEFORE, last_active=None), 0, True, id="an edge of activity"),
        pytest.param(replace(BEFORE, paused_replicas=3), 0, True, id="a field that turned"),
        pytest.param(
            replace(BEFORE, conditions=conditions((), after(0), None, NOON)), 0, True, id="turned"
        ),
    ],
)
def test_worth_writing(new: Status, elapsed_s: float, expected: bool) -> None:
    assert worth_writing(BEFORE, new, elapsed_s, 30) is expected


def test_a_fault_says_where_and_what() -> None:
    fault = Fault("spec.maxReplicaCount", "0", "at least 1")
    note = Fault("spec.fallback", "", "not applied yet", Severity.WARNING)

    assert str(fault) == "spec.maxReplicaCount: found 0, want at least 1"
    assert str(note) == "spec.fallback: not applied yet"
    assert errors((fault, note)) == (fault,)


def test_a_vote_reads_as_a_sentence() -> None:
    whole = Reading(trigger="cpu", value=120, target=100, metric_type=MetricType.VALUE)

    assert str(Vote(whole, 2)) == "cpu: 120 at 100 asks for 2"
    assert str(Vote(replace(whole, value=None), None)) == "cpu: no answer"
