"""One event over real HTTP: what a sink sees, with which credentials, and what is never told."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from eventscaler.auth import AuthSettings, Resolver
from eventscaler.cloudevents import Sender
from eventscaler.cloudevents.sending import Undelivered
from eventscaler.core.cloud_events import Occurrence
from eventscaler.decode import AuthRef, CloudEventSource, authentication
from kube.client import Client
from kube.resources import NAMESPACES, SECRETS
from scalers._egress import Egress, rule
from scalers._surroundings import AzureSurroundings
from scalers.io import IO, IOSettings
from tandem.sandbox.cluster import Sandbox, SandboxSettings
from tests.eventscaler.manifests import secret, trigger_authentication
from tests.eventscaler.world import crds
from tests.scalers.servers import served

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
CANARY = "c4n4ry-secret"
WHAT = Occurrence(
    id="11111111-2222-4333-8444-555555555555",
    type="keda.scaledobject.ready.v1",
    kind="ScaledObject",
    namespace="default",
    name="Orders",
    reason="ScaledObjectReady",
    message='ready: "100 %" für alle',
    at=NOON,
)


@dataclass(slots=True)
class Sink:
    """An HTTP server that keeps what it is sent."""

    status: int = 202
    text: str = ""
    url: str = ""
    requests: list[tuple[web.Request, bytes]] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        self.requests.append((request, await request.read()))
        return web.Response(status=self.status, text=self.text)


@asynccontextmanager
async def sink(status: int = 202, text: str = "") -> AsyncIterator[Sink]:
    made = Sink(status, text)
    async with served({"/events": made.take}) as url:
        made.url = f"{url}/events"
        yield made


def cluster() -> Client:
    return Client(Sandbox(SandboxSettings(crds=crds()), lambda: NOON).transport())


@asynccontextmanager
async def sender(
    *auth: dict[str, Any],
    egress: Egress | None = None,
    azure: AzureSurroundings | None = None,
    client: Client | None = None,
) -> AsyncIterator[Sender]:
    """A sender in a cluster that holds the secret `creds` and some authentications."""
    client = client or cluster()
    resolver = Resolver(AuthSettings(cluster_namespace="keda"))
    values = {"token": CANARY, "key": CANARY, "modes": "bearer"}
    for namespace in ("default", "keda"):
        if namespace != "default":
            await client.create(
                NAMESPACES,
                {"metadata": {"name": namespace}, "kind": "Namespace", "apiVersion": "v1"},
            )
        await client.create(SECRETS, secret("creds", namespace, **values))
    for body in auth:
        found, faults = authentication(body)
        namespace = str(body["metadata"].get("namespace", ""))
        resolver.put((body["kind"], namespace, body["metadata"]["name"]), found or faults)
    settings = IOSettings(azure=azure or AzureSurroundings())
    io = IO(lambda: NOON, client, settings=replace(settings, egress=egress) if egress else settings)
    try:
        yield Sender(client, resolver, io, cluster="kubernetes-default")
    finally:
        await io.close()


def source(url: str, **more: Any) -> CloudEventSource:
    return CloudEventSource("CloudEventSource", "default", "sink", "http", url, **more)


def keys(*pairs: tuple[str, str], cluster: bool = False) -> dict[str, Any]:
    refs = [{"parameter": name, "name": "creds", "key": key} for name, key in pairs]
    return trigger_authentication(cluster=cluster, secretTargetRef=refs)


BEARER = (("bearerToken", "token"), ("authModes", "modes"))
NAMED = AuthRef("creds", "TriggerAuthentication")


async def test_what_a_sink_sees() -> None:
    """Binary mode of CloudEvents 1.0, as KEDA sends it."""
    async with sink() as made, sender() as sending:
        await sending.send(source(made.url), WHAT)
        request, body = made.requests[0]

    found = {name.lower(): value for name, value in request.headers.items()}
    assert request.method == "POST"
    assert {name: value for name, value in found.items() if name.startswith("ce-")} == {
        "ce-specversion": "1.0",
        "ce-id": WHAT.id,
        "ce-type": "keda.scaledobject.ready.v1",
        "ce-source": "/kubernetes-default/keda/keda",
        "ce-subject": "/kubernetes-default/default/scaledobject/orders",
        "ce-time": "2026-05-01T12:00:00Z",
    }
    assert found["content-type"] == "application/json"
    assert json.loads(body) == {"reason": WHAT.reason, "message": WHAT.message}


async def test_the_name_of_the_cluster_is_the_sources_and_encoded() -> None:
    async with sink() as made, sender() as sending:
        await sending.send(source(made.url, cluster='Süd "1" %'), WHAT)
        request, _ = made.requests[0]

    assert request.headers["ce-source"] == "/S%C3%BCd%20%221%22%20%25/keda/keda"


@pytest.mark.parametrize(
    ("status", "lasting"),
    [
        (400, True),
        (413, True),
        (401, False),
        (404, False),
        (429, False),
        (500, False),
        (302, False),
    ],
)
async def test_a_refusal_is_told_with_the_address_and_the_status(
    status: int,
    lasting: bool,
) -> None:
    async with sink(status, "no room") as made, sender() as sending:
        with pytest.raises(Undelivered, match=f"answered {status}") as raised:
            await sending.send(source(made.url), WHAT)

    assert raised.value.lasting is lasting


async def test_nobody_listens() -> None:
    async with sender() as sending:
        with pytest.raises(Undelivered, match=r"no connection to http://127\.0\.0\.1:1"):
            await sending.send(source("http://127.0.0.1:1/"), WHAT)


async def test_egress_rules_hold() -> None:
    egress = Egress(deny=(rule("127.0.0.0/8"),))
    async with sink() as made, sender(egress=egress) as sending:
        with pytest.raises(Undelivered, match="may not be reached"):
            await sending.send(source(made.url), WHAT)

    assert made.requests == []


async def test_credentials_of_an_authentication_are_sent() -> None:
    async with sink() as made, sender(keys(*BEARER)) as sending:
        await sending.send(source(made.url, auth=NAMED), WHAT)
        request, _ = made.requests[0]

    assert request.headers["Authorization"] == f"Bearer {CANARY}"


async def test_a_rotated_secret_is_used_once_the_old_one_is_refused() -> None:
    """And before that one look at the cluster serves a burst of events."""
    client = cluster()
    async with sink() as made, sender(keys(*BEARER), client=client) as sending:
        await sending.send(source(made.url, auth=NAMED), WHAT)
        rotated = secret("creds", "default", token="another", modes="bearer")
        await client.patch(SECRETS, "creds", {"data": rotated["data"]}, namespace="default")
        await sending.send(source(made.url, auth=NAMED), WHAT)
        made.status = 401
        with pytest.raises(Undelivered):
            await sending.send(source(made.url, auth=NAMED), WHAT)
        made.status = 202
        await sending.send(source(made.url, auth=NAMED), WHAT)

    shown = [request.headers["Authorization"] for request, _ in made.requests]
    assert shown == [*[f"Bearer {CANARY}"] * 3, "Bearer another"]


async def test_a_cluster_source_finds_its_authentication_in_the_operators_namespace() -> None:
    auth = keys(*BEARER, cluster=True)
    everywhere = CloudEventSource(
        "ClusterCloudEventSource",
        "",
        "sink",
        "http",
        "",
        auth=AuthRef("creds", "ClusterTriggerAuthentication"),
    )
    async with sink() as made, sender(auth) as sending:
        await sending.send(replace(everywhere, address=made.url), WHAT)

    assert made.requests[0][0].headers["Authorization"] == f"Bearer {CANARY}"


@pytest.mark.parametrize(
    ("auth", "problem"),
    [
        ((), "TriggerAuthentication default/creds does not exist"),
        ((keys(("bearerToken", "gone")),), "secret default/creds has no key 'gone'"),
        ((keys(("authModes", "modes")),), "and the TriggerAuthentication has no"),
        (
            (trigger_authentication(env=[{"parameter": "token", "name": "TOKEN"}]),),
            "a CloudEventSource has no workload",
        ),
    ],
)
async def test_missing_credentials_are_named(
    auth: tuple[dict[str, Any], ...], problem: str
) -> None:
    async with sink() as made, sender(*auth) as sending:
        with pytest.raises(Undelivered, match=problem):
            await sending.send(source(made.url, auth=NAMED), WHAT)

    assert made.requests == []


@pytest.mark.parametrize("bearer", [True, False])
async def test_no_secret_is_in_a_message(bearer: bool) -> None:
    """The sink repeats what it is sent: a token, or the password in its address."""
    auth = keys(*BEARER) if bearer else trigger_authentication()
    async with sink(503, f"you sent {CANARY}") as made, sender(auth) as sending:
        url = made.url if bearer else made.url.replace("http://", f"http://eve:{CANARY}@")
        with pytest.raises(Undelivered) as raised:
            await sending.send(source(url, auth=NAMED), WHAT)

    assert CANARY not in str(raised.value)


async def test_a_call_that_makes_no_sense() -> None:
    """HTTP has one place for both."""
    async with sink() as made, sender(keys(*BEARER)) as sending:
        url = made.url.replace("http://", f"http://eve:{CANARY}@")
        with pytest.raises(Undelivered) as raised:
            await sending.send(source(url, auth=NAMED), WHAT)

    assert CANARY not in str(raised.value)


# ---------------------------------------------------------------- Azure Event Grid


def topic(url: str) -> CloudEventSource:
    return replace(source(url, auth=NAMED), sink="azureEventGridTopic")


async def test_a_topic_gets_a_batch_of_one_with_its_key() -> None:
    async with sink(200) as made, sender(keys(("accessKey", "key"))) as sending:
        await sending.send(topic(made.url), WHAT)
        request, body = made.requests[0]

    assert dict(request.query) == {"api-version": "2018-01-01"}
    assert request.headers["aeg-sas-key"] == CANARY
    assert request.headers["Content-Type"] == "application/cloudevents-batch+json; charset=utf-8"
    assert json.loads(body) == [
        {
            "specversion": "1.0",
            "id": WHAT.id,
            "type": WHAT.type,
            "source": "/kubernetes-default/keda/keda",
            "subject": "/kubernetes-default/default/scaledobject/orders",
            "time": "2026-05-01T12:00:00Z",
            "datacontenttype": "application/json",
            "data": {"reason": WHAT.reason, "message": WHAT.message},
        }
    ]


async def test_a_topic_without_a_key() -> None:
    async with sink() as made, sender(keys(("password", "key"))) as sending:
        with pytest.raises(Undelivered, match="gives no 'accessKey' and no workload identity"):
            await sending.send(topic(made.url), WHAT)


@asynccontextmanager
async def logins() -> AsyncIterator[tuple[str, list[dict[str, str]]]]:
    """Microsoft's token endpoint, as far as one token goes."""
    asked: list[dict[str, str]] = []

    async def token(request: web.Request) -> web.Response:
        asked.append({key: str(value) for key, value in (await request.post()).items()})
        return web.json_response({"access_token": CANARY, "expires_in": 3600})

    async with served({"/tenant/oauth2/v2.0/token": token}) as url:
        yield url, asked


async def test_a_topic_is_opened_with_the_workload_identity(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("federated")
    auth = trigger_authentication(podIdentity={"provider": "azure-workload"})
    async with sink() as made, logins() as (login, asked):
        own = AzureSurroundings(
            client_id="me",
            tenant_id="tenant",
            token_file=str(file),
            authority=login,
            trusted=(made.url,),
        )
        async with sender(auth, azure=own) as sending:
            await sending.send(topic(made.url), WHAT)

    assert asked[0]["scope"] == "https://eventgrid.azure.net/.default"
    assert made.requests[0][0].headers["Authorization"] == f"Bearer {CANARY}"


async def test_the_workload_identity_is_shown_to_event_grid_only(tmp_path: Path) -> None:
    auth = trigger_authentication(podIdentity={"provider": "azure-workload"})
    own = AzureSurroundings(client_id="me", tenant_id="tenant", token_file=str(tmp_path / "token"))
    async with sink() as made, sender(auth, azure=own) as sending:
        with pytest.raises(Undelivered, match=r"is no https address in eventgrid\.azure\.net"):
            await sending.send(topic(made.url), WHAT)

    assert made.requests == []
