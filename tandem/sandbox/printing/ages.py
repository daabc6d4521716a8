"""Ages as kubectl shows them.

Source: duration.HumanDuration of k8s.io/apimachinery (facts)
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

UNKNOWN = "<unknown>"
_MINUTE, _HOUR, _DAY, _YEAR = 60, 3600, 86400, 365 * 86400
_Unit = tuple[int, str]
_SECONDS, _MINUTES, _HOURS, _DAYS = (1, "s"), (_MINUTE, "m"), (_HOUR, "h"), (_DAY, "d")
# (up to, whole units, the second unit or None)
_STEPS: tuple[tuple[int, _Unit, _Unit | None], ...] = (
    (2 * _MINUTE, _SECONDS, None),
    (10 * _MINUTE, _MINUTES, _SECONDS),
    (3 * _HOUR, _MINUTES, None),
    (8 * _HOUR, _HOURS, _MINUTES),
    (2 * _DAY, _HOURS, None),
    (8 * _DAY, _DAYS, _HOURS),
    (2 * _YEAR, _DAYS, None),
    (8 * _YEAR, (_YEAR, "y"), _DAYS),
)


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
    for below, (unit, name), part in _STEPS:
        if seconds < below:
            whole, rest = divmod(seconds, unit)
            shown = rest // part[0] if part else 0
            return f"{whole}{name}{shown}{part[1]}" if part and shown else f"{whole}{name}"
    return f"{seconds // _YEAR}y"
