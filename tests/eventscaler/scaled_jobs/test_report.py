"""Status and Events of a round: what is told, once, and in which words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eventscaler.core.jobs import JobSettings, decide
from eventscaler.core.jobs.status import CREATE_FAILED
from eventscaler.core.status import Problem, Status
from eventscaler.decode import known_status
from eventscaler.scaled_jobs.events import deeds, turns
from eventscaler.scaled_jobs.report import bare_status, patch, status_after
from eventscaler.scaled_jobs.rounds import Round
from eventscaler.scaled_jobs.store import Done
from tests.eventscaler.core.jobs.made import GENERATION, NOON, read
from tests.eventscaler.scaled_jobs.test_store import order_of

NEW = Status()


def round_of(value: float | None = 3, *, paused: bool = False, low: int = 0) -> Round:
    settings = JobSettings(paused=paused, min=low)
    return Round(decision=decide([read(value)], [], settings, GENERATION, NOON))


def after(done: Round, was: Status = NEW) -> Status:
    return status_after(was, order_of(), (), done, NOON)


def told(status: Status) -> dict[str, tuple[str, str]]:
    return {found.type: (found.status, found.reason) for found in status.conditions}


@pytest.mark.parametrize(
    ("done", "ready", "active", "paused"),
    [
        (round_of(), ("True", "ScaledJobReady"), ("True", "ScalerActive"), "False"),
        (round_of(0), ("True", "ScaledJobReady"), ("False", "ScalerNotActive"), "False"),
        (round_of(0, low=1), ("True", "ScaledJobReady"), ("True", "ScalerActive"), "False"),
        (round_of(None), ("False", "TriggerError"), ("Unknown", "UnknownState"), "False"),
        (round_of(paused=True), ("True", "ScaledJobReady"), ("Unknown", "UnknownState"), "True"),
        (
            replace(round_of(), problem=Problem(CREATE_FAILED, "quota")),
            ("False", "KEDAJobCreateFailed"),
            ("True", "ScalerActive"),
            "False",
        ),
    ],
    ids=["active", "idle", "standing", "blind", "paused", "refused"],
)
def test_conditions(
    done: Round, ready: tuple[str, str], active: tuple[str, str], paused: str
) -> None:
    status = after(done)

    assert told(status)["Ready"] == ready
    assert told(status)["Active"] == active
    assert told(status)["Paused"][0] == paused
    assert told(status)["Fallback"] == ("False", "NoFallbackFound")
    assert patch(NEW, status)["status"]["Paused"] == paused


def test_a_status_that_is_written_is_read_again() -> None:
    status = after(round_of())
    body = patch(NEW, status)

    assert known_status(body) == status
    assert patch(status, status) == {"status": {}}


def test_without_a_listing_the_rest_stays() -> None:
    was = after(round_of())
    status = after(Round(problem=Problem("ScaledJobCheckFailed", "no Jobs")), was)

    assert told(status)["Paused"] == ("False", "ScaledJobUnpaused")
    assert status.last_active == was.last_active
    refused = bare_status(was, Problem("ScaledJobCheckFailed", "bad"), NOON)
    assert told(refused)["Ready"] == ("False", "ScaledJobCheckFailed")


def reasons(was: Status, new: Status) -> list[str]:
    return [notice.reason for notice in turns(was, new)]


def test_turns_are_told_and_states_are_not() -> None:
    active, idle, paused, blind = (
        after(done) for done in (round_of(), round_of(0), round_of(paused=True), round_of(None))
    )

    assert reasons(NEW, active) == ["KEDAScalersStarted", "ScaledJobReady", "ScaledJobActive"]
    assert reasons(active, active) == []
    assert reasons(active, idle) == ["ScaledJobInactive"]
    assert reasons(NEW, idle) == ["KEDAScalersStarted", "ScaledJobReady"]
    assert reasons(idle, paused) == ["KEDAScalersStopped", "ScaledJobPaused"]
    assert reasons(paused, idle) == ["KEDAScalersStarted", "ScaledJobUnpaused"]
    assert reasons(active, blind) == ["KEDAScalerFailed"]
    broken = bare_status(active, Problem("ScaledJobCheckFailed", "bad"), NOON)
    assert reasons(active, broken) == ["ScaledJobCheckFailed"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"started": Done(3)}, ["KEDAJobsCreated"]),
        ({"started": Done(3, "quota")}, ["KEDAJobsCreated", "KEDAJobCreateFailed"]),
        ({"started": Done(0, "as before")}, []),
        (
            {"cleaned": Done(2)},
            ["ScaledJobRolloutCleanupStarted", "ScaledJobRolloutCleanupCompleted"],
        ),
        ({"cleaned": Done(2, left=5)}, ["ScaledJobRolloutCleanupStarted"]),
        (
            {"cleaned": Done(2, "no", 1)},
            ["ScaledJobRolloutCleanupStarted", "ScaledJobRolloutCleanupFailed"],
        ),
        ({"trimmed": Done(9)}, []),
    ],
    ids=["started", "some", "as before", "rollout", "half", "broken", "history"],
)
def test_deeds(change: dict[str, Done], expected: list[str]) -> None:
    done = replace(round_of(), **change)  # type: ignore[arg-type]  # fields of Round
    assert [notice.reason for notice in deeds(done, "as before")] == expected
    assert list(deeds(Round(), "")) == []


@pytest.mark.parametrize(
    ("change", "soon"),
    [
        ({}, False),
        ({"started": Done(3)}, False),
        ({"started": Done(3, left=1)}, True),
        ({"started": Done(3, "quota", 1)}, False),
        ({"cleaned": Done(1)}, True),
        ({"trimmed": Done(1)}, False),
        ({"trimmed": Done(1, left=2)}, True),
    ],
)
def test_what_is_left_is_done_soon_and_what_is_refused_later(
    change: dict[str, Done], soon: bool
) -> None:
    assert replace(round_of(), **change).is_unfinished is soon  # type: ignore[arg-type]
