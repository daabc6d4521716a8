"""Cron: every moment found is one the fields allow, none is left out, clock changes included."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kube.values.cron import Cron, parse

BERLIN = ZoneInfo("Europe/Berlin")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")  # changes by half an hour
ZONES = st.sampled_from(
    [ZoneInfo("UTC"), BERLIN, LORD_HOWE, ZoneInfo("America/New_York"), ZoneInfo("Asia/Kathmandu")]
)
MOMENTS = st.datetimes(
    datetime.fromisoformat("2020-01-01"), datetime.fromisoformat("2030-01-01")
).map(lambda moment: moment.replace(tzinfo=UTC))


def field(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    ranges = st.tuples(number, number).map(lambda ends: f"{min(ends)}-{max(ends)}")
    steps = st.tuples(st.just("*") | ranges, st.integers(1, 9)).map(lambda s: f"{s[0]}/{s[1]}")
    item = number.map(str) | ranges | steps
    return st.just("*") | st.lists(item, min_size=1, max_size=2).map(",".join)


SCHEDULES = st.tuples(field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 7)).map(
    lambda parts: parse(" ".join(parts))
)  # Every month and every day: dense enough to compare with a walk over minutes.
DENSE = st.tuples(field(0, 59), field(0, 23)).map(
    lambda parts: parse(f"{parts[0]} {parts[1]} * * *")
)


def allows(cron: Cron, local: datetime) -> bool:
    """The fields, read minute by minute and without any cleverness."""
    day = local.day in cron.days
    weekday = local.isoweekday() % 7 in cron.weekdays
    either = (day and weekday) if cron.every_day or cron.every_weekday else (day or weekday)
    clock = local.minute in cron.minutes and local.hour in cron.hours
    return either and clock and local.month in cron.months


@given(SCHEDULES, MOMENTS, ZONES)
def test_the_next_moment_is_later_and_allowed(cron: Cron, now: datetime, tz: ZoneInfo) -> None:
    found = cron.next_after(now, tz)

    if found is not None:
        assert found > now
        if cron.wild:
            assert allows(cron, found.astimezone(tz))


@settings(deadline=None, max_examples=25)
@given(DENSE, MOMENTS, ZONES)
@example(parse("*/30 2 * * *"), datetime(2024, 3, 31, 0, tzinfo=UTC), BERLIN)
@example(parse("*/30 2 * * *"), datetime(2024, 10, 27, 0, 15, tzinfo=UTC), BERLIN)
@example(parse("* 1 * * *"), datetime(2024, 4, 6, 14, tzinfo=UTC), LORD_HOWE)
@example(parse("*/20 * * * *"), datetime(2024, 4, 6, 14, 10, tzinfo=UTC), LORD_HOWE)
def test_no_moment_is_left_out(cron: Cron, now: datetime, tz: ZoneInfo) -> None:
    """A rule that follows real time is exactly the minutes that its fields allow."""
    if not cron.wild:
        return
    now = now.replace(second=0, microsecond=0)
    minutes = (now + timedelta(minutes=n) for n in range(1, 3 * 24 * 60))
    expected = next((m for m in minutes if allows(cron, m.astimezone(tz))), None)

    if expected is not None:
        assert cron.next_after(now, tz) == expected


@given(st.integers(0, 23), st.integers(0, 59), MOMENTS, ZONES)
def test_a_daily_time_happens_once_on_every_day(
    hour: int, minute: int, now: datetime, tz: ZoneInfo
) -> None:
    """Also on the days of a clock change; that is what a shop's opening hours mean."""
    cron = parse(f"{minute} {hour} * * *")
    days = []
    for _ in range(5):
        found = cron.next_after(now, tz)
        assert found is not None
        days.append(found.astimezone(tz).date())
        now = found

    assert days == [days[0] + timedelta(days=n) for n in range(5)]


