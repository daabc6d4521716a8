"""`tandem validate`: every fault of every object at once, and the examples are clean."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from eventscaler.admission import validate
from eventscaler.core.faults import Severity
from eventscaler.decode import known_status
from kube.client import Json
from tests.eventscaler.manifests import (
    http_trigger,
    pods_trigger,
    scaled_object,
    trigger_authentication,
)

EXAMPLES = Path(__file__).parents[3] / "examples"
OURS = {"ScaledObject", "TriggerAuthentication", "ClusterTriggerAuthentication"}


def rabbit(**more: str) -> Json:
    metadata = {"queueName": "q", "mode": "QueueLength", "value": "5"} | more
    return {"type": "rabbitmq", "metadata": metadata, "authenticationRef": {"name": "creds"}}


def found(*bodies: Json) -> list[tuple[str, str]]:
    return [(fault.severity.value, str(fault)) for fault in validate(bodies)]


@pytest.mark.parametrize(
    ("trigger", "severity", "message"),
    [
        pytest.param(
            {"type": "rabitmq", "metadata": {}},
            "error",
            "spec.triggers[0].type: 'rabitmq' is not a trigger type; did you mean 'rabbitmq'?",
            id="unknown type",
        ),
        pytest.param(
            http_trigger(targetValue="-5"),
            "error",
            "spec.triggers[0].metadata.targetValue: 'targetValue' must be above 0, got -5",
            id="negative threshold",
        ),
        pytest.param(
            http_trigger(targetVal="5"),
            "warning",
            (
                "spec.triggers[0].metadata.targetVal: 'targetVal' is not a key of this trigger; "
                "did you mean 'targetValue'?"
            ),
            id="unknown key",
        ),
        pytest.param(
            {"type": "kubernetes-workload", "metadata": {"value": "1"}},
            "error",
            "spec.triggers[0].metadata.podSelector: 'podSelector' is missing",
            id="missing key",
        ),
    ],
)
def test_triggers(trigger: Json, severity: str, message: str) -> None:
    assert found(scaled_object("orders", trigger)) == [(severity, f"ScaledObject/orders {message}")]


def test_all_faults_of_all_objects_come_at_once() -> None:
    bad = scaled_object("bad", http_trigger(targetValue="0"), minReplicaCount=0, pollingInterval=0)
    worse = scaled_object("worse", {"type": "x", "metadata": {}})
    auth = trigger_authentication(filePath="x")
    other: Json = {"kind": "Deployment", "metadata": {"name": "not ours"}}

    paths = [fault.path for fault in validate([bad, worse, auth, other])]
    assert paths == [
        "TriggerAuthentication/creds spec.filePath",
        "ScaledObject/bad spec.pollingInterval",
        "ScaledObject/worse spec.triggers[0].type",
    ]


@pytest.mark.parametrize("kind", ["CloudEventSource", "ClusterCloudEventSource"])
def test_where_cloud_events_are_sent_is_judged_too(kind: str) -> None:
    body = {"kind": kind, "metadata": {"name": "bus"}, "spec": {"destination": {}}}

    assert found(body) == [
        (
            "error",
            f"{kind}/bus spec.destination: found nothing, want one of http, azureEventGridTopic",
        )
    ]


def test_an_authentication_elsewhere_is_only_a_note() -> None:
    assert {severity for severity, _ in found(scaled_object("orders", rabbit()))} == {"note"}


def test_what_a_given_authentication_yields_is_not_missed() -> None:
    auth = trigger_authentication(secretTargetRef=[{"parameter": "host", "name": "a", "key": "b"}])
    other = trigger_authentication(secretTargetRef=[{"parameter": "user", "name": "a", "key": "b"}])

    assert {severity for severity, _ in found(scaled_object("orders", rabbit()), auth)} <= {"note"}
    assert "error" in {severity for severity, _ in found(scaled_object("o", rabbit()), other)}


def test_credentials_of_another_namespace_are_not_taken_for_ours() -> None:
    auth = trigger_authentication(secretTargetRef=[{"parameter": "host", "name": "s", "key": "k"}])
    theirs: Json = {
        "kind": "Secret",
        "metadata": {"name": "s", "namespace": "other"},
        "stringData": {"k": "gopher://nowhere"},
    }
    ours = theirs | {"metadata": {"name": "s", "namespace": "default"}}
    elsewhere = auth | {"metadata": {"name": "creds", "namespace": "other"}, "spec": {"env": []}}
    order = scaled_object("orders", rabbit())

    assert {severity for severity, _ in found(order, auth, theirs, elsewhere)} == {"note"}
    assert "error" in {severity for severity, _ in found(order, auth, ours, elsewhere)}


def test_what_is_given_is_not_told_as_missing() -> None:
    trigger = {
        "type": "prometheus",
        "metadata": {"serverAddress": "http://p", "query": "q", "threshold": "1"},
        "authenticationRef": {"name": "creds"},
    }
    trigger["metadata"]["authModes"] = "bearer"  # type: ignore[index]  # it is a dict
    auth = trigger_authentication(env=[{"parameter": "bearerToken", "name": "TOKEN"}])

    assert found(scaled_object("orders", trigger), auth) == [
        (
            "note",
            (
                "ScaledObject/orders spec.triggers[0].metadata: "
                "'bearerToken': not at hand; not checked"
            ),
        )
    ]


def test_a_wrong_type_is_no_note_because_it_borrows() -> None:
    trigger = {"type": "nope", "metadata": {}, "authenticationRef": {"name": "creds"}}
    assert "error" in {severity for severity, _ in found(scaled_object("orders", trigger))}


def test_a_variable_of_the_container_is_only_a_note() -> None:
    trigger = rabbit(hostFromEnv="HOST")
    del trigger["authenticationRef"]
    assert {severity for severity, _ in found(scaled_object("orders", trigger))} == {"note"}


def test_a_workload_has_one_scaled_object() -> None:
    first, second = scaled_object("a"), scaled_object("b", scaleTargetRef={"name": "a"})

    assert found(first, second) == [
        (
            "error",
            (
                "ScaledObject/b spec.scaleTargetRef: found default/Deployment/a, "
                "want a target of its own: ScaledObject/a scales this one"
            ),
        )
    ]


def test_the_triggers_of_a_scaled_job_are_judged() -> None:
    template = {"spec": {"containers": [{"name": "main", "image": "busybox"}]}}
    triggers = [pods_trigger(name="a"), pods_trigger("x", name="a"), {"type": "x", "metadata": {}}]
    job: Json = {
        "kind": "ScaledJob",
        "metadata": {"name": "j"},
        "spec": {"jobTargetRef": {"template": template}, "triggers": triggers},
    }
    [(_, same)] = found(job)
    del triggers[1]
    [(severity, unknown)] = found(job)

    assert (
        same
        == "ScaledJob/j spec.triggers[1].name: found 'a', want a name that no other trigger has"
    )
    assert severity == "error"
    assert unknown.startswith("ScaledJob/j spec.triggers[1].type: 'x' is not a trigger type")


KEYS = st.sampled_from(
    [
        "metadata",
        "spec",
        "status",
        "name",
        "namespace",
        "creationTimestamp",
        "annotations",
        "triggers",
        "type",
        "authenticationRef",
        "secretTargetRef",
        "data",
        "stringData",
        "env",
        "advanced",
        "fallback",
        "podIdentity",
        "scaleTargetRef",
        "conditions",
        "behavior",
    ]
)
TEXTS = st.text(max_size=5) | st.sampled_from(["cron", "a", "kubernetes-workload"])
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=15,
)
BODIES = st.builds(
    lambda kind, body: {**body, "kind": kind},
    st.sampled_from([*sorted(OURS), "Secret", "ConfigMap", "ScaledJob", "Pod"]),
    st.dictionaries(KEYS, JSON, max_size=5),
)


@given(st.lists(BODIES, max_size=3))
def test_no_file_makes_it_raise(bodies: list[Json]) -> None:
    validate(bodies)
    for body in bodies:
        known_status(body)


def event_examples() -> list[Path]:
    return [
        path
        for path in sorted(EXAMPLES.glob("*.yaml"))
        if any(body["kind"] in OURS for body in yaml.safe_load_all(path.read_text()) if body)
    ]


@pytest.mark.parametrize("path", event_examples(), ids=lambda path: path.stem)
def test_the_examples_are_clean(path: Path) -> None:
    faults = validate([body for body in yaml.safe_load_all(path.read_text()) if body])

    assert [str(fault) for fault in faults if fault.severity is not Severity.NOTE] == []


def test_keys_that_yaml_does_not_read_as_texts() -> None:
    """YAML 1.1 reads `on` as true; nothing may stumble over it."""
    trigger = {"type": "cron", "metadata": {5: "x", True: "y", "start": "0 0 * * *"}}
    body = {
        "kind": "ScaledObject",
        "metadata": {"name": "a"},
        "spec": {"scaleTargetRef": {"name": "x"}, "triggers": [trigger], True: 1, 3: "x", "z": 1},
    }
    told = [str(fault) for fault in validate([body])]
    assert sum("put it in quotes" in text for text in told) == 4
