"""Ages as kubectl shows them.

Source: duration.HumanDuration of k8s.io/apimachinery (facts)
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

UNKNOWN = "<unknown>"
_MINUTE, _HOUR, _DAY, _YEAR = 60, 3600, 86400, 365 * 86400


def parse_time(text: str) -> datetime:
    """Read an RFC 3339 time of the API."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def age(text: object, now: datetime) -> str:
    """Give the time since *text*, or "<unknown>" when there is none.

    >>> age("2026-01-01T00:00:00Z", datetime(2026, 1, 1, 2, 5, tzinfo=UTC))
    '125m'
    """
    if not isinstance(text, str) or not text:
        return UNKNOWN
    try:
        return human(now - parse_time(text))
    except ValueError:
        return "<invalid>"


def human(duration: timedelta) -> str:
    """Show a duration with two units at most.

    >>> [human(timedelta(seconds=s)) for s in (5, 119, 125, 601, 7000, 11000, 100000, 200000)]
    ['5s', '119s', '2m5s', '10m', '116m', '3h3m', '27h', '2d7h']
    """
    seconds = int(duration.total_seconds())
    if seconds < -1:
        return "<invalid>"
    seconds = max(seconds, 0)
    if seconds < 2 * _MINUTE:
        return f"{seconds}s"
    if seconds < 3 * _HOUR:
        return _minutes(seconds)
    return _hours(seconds) if seconds < 8 * _DAY else _days(seconds)


def _minutes(seconds: int) -> str:
    minutes, rest = divmod(seconds, _MINUTE)
    return f"{minutes}m{rest}s" if minutes < 10 and rest else f"{minutes}m"


def _hours(seconds: int) -> str:
    hours = seconds // _HOUR
    if hours < 8:
        minutes = seconds // _MINUTE % 60
        return f"{hours}h{minutes}m" if minutes else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    days, rest = divmod(hours, 24)
    return f"{days}d{rest}h" if rest else f"{days}d"


def _days(seconds: int) -> str:
    days = seconds // _DAY
    if seconds < 2 * _YEAR:
        return f"{days}d"
    years, rest = divmod(days, 365)
    return f"{years}y{rest}d" if years < 8 and rest else f"{years}y"
