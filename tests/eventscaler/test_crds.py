"""The published schemas and the decoders agree, field by field, in both directions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from eventscaler.core.cloud_events import EVENT_TYPES
from eventscaler.core.faults import Fault
from eventscaler.decode import authentication, cloud_event_source, scaled_job, scaled_object
from kube.client import Json

ROOT = Path(__file__).parents[2]
KINDS = ("scaledobjects", "scaledjobs", "triggerauthentications", "clustertriggerauthentications")


DECODERS: dict[str, Callable[[Json], tuple[object, tuple[Fault, ...]]]] = {
    "ScaledObject": scaled_object,
    "ScaledJob": scaled_job,
    "CloudEventSource": cloud_event_source,
    "ClusterCloudEventSource": cloud_event_source,
}
SOURCES = ("cloudeventsources", "clustercloudeventsources")


def crd(plural: str) -> Json:
    group = "eventing.keda.sh" if plural in SOURCES else "keda.sh"
    found: Json = yaml.safe_load((ROOT / "crds" / f"{group}_{plural}.yaml").read_text())
    return found


def version(plural: str) -> Json:
    found: Json = crd(plural)["spec"]["versions"][0]
    return found


def spec_schema(plural: str) -> Json:
    found: Json = version(plural)["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return found


def sample(schema: Json) -> Any:
    """The fullest object that *schema* allows."""
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type")
    if kind == "object":
        return {key: sample(inner) for key, inner in schema.get("properties", {}).items()}
    if kind == "array":
        return [sample(schema["items"])]
    return {"integer": 1, "boolean": True, "string": "x"}.get(str(kind), "1")


def unknown(body: Json) -> list[str]:
    decode = DECODERS.get(body["kind"], authentication)
    faults = decode(body)[1]
    return [str(fault) for fault in faults if "a field of this object" in fault.want]


def full(kind: str, plural: str) -> Json:
    return {"kind": kind, "metadata": {"name": "a"}, "spec": sample(spec_schema(plural))}


def test_the_decoder_knows_every_field_of_a_scaled_object() -> None:
    assert unknown(full("ScaledObject", "scaledobjects")) == []


def test_the_decoder_knows_every_field_of_a_scaled_job() -> None:
    assert unknown(full("ScaledJob", "scaledjobs")) == []


def test_what_the_decoder_knows_of_a_scaled_job_is_in_the_schema() -> None:
    for path in objects(spec_schema("scaledjobs")):
        body = full("ScaledJob", "scaledjobs")
        place: Any = body["spec"]
        for step in path:
            place = place[step]
        place["notAField"] = 1

        assert len(unknown(body)) == 1, path


def test_what_the_decoder_knows_is_in_the_schema() -> None:
    """A key that no schema has is unknown at every level that the schema closes."""
    for path in objects(spec_schema("scaledobjects")):
        body = full("ScaledObject", "scaledobjects")
        place: Any = body["spec"]
        for step in path:
            place = place[step]
        place["notAField"] = 1

        assert len(unknown(body)) == 1, path


def objects(schema: Json, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Paths to all objects with fixed fields."""
    if schema.get("x-kubernetes-preserve-unknown-fields"):
        return
    if "properties" in schema:
        yield path
        for key, inner in schema["properties"].items():
            yield from objects(inner, (*path, key))
    elif schema.get("type") == "array":
        yield from objects(schema["items"], (*path, 0))


@pytest.mark.parametrize("plural", SOURCES)
def test_source_schemas_and_their_decoder_agree(plural: str) -> None:
    kind = crd(plural)["spec"]["names"]["kind"]
    assert unknown(full(kind, plural)) == []
    for path in objects(spec_schema(plural)):
        body = full(kind, plural)
        place: Any = body["spec"]
        for step in path:
            place = place[step]
        place["notAField"] = 1

        assert len(unknown(body)) == 1, path


def test_both_sources_have_one_spec_and_every_type_of_event() -> None:
    spec, cluster = (spec_schema(plural) for plural in SOURCES)
    types = spec["properties"]["eventSubscription"]["properties"]

    assert spec == cluster
    for key in ("includedEventTypes", "excludedEventTypes"):
        assert types[key]["items"]["enum"] == list(EVENT_TYPES)
    columns = version(SOURCES[0])["additionalPrinterColumns"]
    assert [column["name"] for column in columns] == ["Active"]


@pytest.mark.parametrize("plural", KINDS[2:])
def test_the_decoder_knows_every_field_of_an_authentication(plural: str) -> None:
    assert unknown(full(crd(plural)["spec"]["names"]["kind"], plural)) == []


@pytest.mark.parametrize("plural", KINDS[2:])
def test_what_the_decoder_knows_of_an_authentication_is_in_the_schema(plural: str) -> None:
    for path in objects(spec_schema(plural)):
        body = full(crd(plural)["spec"]["names"]["kind"], plural)
        place: Any = body["spec"]
        for step in path:
            place = place[step]
        place["notAField"] = 1

        assert len(unknown(body)) == 1, path


def test_both_authentications_have_one_spec() -> None:
    spec, cluster = (spec_schema(plural)["properties"] for plural in KINDS[2:])
    assert spec.keys() == cluster.keys()
    for key in spec.keys() - {"filePath"}:
        assert spec[key] == cluster[key]


@pytest.mark.parametrize("plural", KINDS)
def test_names_and_columns_are_the_originals(plural: str) -> None:
    names = crd(plural)["spec"]["names"]
    columns = [column["name"] for column in version(plural)["additionalPrinterColumns"]]
    expected = {
        "scaledobjects": (
            ["so"],
            (
                "ScaleTargetKind ScaleTargetName Min Max Ready Active Fallback Paused Triggers "
                "Authentications Age"
            ),
        ),
        "scaledjobs": (["sj"], "Min Max Ready Active Paused Triggers Authentications Age"),
        "triggerauthentications": (
            ["ta", "triggerauth"],
            "PodIdentity Secret Env VaultAddress ScaledObjects ScaledJobs",
        ),
        "clustertriggerauthentications": (
            ["cta", "clustertriggerauth"],
            "PodIdentity Secret Env FilePath VaultAddress ScaledObjects ScaledJobs",
        ),
    }[plural]

    assert (names["shortNames"], " ".join(columns)) == expected
    assert version(plural)["subresources"] == {"status": {}}
