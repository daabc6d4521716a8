r"""Paths into JSON-like values: the part of gjson's syntax that names one value. Pure.

    a.b         member        fav\.movie   an escaped dot is no separator
    a.0.b       item          a.#          the number of items
    a.#.b       b of each item, as a list

Queries, modifiers and wildcards of gjson are refused with a clear message.
Source: https://github.com/tidwall/gjson/blob/master/SYNTAX.md
"""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

from scalers._errors import ScalerError

_STEP = re.compile(r"(?:\\.|[^.\\])+")
_BEYOND = re.compile(r"(?<!\\)[*?|@!{\[(]|#\(")


def problem(path: str) -> str:
    """What this program cannot do of *path*; "" when all is well."""
    found = _BEYOND.search(path)
    return (
        f"has '{found[0]}', and only members, numbers, '#' and '\\.' can be used" if found else ""
    )


def steps(path: str) -> list[str]:
    r"""The steps of a path, unescaped.

    >>> steps(r"a\.b.c.#")
    ['a.b', 'c', '#']
    """
    return [re.sub(r"\\(.)", r"\1", step) for step in _STEP.findall(path)]


def at(value: Any, path: str) -> Any:
    """The value at *path*.

    Raises:
        ScalerError: there is none; the message names the step that is missing.

    >>> at({"a": [{"b": 1}, {"b": 2}]}, "a.1.b"), at({"a": [1, 2, 3]}, "a.#")
    (2, 3)
    """
    return _follow(value, steps(path), path)


def _follow(value: Any, rest: list[str], path: str) -> Any:
    for index, step in enumerate(rest):
        if step == "#" and isinstance(value, list):
            after = rest[index + 1 :]
            return [_follow(item, after, path) for item in value] if after else len(value)
        value = _next(value, step, path)
    return value


def _next(value: Any, step: str, path: str) -> Any:
    if isinstance(value, dict) and step in value:
        return value[step]
    if isinstance(value, list) and step.isdecimal() and int(step) < len(value):
        return value[int(step)]
    raise ScalerError(f"the answer has no '{path}' (nothing at '{step}')")


def from_xml(text: str) -> dict[str, Any]:
    """XML as JSON-like values: members are elements, `-name` attributes, `#text` mixed text.

    A document type is refused: entities in it can make a small text very large.

    >>> from_xml('<root><n id="1">7</n><n>8</n></root>')
    {'root': {'n': [{'-id': '1', '#text': '7'}, '8']}}
    """
    if "<!DOCTYPE" in text:
        raise ScalerError("the answer has a document type, which is not read")
    try:
        root = ElementTree.fromstring(text)  # noqa: S314  # no document type: nothing to expand
    except ElementTree.ParseError:
        raise ScalerError("the answer is not XML") from None
    return {_tag(root): _element(root)}


def _element(element: ElementTree.Element) -> Any:
    members: dict[str, list[Any]] = {}
    for child in element:
        members.setdefault(_tag(child), []).append(_element(child))
    found: dict[str, Any] = {f"-{name}": value for name, value in element.attrib.items()}
    found |= {name: each if len(each) > 1 else each[0] for name, each in members.items()}
    text = (element.text or "").strip()
    if not found:
        return text
    return found | ({"#text": text} if text else {})


def _tag(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]
