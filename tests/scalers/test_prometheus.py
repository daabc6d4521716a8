"""Prometheus: parameters as a table, answers as sentences, queries against a real server."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from aiohttp import web
from prometheus_api_client import PrometheusConnect

from scalers.base import Sample, ScalerError, read
from scalers.io import IO
from scalers.prometheus import value_of
from tests.scalers.servers import answering, served
from tests.scalers.tools import Texts, faults, trigger
from tests.services.prometheus import Prometheus

GOOD = {"serverAddress": "http://prom:9090", "query": "up", "threshold": "5"}


@pytest.mark.parametrize(
    ("metadata", "auth", "problem"),
    [
        pytest.param(GOOD, {}, "", id="faultless"),
        pytest.param(
            {}, {},
            "'serverAddress' is missing; 'query' is missing; 'threshold' is missing",
            id="all that is missing, at once",
        ),
        pytest.param(GOOD | {"threshold": "0"}, {}, "'threshold' must be above 0, got 0", id="0"),
        pytest.param(
            GOOD | {"serverAddress": "prom:9090"}, {},
            "'serverAddress' must begin with http:// or https://", id="no scheme",
        ),
        pytest.param(
            GOOD | {"timeout": "soon"}, {},
            "'timeout' must be a duration such as '30s', or milliseconds such as '3000', got soon",
            id="timeout",
        ),
        pytest.param(
            GOOD | {"queryParameters": "dedup"}, {},
            "'queryParameters' must be pairs such as 'a=1,b=2', got dedup", id="parameters",
        ),
        pytest.param(
            GOOD | {"authModes": "basic,oath"}, {},
            "'authModes' has basic, and the TriggerAuthentication has no 'username'; "
            "'authModes' must be a list of 'apiKey', 'basic', 'tls', 'bearer', 'custom', 'oauth', "
            "got oath",
            id="auth modes",
        ),
        pytest.param(
            GOOD | {"authModes": "basic,bearer"}, {"username": "u", "bearerToken": "t"},
            "'authModes' has both basic and bearer, which use the same header", id="two headers",
        ),
        pytest.param(
            GOOD | {"awsRegion": "eu-west-1"}, {},
            "'awsRegion' asks for AWS request signing, which is not supported; put a signing "
            "proxy in front",
            id="SigV4",
        ),
        pytest.param(
            GOOD | {"treshold": "1"}, {},
            "'treshold' is not a key of this trigger; did you mean 'threshold'?", id="typo",
        ),
    ],
)  # fmt: skip
def test_faults(metadata: Texts, auth: Texts, problem: str) -> None:
    assert faults("prometheus", metadata, auth) == problem


def test_utilization_is_for_cpu_and_memory() -> None:
    refused = faults("prometheus", GOOD, {}, metric_type="Utilization", as_metric_source=True)

    assert refused == "'metricType' must be one of 'AverageValue', 'Value', got Utilization"


def vector(*values: str) -> dict[str, Any]:
    result = [{"metric": {}, "value": [0, value]} for value in values]
    return {"status": "success", "data": {"resultType": "vector", "result": result}}


@pytest.mark.parametrize("ignore", [True, False])
def test_one_value_is_the_value(ignore: bool) -> None:
    assert value_of(vector("7.5"), ignore) == 7.5


def test_nothing_is_zero_only_when_told_so() -> None:
    assert value_of(vector(), ignore_null=True) == 0
    with pytest.raises(ScalerError, match="empty result, and 'ignoreNullValues' is false"):
        value_of(vector(), ignore_null=False)


def test_several_series_are_refused() -> None:
    with pytest.raises(ScalerError, match="gave 2 series, where one number is needed"):
        value_of(vector("1", "2"), ignore_null=True)


@pytest.mark.parametrize("odd", ["NaN", "+Inf", "-Inf", "-3"])
async def test_a_number_to_scale_by_is_finite_and_not_negative(io: IO, odd: str) -> None:
    """Blind is not zero, whatever 'ignoreNullValues' says: it speaks of missing values."""
    async with served({"/api/v1/query": answering(json.dumps(vector(odd)))}) as url:
        with pytest.raises(ScalerError, match="which is no amount to scale by"):
            await read(trigger("prometheus", GOOD | {"serverAddress": url}), io)


@pytest.mark.parametrize(
    ("body", "status", "problem"),
    [
        pytest.param("oops", 200, "answered something that is not JSON", id="not JSON"),
        pytest.param("{}", 200, "an answer of an odd shape", id="another shape"),
        pytest.param('{"data": []}', 200, "an answer of an odd shape", id="a list"),
        pytest.param("down", 503, "answered 503: down", id="unavailable"),
        pytest.param("", 302, "answered 302", id="redirect without a target"),
    ],
)
async def test_odd_answers_are_errors(io: IO, body: str, status: int, problem: str) -> None:
    async with served({"/api/v1/query": answering(body, status)}) as url:
        with pytest.raises(ScalerError, match=problem):
            await read(trigger("prometheus", GOOD | {"serverAddress": url}), io)


async def test_a_slow_server_is_given_up(io: IO) -> None:
    release = asyncio.Event()

    async def hold(request: web.Request) -> web.Response:
        await release.wait()
        return web.Response()

    async with served({"/api/v1/query": hold}) as url:
        metadata = GOOD | {"serverAddress": url, "timeout": "50ms"}
        with pytest.raises(ScalerError, match=r"gave no answer within 0\.05 s"):
            await read(trigger("prometheus", metadata), io)
        release.set()


async def test_what_is_sent(io: IO) -> None:
    """Parameters, namespace, headers and every header-borne credential arrive."""
    seen: list[web.Request] = []

    async def note(request: web.Request) -> web.Response:
        seen.append(request)
        return web.json_response(vector("1"))

    async with served({"/sub/api/v1/query": note}) as url:
        metadata = GOOD | {
            "serverAddress": f"{url}/sub/",
            "queryParameters": "dedup=true,match=a%2Cb",
            "namespace": "shop",
            "customHeaders": "X-Scope-OrgID=7",
            "authModes": "basic,custom,apiKey",
        }
        auth = {
            "username": "eve", "password": "hunter22", "customAuthHeader": "X-Me",
            "customAuthValue": "it is me", "apiKey": "k-1", "method": "query",
        }  # fmt: skip
        await read(trigger("prometheus", metadata, auth), io)

    query, headers = seen[0].query, seen[0].headers
    assert (query["query"], query["dedup"], query["match"]) == ("up", "true", "a,b")
    assert (query["namespace"], query["api_key"]) == ("shop", "k-1")
    assert (headers["X-Scope-OrgID"], headers["X-Me"]) == ("7", "it is me")
    assert headers["Authorization"] == "Basic ZXZlOmh1bnRlcjIy"


async def test_an_oauth_token_is_fetched_once_for_many_reads(io: IO) -> None:
    tokens: list[str] = []

    async def token(request: web.Request) -> web.Response:
        form = await request.post()
        tokens.append(str(form["audience"]))
        return web.json_response({"access_token": "t-1", "expires_in": 3600})

    async def query(request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "Bearer t-1"
        return web.json_response(vector("3"))

    async with served({"/token": token, "/api/v1/query": query}) as url:
        auth = {
            "oauthTokenURI": f"{url}/token", "clientID": "me", "clientSecret": "hunter22",
            "endpointParams": "audience=prom",
        }  # fmt: skip
        metadata = GOOD | {"serverAddress": url, "authModes": "oauth"}
        found = [await read(trigger("prometheus", metadata, auth), io) for _ in range(3)]

    assert found == [Sample(3)] * 3
    assert tokens == ["prom"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param("tandem_seven", 7, id="one series"),
        pytest.param("sum(tandem_many)", 3, id="aggregated"),
        pytest.param("scalar(tandem_seven)", 7, id="a scalar"),
        pytest.param("no_such_metric", 0, id="nothing"),
    ],
)
async def test_queries(prometheus: Prometheus, io: IO, query: str, expected: float) -> None:
    metadata = GOOD | {"serverAddress": prometheus.url, "query": query}

    assert await read(trigger("prometheus", metadata), io) == Sample(expected)


async def test_queries_that_give_no_number(prometheus: Prometheus, io: IO) -> None:
    here = GOOD | {"serverAddress": prometheus.url}
    with pytest.raises(ScalerError, match="gave 2 series"):
        await read(trigger("prometheus", here | {"query": "tandem_many"}), io)
    with pytest.raises(ScalerError, match=r"answered 400: .*parse error"):
        await read(trigger("prometheus", here | {"query": "sum("}), io)
    with pytest.raises(ScalerError, match="which is no amount to scale by"):
        await read(trigger("prometheus", here | {"query": "tandem_seven / 0 * 0"}), io)


async def test_the_official_clients_answer_is_ours(prometheus: Prometheus, io: IO) -> None:
    """An oracle: `prometheus_api_client`, blocking, in a thread."""
    queries = ["tandem_seven * 1.5", "sum(tandem_many)", "max(tandem_many)", "vector(0)"]
    oracle: Any = PrometheusConnect(url=prometheus.url)
    for query in queries:
        theirs = await asyncio.to_thread(oracle.custom_query, query)
        metadata = GOOD | {"serverAddress": prometheus.url, "query": query}
        ours = await read(trigger("prometheus", metadata), io)

        assert ours.value == float(theirs[0]["value"][1])
