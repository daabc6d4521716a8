"""cron: parameters, and windows as sentences; the time is an argument throughout."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube.values import cron
from scalers.base import Sample, read
from scalers.cron import inside
from scalers.io import IO
from tests.scalers.tools import Texts, faults, trigger

GOOD = {
    "start": "0 6 * * *", "end": "0 20 * * *", "timezone": "Europe/Berlin",
    "desiredReplicas": "10",
}  # fmt: skip
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("metadata", "problem"),
    [
        pytest.param(GOOD, "", id="faultless"),
        pytest.param(
            {},
            "'start' is missing; 'end' is missing; 'timezone' is missing; "
            "'desiredReplicas' is missing",
            id="all that is missing, at once",
        ),
        pytest.param(
            GOOD | {"end": "0 6 * * *"},
            "'start' and 'end' must differ, got 0 6 * * * twice",
            id="no window",
        ),
        pytest.param(
            GOOD | {"timezone": "Europe/Berln"},
            "'timezone' must be an IANA name such as Europe/Berlin, got Europe/Berln",
            id="timezone",
        ),
        pytest.param(
            GOOD | {"desiredReplicas": "0"}, "'desiredReplicas' must be above 0, got 0", id="zero"
        ),
        pytest.param(
            GOOD | {"desiredReplicas": "2.5"},
            "'desiredReplicas' must be a whole number, got 2.5",
            id="half a replica",
        ),
    ],
)
def test_faults(metadata: Texts, problem: str) -> None:
    assert faults("cron", metadata) == problem


def test_a_malformed_schedule_says_which_and_why() -> None:
    problem = faults("cron", GOOD | {"start": "0 25 * * *", "timezone": "x"})

    assert problem.startswith("'start': cron '0 25 * * *'")
    assert "'timezone' must be an IANA name" in problem


def test_a_schedule_is_never_cached() -> None:
    problem = faults("cron", GOOD, use_cached_metrics=True)

    assert problem == "'useCachedMetrics' has no meaning for cron; leave it out"


def test_the_name_is_the_originals() -> None:
    metadata = GOOD | {"start": "*/5 6 ? * MON-FRI"}

    assert trigger("cron", metadata).metric_name == "s0-cron-Europe-Berlin-xSl56QmxMON-FRI-020xxx"


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        pytest.param(datetime(2026, 1, 5, 5, 59, 59, tzinfo=BERLIN), 0, id="a second too early"),
        pytest.param(datetime(2026, 1, 5, 6, 0, tzinfo=BERLIN), 10, id="the first moment"),
        pytest.param(datetime(2026, 1, 5, 19, 59, 59, tzinfo=BERLIN), 10, id="the last second"),
        pytest.param(datetime(2026, 1, 5, 20, 0, tzinfo=BERLIN), 0, id="closed"),
        pytest.param(datetime(2026, 7, 5, 4, 30, tzinfo=UTC), 10, id="summer time"),
    ],
)
async def test_a_window(at: datetime, expected: float) -> None:
    wanted = trigger("cron", GOOD)
    found = await read(wanted, IO(lambda: at.astimezone(UTC)))

    assert found == Sample(expected, active=expected > 0)
    assert wanted.target == 1


@pytest.mark.parametrize(
    ("hour", "expected"), [(21, False), (22, True), (3, True), (6, False), (12, False)]
)
def test_a_window_over_midnight(hour: int, expected: bool) -> None:
    start, end = cron.parse("0 22 * * *"), cron.parse("0 6 * * *")

    assert inside(start, end, UTC, datetime(2026, 5, 1, hour, 30 * (hour == 3), tzinfo=UTC)) == (
        expected
    )


@given(
    st.integers(0, 23),
    st.integers(0, 23),
    st.integers(0, 60 * 24 * 365),
)
def test_swapped_edges_are_the_other_part_of_the_day(opens: int, closes: int, minutes: int) -> None:
    """In or out, never both: a window and the one with its edges swapped share no moment."""
    if opens == closes:
        return
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    start, end = cron.parse(f"0 {opens} * * *"), cron.parse(f"0 {closes} * * *")

    assert inside(start, end, UTC, now) != inside(end, start, UTC, now)
