"""Manifests as users of KEDA write them load unchanged: every field, every trigger type."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from eventscaler.admission import validate
from eventscaler.core.faults import Severity
from kube.client import Client, Json
from scalers.base import types
from tandem.documents import documents_of
from tests.eventscaler.clusters import placed
from tests.eventscaler.world import resource_of

SAMPLES = Path(__file__).parent / "samples"
CRDS = Path(__file__).parents[2] / "crds"
KINDS = {
    "ScaledObject": "scaledobjects",
    "ScaledJob": "scaledjobs",
    "TriggerAuthentication": "triggerauthentications",
    "ClusterTriggerAuthentication": "clustertriggerauthentications",
}
SAME_SPEC = {"TriggerAuthentication", "ClusterTriggerAuthentication"}
WARNED = {
    "ScaledJob/older-forms spec.triggers[0].metricType",
    "ScaledJob/older-forms spec.triggers[0].useCachedMetrics",
    "ScaledJob/older-forms spec.rolloutStrategy",
    "ScaledObject/everything spec.triggers[0].metadata.version",
}


def bodies() -> list[Json]:
    found: list[Any] = [
        body for path in sorted(SAMPLES.glob("*.yaml")) for body in documents_of(path.read_text())
    ]
    return found


def schema(kind: str) -> Json:
    body = yaml.safe_load((CRDS / f"keda.sh_{KINDS[kind]}.yaml").read_text())
    found: Json = body["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return found


def fields(schema: Json, path: str = "") -> Iterator[str]:
    """The paths of all fields that a schema names."""
    if "properties" in schema:
        for key, inner in schema["properties"].items():
            yield f"{path}.{key}"
            yield from fields(inner, f"{path}.{key}")
    elif schema.get("type") == "array":
        yield from fields(schema["items"], path)


def written(value: Any, path: str = "") -> Iterator[str]:
    """The paths of all fields of a manifest."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield f"{path}.{key}"
            yield from written(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for inner in value:
            yield from written(inner, path)


def once(path: str) -> str:
    """An identity is the same wherever it is written."""
    before, inner, after = path.rpartition(".podIdentity.")
    return inner + after if before else path


def holds(stored: Any, written: Any) -> bool:
    """Whether everything written is stored; defaults may have come along."""
    if isinstance(written, dict):
        return all(key in stored and holds(stored[key], value) for key, value in written.items())
    if isinstance(written, list):
        return len(stored) == len(written) and all(map(holds, stored, written))
    return bool(stored == written)


def test_they_have_no_fault() -> None:
    found = validate(bodies())
    errors = [str(fault) for fault in found if fault.severity is Severity.ERROR]
    warned = {fault.path for fault in found if fault.severity is Severity.WARNING}

    assert errors == []
    assert warned <= WARNED


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_is_among_them(kind: str) -> None:
    """The two authentications have one spec, which one set of samples covers."""
    kinds = SAME_SPEC if kind in SAME_SPEC else {kind}
    used = {
        once(path) for body in bodies() if body["kind"] in kinds for path in written(body["spec"])
    }

    assert {once(path) for path in fields(schema(kind))} - used == set()


def test_every_trigger_type_is_among_them() -> None:
    used = {trigger["type"] for body in bodies() for trigger in body["spec"].get("triggers", ())}

    assert set(types()) - used == set()


@pytest.mark.parametrize("index", range(len(bodies())))
async def test_both_servers_take_them(client: Client, namespace: str, index: int) -> None:
    body = bodies()[index]
    if body["kind"].startswith("Cluster"):
        body = body | {"metadata": {"name": f"{body['metadata']['name']}-{namespace}"}}
    else:
        body = placed(body, namespace)

    made = await client.create(resource_of(body), body)

    assert holds(made["spec"], body["spec"]), "a field was pruned"
