"""Points in time that repeat: five fields of Unix cron, in a time zone, through clock changes.

Fields: minute, hour, day of month, month, day of week, each "*", a value, a name (months and days),
a range, a list of these, each with a step; or one macro such as @daily. When both day fields are
restricted, a day counts if either matches; a field that starts with "*" does not restrict.

Clock changes, as Vixie cron has them: a time that the clocks skip happens at the moment they are
put forward; a time that they show twice happens the first time only, unless minutes or hours start
with "*", in which case the rule follows real time.

Pure. Source: crontab(5), https://man7.org/linux/man-pages/man5/crontab.5.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
HORIZON_YEARS = 9  # 29 February may be eight years away, across 2100

_ITEM = re.compile(r"(?P<first>[*?]|\w+)(?:-(?P<last>\w+))?(?:/(?P<step>\d+))?")


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()
    first_name: int = 0

    def number(self, text: str) -> int:
        named = text.lower()
        if named in self.names:
            return self.names.index(named) + self.first_name
        if text.isascii() and text.isdigit() and self.low <= int(text) <= self.high:
            return int(text)
        raise ValueError(f"{self.name} must be {self.low}-{self.high}, got {text!r}")


FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of month", 1, 31),
    _Field("month", 1, 12, MONTHS, 1),
    _Field("day of week", 0, 7, DAYS),
)


@dataclass(frozen=True, slots=True)
class Cron:
    """One schedule."""

    text: str
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    every_day: bool  # the day of month starts with "*"
    every_weekday: bool
    wild: bool  # minute or hour starts with "*": follows real time through clock changes

    def next_after(self, now: datetime, tz: tzinfo) -> datetime | None:
        """The first moment later than *now*, in UTC; None when there never is one.

        >>> from zoneinfo import ZoneInfo
        >>> noon = datetime(2024, 3, 30, 12, tzinfo=UTC)
        >>> parse("30 2 * * *").next_after(noon, ZoneInfo("Europe/Berlin")).isoformat()
        '2024-03-31T01:00:00+00:00'
        """
        day = now.astimezone(tz).date() - timedelta(days=1)
        for _ in range(366 * HORIZON_YEARS):
            if self._on(day):
                for moment in self._moments(day, tz):
                    if moment > now:
                        return moment
            day += timedelta(days=1)
        return None

    def _on(self, day: date) -> bool:
        """Vixie's rule: restricted day fields are alternatives."""
        if day.month not in self.months:
            return False
        in_month = day.day in self.days
        in_week = day.isoweekday() % 7 in self.weekdays
        if self.every_day or self.every_weekday:
            return in_month and in_week
        return in_month or in_week

    def _moments(self, day: date, tz: tzinfo) -> list[datetime]:
        """The moments of one local day, in UTC and in order."""
        midnight = datetime.combine(day, time(), tz)
        clocks = [(hour, minute) for hour in sorted(self.hours) for minute in sorted(self.minutes)]
        if midnight.utcoffset() == (midnight + timedelta(days=1)).utcoffset():
            start = midnight.astimezone(UTC)
            return [start + timedelta(hours=hour, minutes=minute) for hour, minute in clocks]
        locals_ = (midnight.replace(hour=hour, minute=minute) for hour, minute in clocks)
        return sorted({moment for local in locals_ for moment in self._real(local)})

    def _real(self, local: datetime) -> list[datetime]:
        """What a wall-clock time means: once, twice, or at the change that skipped it."""
        first = local.astimezone(UTC)
        second = local.replace(fold=1).astimezone(UTC)
        if first == second:
            return [first]
        if first < second:  # shown twice
            return [first, second] if self.wild else [first]
        return [] if self.wild else [_change(second, first, local)]


def parse(text: str) -> Cron:
    """Read five fields or a macro.

    Raises:
        ValueError: not a schedule; text and field are in the message.

    >>> sorted(parse("*/20 9-17 * * mon-fri").minutes)
    [0, 20, 40]
    """
    parts = MACROS.get(text.strip().lower(), text).split()
    if len(parts) != len(FIELDS):
        known = ", ".join(MACROS)
        raise ValueError(f"cron {text!r} must have 5 fields or be one of {known}")
    try:
        minutes, hours, days, months, weekdays = (
            _values(field, part) for field, part in zip(FIELDS, parts, strict=True)
        )
    except ValueError as error:
        raise ValueError(f"cron {text!r}: {error}") from error
    star = [part[0] in "*?" for part in parts]
    return Cron(
        text=text,
        minutes=minutes,
        hours=hours,
        days=days,
        months=months,
        weekdays=frozenset(day % 7 for day in weekdays),
        every_day=star[2],
        every_weekday=star[4],
        wild=star[0] or star[1],
    )


def _values(field: _Field, text: str) -> frozenset[int]:
    return frozenset(value for item in text.split(",") for value in _item(field, item))


def _item(field: _Field, text: str) -> range:
    match = _ITEM.fullmatch(text)
    if match is None:
        raise ValueError(f"{field.name}: {text!r} is none of *, 1, 1-5, */10, 1-30/5")
    step = int(match["step"] or 1)
    low, high = _bounds(field, match)
    if step < 1 or low > high:
        raise ValueError(f"{field.name}: {text!r} is empty")
    return range(low, high + 1, step)


def _bounds(field: _Field, match: re.Match[str]) -> tuple[int, int]:
    """First and last value; a lone value with a step goes on to the end."""
    first, last, step = match["first"], match["last"], match["step"]
    if first in ("*", "?"):
        if last:
            raise ValueError(f"{field.name}: {match[0]!r} is a range from everything")
        return field.low, field.high
    low = field.number(first)
    if last:
        high = field.number(last)
        return low, 7 if field.names == DAYS and high == 0 else high  # fri-sun
    return low, field.high if step else low


def _change(before: datetime, after: datetime, local: datetime) -> datetime:
    """The moment between the two at which the clocks were put forward, to the second."""
    old = before.astimezone(local.tzinfo).utcoffset()
    low, high = 0, int((after - before).total_seconds())
    while high - low > 1:
        middle = (low + high) // 2
        still = (before + timedelta(seconds=middle)).astimezone(local.tzinfo).utcoffset() == old
        low, high = (middle, high) if still else (low, middle)
    return before + timedelta(seconds=high)
