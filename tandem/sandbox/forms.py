"""The shapes an object can be asked for in: itself, its metadata only, or a row of a Table.

An object is encoded once in each shape and kept with the stored object, so that twenty watchers
cost one encoding.
Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#alternate-representations-of-resources
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from tandem.sandbox.conversion import converted
from tandem.sandbox.printing.tables import column_definitions, table_row
from tandem.sandbox.registry import Served
from tandem.sandbox.state import State
from tandem.sandbox.status import Json, not_acceptable
from tandem.sandbox.store import Stored

encode = msgspec.json.encode


class Shape(StrEnum):
    OBJECT = "Object"
    PARTIAL = "PartialObjectMetadata"
    TABLE = "Table"


@dataclass(frozen=True, slots=True)
class Form:
    shape: Shape = Shape.OBJECT
    include: str = "Metadata"
    yaml: bool = False


_SHAPES: Mapping[str, Shape] = {
    "Table": Shape.TABLE,
    "PartialObjectMetadata": Shape.PARTIAL,
    "PartialObjectMetadataList": Shape.PARTIAL,
}
_JSON = {"application/json", "*/*", "application/*", ""}
_YAML = "application/yaml"


def negotiate(accept: str, query: Mapping[str, str]) -> Form:
    """Take the first media type of *accept* that can be served.

    Raises:
        ApiError: 406, none can.
    """
    for clause in accept.split(","):
        media, *parameters = (part.strip() for part in clause.split(";"))
        wanted = dict(part.partition("=")[::2] for part in parameters)
        shape = _SHAPES.get(wanted["as"]) if "as" in wanted else Shape.OBJECT
        if wanted.get("as") and wanted.get("v") != "v1":
            continue
        if shape is not None and (media in _JSON or media == _YAML):
            return Form(shape, query.get("includeObject", "Metadata"), yaml=media == _YAML)
    raise not_acceptable(
        ("application/json", "application/yaml", "application/vnd.kubernetes.protobuf")
    )


def object_bytes(state: State, served: Served, stored: Stored, form: Form) -> bytes:
    """Encode one object in *form*, or take it from the object's own cache."""
    kind = served.kind
    plain = form.shape is Shape.OBJECT
    if plain and stored.obj["apiVersion"] == kind.api_version:
        return stored.encoded()
    if form.shape is Shape.TABLE:  # its ages go stale: never kept
        return encode(_table(state, served, [stored], form, {}))
    cache_key = (kind.api_version, form.shape)
    found = stored.forms.get(cache_key)
    if found is None:
        obj = converted(stored.obj, kind)
        found = stored.forms[cache_key] = encode(obj if plain else partial(obj))
    return found


def partial(obj: Json) -> Json:
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": obj["metadata"],
    }


def list_bytes(
    state: State, served: Served, found: Sequence[Stored], form: Form, metadata: Json
) -> bytes:
    if form.shape is Shape.TABLE:
        return encode(_table(state, served, found, form, metadata))
    kind = served.kind
    if form.shape is Shape.PARTIAL:
        names = {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1"}
        items = [object_bytes(state, served, stored, form) for stored in found]
    else:
        names = {"kind": kind.list_kind, "apiVersion": kind.api_version}
        cut = 0 if kind.custom else len(_type_prefix(served))
        items = [_item(object_bytes(state, served, stored, form), cut) for stored in found]
    head = encode(names | {"metadata": metadata})[:-1]
    return b'%b,"items":[%b]}' % (head, b",".join(items))


def _type_prefix(served: Served) -> bytes:
    kind = served.kind
    return b'{"kind":"%b","apiVersion":"%b",' % (kind.kind.encode(), kind.api_version.encode())


def _item(encoded: bytes, cut: int) -> bytes:
    """Items of a built-in list carry no kind and apiVersion, as upstream writes them."""
    return b"{" + encoded[cut:] if cut else encoded


def _table(
    state: State, served: Served, found: Sequence[Stored], form: Form, metadata: Json
) -> Json:
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata or {"resourceVersion": _revision(found)},
        "columnDefinitions": column_definitions(served),
        "rows": [_row(state, served, stored, form) for stored in found],
    }


def _revision(found: Sequence[Stored]) -> str:
    return str(found[0].revision) if found else ""


def _row(state: State, served: Served, stored: Stored, form: Form) -> Json:
    obj = converted(stored.obj, served.kind)
    row: Json = {"cells": table_row(served, obj, state.now())}
    if form.include == "Object":
        row["object"] = obj
    elif form.include != "None":
        row["object"] = partial(obj)
    return row