@pytest.mark.parametrize(
    ("schedule", "now", "expected"),
    [
        pytest.param("@hourly", "2024-01-01T00:00", "2024-01-01T01:00", id="later, not now"),
        pytest.param("@daily", "2024-01-01T00:01", "2024-01-02T00:00", id="macro"),
        pytest.param("0 0 29 2 *", "2096-03-01T00:00", "2104-02-29T00:00", id="none in 2100"),
        pytest.param("0 0 13 * 5", "2024-01-01T00:00", "2024-01-05T00:00", id="13th or Friday"),
        pytest.param("0 0 */2 * 5", "2024-01-01T00:00", "2024-01-05T00:00", id="star: both"),
        pytest.param("0 0 1 * ?", "2024-01-02T00:00", "2024-02-01T00:00", id="? is *"),
        pytest.param("5/20 3 * * *", "2024-01-01T03:06", "2024-01-01T03:25", id="lone step"),
        pytest.param("0 0 * JAN sun", "2024-01-01T00:00", "2024-01-07T00:00", id="names"),
        pytest.param("0 0 * * fri-sun", "2024-01-01T00:00", "2024-01-05T00:00", id="to Sunday"),
        pytest.param("0 0 * * 7", "2024-01-01T00:00", "2024-01-07T00:00", id="seven is Sunday"),
    ],
)
def test_next(schedule: str, now: str, expected: str) -> None:
    found = parse(schedule).next_after(datetime.fromisoformat(f"{now}:00+00:00"), UTC)

    assert found == datetime.fromisoformat(f"{expected}:00+00:00")


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        pytest.param("30 2 * * *", ["2024-03-31T01:00"], id="skipped: at the change"),
        pytest.param("0,30 2 * * *", ["2024-03-31T01:00", "2024-04-01T00:00"], id="once"),
        pytest.param("*/30 2 * * *", ["2024-04-01T00:00"], id="real time: not that day"),
        pytest.param("0 3 * * *", ["2024-03-31T01:00"], id="first time after the change"),
    ],
)
def test_clocks_put_forward(schedule: str, expected: list[str]) -> None:
    assert walk(schedule, "2024-03-30T12:00", len(expected)) == expected


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        pytest.param("30 2 * * *", ["2024-10-27T00:30", "2024-10-28T01:30"], id="first only"),
        pytest.param(
            "30 * * * *",
            ["2024-10-26T22:30", "2024-10-26T23:30", "2024-10-27T00:30", "2024-10-27T01:30"],
            id="hourly: both",
        ),
    ],
)
def test_clocks_put_back(schedule: str, expected: list[str]) -> None:
    assert walk(schedule, "2024-10-26T22:00", len(expected)) == expected


def walk(schedule: str, start: str, steps: int) -> list[str]:
    now, found = datetime.fromisoformat(f"{start}:00+00:00"), []
    for _ in range(steps):
        moment = parse(schedule).next_after(now, BERLIN)
        assert moment is not None
        found.append(moment.strftime("%Y-%m-%dT%H:%M"))
        now = moment
    return found


def test_a_day_that_never_comes() -> None:
    cron = parse("0 0 30 2 *")
    now = datetime(2024, 1, 1, tzinfo=UTC)

    assert cron.next_after(now, UTC) is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("* * * *", "must have 5 fields or be one of @yearly"),
        ("@often", "must have 5 fields"),
        ("60 * * * *", "minute must be 0-59, got '60'"),
        ("* * 0 * *", "day of month must be 1-31, got '0'"),
        ("* * * foo *", "month must be 1-12, got 'foo'"),
        ("*/0 * * * *", "minute: '*/0' is empty"),
        ("* 9-5 * * *", "hour: '9-5' is empty"),
        ("*-5 * * * *", "minute: '*-5' is a range from everything"),
        ("1-2-3 * * * *", "minute: '1-2-3' is none of *, 1, 1-5"),
        ("* * L * *", "day of month must be 1-31, got 'L'"),
        (", * * * *", "minute: '' is none of"),
    ],
)
def test_faults_are_named(text: str, told: str) -> None:
    with pytest.raises(ValueError, match="cron") as caught:
        parse(text)

    assert told in str(caught.value)
