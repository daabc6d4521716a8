"""Derives the sandbox's tables of Kubernetes' own kinds from the sources of the pinned release.

`python -m tests.controlplane.schemas` writes `tandem/sandbox/schemas/builtin.json` (fields, types,
keys of lists and defaults, from the published OpenAPI v3 documents) and `protobuf.json` (field
numbers, from the `generated.proto` files), both without prose; tests hold them to be fresh. The
sources are in the modules that go.mod pins; `python -m tests.controlplane.build` downloads them.

A protobuf field that JSON has not is named "+": a message whose fields stand in its parent's.
Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from tests.controlplane.build import KUBERNETES, MODULE

Json = dict[str, Any]
Wire = dict[str, dict[str, list[str]]]

TARGET = MODULE.parents[1] / "tandem" / "sandbox" / "schemas"
GROUP_VERSIONS = (
    "api/v1",
    "apis/admissionregistration.k8s.io/v1",
    "apis/apiextensions.k8s.io/v1",
    "apis/apiregistration.k8s.io/v1",
    "apis/apps/v1",
    "apis/authentication.k8s.io/v1",
    "apis/authorization.k8s.io/v1",
    "apis/autoscaling/v1",
    "apis/autoscaling/v2",
    "apis/batch/v1",
    "apis/coordination.k8s.io/v1",
    "apis/discovery.k8s.io/v1",
    "apis/events.k8s.io/v1",
    "apis/networking.k8s.io/v1",
    "apis/node.k8s.io/v1",
    "apis/policy/v1",
    "apis/rbac.authorization.k8s.io/v1",
    "apis/scheduling.k8s.io/v1",
    "apis/storage.k8s.io/v1",
)
KEPT = ("type", "format", "required", "oneOf")
EMPTY: tuple[object, ...] = (None, "", 0, False, {})  # a default that says nothing
MODULES = {  # Go module: (protobuf package, OpenAPI prefix)
    "k8s.io/api": ("k8s.io.api", "io.k8s.api"),
    "k8s.io/apimachinery": ("k8s.io.apimachinery", "io.k8s.apimachinery"),
    "k8s.io/apiextensions-apiserver": (
        "k8s.io.apiextensions_apiserver",
        "io.k8s.apiextensions-apiserver",
    ),
}
SCALARS = frozenset(
    {"string", "bytes", "bool", "double", "float", "int32", "int64", "sint32", "sint64"}
    | {"uint32", "uint64"}
)
# Kinds that no protobuf client sends to the sandbox: they would double the table.
UNSENT = ("apiextensions", "admissionregistration", "resource.v1", "alpha", "beta", "rbd")

COMMENT = re.compile(r"//.*")
PACKAGE = re.compile(r"^package (\S+);", re.MULTILINE)
MESSAGE = re.compile(r"^message (\w+) \{(.*?)^\}", re.MULTILINE | re.DOTALL)
FIELD = re.compile(
    r"(optional|repeated)?\s*(map<\s*\w+\s*,\s*[.\w]+\s*>|[.\w]+)\s+(\w+)\s*=\s*(\d+)\s*;"
)


class SourcesMissing(Exception):
    """Go, or the modules of the pinned release, are not on this machine."""


@dataclass(frozen=True, slots=True)
class Sources:
    """What the release publishes, as text."""

    openapi: tuple[bytes, ...]
    protos: tuple[str, ...]


def read_sources() -> Sources:
    """Read the sources from the module cache.

    Raises:
        SourcesMissing: nothing to read them from.
    """
    specs = _module_folder(KUBERNETES) / "api" / "openapi-spec" / "v3"
    names = (each.replace("/", "__") + "_openapi.json" for each in GROUP_VERSIONS)
    protos = (sorted(_module_folder(each).rglob("generated.proto")) for each in MODULES)
    return Sources(
        tuple((specs / name).read_bytes() for name in names),
        tuple(path.read_text() for paths in protos for path in paths),
    )


def _module_folder(module: str) -> Path:
    go = shutil.which("go")
    if go is None:
        raise SourcesMissing("no `go` on PATH, which knows where its modules are")
    command = [go, "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", module]
    found = subprocess.run(command, cwd=MODULE, capture_output=True, text=True, check=False)
    if found.returncode or not found.stdout.strip():
        raise SourcesMissing(
            f"module {module} is not in Go's module cache; run `python -m tests.controlplane.build`"
        )
    return Path(found.stdout.strip())


# ---------------------------------------------------------------- OpenAPI


def builtin(documents: Iterable[bytes]) -> dict[str, Json]:
    """Every definition of *documents*, by name, without its prose; of two equal names the first.

    Shared definitions differ only in the groups that they say they belong to.
    """
    found: dict[str, Json] = {}
    for document in documents:
        found = msgspec.json.decode(document)["components"]["schemas"] | found
    return {name: _bare(schema) for name, schema in sorted(found.items())}


def _bare(schema: Json) -> Json:
    kept = _reference(schema) | {key: schema[key] for key in KEPT if key in schema}
    if schema.get("default") not in EMPTY:
        kept["default"] = schema["default"]
    kept |= {key: value for key, value in schema.items() if _is_extension(key)}
    if "properties" in schema:
        fields = sorted(schema["properties"].items())
        kept["properties"] = {name: _bare(field) for name, field in fields}
    for key in ("items", "additionalProperties"):
        if key in schema:
            inner = schema[key]
            kept[key] = _bare(inner) if isinstance(inner, dict) else inner
    return kept


def _reference(schema: Json) -> Json:
    """Unwrap the one-element ``allOf`` in which OpenAPI 3.0 puts a reference with a default."""
    (inner,) = schema.get("allOf", (schema,))
    return {"$ref": inner["$ref"].rsplit("/", 1)[1]} if "$ref" in inner else {}


def _is_extension(key: str) -> bool:
    return key.startswith("x-kubernetes") and key != "x-kubernetes-unions"


# ---------------------------------------------------------------- protobuf


def wire(protos: Iterable[str], schemas: Mapping[str, Json]) -> Wire:
    """Number: [JSON name, type, "*" when repeated] of every message that *schemas* can reach."""
    messages = dict(message for text in protos for message in _messages(text))
    sent = (name for name in _reachable(schemas, messages) if not any(u in name for u in UNSENT))
    return {name: _as_json(messages[name], schemas.get(name, {})) for name in sorted(sent)}


def _messages(text: str) -> Iterator[tuple[str, dict[str, list[str]]]]:
    found = PACKAGE.search(text)
    if found is None:
        raise ValueError("a .proto file without a package")
    package = found[1]
    for name, body in MESSAGE.findall(COMMENT.sub("", text)):
        fields = {
            number: [field, _type(re.sub(r"\s", "", kind), package)]
            + (["*"] if rule == "repeated" else [])
            for rule, kind, field, number in FIELD.findall(body)
        }
        yield _openapi_name(f"{package}.{name}"), fields


def _type(kind: str, package: str) -> str:
    """Name the type of a field as the tables name it.

    >>> _type("map<string,.k8s.io.api.core.v1.Pod>", "k8s.io.api.core.v1")
    'map:io.k8s.api.core.v1.Pod'
    """
    if kind in SCALARS:
        return kind
    if kind.startswith("map<"):
        return "map:" + _type(kind.removesuffix(">").split(",")[1], package)
    full = kind.lstrip(".")
    return _openapi_name(full if "." in full else f"{package}.{full}")


def _openapi_name(name: str) -> str:
    for package, prefix in MODULES.values():
        if name.startswith(f"{package}."):
            return prefix + name[len(package) :]
    return name


def _reachable(schemas: Iterable[str], messages: Wire) -> set[str]:
    found: set[str] = set()
    todo = list(schemas)
    while todo:
        name = todo.pop()
        if name in messages and name not in found:
            found.add(name)
            todo += (field[1].removeprefix("map:") for field in messages[name].values())
    return found


def _as_json(fields: Mapping[str, list[str]], schema: Json) -> dict[str, list[str]]:
    """Name the fields as JSON does (``podIPs`` for ``podIps``), those that it has not "+"."""
    known: Json = schema.get("properties", {})
    if not known:
        return dict(fields)
    names = {name.lower(): name for name in ("apiVersion", "kind", *known)}
    return {
        number: [names.get(field.lower(), "+"), *rest] for number, (field, *rest) in fields.items()
    }


# ---------------------------------------------------------------- files


def tables(sources: Sources) -> dict[str, bytes]:
    """The text of each file, by name."""
    schemas = builtin(sources.openapi)
    return {
        "builtin.json": _lines(schemas),
        "protobuf.json": _lines(wire(sources.protos, schemas)),
    }


def _lines(table: Mapping[str, object]) -> bytes:
    """One definition a line, so that a change of release can be read as a diff."""
    encode = msgspec.json.encode
    lines = (encode(name) + b":" + encode(value) for name, value in table.items())
    return b"{\n" + b",\n".join(lines) + b"\n}\n"


def main() -> int:
    try:
        made = tables(read_sources())
    except SourcesMissing as missing:
        print(missing, file=sys.stderr)  # noqa: T201 - a command's answer
        return 2
    for name, text in made.items():
        (TARGET / name).write_bytes(text)
        print(f"{name}: {len(text):,} bytes", file=sys.stderr)  # noqa: T201 - a command's answer
    return 0


if __name__ == "__main__":
    sys.exit(main())
