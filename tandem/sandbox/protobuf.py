"""Bodies in Kubernetes' protobuf, which kubectl's typed commands send (`drain`, `auth`, `create`).

Only read, never written: clients that send protobuf accept JSON. `schemas/protobuf.json` holds the
field numbers and types of the release's .proto files (`python -m tests.controlplane.schemas` makes
it); "+" marks an inlined message. A zero that stands for "not set" cannot be told from one that was
set: empty texts and messages without fields are dropped, numbers and truth values kept.
Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any

import msgspec

from tandem.sandbox.kinds import definition_name
from tandem.sandbox.status import Json

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\x00"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MORE = 0x80  # this bit of a byte says that the number goes on
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_META = "io.k8s.apimachinery.pkg.apis.meta.v1"
Fields = Mapping[str, list[str]]

_MESSAGES: dict[str, dict[str, list[str]]] = msgspec.json.decode(
    files("tandem.sandbox.schemas").joinpath("protobuf.json").read_bytes()
)


class NotProtobuf(ValueError):
    """The bytes are not a Kubernetes protobuf message of a known kind."""


def decode(body: bytes) -> Json:
    """Read an object in its envelope.

    Raises:
        NotProtobuf: no envelope, an unknown kind, or a cut message.
    """
    if not body.startswith(_MAGIC):
        raise NotProtobuf("does not start with the magic bytes of Kubernetes' protobuf")
    try:
        envelope = dict(_raw_fields(body[len(_MAGIC) :]))
        names = {number: value.decode() for number, value in _raw_fields(envelope.get(1, b""))}
        api_version, kind = names.get(1, ""), names.get(2, "")
        obj: Json = _message(envelope.get(2, b""), _name(api_version, kind))
    except (LookupError, ValueError, TypeError, AttributeError, OverflowError) as error:
        raise NotProtobuf(f"cannot be read: {error!r}") from error
    names_of: Json = {"apiVersion": api_version, "kind": kind}
    return names_of | obj


def _name(api_version: str, kind: str) -> str:
    group, _, version = api_version.rpartition("/")
    return definition_name(group, version, kind)


def _raw_fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """Give (field number, value): an int for varints, bytes for everything else."""
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        number, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            value, position = _varint(data, position)
            yield number, value
            continue
        size = {_FIXED64: 8, _FIXED32: 4}.get(wire)
        if size is None:
            size, position = _varint(data, position)
        if position + size > len(data):
            raise IndexError("the message is cut")
        yield number, data[position : position + size]
        position += size


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & ~_MORE) << shift
        shift += 7
        if not byte & _MORE:
            return value, position


def _message(data: bytes, name: str) -> Any:
    special = _SPECIAL.get(name)
    if special is not None:
        return special(dict(_raw_fields(data)))
    fields = _MESSAGES[name]
    found: Json = {}
    for number, raw in _raw_fields(data):
        known = fields.get(str(number))
        if known is not None:
            _put(found, known, raw)
    return found


def _put(found: Json, known: list[str], raw: Any) -> None:
    name, kind, *marks = known
    if kind.startswith("map:"):
        key, value = _entry(raw, kind.removeprefix("map:"))
        found.setdefault(name, {})[key] = value
    elif name == "+":
        found.update(_value(raw, kind))
    elif marks:
        found.setdefault(name, []).append(_value(raw, kind))
    else:
        value = _value(raw, kind)
        if value not in ("", None) and value != {}:
            found[name] = value


def _entry(raw: bytes, kind: str) -> tuple[str, Any]:
    parts = dict(_raw_fields(raw))
    empty = 0 if kind in _SCALARS and kind not in {"string", "bytes"} else b""
    return parts.get(1, b"").decode(), _value(parts.get(2, empty), kind)


def _value(raw: Any, kind: str) -> Any:
    read = _SCALARS.get(kind)
    return read(raw) if read is not None else _message(raw, kind)


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


_SCALARS: Mapping[str, Callable[[Any], Any]] = {
    "string": lambda raw: raw.decode(),
    "bytes": lambda raw: base64.b64encode(raw).decode(),
    "bool": bool,
    "int32": _signed,
    "int64": _signed,
    "uint32": int,
    "uint64": int,
}


def _time(parts: Mapping[int, Any]) -> str | None:
    if not parts:
        return None
    at = _EPOCH + timedelta(seconds=_signed(parts.get(1, 0)))
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _micro_time(parts: Mapping[int, Any]) -> str | None:
    if not parts:
        return None
    since = timedelta(seconds=_signed(parts.get(1, 0)), microseconds=parts.get(2, 0) // 1000)
    return (_EPOCH + since).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _int_or_string(parts: Mapping[int, Any]) -> int | str:
    if parts.get(1):
        return str(parts.get(3, b"").decode())
    return _signed(parts.get(2, 0))


def _items(parts: Mapping[int, Any]) -> list[str]:
    return [parts[1].decode()] if 1 in parts else []


_SPECIAL: Mapping[str, Callable[[Mapping[int, Any]], Any]] = {
    f"{_META}.Time": _time,
    f"{_META}.MicroTime": _micro_time,
    f"{_META}.FieldsV1": lambda parts: msgspec.json.decode(parts.get(1) or b"{}"),
    f"{_META}.Verbs": _items,
    "io.k8s.apimachinery.pkg.api.resource.Quantity": lambda parts: parts.get(1, b"0").decode(),
    "io.k8s.apimachinery.pkg.runtime.RawExtension": lambda parts: msgspec.json.decode(
        parts.get(1) or b"{}"
    ),
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": _int_or_string,
}
