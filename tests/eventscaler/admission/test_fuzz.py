"""Manifests of any shape are judged without a crash, and the judgement stays short.

Structured ones are grown along the published schemas, with wrong values in some places; random ones
are any JSON. That time and memory are bounded is shown on sizes, which no clock makes flaky.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from eventscaler.admission import validate
from eventscaler.core.faults import Fault
from eventscaler.decode.trigger_body import MOST_TRIGGERS
from kube.client import Json
from scalers._params import slots_of
from scalers.base import load, types
from tests.eventscaler.manifests import pods_trigger, scaled_object

CRDS = Path(__file__).parents[3] / "crds"
KINDS = {
    "ScaledObject": "scaledobjects",
    "ScaledJob": "scaledjobs",
    "TriggerAuthentication": "triggerauthentications",
    "ClusterTriggerAuthentication": "clustertriggerauthentications",
}
LONGEST = 4000  # characters of one message
HUGE = "x" * 1_000_000


def schema(kind: str) -> Json:
    body = yaml.safe_load((CRDS / f"keda.sh_{KINDS[kind]}.yaml").read_text())
    found: Json = body["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return found


KEYS = sorted({slot.param.key for name in types() for slot in slots_of(load(name).meta)})
VALUES = st.sampled_from(
    ["1", "0", "-1", "true", "x", "", "1e309", "nan", "a=b", "http://h/", "amqp://h", "10m", "é"]
)
METADATA = st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), VALUES, max_size=8)
TYPES = st.sampled_from([*types(), "rabitmq", ""])
FORMULAS = st.text(alphabet="ab01+-*/()[]{}?:,.#<>=!&|% ", max_size=30)
ODD: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.just([])
    | st.just({"a": [1]})
    | st.just(0x10**5000)
)
SPECIAL = {"metadata": METADATA, "formula": FORMULAS, "type": TYPES}


def grown(schema: Json, key: str = "") -> st.SearchStrategy[Any]:
    """Values that mostly fit *schema*."""
    fitting = SPECIAL[key] if key in SPECIAL else _fitting(schema)
    return st.integers(0, 19).flatmap(lambda chance: fitting if chance else ODD)


def _fitting(schema: Json) -> st.SearchStrategy[Any]:
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "properties" in schema:
        parts = {key: grown(inner, key) for key, inner in schema["properties"].items()}
        needed = {key: parts.pop(key) for key in schema.get("required", ())}
        return st.fixed_dictionaries(needed, optional=parts)
    if schema.get("type") == "array":
        return st.lists(grown(schema["items"]), max_size=3)
    simple: dict[str, st.SearchStrategy[Any]] = {
        "integer": st.integers(-2, 300),
        "boolean": st.booleans(),
        "object": st.dictionaries(st.text(max_size=3), VALUES, max_size=3),
    }
    return simple.get(str(schema.get("type")), VALUES)


@st.composite
def manifests(draw: st.DrawFn) -> Json:
    kind = draw(st.sampled_from(sorted(KINDS)))
    names = st.sampled_from(["a", "b", "a" * 70]) | ODD
    annotations = st.dictionaries(st.sampled_from(["autoscaling.keda.sh/paused", "x"]), VALUES)
    metadata = st.fixed_dictionaries({"name": names}, optional={"annotations": annotations | ODD})
    return {"kind": kind, "metadata": draw(metadata | ODD), "spec": draw(SPECS[kind] | ODD)}


SPECS = {kind: grown(schema(kind)) for kind in KINDS}


def short(faults: list[Fault]) -> bool:
    return all(len(str(fault)) <= LONGEST for fault in faults)


@given(st.lists(manifests(), max_size=3))
def test_structured(bodies: list[Json]) -> None:
    assert short(validate(bodies))
    validate(bodies, strict=True)


def triggers(count: int, **metadata: str) -> list[Json]:
    return [pods_trigger(metadata={"podSelector": "a=b", "value": "1"} | metadata)] * count


@pytest.mark.parametrize(
    ("body", "most"),
    [
        pytest.param(scaled_object("a", {"type": HUGE, "metadata": {}}), 1, id="type"),
        pytest.param(scaled_object("a", pods_trigger(HUGE)), 1, id="selector"),
        pytest.param(scaled_object("a", *triggers(1, value=HUGE)), 1, id="number"),
        pytest.param(scaled_object("a", *triggers(1, **{HUGE: "x"})), 1, id="key"),
        pytest.param(
            scaled_object("a", *triggers(1, **{f"k{i}": "x" for i in range(100_000)})),
            21,
            id="keys",
        ),
        pytest.param(scaled_object("a", *triggers(100_000)), 1, id="triggers"),
        pytest.param(
            scaled_object("a", *triggers(MOST_TRIGGERS + 1, nosuch="x")), 1, id="bad triggers"
        ),
        pytest.param(scaled_object("a", **{f"k{i}": 1 for i in range(100_000)}), 21, id="fields"),
        pytest.param(scaled_object("a", **{HUGE: 1}), 1, id="field"),
        pytest.param(scaled_object("a", fallback=[[1] * 1_000_000]), 4, id="a list"),
        pytest.param(
            scaled_object(
                "a", advanced={"scalingModifiers": {"formula": "(" * 1_000_000, "target": "1"}}
            ),
            1,
            id="formula",
        ),
        pytest.param(scaled_object("a", minReplicaCount=0x10**5000), 1, id="digits"),
        pytest.param(scaled_object(HUGE, scaleTargetRef={"name": "a"}), 1, id="name"),
        pytest.param(scaled_object("a", scaleTargetRef={"name": "a", "kind": HUGE}), 0, id="kind"),
    ],
)
def test_huge_ones_are_judged_in_few_words(body: Json, most: int) -> None:
    found = validate([body])

    assert len(found) <= most
    assert short(found)
