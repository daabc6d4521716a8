"""The sandbox's tables of built-in kinds say what the pinned release says.

The tests of the files are skipped where Go, or the release's modules, are missing.
"""

from __future__ import annotations

import functools

import pytest

from tests.controlplane.schemas import (
    TARGET,
    Json,
    SourcesMissing,
    builtin,
    read_sources,
    tables,
    wire,
)

PROTO = """
package k8s.io.api.core.v1;

// Thing is a thing: message Not { optional string real = 1; }
message Thing {
  optional .k8s.io.apimachinery.pkg.apis.meta.v1.ObjectMeta metadata = 1;

  // Deprecated.
  repeated string podIps = 2;

  map<string, Part> parts = 3;

  optional Inlined inlined = 4;
}

message Part {
  optional int64 size = 1;
}

message Elsewhere {
}
"""


@functools.cache
def fresh() -> dict[str, bytes]:
    try:
        return tables(read_sources())
    except SourcesMissing as missing:
        pytest.skip(str(missing))


@pytest.mark.parametrize("name", ["builtin.json", "protobuf.json"])
def test_the_committed_table_is_that_of_the_pinned_release(name: str) -> None:
    stale = f"{name} is stale; run `python -m tests.controlplane.schemas`"
    # not `==` in the assert: a difference of 200 kB is no message
    assert _difference((TARGET / name).read_bytes(), fresh()[name]) == "", stale


def _difference(found: bytes, wanted: bytes) -> str:
    lines, right = set(found.splitlines()), set(wanted.splitlines())
    return "\n".join(sorted(line.decode()[:200] for line in lines ^ right))


def test_a_schema_keeps_what_a_server_enforces_and_loses_its_prose() -> None:
    document = b"""{"components": {"schemas": {"a.Thing": {
        "description": "A thing.", "type": "object", "required": ["size"], "properties": {
            "size": {"type": "integer", "default": 0, "description": "How big."},
            "part": {"allOf": [{"$ref": "#/components/schemas/a.Part"}], "default": {}},
            "mode": {"type": "string", "default": "Always"},
            "tags": {"type": "array", "items": {"type": "string", "default": ""},
                     "x-kubernetes-list-type": "set"}}}}}}"""
    assert builtin([document]) == {
        "a.Thing": {
            "type": "object",
            "required": ["size"],
            "properties": {
                "mode": {"type": "string", "default": "Always"},
                "part": {"$ref": "a.Part"},
                "size": {"type": "integer"},
                "tags": {
                    "type": "array",
                    "x-kubernetes-list-type": "set",
                    "items": {"type": "string"},
                },
            },
        }
    }


def test_messages_are_numbered_and_named_as_json_names_them() -> None:
    schemas: dict[str, Json] = {
        "io.k8s.api.core.v1.Thing": {"properties": {"metadata": {}, "podIPs": {}, "parts": {}}}
    }
    assert wire([PROTO], schemas) == {
        "io.k8s.api.core.v1.Part": {"1": ["size", "int64"]},
        "io.k8s.api.core.v1.Thing": {
            "1": ["metadata", "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"],
            "2": ["podIPs", "string", "*"],
            "3": ["parts", "map:io.k8s.api.core.v1.Part"],
            "4": ["+", "io.k8s.api.core.v1.Inlined"],
        },
    }
