"""Fit a decoded object to its schema: drop what the schema does not know, notice what does not fit.

Built-in kinds drop unknown fields and refuse wrong types when they decode (400); custom resources
prune (unless told to preserve) and report wrong types with the other faults (422), so `faults` of
`validate.py` judges those.
Source: https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#field-pruning
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import msgspec

from tandem.sandbox.schemas.definitions import OBJECT_META, PRESERVE, definition
from tandem.sandbox.status import Json

EMBEDDED = "x-kubernetes-embedded-resource"
INT_OR_STRING = "x-kubernetes-int-or-string"
_MICRO_LAYOUT = "2006-01-02T15:04:05.000000Z07:00"
_MICRO_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[+-]\d\d:\d\d)")
_LARGEST = 2**63 - 1
_GO_TYPES = {"integer": "int32", "string": "string", "boolean": "bool", "number": "float64"}


class Mistyped(Exception):
    """A value of the wrong JSON type for a built-in field."""


@dataclass(slots=True)
class Fit:
    """How to fit, and what was dropped on the way."""

    strict_types: bool
    dropped: list[str] = field(default_factory=list)


def conform(value: Any, schema: Json, fit: Fit, path: str = "") -> None:
    """Prune *value* in place; the paths of the dropped fields are left in *fit*."""
    if isinstance(value, dict):
        _conform_object(value, schema, fit, path)
    elif isinstance(value, list):
        items = schema.get("items")
        if isinstance(items, dict):
            for index, item in enumerate(value):
                if item is None and fit.strict_types:
                    value[index] = _zero(items)
                else:
                    _step(item, items, fit, f"{path}[{index}]")


def _zero(schema: Json) -> Any:
    """Give what Go reads from a null in a list."""
    empty = {"string": "", "object": {}, "array": [], "integer": 0, "number": 0, "boolean": False}
    return msgspec.json.decode(msgspec.json.encode(empty.get(schema.get("type", ""))))


def _step(value: Any, schema: Json, fit: Fit, path: str) -> None:
    if fit.strict_types:
        _check_type(value, schema, path)
    if isinstance(value, dict | list):
        conform(value, schema, fit, path)


def _conform_object(value: Json, schema: Json, fit: Fit, path: str) -> None:
    known = _known(schema)
    extra = schema.get("additionalProperties")
    keep = schema.get(PRESERVE, False) or extra is True
    for name in list(value):
        child = known.get(name) or (extra if isinstance(extra, dict) else None)
        where = f"{path}.{name}" if path else name
        if child is None:
            if not keep:
                del value[name]
                fit.dropped.append(where)
        elif value[name] is None and not child.get("nullable") and not _anything(child):
            del value[name]
        else:
            _step(value[name], child, fit, where)


def _known(schema: Json) -> Json:
    known: Json = schema.get("properties", {})
    if schema.get(EMBEDDED):
        text = {"type": "string"}
        return {"apiVersion": text, "kind": text, "metadata": definition(OBJECT_META)} | known
    return known


def _anything(schema: Json) -> bool:
    return bool(schema.get(PRESERVE)) and "type" not in schema


def _check_type(value: Any, schema: Json, path: str) -> None:
    wanted = schema.get("type")
    if wanted is None or value is None:
        if schema.get(INT_OR_STRING) and isinstance(value, dict | list | bool):
            raise Mistyped(f"json: cannot unmarshal {json_type(value)} into field {path}")
        return
    if not is_type(value, wanted):
        go = _GO_TYPES.get(wanted, "map" if wanted == "object" else "slice")
        raise Mistyped(
            f"json: cannot unmarshal {json_type(value)} into Go struct field {path} of type {go}"
        )
    if wanted == "integer" and abs(value) > _LARGEST:
        raise Mistyped(f"json: cannot unmarshal number into Go struct field {path} of type int64")
    if schema.get("format") == "micro-time" and not _MICRO_TIME.fullmatch(value):
        raise Mistyped(f'parsing time "{value}" as "{_MICRO_LAYOUT}": cannot parse "{value}"')


def json_type(value: Any) -> str:
    """Name the JSON type as Go's decoder does."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    names = {str: "string", dict: "object", list: "array", type(None): "null"}
    return names.get(type(value), "value")


def is_type(value: Any, wanted: str) -> bool:
    """Whether *value* is of the OpenAPI type *wanted*.

    >>> is_type(1, "number"), is_type(1.0, "integer"), is_type(True, "integer")
    (True, True, False)
    """
    if isinstance(value, bool):
        return wanted == "boolean"
    if isinstance(value, int):
        return wanted in {"integer", "number"}
    if isinstance(value, float):
        return wanted == "number" or (wanted == "integer" and value.is_integer())
    return {"string": str, "object": dict, "array": list}.get(wanted) is type(value)
