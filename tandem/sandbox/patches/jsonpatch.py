"""JSON patch.

Source: RFC 6902, RFC 6901
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from typing import Any


class PatchRefused(Exception):
    """The patch does not apply to this document."""


def json_patch(document: Any, operations: Sequence[Mapping[str, Any]]) -> Any:
    """Give *document* after all *operations*, or raise; *document* is not changed.

    Raises:
        PatchRefused: an operation is malformed, its path is missing, or its test fails.
    """
    result = copy.deepcopy(document)
    for operation in operations:
        result = _apply(result, operation)
    return result


def _apply(document: Any, operation: Mapping[str, Any]) -> Any:
    name, path = operation.get("op"), _pointer(operation.get("path"))
    if name in {"add", "replace", "test"} and "value" not in operation:
        raise PatchRefused(f'operation "{name}" needs a "value"')
    match name:
        case "add":
            return _add(document, path, copy.deepcopy(operation["value"]))
        case "remove":
            return _remove(document, path)
        case "replace":
            _get(document, path)
            return _put(document, path, copy.deepcopy(operation["value"]))
        case "move":
            source = _pointer(operation.get("from"))
            value = _get(document, source)
            return _add(_remove(document, source), path, value)
        case "copy":
            return _add(
                document, path, copy.deepcopy(_get(document, _pointer(operation.get("from"))))
            )
        case "test":
            return _test(document, path, operation["value"])
        case _:
            raise PatchRefused(f"unexpected kind: {name}")


def _pointer(text: Any) -> list[str]:
    if not isinstance(text, str) or (text and not text.startswith("/")):
        raise PatchRefused(f"not a JSON pointer: {text!r}")
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]


def _show(path: Sequence[str]) -> str:
    return "/" + "/".join(path)


def _get(document: Any, path: Sequence[str]) -> Any:
    for part in path:
        try:
            document = document[_index(document, part) if isinstance(document, list) else part]
        except (KeyError, IndexError, TypeError) as error:
            raise PatchRefused(f'path "{_show(path)}" does not exist: missing value') from error
    return document


def _index(items: Sequence[Any], part: str, *, insert: bool = False) -> int:
    if part == "-" and insert:
        return len(items)
    if not re.fullmatch(r"0|[1-9]\d*", part):
        raise PatchRefused(f"not an index of an array: {part!r}")
    found = int(part)
    if found > len(items) - (not insert):
        raise PatchRefused(f"Unable to access invalid index: {found}: missing value")
    return found


def _add(document: Any, path: Sequence[str], value: Any) -> Any:
    if not path:
        return value
    parent = _get(document, path[:-1])
    if isinstance(parent, list):
        parent.insert(_index(parent, path[-1], insert=True), value)
    elif isinstance(parent, dict):
        parent[path[-1]] = value
    else:
        raise PatchRefused(f'add operation does not apply: doc is missing path: "{_show(path)}"')
    return document


def _put(document: Any, path: Sequence[str], value: Any) -> Any:
    if not path:
        return value
    parent = _get(document, path[:-1])
    parent[_index(parent, path[-1]) if isinstance(parent, list) else path[-1]] = value
    return document


def _remove(document: Any, path: Sequence[str]) -> Any:
    _get(document, path)
    if not path:
        return None
    parent = _get(document, path[:-1])
    del parent[_index(parent, path[-1]) if isinstance(parent, list) else path[-1]]
    return document


def _test(document: Any, path: Sequence[str], value: Any) -> Any:
    if _get(document, path) != value:
        raise PatchRefused(f"testing value {_show(path)} failed: test failed")
    return document
