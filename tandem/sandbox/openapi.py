"""OpenAPI documents, good enough for `kubectl explain`, `apply` and server-side field validation.

Version 3 is complete for the served kinds; version 2 has the definitions in JSON only. In
protobuf, in which alone kubectl asks for version 2, it is a document without any: kubectl then
checks nothing itself.
Source: https://kubernetes.io/docs/concepts/overview/kubernetes-api/#openapi-interface-definition
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import msgspec

from kube.transport import Request, Response
from tandem.sandbox.answers import json_answer
from tandem.sandbox.kinds import Kind
from tandem.sandbox.prose import described
from tandem.sandbox.registry import Served
from tandem.sandbox.schemas.definitions import OBJECT_META, raw_definitions
from tandem.sandbox.state import State
from tandem.sandbox.status import Json, not_acceptable

_V3, _V2 = "#/components/schemas/", "#/definitions/"
_JSON = ("application/json",)
_PROTOBUF = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
_PROTOBUF_SENT = _PROTOBUF.replace("@", ".")  # as upstream: "@" has no place in a media type
_SWAGGER = b"\n\x032.0"  # field 1, a text: the version of the format
_WRITES = ("post", "put", "patch")
_ANY = "io.k8s.api.core.v1.Pod"  # says what apiVersion and kind mean, as every kind does
_QUERY = ("dryRun", "fieldManager", "fieldValidation")


def openapi(state: State, request: Request) -> Response | None:
    path = request.path.rstrip("/")
    if path == "/openapi/v3":
        return json_answer({"paths": _index(state)})
    if path.startswith("/openapi/v3/"):
        return _document(state, path.removeprefix("/openapi/v3/"))
    if path == "/openapi/v2":
        if _PROTOBUF in request.accept:
            return Response(200, _SWAGGER, {"content-type": _PROTOBUF_SENT})
        if "json" not in request.accept and "*/*" not in request.accept:
            raise not_acceptable(_JSON)
        return json_answer(_version2(state))
    return None


def definitions_for(state: State, path: str) -> list[str]:
    """Name the built-in definitions whose prose the answer at *path* will hold."""
    place = path.rstrip("/").removeprefix("/openapi/")
    if place == "v2":
        return [_ANY, *_needed(list(state.registry))]
    return [_ANY, *_needed(_served_at(state, place.removeprefix("v3/")))]


def _place(group: str, version: str) -> str:
    return f"apis/{group}/{version}" if group else f"api/{version}"


def _index(state: State) -> Json:
    found: Json = {}
    for group, version in state.registry.versions():
        served = state.registry.of_version(group, version)
        names = [f"{each.kind.plural}{hash_of(each)}" for each in served]
        mark = hashlib.sha256("".join(names).encode()).hexdigest()[:32].upper()
        place = _place(group, version)
        found[place] = {"serverRelativeURL": f"/openapi/v3/{place}?hash={mark}"}
    return found


def hash_of(served: Served) -> str:
    """Give a mark that changes with a custom schema; built-in ones never change."""
    if not served.kind.custom:
        return ""
    schema = {name: value for name, value in served.schema.items() if name != "properties"}
    own = {
        name: value
        for name, value in served.schema.get("properties", {}).items()
        if name != "metadata"
    }
    return hashlib.sha256(msgspec.json.encode([schema, own])).hexdigest()


def _document(state: State, place: str) -> Response | None:
    served = _served_at(state, place)
    return json_answer(_version3(served)) if served else None


def _served_at(state: State, place: str) -> list[Served]:
    for group, version in state.registry.versions():
        if _place(group, version) == place:
            return state.registry.of_version(group, version)
    return []


def _version3(served: list[Served]) -> Json:
    schemas = _schemas(served, _V3)
    paths: Json = {}
    for each in served:
        paths |= _paths(each)
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "v1.37.2"},
        "paths": paths,
        "components": {"schemas": schemas},
    }


def _version2(state: State) -> Json:
    return {
        "swagger": "2.0",
        "info": {"title": "Kubernetes", "version": "v1.37.2"},
        "paths": {},
        "definitions": _schemas(list(state.registry), _V2),
    }


def _schemas(served: list[Served], root: str) -> Json:
    schemas = {name: _built_in(name, root) for name in _needed(served)}
    for each in served:
        if each.kind.custom:
            schemas[_custom_name(each.kind)] = _custom(each, root)
    return schemas


def _needed(served: list[Served]) -> list[str]:
    wanted = {OBJECT_META if each.kind.custom else each.kind.definition for each in served}
    return sorted(_closure(sorted(wanted)))


def _closure(names: list[str]) -> set[str]:
    """Give the definitions that *names* need, with themselves."""
    raw = raw_definitions()
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _references(raw[name])
    return found


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for name, child in node.items():
            if name != "$ref" or not isinstance(child, str):
                yield from _references(child)
    elif isinstance(node, list):
        for child in node:
            yield from _references(child)


def _built_in(name: str, root: str) -> Json:
    text, fields = described(name)
    schema = _rooted(raw_definitions()[name], root)
    for field, child in schema.get("properties", {}).items():
        if field in fields:
            child["description"] = fields[field]
    return {"description": text, **schema} if text else schema


def _rooted(node: Json, root: str) -> Json:
    """Copy a schema with its references as the document writes them."""
    copy = {key: value for key, value in node.items() if key != "$ref"}
    if "$ref" in node:
        copy["allOf"] = [{"$ref": f"{root}{node['$ref']}"}]
    if "properties" in copy:
        copy["properties"] = {
            name: _rooted(each, root) for name, each in copy["properties"].items()
        }
    for key in ("items", "additionalProperties"):
        if isinstance(copy.get(key), dict):
            copy[key] = _plain_reference(copy[key], root)
    return copy


def _plain_reference(node: Json, root: str) -> Json:
    """Items refer without allOf, as upstream writes them."""
    if node.keys() == {"$ref"}:
        return {"$ref": f"{root}{node['$ref']}"}
    return _rooted(node, root)


def _custom_name(kind: Kind) -> str:
    return ".".join([*reversed(kind.group.split(".")), kind.version, kind.kind])


def _custom(served: Served, root: str) -> Json:
    _, fields = described(_ANY)
    own = {
        name: schema
        for name, schema in served.schema.get("properties", {}).items()
        if name not in {"apiVersion", "kind", "metadata"}
    }
    common: Json = {
        name: {"type": "string", "description": fields.get(name, "")}
        for name in ("apiVersion", "kind")
    }
    text = "Standard object's metadata."
    meta = {"allOf": [{"$ref": f"{root}{OBJECT_META}"}], "description": text}
    return {
        **served.schema,
        "properties": common | {"metadata": meta} | own,
        "x-kubernetes-group-version-kind": [_names(served.kind)],
    }


def _names(kind: Kind) -> Json:
    return {"group": kind.group, "kind": kind.kind, "version": kind.version}


def _paths(served: Served) -> Json:
    kind = served.kind
    root = f"/{_place(kind.group, kind.version)}"
    all_of_them = f"{root}/{kind.plural}"
    found: dict[str, tuple[str, ...]]
    if not kind.namespaced:
        found = {all_of_them: ("get", "post", "delete")}
        one = f"{all_of_them}/{{name}}"
    else:
        inside = f"{root}/namespaces/{{namespace}}/{kind.plural}"
        found = {all_of_them: ("get",), inside: ("get", "post", "delete")}
        one = f"{inside}/{{name}}"
    if kind.verbs != ("create",):
        found[one] = ("get", "put", "patch", "delete")
    return {
        path: {method: _operation(served, method) for method in methods}
        for path, methods in found.items()
    }


def _operation(served: Served, method: str) -> Json:
    operation: Json = {
        "responses": {"200": {"description": "OK"}},
        "x-kubernetes-group-version-kind": _names(served.kind),
    }
    if method in _WRITES:
        operation["parameters"] = [
            {"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": True}}
            for name in _QUERY
        ]
    return operation
