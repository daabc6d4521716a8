"""metrics-api: parameters, formats as sentences, and reading over real HTTP and the cluster API."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web

from kube.client import Client
from kube.resources import ENDPOINT_SLICES, NAMESPACES
from kube.transport import Request, Response
from scalers.base import Sample, ScalerError, read
from scalers.io import IO
from scalers.metrics_api import Format, endpoint_urls, endpoints, located
from tests.clusters import Cluster
from tests.scalers.cluster import Answers
from tests.scalers.servers import answering, served
from tests.scalers.tools import Texts, faults, trigger

GOOD = {"url": "http://app/stats", "valueLocation": "jobs.waiting", "targetValue": "5"}


@pytest.mark.parametrize(
    ("metadata", "auth", "problem"),
    [
        pytest.param(GOOD, {}, "", id="faultless"),
        pytest.param(
            {}, {}, "'url' is missing; 'valueLocation' is missing; 'targetValue' is missing",
            id="all that is missing, at once",
        ),
        pytest.param(
            GOOD | {"targetValue": "-1"}, {}, "'targetValue' must be above 0, got -1",
            id="negative target",
        ),
        pytest.param(
            GOOD | {"format": "toml"}, {},
            "'format' must be one of 'prometheus', 'json', 'xml', 'yaml', got toml", id="format",
        ),
        pytest.param(
            GOOD | {"url": "app/stats"}, {}, "'url' must begin with http:// or https://",
            id="no scheme",
        ),
        pytest.param(
            GOOD | {"valueLocation": 'jobs.#(kind=="a").n'}, {},
            "'valueLocation' has '#(', and only members, numbers, '#' and '\\.' can be used, "
            'got jobs.#(kind=="a").n',
            id="a query of gjson",
        ),
        pytest.param(
            GOOD | {"aggregateFromKubeServiceEndpoints": "true"}, {},
            "'url' must name a Service as svc.namespace for aggregateFromKubeServiceEndpoints",
            id="no namespace",
        ),
        pytest.param(
            GOOD | {"aggregationType": "median"}, {},
            "'aggregationType' must be one of 'average', 'sum', 'max', 'min', got median",
            id="aggregation",
        ),
        pytest.param(
            GOOD | {"authModes": "apiKey"}, {"method": "cookie"},
            "'method' must be one of 'header', 'query', got another value (not shown: it is no "
            "part of the metadata)",
            id="a value that is not shown",
        ),
        pytest.param(
            GOOD | {"targetvalue": "1"}, {},
            "'targetvalue' is not a key of this trigger; did you mean 'targetValue'?", id="typo",
        ),
    ],
)  # fmt: skip
def test_faults(metadata: Texts, auth: Texts, problem: str) -> None:
    assert faults("metrics-api", metadata, auth) == problem


JOBS = json.dumps(
    {"jobs": [{"n": 4}, {"n": "250m"}], "fav.movie": 3, "none": None, "yes": True, "deep": {"0": 9}}
)
XML = '<stats><queue name="a"><depth>12</depth></queue><queue><depth>30</depth></queue></stats>'
TEXT = 'waiting{queue="mail",zone="a"} 4\nwaiting{queue="sms",zone="a"} 7\nplain 1.5\n'


@pytest.mark.parametrize(
    ("text", "form", "location", "expected"),
    [
        pytest.param(JOBS, "json", "jobs.0.n", 4, id="item"),
        pytest.param(JOBS, "json", "jobs.#", 2, id="count"),
        pytest.param(JOBS, "json", "jobs.1.n", 0.25, id="a quantity"),
        pytest.param(JOBS, "json", r"fav\.movie", 3, id="escaped dot"),
        pytest.param(JOBS, "json", "deep.0", 9, id="a member whose name is a number"),
        pytest.param("jobs:\n  waiting: 1e2\n", "yaml", "jobs.waiting", 100, id="yaml"),
        pytest.param(XML, "xml", "stats.queue.1.depth", 30, id="xml"),
        pytest.param(TEXT, "prometheus", 'waiting{queue="sms"}', 7, id="metric with a label"),
        pytest.param(TEXT, "prometheus", "plain", 1.5, id="metric without labels"),
        pytest.param(
            "# TYPE jobs counter\njobs 5\n", "prometheus", "jobs", 5, id="a counter by its own name"
        ),
        pytest.param("a b c\nplain 1\n", "prometheus", "plain", 1, id="beside what nobody reads"),
        pytest.param("plain_total 7\nplain 1", "prometheus", "plain", 1, id="a longer name first"),
    ],
)
def test_located(text: str, form: str, location: str, expected: float) -> None:
    assert located(text, Format(form), location) == expected


@pytest.mark.parametrize(
    ("text", "form", "location", "problem"),
    [
        pytest.param(JOBS, "json", "jobs.7.n", r"has no 'jobs.7.n' \(nothing at '7'\)", id="item"),
        pytest.param(JOBS, "json", "none", "'none' is no number", id="null"),
        pytest.param(JOBS, "json", "yes", "'yes' is no number", id="boolean"),
        pytest.param(JOBS, "json", "jobs.#.n", "'jobs.#.n' is no number", id="a list"),
        pytest.param("<a>", "json", "a", "the answer is not JSON", id="not JSON"),
        pytest.param("a: [", "yaml", "a", "the answer is not YAML", id="not YAML"),
        pytest.param("{}", "xml", "a", "the answer is not XML", id="not XML"),
        pytest.param(
            "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "xml", "a", "document type", id="entities"
        ),
        pytest.param(TEXT, "prometheus", "other", "has no 'other'", id="no such metric"),
        pytest.param("a: &a {<<: *a}", "yaml", "a", "aliases, which are not read", id="aliases"),
        pytest.param("[" * 10**5, "json", "0", "is nested too deeply", id="a deep JSON"),
        pytest.param("[" * 10**4, "yaml", "0", "is nested too deeply", id="a deep YAML"),
        pytest.param("<a>" * 10**4 + "</a>" * 10**4, "xml", "a", "too deeply", id="a deep XML"),
        pytest.param(f'{{"n": 1{"0" * 400}}}', "json", "n", "too large to count", id="huge"),
        pytest.param(f'{{"n": "1{"0" * 400}"}}', "json", "n", "too large to", id="huge text"),
    ],
)
def test_not_located(text: str, form: str, location: str, problem: str) -> None:
    with pytest.raises(ScalerError, match=problem):
        located(text, Format(form), location)


async def test_a_number_over_http(io: IO) -> None:
    async with served({"/stats": answering('{"jobs": {"waiting": 11}}')}) as url:
        wanted = trigger("metrics-api", GOOD | {"url": f"{url}/stats"})
        found = await read(wanted, io)

    assert found == Sample(11)
    assert wanted.metric_name == "s0-metric-api-jobs-waiting"


async def test_a_failure_is_an_error(io: IO) -> None:
    async with served({"/stats": answering("no", 500)}) as url:
        with pytest.raises(ScalerError, match="answered 500: no"):
            await read(trigger("metrics-api", GOOD | {"url": f"{url}/stats"}), io)


async def test_credentials_do_not_follow_a_redirect(io: IO) -> None:
    """A server must not be able to send our keys elsewhere."""
    stolen: list[str] = []

    async def thief(request: web.Request) -> web.Response:
        stolen.append(request.headers["X-API-KEY"])
        return web.Response(text='{"jobs": {"waiting": 1}}')

    async with served({"/": thief}) as elsewhere:

        async def moved(request: web.Request) -> web.Response:
            raise web.HTTPFound(elsewhere)

        async with served({"/stats": moved}) as url:
            metadata = GOOD | {"url": f"{url}/stats", "authModes": "apiKey"}
            with pytest.raises(ScalerError, match="answered 302, a redirect"):
                await read(trigger("metrics-api", metadata, {"apiKey": "hunter22"}), io)

    assert stolen == []


def slices(*addresses: str, ready: bool | None = True) -> dict[str, Any]:
    conditions = {} if ready is None else {"ready": ready}
    return {"endpoints": [{"addresses": [a], "conditions": conditions} for a in addresses]}


def test_every_ready_address_is_asked_once() -> None:
    found = [
        slices("10.0.0.2", "10.0.0.1"),
        slices("10.0.0.1", ready=None),
        slices("10.0.0.9", ready=False),
        slices("fd00::1"),
        {"endpoints": None},
    ]

    assert endpoint_urls("http://web.shop:8080/m?x=1", found) == [
        "http://10.0.0.1:8080/m?x=1",
        "http://10.0.0.2:8080/m?x=1",
        "http://[fd00::1]:8080/m?x=1",
    ]


@pytest.mark.parametrize(
    ("how", "expected"), [("average", 4), ("sum", 8), ("max", 6), ("min", 2)]
)  # fmt: skip
async def test_endpoints_combine_and_a_dead_one_is_left_out(how: str, expected: float) -> None:
    """Three addresses of this host, one port: two answer, the third one refuses."""
    numbers = {"127.0.0.1": 2, "127.0.0.2": 6}

    async def stats(request: web.Request) -> web.Response:
        host = request.get_extra_info("sockname")[0]
        if host not in numbers:
            return web.Response(status=500)
        return web.json_response({"jobs": {"waiting": numbers[host]}})

    async with served({"/stats": stats}, host="0.0.0.0") as url:
        port = url.rpartition(":")[2]
        cluster = Answers({"items": [slices("127.0.0.1", "127.0.0.2", "127.0.0.3")]})
        io = IO(lambda: datetime.now(UTC), Client(cluster))
        metadata = GOOD | {
            "url": f"http://web.shop.svc:{port}/stats",
            "aggregateFromKubeServiceEndpoints": "true",
            "aggregationType": how,
        }
        found = await read(trigger("metrics-api", metadata), io)
        await io.close()

    assert found == Sample(expected)
    asked: Request = cluster.asked[0]
    assert asked.path == "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices"
    assert asked.query["labelSelector"] == "kubernetes.io/service-name=web"


async def test_no_endpoint_at_all_is_an_error() -> None:
    metadata = GOOD | {
        "url": "http://web.shop/stats", "aggregateFromKubeServiceEndpoints": "true"
    }  # fmt: skip
    nobody = IO(lambda: datetime.now(UTC), Client(Answers({"items": []})))
    with pytest.raises(ScalerError, match=r"no endpoint of web\.shop answered: there is no ready"):
        await read(trigger("metrics-api", metadata), nobody)
    refused = IO(lambda: datetime.now(UTC), Client(Answers({}, Response(403, b"{}"))))
    with pytest.raises(ScalerError, match="no EndpointSlices of shop/web"):
        await read(trigger("metrics-api", metadata), refused)
    with pytest.raises(ScalerError, match="reads the cluster, and there is none here"):
        await read(trigger("metrics-api", metadata), IO(lambda: datetime.now(UTC)))
    await nobody.close()
    await refused.close()


async def test_the_endpoint_slices_of_a_cluster_are_found(cluster: Cluster) -> None:
    """Those of the Service that the url names, in its namespace, and no others."""
    client, space = cluster.client(), f"metrics-{uuid.uuid4().hex[:8]}"
    await client.create(NAMESPACES, {"metadata": {"name": space}})
    for service, address in (("web", "192.0.2.1"), ("other", "192.0.2.9")):
        labels = {"kubernetes.io/service-name": service}
        body = {"metadata": {"name": service, "labels": labels}, "addressType": "IPv4"}
        await client.create(ENDPOINT_SLICES, body | slices(address), namespace=space)
    io = IO(lambda: datetime.now(UTC), client)
    found = await endpoints(f"http://web.{space}.svc:8080/stats", io)
    await client.delete(NAMESPACES, space)
    await client.close()

    assert found == ["http://192.0.2.1:8080/stats"]


@pytest.mark.parametrize(
    ("text", "form"),
    [
        pytest.param("[" * 200_000, "json", id="nested too deeply"),
        pytest.param('{"jobs": {"waiting": ' + "9" * 400 + "}}", "json", id="too large a number"),
        pytest.param("a: 1\n" * 60_000, "yaml", id="too much YAML"),
    ],
)
async def test_a_hostile_answer_is_an_error_of_this_trigger_only(text: str, form: str) -> None:
    io = IO(lambda: datetime.now(UTC))
    try:
        async with served({"/stats": answering(text)}) as url:
            meta = GOOD | {"url": f"{url}/stats", "format": form}
            with pytest.raises(ScalerError, match="metrics-api: "):
                await read(trigger("metrics-api", meta), io)
    finally:
        await io.close()
