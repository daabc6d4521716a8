"""The decoders against `crds/`: each field that is read is in the schema, and the reverse."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec
import pytest
import yaml

from nodescaler.decode import (
    KwokNodeClassObject,
    NodeClaimObject,
    NodePoolObject,
    ProvisionerObject,
)

Json = dict[str, Any]
CRDS = Path(__file__).parents[3] / "crds"
KINDS: dict[str, type[msgspec.Struct]] = {
    "karpenter.sh_nodepools": NodePoolObject,
    "karpenter.sh_nodeclaims": NodeClaimObject,
    "karpenter.k8s.aws_provisioners": ProvisionerObject,
    "karpenter.kwok.sh_kwoknodeclasses": KwokNodeClassObject,
}
# in the schema for the user's sake, and told in docs/differences.md or written by us only
UNREAD = {
    "spec.kubeletConfiguration": "belongs into the node class",
    "spec.providerRef.apiVersion": "the class is always an EC2NodeClass",
    "spec.providerRef.kind": "the class is always an EC2NodeClass",
    "timeAdded": "set by the node controller",
    "status.imageID": "written, never read",
    "observedGeneration": "written, never read",
}
# shared structs read more than one of the kinds has
ELSEWHERE = {
    "karpenter.sh_nodepools": {"spec.template.spec.resources"},
    "karpenter.sh_nodeclaims": {"spec.resources.limits"},
}


def schema_of(name: str) -> Json:
    doc = yaml.safe_load((CRDS / f"{name}.yaml").read_text())
    schema: Json = doc["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


def struct_in(hint: object) -> type[msgspec.Struct] | None:
    """The struct inside a hint such as ``tuple[Taint, ...] | None``."""
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return hint
    return next((found for arg in get_args(hint) if (found := struct_in(arg)) is not None), None)


def fields_of(struct: type[msgspec.Struct]) -> dict[str, type[msgspec.Struct] | None]:
    hints = get_type_hints(struct)
    names = zip(struct.__struct_fields__, struct.__struct_encode_fields__, strict=True)
    return {encoded: struct_in(hints[name]) for name, encoded in names if name != "metadata"}


def read_paths(struct: type[msgspec.Struct], path: str = "") -> set[str]:
    out = set()
    for name, inner in fields_of(struct).items():
        here = f"{path}{name}"
        out |= read_paths(inner, f"{here}.") if inner is not None else {here}
    return out


def schema_paths(schema: Json, path: str = "") -> set[str]:
    out = set()
    for name, inner in schema.get("properties", {}).items():
        here, leaf = f"{path}{name}", inner.get("items", inner)
        deeper = "properties" in leaf and here != "metadata"
        out |= schema_paths(leaf, f"{here}.") if deeper else {here}
    return out


@pytest.mark.parametrize("name", KINDS)
def test_every_field_that_is_read_is_in_the_schema(name: str) -> None:
    known = schema_paths(schema_of(name))
    extra = ELSEWHERE.get(name, set())
    lost = {p for p in read_paths(KINDS[name]) - known if not any(p.startswith(e) for e in extra)}

    assert lost == set()


@pytest.mark.parametrize("name", KINDS)
def test_every_field_of_the_spec_is_read(name: str) -> None:
    read = read_paths(KINDS[name])
    spec = {path for path in schema_paths(schema_of(name)) if path.startswith("spec.")}
    unread = {p for p in spec - read if not any(known in p for known in UNREAD)}

    assert {p for p in unread if "template.metadata" not in p} == set()


@pytest.mark.parametrize("path", sorted(CRDS.glob("karpenter*.yaml")), ids=lambda p: p.stem)
def test_the_kinds_are_named_as_their_files(path: Path) -> None:
    doc = yaml.safe_load(path.read_text())
    spec = doc["spec"]

    assert path.stem == f"{spec['group']}_{spec['names']['plural']}"
    assert doc["metadata"]["name"] == f"{spec['names']['plural']}.{spec['group']}"
    assert spec["scope"] == "Cluster"
    assert spec["versions"][0]["subresources"]["status"] == {}


def test_defaults_of_the_schema_are_those_of_the_decoder() -> None:
    spec = schema_of("karpenter.sh_nodepools")["properties"]["spec"]["properties"]
    disruption = spec["disruption"]["properties"]
    template = spec["template"]["properties"]["spec"]["properties"]
    read = msgspec.convert({"metadata": {}}, NodePoolObject).spec

    assert disruption["consolidateAfter"]["default"] == read.disruption.consolidate_after
    assert disruption["consolidationPolicy"]["default"] == read.disruption.consolidation_policy
    assert template["expireAfter"]["default"] == read.template.spec.expire_after
