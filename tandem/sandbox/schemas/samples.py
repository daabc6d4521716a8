"""A value that fits a schema, with every field present, to try a rule on before it is accepted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tandem.sandbox.schemas.definitions import PRESERVE
from tandem.sandbox.status import Json

_FORMATS = {
    "date-time": "2026-01-01T00:00:00Z",
    "date": "2026-01-01",
    "duration": "1m0s",
    "ipv4": "10.0.0.1",
    "uri": "http://a.b/c",
}
_DEPTH = 12


def sample(schema: Json, depth: int = 0) -> Any:
    """Give one value of *schema*: defaults and first choices where it names them."""
    if "default" in schema and not schema.get("properties"):
        return schema["default"]
    if schema.get("enum"):
        return schema["enum"][0]
    make = _BY_TYPE.get(schema.get("type", ""))
    return 1 if make is None or depth > _DEPTH else make(schema, depth)


def _text(schema: Json, _depth: int) -> str:
    shortest: int = schema.get("minLength", 1)
    return _FORMATS.get(schema.get("format", ""), "a" * max(1, shortest))


def _whole(schema: Json, _depth: int) -> int:
    return int(schema.get("minimum", min(1, schema.get("maximum", 1))))


def _real(schema: Json, depth: int) -> float:
    return float(_whole(schema, depth))


def _list(schema: Json, depth: int) -> list[Any]:
    items = schema.get("items")
    return [sample(items, depth + 1)] if isinstance(items, dict) else []


def _map(schema: Json, depth: int) -> Json:
    found = {
        name: sample(child, depth + 1) for name, child in (schema.get("properties") or {}).items()
    }
    extra = schema.get("additionalProperties")
    if isinstance(extra, dict):
        found["a"] = sample(extra, depth + 1)
    return found


_BY_TYPE: Mapping[str, Callable[[Json, int], Any]] = {
    "string": _text,
    "integer": _whole,
    "number": _real,
    "boolean": lambda _schema, _depth: True,
    "array": _list,
    "object": _map,
}


def open_names(schema: Json, name: str = "self") -> Iterator[str]:
    """Name the fields below *schema* whose values may have keys that the schema does not name."""
    if schema.get(PRESERVE) or schema.get("additionalProperties"):
        yield name
    for child_name, child in (schema.get("properties") or {}).items():
        yield from open_names(child, child_name)
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from open_names(schema[key], name)
