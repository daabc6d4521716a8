"""The schemas of built-in kinds, read once from `builtin.json` and linked into a graph.

A linked schema has no `$ref`: a field's schema is the very dict of the definition it names, so that
walking an object costs one lookup a field. Never change one.
`python -m tests.controlplane.schemas` makes `builtin.json` from the published OpenAPI v3 documents
of the Kubernetes release that tests/controlplane/go.mod pins, without prose.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import msgspec

from tandem.sandbox.status import Json

PRESERVE = "x-kubernetes-preserve-unknown-fields"
OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
MICRO_TIME = "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime"
_CRD_SCHEMA = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps"
INT_OR_STRING = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"


@cache
def raw_definitions() -> dict[str, Json]:
    text = files("tandem.sandbox.schemas").joinpath("builtin.json").read_bytes()
    return msgspec.json.decode(text, type=dict[str, Json])


@cache
def definitions() -> dict[str, Json]:
    linked = {name: dict(schema) for name, schema in raw_definitions().items()}
    linked[QUANTITY] = {"format": "quantity", "x-kubernetes-int-or-string": True}
    linked[MICRO_TIME] = {"type": "string", "format": "micro-time"}
    linked[INT_OR_STRING] = {"x-kubernetes-int-or-string": True}
    for suffix in ("Array", "Bool"):  # a schema, or what only `crd_checks` can refuse
        linked[f"{_CRD_SCHEMA}Or{suffix}"] = {"properties": linked[_CRD_SCHEMA]["properties"]}
    variants: list[Json] = []
    for schema in linked.values():
        _link_children(schema, linked, variants)
    for variant in variants:
        variant.update(linked[variant.pop("$ref")] | variant)
    return linked


def definition(name: str) -> Json:
    return definitions()[name]


def _link_children(schema: Json, linked: dict[str, Json], variants: list[Json]) -> None:
    if "properties" in schema:
        schema["properties"] = {
            field: _linked(child, linked, variants) for field, child in schema["properties"].items()
        }
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            schema[key] = _linked(schema[key], linked, variants)
    if _is_open(schema):
        schema[PRESERVE] = True


def _linked(schema: Json, linked: dict[str, Json], variants: list[Json]) -> Json:
    """Give the schema that *schema* refers to; a reference with extras becomes a variant."""
    if "$ref" in schema and len(schema) == 1:
        return linked[schema["$ref"]]
    copy = dict(schema)
    if "$ref" in schema:
        variants.append(copy)
    else:
        _link_children(copy, linked, variants)
    return copy


def _is_open(schema: Json) -> bool:
    """Whether a built-in schema says nothing of its fields (RawExtension, FieldsV1, JSON)."""
    if schema.get("type") == "object":
        return "properties" not in schema and "additionalProperties" not in schema
    return not schema or schema.keys() == {PRESERVE}


definitions()  # at import: a running loop must not wait for a disk
