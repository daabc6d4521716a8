"""All faults of an object against a structural schema, worded as kube-apiserver words them.

Not here: CEL rules (`rules.py`).
Source: https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec

from tandem.sandbox.schemas.conform import INT_OR_STRING, is_type
from tandem.sandbox.schemas.formats import FORMATS
from tandem.sandbox.status import Cause, Json, invalid_value, required, unsupported_value


def faults(value: Any, schema: Json, path: str = "") -> Iterator[Cause]:
    """Give every fault of *value*; a wrong type hides the faults below it."""
    if value is None and schema.get("nullable"):
        return
    wrong = _type_fault(value, schema, path)
    if wrong is not None:
        yield wrong
        return
    if "enum" in schema and value not in schema["enum"]:
        yield unsupported_value(path, value, [str(each) for each in schema["enum"]])
    yield from _by_type(value, schema, path)
    yield from _combined(value, schema, path)


def _type_fault(value: Any, schema: Json, path: str) -> Cause | None:
    if schema.get(INT_OR_STRING):
        if isinstance(value, str | int) and not isinstance(value, bool):
            return None
        return _mistyped(value, "integer,string", path)
    wanted = schema.get("type")
    if not wanted or is_type(value, wanted):
        return None
    return _mistyped(value, wanted, path)


def _mistyped(value: Any, wanted: str, path: str) -> Cause:
    found = openapi_type(value)
    shown = f'"{found}"' if value is not None else "null"
    message = f'Invalid value: {shown}: {path} in body must be of type {wanted}: "{found}"'
    return Cause("FieldValueTypeInvalid", message, path)


def openapi_type(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    names = {str: "string", int: "integer", float: "number", dict: "object", list: "array"}
    return names.get(type(value), "null")


def _by_type(value: Any, schema: Json, path: str) -> Iterator[Cause]:
    if isinstance(value, str):
        yield from _string(value, schema, path)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _number(value, schema, path)
    elif isinstance(value, list):
        yield from _array(value, schema, path)
    elif isinstance(value, dict):
        yield from _object(value, schema, path)


def _string(value: str, schema: Json, path: str) -> Iterator[Cause]:
    limit = schema.get("maxLength")
    if limit is not None and len(value) > limit:
        message = f"Too long: may not be more than {limit} bytes"
        yield Cause("FieldValueTooLong", message, path)
    floor = schema.get("minLength")
    if floor is not None and len(value) < floor:
        yield invalid_value(path, value, f"{path} in body should be at least {floor} chars long")
    pattern = schema.get("pattern")
    if pattern and not _compiled(pattern).search(value):
        yield invalid_value(path, value, f"{path} in body should match '{pattern}'")
    check = FORMATS.get(schema.get("format", ""))
    if check is not None and not check(value):
        shown = f'{path} in body must be of type {schema["format"]}: "{value}"'
        yield Cause("FieldValueTypeInvalid", f'Invalid value: "{value}": {shown}', path)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    r"""Compile a Go pattern; Python's `$` also matches before a final newline, Go's does not."""
    return re.compile(re.sub(r"(?<!\\)\$$", r"\\Z", pattern))


def _number(value: float, schema: Json, path: str) -> Iterator[Cause]:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None:
        strict = schema.get("exclusiveMinimum", False)
        if value < low or (strict and value == low):
            bound = "greater than" if strict else "greater than or equal to"
            yield invalid_value(path, value, f"{path} in body should be {bound} {low}")
    if high is not None:
        strict = schema.get("exclusiveMaximum", False)
        if value > high or (strict and value == high):
            bound = "less than" if strict else "less than or equal to"
            yield invalid_value(path, value, f"{path} in body should be {bound} {high}")
    step = schema.get("multipleOf")
    if step and value % step:
        yield invalid_value(path, value, f"{path} in body should be a multiple of {step}")
    bits = {"int32": 32, "int64": 64}.get(schema.get("format", ""))
    if bits and not -(2 ** (bits - 1)) <= value < 2 ** (bits - 1):
        shown = f"Invalid value: {value}: {path} in body must be of type {schema['format']}"
        yield Cause("FieldValueTypeInvalid", f'{shown}: "{value}"', path)


def _array(value: list[Any], schema: Json, path: str) -> Iterator[Cause]:
    limit, floor = schema.get("maxItems"), schema.get("minItems")
    if limit is not None and len(value) > limit:
        message = f"Too many: {len(value)}: must have at most {limit} items"
        yield Cause("FieldValueTooMany", message, path)
    if floor is not None and len(value) < floor:
        yield invalid_value(path, len(value), f"{path} in body should have at least {floor} items")
    items = schema.get("items")
    if isinstance(items, dict):
        for index, item in enumerate(value):
            yield from faults(item, items, f"{path}[{index}]")
    yield from _repeated(value, schema, path)


def _repeated(value: list[Any], schema: Json, path: str) -> Iterator[Cause]:
    """Duplicates in a set, or two items of a map list with equal keys."""
    kind = schema.get("x-kubernetes-list-type")
    if kind not in {"set", "map"} and not schema.get("uniqueItems"):
        return
    keys = schema.get("x-kubernetes-list-map-keys", []) if kind == "map" else []
    seen: set[bytes] = set()
    for index, item in enumerate(value):
        shown = {key: item.get(key) for key in keys} if keys and isinstance(item, dict) else item
        text = msgspec.json.encode(shown)
        if text in seen:
            message = f"Duplicate value: {text.decode()}"
            yield Cause("FieldValueDuplicate", message, f"{path}[{index}]")
        seen.add(text)


def _object(value: Json, schema: Json, path: str) -> Iterator[Cause]:
    known: Json = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in value:
            yield required(_join(path, name))
    limit, floor = schema.get("maxProperties"), schema.get("minProperties")
    if limit is not None and len(value) > limit:
        message = f"Too many: {len(value)}: must have at most {limit} items"
        yield Cause("FieldValueTooMany", message, path)
    if floor is not None and len(value) < floor:
        yield invalid_value(
            path, len(value), f"{path} in body should have at least {floor} properties"
        )
    extra = schema.get("additionalProperties")
    for name, item in value.items():
        child = known.get(name) or (extra if isinstance(extra, dict) else None)
        if child is not None:
            yield from faults(item, child, _join(path, name))


def _combined(value: Any, schema: Json, path: str) -> Iterator[Cause]:
    for part in schema.get("allOf", ()):
        yield from faults(value, part, path)
    choices = () if schema.get(INT_OR_STRING) else schema.get("anyOf", ())
    if choices and not any(_fits(value, part) for part in choices):
        yield invalid_value(path, "", f'"{path}" must validate at least one schema (anyOf)')
    if "oneOf" in schema:
        count = sum(_fits(value, part) for part in schema["oneOf"])
        if count != 1:
            found = "Found none valid" if count == 0 else f"Found {count} valid alternatives"
            message = f'"{path}" must validate one and only one schema (oneOf). {found}'
            yield invalid_value(path, "", message)
    if "not" in schema and _fits(value, schema["not"]):
        yield invalid_value(path, "", f'"{path}" must not validate the schema (not)')


def _fits(value: Any, schema: Json) -> bool:
    return next(faults(value, schema), None) is None


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
