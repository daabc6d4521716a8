"""What is kept of decisions."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from eventscaler.core.decide import decide
from eventscaler.core.journal import KEPT, Entry, Journal, entry, last_decision
from eventscaler.core.model import Limits, Reading, Settings, State
from tests.eventscaler.core.strategies import NOON

MINUTE = timedelta(minutes=1)


def made(value: float | None, current: int = 0, at_minute: int = 0) -> Entry:
    error = "refused" if value is None else ""
    read = Reading(trigger="orders", value=value, target=10, error=error)
    now = NOON + at_minute * MINUTE
    state = State(current=current, created=NOON)
    return entry(decide([read], Limits(0, 50), state, Settings(), now), now, written=True)


def test_an_entry_has_inputs_rule_and_winner() -> None:
    assert made(81).json() == {
        "since": "2026-05-01T12:00:00Z",
        "until": "2026-05-01T12:00:00Z",
        "times": 1,
        "currentReplicas": 0,
        "desiredReplicas": 9,
        "rule": "Demand",
        "message": "orders: 81 at 10 each asks for 9",
        "winner": "orders",
        "written": True,
        "refused": None,
        "triggers": [
            {
                "name": "orders",
                "value": 81,
                "target": 10,
                "metricType": "AverageValue",
                "active": True,
                "error": None,
            }
        ],
    }


def test_decisions_that_ask_for_the_same_are_one_entry() -> None:
    journal = Journal().noted(made(81, 9)).noted(made(82, 9, 1)).noted(made(83, 9, 2))

    (kept,) = journal.entries
    assert (kept.since, kept.until, kept.times) == (NOON, NOON + 2 * MINUTE, 3)
    assert kept.inputs[0].value == 83


def test_another_count_rule_or_outcome_is_another_entry() -> None:
    first = made(81)
    others = (made(81, 9), made(None, 9), replace(made(None, 9), written=False))
    journal = Journal().noted(first)
    for other in others:
        journal = journal.noted(other)

    assert journal.entries == (first, *others)


def test_only_the_last_are_kept() -> None:
    journal = Journal()
    for count in range(KEPT + 5):
        journal = journal.noted(made(10, count + 1))

    assert [each.current for each in journal.entries] == list(range(6, KEPT + 6))


def test_the_status_says_when_the_last_turn_was() -> None:
    rise = last_decision(None, made(81))

    assert (rise["time"], rise["desiredReplicas"]) == ("2026-05-01T12:00:00Z", 9)
    assert "refused" not in rise
    held = replace(made(82, 9, 1), written=False)
    assert last_decision(rise, held) is rise
    assert last_decision(rise, replace(held, refused="no"))["refused"] == "no"
    assert last_decision(rise, made(None, 9, 2))["rule"] == "Blind"
