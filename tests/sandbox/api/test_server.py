"""Over HTTP: the same answers, and only for this machine."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import aiohttp
import pytest

from kube.transport import Request, Response
from tandem.sandbox.cluster import Sandbox, SandboxSettings
from tandem.sandbox.openapi import definitions_for
from tandem.sandbox.prose import described, prepare
from tests.sandbox.api.calls import MAPS, config_map


@pytest.fixture
async def url() -> AsyncIterator[str]:
    sandbox = Sandbox(SandboxSettings(crds=()), lambda: datetime(2026, 1, 1, tzinfo=UTC))
    yield await sandbox.serve()
    await sandbox.close()


@pytest.mark.parametrize(
    ("host", "status"),
    [
        pytest.param("localhost", 200, id="this machine"),
        pytest.param("evil.example", 403, id="a name that only resolves here"),
        pytest.param("127.0.0.1.evil.example", 403, id="a name that looks like here"),
    ],
)
async def test_a_foreign_host_is_refused(url: str, host: str, status: int) -> None:
    port = url.rpartition(":")[2]
    headers = {"Host": f"{host}:{port}"}
    async with (
        aiohttp.ClientSession(url) as session,
        session.get("/version", headers=headers) as answer,
    ):
        assert answer.status == status


async def test_a_watch_is_a_line_an_event(url: str) -> None:
    async with (
        aiohttp.ClientSession(url) as session,
        session.get(MAPS, params={"watch": "1", "timeoutSeconds": "5"}) as watch,
        session.post(MAPS, json=config_map("a")) as created,
    ):
        assert created.status == 201
        event = json.loads(await watch.content.readline())

    assert (event["type"], event["object"]["metadata"]["name"]) == ("ADDED", "a")


async def test_equal_seeds_give_equal_answers() -> None:
    def bodies() -> list[bytes]:
        sandbox = Sandbox(SandboxSettings(crds=()), lambda: datetime(2026, 1, 1, tzinfo=UTC))
        body = json.dumps({"metadata": {"generateName": "a-"}}).encode()
        answers = [sandbox.api.handle(Request("POST", MAPS, body=body)) for _ in range(3)]
        return [getattr(answer, "body", b"") for answer in answers]

    assert bodies() == bodies()


def test_tandems_own_definitions_are_served() -> None:
    sandbox = Sandbox(SandboxSettings(), lambda: datetime(2026, 1, 1, tzinfo=UTC))

    kinds = {served.kind.kind for served in sandbox.api.state.registry}

    assert {"ScaledObject", "ScaledJob", "NodePool", "NodeClaim", "Provisioner"} <= kinds


@pytest.mark.parametrize("path", ["/openapi/v3/apis/apps/v1", "/openapi/v3/apis/keda.sh/v1alpha1"])
async def test_the_loop_never_waits_for_prose(path: str) -> None:
    """All that a document says is read in the thread that prepares it."""
    sandbox = Sandbox(SandboxSettings(), lambda: datetime(2026, 1, 1, tzinfo=UTC))
    await asyncio.to_thread(prepare, definitions_for(sandbox.api.state, path))
    before = described.cache_info().misses

    answer = sandbox.api.handle(Request("GET", path))

    assert isinstance(answer, Response)
    assert b'"description":"APIVersion defines' in answer.body
    assert described.cache_info().misses == before


async def test_a_document_over_http_is_that_of_the_api(url: str) -> None:
    path = "/openapi/v3/apis/policy/v1"
    sandbox = Sandbox(SandboxSettings(crds=()), lambda: datetime(2026, 1, 1, tzinfo=UTC))
    async with aiohttp.ClientSession(url) as session, session.get(path) as answer:
        found = await answer.read()

    wanted = sandbox.api.handle(Request("GET", path))

    assert found == getattr(wanted, "body", b"")
