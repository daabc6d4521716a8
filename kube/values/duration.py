"""Lengths of time as Kubernetes objects write them: "1h30m", "250ms", "Never".

Go's syntax. Seconds come out as a float; "Never" comes out as None. Pure.

Source: https://pkg.go.dev/time#ParseDuration
"""

from __future__ import annotations

import re
from datetime import timedelta
from fractions import Fraction

NEVER = "Never"

NANOS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,  # U+00B5, micro sign
    "μs": 10**3,  # U+03BC, Greek mu
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
LIMIT = 2**63 - 1  # nanoseconds that Go can hold, about 292 years

_PART = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)")
_TEXT = re.compile(rf"[+-]?(?:{_PART.pattern})+")


def parse(text: str) -> timedelta:
    """Read a Go duration, to the microsecond, rounded towards zero.

    Raises:
        ValueError: not a duration; the text is in the message.

    >>> parse("1h30m"), parse("-1.5s"), parse("0")
    (datetime.timedelta(seconds=5400), \
datetime.timedelta(days=-1, seconds=86398, microseconds=500000), datetime.timedelta(0))
    """
    if text in ("0", "+0", "-0"):
        return timedelta(0)
    if not _TEXT.fullmatch(text):
        raise ValueError(f"{text!r} is no duration; write it like 30s, 5m or 1h30m")
    nanos = int(sum(Fraction(number) * NANOS[unit] for number, unit in _PART.findall(text)))
    if nanos > LIMIT:
        raise ValueError(f"{text!r} is longer than the 292 years a duration can hold")
    length = timedelta(microseconds=nanos // 1000)
    return -length if text.startswith("-") else length


def seconds(text: str) -> float:
    """Read a Go duration as seconds.

    >>> seconds("1m30s"), seconds("250ms")
    (90.0, 0.25)
    """
    return parse(text).total_seconds()


def seconds_or_never(text: str) -> float | None:
    """Read a duration where "Never" is allowed; None then.

    >>> seconds_or_never("720h"), seconds_or_never("Never")
    (2592000.0, None)
    """
    return None if text == NEVER else seconds(text)


def text_of(length: timedelta) -> str:
    """Write as Go does.

    >>> text_of(parse("90m")), text_of(parse("1500ms")), text_of(parse("-2us")), text_of(parse("0"))
    ('1h30m0s', '1.5s', '-2µs', '0s')
    """
    micros = length // timedelta(microseconds=1)
    sign, micros = ("-", -micros) if micros < 0 else ("", micros)
    return sign + _magnitude(micros)


def _magnitude(micros: int) -> str:
    if micros == 0:
        return "0s"
    if micros < 10**3:
        return f"{micros}µs"
    if micros < 10**6:
        return f"{_decimal(micros, 3)}ms"
    minutes, micros = divmod(micros, 60 * 10**6)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours}h"] if hours else []
    parts += [f"{minutes}m"] if hours or minutes else []
    return "".join(parts) + f"{_decimal(micros, 6)}s"


def _decimal(amount: int, places: int) -> str:
    """An integer of 10^-places as the shortest decimal.

    >>> _decimal(1500, 3), _decimal(2000, 3)
    ('1.5', '2')
    """
    whole, part = divmod(amount, 10**places)
    return f"{whole}.{part:0{places}d}".rstrip("0").rstrip(".")
