"""The part of kubectl's JSONPath that printer columns use: fields, indexes, `[*]`, `[?(@.a=="b")]`.

Source: https://kubernetes.io/docs/reference/kubectl/jsonpath/
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

Step = Callable[[Any], Iterator[Any]]

_TOKEN = re.compile(
    r"""\.(?P<field>(?:[^.\[\]\\]|\\.)+)
      | \['(?P<quoted>[^']+)'\]
      | \[(?P<index>-?\d+)\]
      | (?P<all>\[\*\]|\.\*)
      | \[\?\(@(?P<path>[^=!]+?)\s*(?P<sign>==|!=)\s*(?P<value>"[^"]*"|'[^']*'|[^)]+)\)\]
    """,
    re.VERBOSE,
)


def find(value: Any, path: str) -> list[Any]:
    """Give all that *path* finds in *value*.

    >>> find({"a": [{"t": "x", "v": 1}, {"t": "y", "v": 2}]}, '.a[?(@.t=="y")].v')
    [2]

    Raises:
        ValueError: the path cannot be read.
    """
    found = [value]
    for step in steps(path):
        found = [each for item in found for each in step(item)]
    return found


@lru_cache(maxsize=1024)
def steps(path: str) -> tuple[Step, ...]:
    """Compile *path*."""
    text = path.strip()
    if text.startswith("{") and text.endswith("}"):
        text = text[1:-1]
    text = text.removeprefix("$")
    if text and text[0] not in ".[":
        text = f".{text}"
    found: list[Step] = []
    position = 0
    while position < len(text):
        matched = _TOKEN.match(text, position)
        if matched is None:
            raise ValueError(f"{path!r}: cannot read {text[position:]!r}")
        found.append(_step(matched))
        position = matched.end()
    return tuple(found)


def _step(matched: re.Match[str]) -> Step:
    name = matched["field"] or matched["quoted"]
    if name:
        return _field(re.sub(r"\\(.)", r"\1", name))
    if matched["index"]:
        return _index(int(matched["index"]))
    if matched["all"]:
        return _all
    return _where(matched["path"], matched["value"].strip("\"'"), wanted=matched["sign"] == "==")


def _field(name: str) -> Step:
    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, dict) and name in value:
            yield value[name]

    return step


def _index(place: int) -> Step:
    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, list) and -len(value) <= place < len(value):
            yield value[place]

    return step


def _all(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        yield from value
    elif isinstance(value, dict):
        yield from value.values()


def _where(path: str, expected: str, *, wanted: bool) -> Step:
    def step(value: Any) -> Iterator[Any]:
        for item in value if isinstance(value, list) else ():
            found = find(item, path)
            shown = text_of(found[0]) if found else None
            if (shown == expected) is wanted:
                yield item

    return step


def text_of(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
