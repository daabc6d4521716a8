"""The types that a trigger's key may have, and how each is read from its text. Pure.

str  float  int  bool  StrEnum  Secret  Seconds
tuple[str, ...]     a list: "a,b", with the separator of the declaration
frozenset[int]      numbers and ranges: "1,3-5"
Pairs               a map: "k=v,k2=v2", URL-unescaped; as sorted pairs, so that it hashes
"""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import StrEnum
from typing import Any, NewType
from urllib.parse import unquote_plus

from kube.values import duration
from scalers._errors import Secret

Seconds = NewType("Seconds", float)
"""A duration: Go's form ("30s", "1m30s", "500ms") or whole milliseconds ("3000")."""

Pairs = NewType("Pairs", tuple[tuple[str, str], ...])

_TRUE = frozenset({"1", "t", "true"})
_FALSE = frozenset({"0", "f", "false"})
_LARGEST_RANGE = 100_000


def reader(kind: Any, sep: str = ",") -> Callable[[str], Any]:
    """The function that reads a *kind* from text; it raises ValueError on any other text."""
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return kind
    if kind == tuple[str, ...]:
        return lambda text: items(text, sep)
    if kind is Pairs:
        return lambda text: pairs(text, sep)
    return _READERS[kind]


def expectation(kind: Any) -> str:
    """What a text of this kind must be, to follow the key in a message."""
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return "must be one of " + ", ".join(f"'{choice.value}'" for choice in kind)
    return _EXPECTED.get(kind, "is malformed")


def boolean(text: str) -> bool:
    """Read what Go's ParseBool reads, in any case.

    >>> boolean("True"), boolean("0")
    (True, False)
    """
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise ValueError(text)


def number(text: str) -> float:
    """A finite number.

    >>> number("1e3")
    1000.0
    """
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def whole(text: str) -> int:
    """A whole number that a float can hold.

    >>> whole("7")
    7
    """
    number(text)
    return int(text)


def seconds(text: str) -> float:
    """Read a duration as seconds.

    >>> seconds("1m30s"), seconds("250ms"), seconds("3000")
    (90.0, 0.25, 3.0)
    """
    if text.isdecimal():
        return number(text) / 1000
    return duration.parse(text).total_seconds()


def items(text: str, sep: str = ",") -> tuple[str, ...]:
    """Read a list; blanks and empty items are dropped.

    >>> items("a, b,,c")
    ('a', 'b', 'c')
    """
    return tuple(item.strip() for item in text.split(sep) if item.strip())


def ranges(text: str) -> frozenset[int]:
    """Read numbers and ranges of numbers.

    >>> sorted(ranges("1,3-5"))
    [1, 3, 4, 5]
    """
    found: set[int] = set()
    for part in items(text):
        low, dash, high = part.partition("-")
        first, last = int(low), int(high if dash else low)
        if not 0 <= first <= last <= _LARGEST_RANGE:
            raise ValueError(part)
        found |= set(range(first, last + 1))
    return frozenset(found)


def pairs(text: str, sep: str = ",") -> tuple[tuple[str, str], ...]:
    """Read a map, as sorted pairs.

    >>> pairs("b=2,a=x%2Cy")
    (('a', 'x,y'), ('b', '2'))
    """
    found = {}
    for part in items(text, sep):
        key, equals, value = part.partition("=")
        if not equals or not key.strip():
            raise ValueError(part)
        found[unquote_plus(key.strip())] = unquote_plus(value.strip())
    return tuple(sorted(found.items()))


_READERS: dict[Any, Callable[[str], Any]] = {
    str: str,
    float: number,
    int: whole,
    bool: boolean,
    Secret: Secret,
    Seconds: seconds,
    frozenset[int]: ranges,
}
_EXPECTED: dict[Any, str] = {
    float: "must be a number",
    int: "must be a whole number",
    bool: "must be 'true' or 'false'",
    Seconds: "must be a duration such as '30s', or milliseconds such as '3000'",
    frozenset[int]: "must be numbers and ranges such as '1,3-5'",
    Pairs: "must be pairs such as 'a=1,b=2'",
}
