"""(Cluster)CloudEventSources as written: what is read, what is wrong, which events are wanted."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from eventscaler.core.cloud_events import EVENT_TYPES, TYPES, Occurrence
from eventscaler.decode import AuthRef, CloudEventSource, cloud_event_source
from kube.client import Json

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
URI = "https://events.example.com/keda"
HTTP: Json = {"http": {"uri": URI}}
TOPIC: Json = {"azureEventGridTopic": {"endpoint": "https://t.eastus-1.eventgrid.azure.net/api"}}
READY, FAILED = "keda.scaledobject.ready.v1", "keda.scaledobject.failed.v1"


def body(kind: str = "CloudEventSource", **spec: Any) -> Json:
    meta = {"name": "sink"} | ({"namespace": "shop"} if kind == "CloudEventSource" else {})
    spec = {"destination": HTTP} | spec
    return {"kind": kind, "metadata": meta, "spec": spec}


def read(raw: Json) -> CloudEventSource:
    source, faults = cloud_event_source(raw)
    assert source is not None, faults
    return source


def test_every_field() -> None:
    source = read(
        body(
            clusterName="east",
            authenticationRef={"name": "creds", "kind": "ClusterTriggerAuthentication"},
            eventSubscription={"includedEventTypes": [READY]},
        )
    )

    assert source == CloudEventSource(
        kind="CloudEventSource",
        namespace="shop",
        name="sink",
        sink="http",
        address=URI,
        cluster="east",
        auth=AuthRef("creds", "ClusterTriggerAuthentication"),
        included=frozenset({READY}),
    )


def test_of_two_destinations_http_is_taken_and_a_warning_says_so() -> None:
    source, faults = cloud_event_source(body(destination=HTTP | TOPIC))

    assert source is not None
    assert source.sink == "http"
    assert [str(fault) for fault in faults] == [
        (
            "spec.destination: found 'http and azureEventGridTopic', "
            "want one destination: only http is used"
        )
    ]


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ({"destination": {}}, "spec.destination: found nothing, want one of http, azureEventGrid"),
        ({"destination": {"http": {}}}, "spec.destination.http.uri: found nothing, want a text"),
        ({"destination": {"http": {"uri": "ftp://x"}}}, "spec.destination.http.uri: found"),
        ({"destination": {"http": {"uri": "http://"}}}, "want an address such as https://"),
        ({"destination": {"http": {"uri": "http://h:x"}}}, "want an address such as https://"),
        ({"destination": {"kafka": {}}}, "spec.destination.kafka: found"),
        ({"destination": TOPIC}, "spec.authenticationRef: found nothing, want a TriggerAuth"),
        ({"authenticationRef": {}}, "spec.authenticationRef.name: found nothing, want a text"),
        ({"authenticationRef": {"name": "a", "kind": "Secret"}}, "spec.authenticationRef.kind"),
        (
            {"eventSubscription": {"includedEventTypes": ["keda.scaledobject.redy.v1"]}},
            (
                f"spec.eventSubscription.includedEventTypes[0]: found 'keda.scaledobject.redy.v1', "
                f"want a type of event; did you mean '{READY}'?"
            ),
        ),
        (
            {"eventSubscription": {"includedEventTypes": [READY], "excludedEventTypes": [FAILED]}},
            "spec.eventSubscription: found both, want either includedEventTypes or",
        ),
        ({"clusterNaem": "x"}, "did you mean 'clusterName'?"),
    ],
)
def test_what_is_wrong_is_said(spec: Json, problem: str) -> None:
    source, faults = cloud_event_source(body(**spec))

    assert source is None
    assert [str(fault) for fault in faults if problem in str(fault)] != []


def test_a_password_in_the_address_is_in_no_message() -> None:
    uri = "http://eve:hunter2@h:x"
    faults = cloud_event_source(body(destination={"http": {"uri": uri}}))[1]

    assert faults != ()
    assert "hunter2" not in " ".join(str(fault) for fault in faults)


def occurrence(type_: str = READY, namespace: str = "shop") -> Occurrence:
    return Occurrence("1", type_, "ScaledObject", namespace, "Orders", "r", "m", NOON)


@pytest.mark.parametrize(
    ("raw", "type_", "namespace", "wanted"),
    [
        (body(), READY, "shop", True),
        (body(), READY, "other", False),
        (body(), READY, "", False),
        (body("ClusterCloudEventSource"), READY, "shop", True),
        (body("ClusterCloudEventSource"), READY, "", True),
        (body(eventSubscription={"includedEventTypes": [READY]}), READY, "shop", True),
        (body(eventSubscription={"includedEventTypes": [READY]}), FAILED, "shop", False),
        (body(eventSubscription={"excludedEventTypes": [READY]}), READY, "shop", False),
        (body(eventSubscription={"excludedEventTypes": [READY]}), FAILED, "shop", True),
    ],
)
def test_which_events_are_wanted(raw: Json, type_: str, namespace: str, wanted: bool) -> None:
    assert read(raw).wants(occurrence(type_, namespace)) is wanted


def test_the_types_are_the_nineteen_of_keda() -> None:
    scaled = ("ready", "failed", "removed", "paused", "unpaused")
    rollout = ("started", "completed", "failed")
    auth = ("created", "updated", "removed")
    assert set(EVENT_TYPES) == {
        *(f"keda.{kind}.{what}.v1" for kind in ("scaledobject", "scaledjob") for what in scaled),
        *(f"keda.scaledjob.rolloutcleanup.{what}.v1" for what in rollout),
        *(
            f"keda.authentication.{kind}.{what}.v1"
            for kind in ("triggerauthentication", "clustertriggerauthentication")
            for what in auth
        ),
    }
    assert len(EVENT_TYPES) == 19
    assert set(TYPES.values()) == set(EVENT_TYPES)
