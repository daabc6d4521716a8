"""What is started and deleted for a ScaledJob: a table of the rules, and their sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction

import pytest

from eventscaler.core.jobs import (
    Calculation,
    Job,
    JobDecision,
    JobPod,
    JobReason,
    JobSettings,
    Outcome,
    RemovalReason,
    Rollout,
    Strategy,
    decide,
)
from eventscaler.core.model import Mode, Reading
from tests.eventscaler.core.jobs.made import (
    GENERATION,
    NODELESS,
    NOON,
    RUNNING,
    STARTING,
    job,
    jobs,
    read,
)

PLAIN = JobSettings()
DEFAULT, CUSTOM, ACCURATE, EAGER = Strategy


def made(
    *readings: Reading, there: Sequence[Job] = (), settings: JobSettings = PLAIN
) -> JobDecision:
    return decide(readings, there, settings, GENERATION, NOON)


def by(strategy: Strategy, high: int = 10, low: int = 0, **more: object) -> JobSettings:
    return replace(PLAIN, strategy=strategy, max=high, min=low, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "queue", "begun", "pending", "create"),
    [
        pytest.param(by(DEFAULT), 3, 0, 0, 3, id="default: one for each message"),
        pytest.param(by(DEFAULT), 5, 3, 0, 2, id="default: running ones are still in the queue"),
        pytest.param(by(DEFAULT), 5, 2, 1, 2, id="default: pending ones, too"),
        pytest.param(by(DEFAULT), 30, 4, 0, 6, id="default: to the maximum"),
        pytest.param(by(DEFAULT), 2, 5, 0, 0, id="default: never less than none"),
        pytest.param(by(ACCURATE), 3, 3, 0, 3, id="accurate: running ones took theirs"),
        pytest.param(by(ACCURATE), 3, 3, 2, 1, id="accurate: pending ones will take theirs"),
        pytest.param(by(ACCURATE), 13, 6, 0, 4, id="accurate: to the maximum"),
        pytest.param(by(ACCURATE), 13, 6, 2, 2, id="accurate: pending ones have slots"),
        pytest.param(by(ACCURATE), 3, 0, 3, 0, id="accurate: nothing twice while nodes start"),
        pytest.param(by(EAGER), 3, 3, 0, 3, id="eager: the second three of KEDA's example"),
        pytest.param(by(EAGER), 13, 6, 0, 4, id="eager: all slots"),
        pytest.param(by(EAGER), 3, 0, 3, 0, id="eager: nothing twice while nodes start"),
        pytest.param(by(EAGER), 5, 2, 3, 2, id="eager: what is pending is not missing"),
        pytest.param(
            by(CUSTOM, deduction=1, share=Fraction(1, 2)), 9, 5, 0, 5, id="custom: 9 - 1 - 2"
        ),
        pytest.param(
            by(CUSTOM, deduction=1, share=Fraction(1, 2)), 9, 2, 3, 4, id="custom: 9 - 1 - 3 - 1"
        ),
        pytest.param(by(CUSTOM, share=Fraction(0)), 9, 5, 0, 5, id="custom: never above the max"),
        pytest.param(by(DEFAULT), 9, 4, 2, 3, id="docs/scaledjob.md: default"),
        pytest.param(by(ACCURATE), 9, 4, 2, 4, id="docs/scaledjob.md: accurate"),
        pytest.param(by(EAGER), 9, 4, 2, 4, id="docs/scaledjob.md: eager"),
        pytest.param(
            by(CUSTOM, deduction=1, share=Fraction(1, 2)),
            9,
            4,
            2,
            4,
            id="docs/scaledjob.md: custom",
        ),
        pytest.param(by(DEFAULT, low=2), 0, 0, 0, 2, id="the minimum stands by"),
        pytest.param(by(DEFAULT, low=2), 3, 0, 0, 5, id="the minimum comes on top"),
        pytest.param(by(DEFAULT, low=2), 3, 2, 0, 3, id="also beside a standing minimum"),
        pytest.param(by(DEFAULT, low=2), 30, 1, 0, 9, id="but not above the maximum"),
        pytest.param(by(DEFAULT, low=12), 30, 4, 0, 6, id="a minimum above max is max"),
        pytest.param(by(ACCURATE, low=2), 3, 0, 2, 3, id="a pending minimum takes no message"),
        pytest.param(by(ACCURATE, low=2), 3, 2, 3, 0, id="pending beyond the minimum does"),
    ],
)
def test_strategies(
    settings: JobSettings, queue: int, begun: int, pending: int, create: int
) -> None:
    there = jobs(begun=begun, pending=pending)
    assert made(read(queue), there=there, settings=settings).create == create


@pytest.mark.parametrize(
    ("calculation", "readings", "create"),
    [
        (Calculation.MAX, [read(100, "a", 100), read(10, "b")], 10),
        (Calculation.MIN, [read(100, "a", 100), read(10, "b")], 1),
        (Calculation.MIN, [Reading(trigger="a", value=0, target=1, active=True), read(10)], 0),
        (Calculation.MIN, [read(0, "a"), read(10, "b")], 10),
        (Calculation.AVG, [read(2, "a"), read(5, "b")], 4),
        (Calculation.AVG, [read(200, "a"), read(2, "b")], 26),
        (Calculation.SUM, [read(2, "a"), read(5, "b")], 7),
        (Calculation.SUM, [read(0.5, "a"), read(0.5, "b")], 1),
        (Calculation.SUM, [read(40, "a"), read(40, "b")], 50),
        (Calculation.MAX, [read(5, "a", activation=5), read(2, "b")], 2),
    ],
    ids=[
        "max compares Jobs, not messages",
        "min",
        "a zero of an active trigger is the smallest",
        "an inactive trigger has no part",
        "avg is rounded up",
        "avg of what there is room for",
        "sum",
        "rounded once",
        "the maximum",
        "activation is strict",
    ],
)
def test_several_triggers(calculation: Calculation, readings: list[Reading], create: int) -> None:
    settings = JobSettings(calculation=calculation, max=50)
    assert made(*readings, settings=settings).create == create


@pytest.mark.parametrize("calculation", Calculation)
def test_a_blind_trigger_starts_nothing_and_blocks_nobody(calculation: Calculation) -> None:
    settings = JobSettings(calculation=calculation)

    assert made(read(None), settings=settings).create == 0
    assert made(read(None), read(4, "mail"), settings=settings).create == 4
    assert made(read(None), settings=replace(settings, min=2)).create == 2


@pytest.mark.parametrize(
    ("pods", "conditions", "pending"),
    [
        pytest.param((), (), 1, id="no pod yet"),
        pytest.param(NODELESS, (), 1, id="waits for a node"),
        pytest.param(STARTING, (), 1, id="pulls its image"),
        pytest.param(RUNNING, (), 0, id="runs"),
        pytest.param((JobPod("Succeeded"),), (), 0, id="just ended"),
        pytest.param((JobPod("Failed"),), (), 1, id="waits for another try"),
        pytest.param(STARTING, ("PodScheduled",), 0, id="a node is enough when the user says so"),
        pytest.param(STARTING, ("PodScheduled", "Ready"), 1, id="all conditions are wanted"),
        pytest.param(RUNNING, ("PodScheduled", "Ready"), 0, id="and all are there"),
        pytest.param((*STARTING, *RUNNING), ("PodScheduled", "Ready"), 0, id="on one pod"),
        pytest.param(None, (), 0, id="not looked at"),
    ],
)
def test_when_a_job_has_begun(
    pods: tuple[JobPod, ...] | None, conditions: tuple[str, ...], pending: int
) -> None:
    settings = JobSettings(begun_when=conditions)
    tally = made(there=[job(0, pods=pods)], settings=settings).tally

    assert (tally.pending, tally.in_flight) == (pending, 1)


def test_pods_without_a_node_are_told_apart() -> None:
    there = [job(0, pods=NODELESS), job(1, pods=STARTING), job(2), job(3, pods=RUNNING)]
    tally = made(there=there).tally

    assert (tally.begun, tally.pending, tally.waiting) == (1, 3, 2)


def test_one_that_is_being_deleted_has_a_slot_and_no_work() -> None:
    there = jobs(begun=1, leaving=4)

    assert made(read(30), there=there, settings=by(DEFAULT)).create == 5
    assert made(read(3), there=there, settings=by(DEFAULT)).create == 2
    assert made(there=there, settings=by(DEFAULT, low=8)).create == 5


@pytest.mark.parametrize(
    ("rollout", "generation", "removed", "create"),
    [
        (Rollout.IMMEDIATE, "2", True, 2),
        (Rollout.IMMEDIATE, "", True, 2),
        (Rollout.IMMEDIATE, GENERATION, False, 1),
        (Rollout.GRADUAL, "2", False, 1),
    ],
)
def test_rollout(rollout: Rollout, generation: str, removed: bool, create: int) -> None:
    settings = JobSettings(rollout=rollout, propagation="Foreground")
    there = [job(0, pods=RUNNING, generation=generation)]
    found = made(read(2), there=there, settings=settings)

    expected = [("orders-0", "uid-0", RemovalReason.ROLLOUT, "Foreground")] if removed else []
    assert [(r.name, r.uid, r.reason, r.propagation) for r in found.remove] == expected
    assert found.create == create


def test_a_rollout_spares_what_is_finished_or_leaving() -> None:
    there = [
        job(0, outcome=Outcome.COMPLETE, generation="1"),
        job(1, leaving=True, generation="1"),
    ]
    assert made(there=there).remove == ()


def test_history_keeps_the_latest_of_each_outcome() -> None:
    there = [
        job(0, outcome=Outcome.COMPLETE, ended_ago_s=10),
        job(1, outcome=Outcome.COMPLETE, ended_ago_s=30),
        job(2, outcome=Outcome.COMPLETE, ended_ago_s=20),
        job(3, outcome=Outcome.FAILED, ended_ago_s=99),
        job(4, outcome=Outcome.FAILED, ended_ago_s=98),
        job(5, outcome=Outcome.FAILED),
        job(6, outcome=Outcome.FAILED, leaving=True),
        job(7, pods=RUNNING),
    ]
    settings = JobSettings(successes_kept=1, failures_kept=2)
    found = made(there=there, settings=settings).remove

    assert [(r.name, r.reason, r.propagation) for r in found] == [
        ("orders-1", RemovalReason.HISTORY, "Background"),
        ("orders-2", RemovalReason.HISTORY, "Background"),
        ("orders-5", RemovalReason.HISTORY, "Background"),
    ]


def test_of_those_that_ended_in_one_second_the_first_that_was_started_goes() -> None:
    there = [
        replace(job(0, outcome=Outcome.COMPLETE, ended_ago_s=9), created=NOON, sequence=10 - index)
        for index in range(3)
    ]
    there = [replace(each, name=f"orders-{index}") for index, each in enumerate(there)]
    found = made(there=there, settings=JobSettings(successes_kept=1)).remove

    assert [removal.name for removal in found] == ["orders-2", "orders-1"]


def test_history_of_zero_keeps_nothing() -> None:
    there = [job(0, outcome=Outcome.COMPLETE), job(1, outcome=Outcome.FAILED)]
    assert (
        len(made(there=there, settings=JobSettings(successes_kept=0, failures_kept=0)).remove) == 2
    )
    none = JobSettings(successes_kept=0, failures_kept=0)

    assert len(made(there=there, settings=none).remove) == 2
    assert made(there=there).remove == ()


def test_paused_does_nothing_at_all() -> None:
    settings = JobSettings(paused=True, min=2, successes_kept=0)
    there = [job(0, outcome=Outcome.COMPLETE), job(1, generation="1")]
    found = made(read(5), there=there, settings=settings)

    assert (found.create, found.remove, found.reason) == (0, (), JobReason.PAUSED)
    assert found.active is None


def test_off_is_as_paused_but_says_so() -> None:
    found = made(read(5), settings=JobSettings(mode=Mode.OFF, min=2))

    assert (found.create, found.reason, found.active) == (0, JobReason.OFF, None)
    assert found.message == "tandem.sh/mode is off; none in flight"


@pytest.mark.parametrize(
    ("readings", "low", "active", "reason"),
    [
        ([read(1)], 0, True, JobReason.DEMAND),
        ([read(0)], 0, False, JobReason.IDLE),
        ([read(0)], 1, True, JobReason.IDLE),
        ([read(None)], 0, None, JobReason.BLIND),
        ([read(None), read(0, "b")], 0, None, JobReason.BLIND),
        ([read(None), read(1, "b")], 0, True, JobReason.PARTIAL),
        ([], 0, None, JobReason.BLIND),
    ],
)
def test_activity(
    readings: list[Reading], low: int, active: bool | None, reason: JobReason
) -> None:
    before = NOON - timedelta(hours=1)
    found = decide(readings, [], JobSettings(min=low), GENERATION, NOON, before)

    assert (found.active, found.reason) == (active, reason)
    assert found.last_active == (NOON if active else before)


@pytest.mark.parametrize(
    ("decision", "message"),
    [
        pytest.param(
            made(read(81, target=10)),
            "orders: 81 at 10 each asks for 9; none in flight; starting 9",
            id="demand",
        ),
        pytest.param(
            made(read(5), there=jobs(begun=2, pending=3), settings=by(DEFAULT)),
            (
                "orders: 5 at 1 each asks for 5; 5 in flight, 3 of them pending, 3 without a "
                "node; starting none"
            ),
            id="in flight",
        ),
        pytest.param(
            made(read(30), settings=by(DEFAULT, low=2)),
            (
                "orders: 30 at 1 each asks for 30; there is room for 8; 2 stand by; none in "
                "flight; starting 10"
            ),
            id="at the maximum",
        ),
        pytest.param(
            made(read(2), read(3, "mail"), settings=JobSettings(calculation=Calculation.SUM)),
            (
                "orders: 2 at 1 each asks for 2; mail: 3 at 1 each asks for 3; the sum is 5; "
                "none in flight; starting 5"
            ),
            id="several",
        ),
        pytest.param(
            made(read(None), read(0, "mail")),
            "no answer from orders; none in flight; starting none",
            id="blind",
        ),
        pytest.param(
            made(read(0), there=jobs(leaving=1)),
            (
                "every trigger is at or under its activation; none in flight; 1 being deleted; "
                "starting none"
            ),
            id="idle",
        ),
        pytest.param(
            made(read(9), there=jobs(begun=1), settings=JobSettings(paused=True)),
            "paused; 1 in flight",
            id="paused",
        ),
    ],
)
def test_messages(decision: JobDecision, message: str) -> None:
    assert decision.message == message


def test_errors_name_the_trigger_and_its_reason() -> None:
    assert made(read(None), read(1, "mail")).errors == ("trigger 'orders': connection refused",)
