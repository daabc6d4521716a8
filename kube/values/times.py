"""Points in time as the API writes them.

Everything here is an aware datetime in UTC. Pure: whoever needs the present takes a `Now`.

Source: https://www.rfc-editor.org/rfc/rfc3339
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

Now = Callable[[], datetime]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:([Zz])|([+-])(\d\d):(\d\d))"
)


def parse(text: str) -> datetime:
    """Read an RFC 3339 time; digits past microseconds are dropped.

    Raises:
        ValueError: not a time; the text is in the message.

    >>> parse("2024-05-01T10:00:00.123456789+02:00")
    datetime.datetime(2024, 5, 1, 8, 0, 0, 123456, tzinfo=datetime.timezone.utc)
    """
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no RFC 3339 time such as 2024-05-01T10:00:00Z")
    digits = [int(part) for part in match.group(1, 2, 3, 4, 5, 6)]
    micros = int((match[7] or "0")[:6].ljust(6, "0"))
    try:
        local = datetime(*digits[:6], micros, tzinfo=_zone(match))  # type: ignore[misc,arg-type]  # six ints
        return local.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text!r} is no RFC 3339 time: {error}") from error


def seconds(moment: datetime) -> str:
    """Write as metav1.Time: whole seconds, rounded down.

    >>> seconds(parse("2024-05-01T10:00:00.9Z"))
    '2024-05-01T10:00:00Z'
    """
    return _utc(moment).isoformat(timespec="seconds") + "Z"


def micros(moment: datetime) -> str:
    """Write as metav1.MicroTime: six digits, as Leases and Events have them.

    >>> micros(parse("2024-05-01T10:00:00.9Z"))
    '2024-05-01T10:00:00.900000Z'
    """
    return _utc(moment).isoformat(timespec="microseconds") + "Z"


def _utc(moment: datetime) -> datetime:
    """The same moment as the clocks of UTC show it."""
    return moment.astimezone(UTC).replace(tzinfo=None)


def _zone(match: re.Match[str]) -> timezone:
    if match[8]:
        return UTC
    offset = timedelta(hours=int(match[10]), minutes=int(match[11]))
    return timezone(offset if match[9] == "+" else -offset)
