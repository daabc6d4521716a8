"""Over HTTP: the same answers, and only for this machine."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import aiohttp
import pytest

from kube.transport import Request
from tandem.sandbox.cluster import Sandbox, SandboxSettings
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
