"""Faults of a CustomResourceDefinition: names, versions, and schemas that are not structural.

Source: https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tandem.sandbox.schemas.definitions import PRESERVE
from tandem.sandbox.schemas.rules import compile_rules
from tandem.sandbox.schemas.validate import faults
from tandem.sandbox.status import (
    Cause,
    Json,
    forbidden_field,
    invalid_value,
    required,
    unsupported_value,
)

_TYPED = "x-kubernetes-int-or-string"


def crd_faults(obj: Json, old: Json | None) -> Iterator[Cause]:
    spec: Json = obj.get("spec") or {}
    names: Json = spec.get("names") or {}
    yield from _name_faults(obj, spec, names)
    yield from _version_faults(spec.get("versions") or [])
    if spec.get("scope") not in {"Namespaced", "Cluster"}:
        yield unsupported_value("spec.scope", spec.get("scope", ""), ("Cluster", "Namespaced"))
    if old is not None:
        yield from _frozen_faults(spec, old["spec"])


def _name_faults(obj: Json, spec: Json, names: Json) -> Iterator[Cause]:
    expected = f"{names.get('plural', '')}.{spec.get('group', '')}"
    name = obj["metadata"].get("name", "")
    if name != expected:
        detail = 'must be spec.names.plural+"."+spec.group'
        yield invalid_value("metadata.name", name, detail)
    if not spec.get("group"):
        yield required("spec.group")
    for field in ("plural", "kind"):
        if not names.get(field):
            yield required(f"spec.names.{field}")


def _version_faults(versions: list[Json]) -> Iterator[Cause]:
    if sum(bool(version.get("storage")) for version in versions) != 1:
        detail = "must have exactly one version marked as storage version"
        yield invalid_value("spec.versions", [v.get("name") for v in versions], detail)
    schemas = [(version.get("schema") or {}).get("openAPIV3Schema") for version in versions]
    if schemas and all(schema == schemas[0] for schema in schemas):
        yield from _schema_faults(schemas[0], "spec.validation.openAPIV3Schema")
        return
    for index, schema in enumerate(schemas):
        yield from _schema_faults(schema, f"spec.versions[{index}].schema.openAPIV3Schema")


def _schema_faults(schema: Json | None, path: str) -> Iterator[Cause]:
    if schema is None:
        yield required(path, "schemas are required")
        return
    if schema.get("type") != "object":
        found = schema.get("type", "")
        if found:
            yield invalid_value(f"{path}.type", found, "must be object at the root")
        else:
            yield required(f"{path}.type", "must not be empty at the root")
    yield from _structural_faults(schema, path)
    yield from _default_faults(schema, path)
    yield from compile_rules(schema, path)[1]


def _default_faults(schema: Json, path: str) -> Iterator[Cause]:
    """Find defaults that their own schema refuses."""
    for where, child in _children(schema, path):
        if "default" in child:
            for fault in faults(child["default"], child):
                yield replace(fault, field=f"{where}.default{fault.field}")
        yield from _default_faults(child, where)


def _structural_faults(schema: Json, path: str) -> Iterator[Cause]:
    """Find fields without a type, and lists without items."""
    if schema.get("type") == "array" and not isinstance(schema.get("items"), dict):
        yield required(f"{path}.items", "must be specified")
    if schema.get("x-kubernetes-list-type") == "map" and not schema.get(
        "x-kubernetes-list-map-keys"
    ):
        yield required(
            f"{path}.x-kubernetes-list-map-keys",
            "must not be empty if x-kubernetes-list-type is map",
        )
    if schema.get("properties") and schema.get("additionalProperties"):
        yield forbidden_field(
            f"{path}.additionalProperties",
            "additionalProperties and properties are mutual exclusive",
        )
    for where, child in _children(schema, path):
        if not child.get("type") and not child.get(_TYPED) and not child.get(PRESERVE):
            yield required(f"{where}.type", "must not be empty for specified object fields")
        yield from _structural_faults(child, where)


def _children(schema: Json, path: str) -> Iterator[tuple[str, Json]]:
    for name, child in (schema.get("properties") or {}).items():
        yield f"{path}.properties[{name}]", child
    if isinstance(schema.get("items"), dict):
        yield f"{path}.items", schema["items"]
    if isinstance(schema.get("additionalProperties"), dict):
        yield f"{path}.additionalProperties", schema["additionalProperties"]


def _frozen_faults(spec: Json, old: Json) -> Iterator[Cause]:
    for field in ("group", "scope"):
        if spec.get(field) != old.get(field):
            yield invalid_value(f"spec.{field}", spec.get(field), "field is immutable")
    for field in ("plural", "kind"):
        found, before = spec["names"].get(field), old["names"].get(field)
        if found != before:
            yield invalid_value(f"spec.names.{field}", found, "field is immutable")
