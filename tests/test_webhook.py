"""The webhook's own certificate on a real API server, and how kopf is kept from growing."""

from __future__ import annotations

import asyncio
import threading
import uuid
from base64 import b64decode
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from kube.client import Client
from kube.resources import VALIDATING_WEBHOOK_CONFIGURATIONS
from tandem.clock import now
from tandem.handlers import _Forgetful, across
from tandem.webhook import CERTIFICATE, OwnCertificate
from tests.clusters import Fleet, Kind

SOON_S = 20.0
NEVER = {"matchLabels": {"no-object": "has-this"}}


class Configuration:
    """One that leads nowhere, and what it trusts."""

    def __init__(self, client: Client, name: str) -> None:
        self.client, self.name = client, name

    async def bundle(self) -> bytes:
        found = await self.client.get(VALIDATING_WEBHOOK_CONFIGURATIONS, self.name)
        config = found["webhooks"][0]["clientConfig"]
        return b64decode(config.get("caBundle") or "")

    async def until(self, asked: Callable[[bytes], bool]) -> bytes:
        """The bundle, once it is as *asked*; another process writes it."""
        async with asyncio.timeout(SOON_S):
            while not asked(found := await self.bundle()):
                await asyncio.sleep(0.05)
        return found

    def certificate(self, folder: Path, clock: Callable[[], datetime] = now) -> OwnCertificate:
        folder.mkdir()
        return OwnCertificate(self.client, self.name, ["127.0.0.1"], folder, clock)


@pytest.fixture
async def configuration(_real: Fleet) -> AsyncIterator[Configuration]:
    client = _real.get(Kind.BARE).client()
    name = f"webhook-{uuid.uuid4().hex[:8]}"
    webhook = {
        "name": "a.admission.tandem.sh",
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "failurePolicy": "Ignore",
        "objectSelector": NEVER,
        "clientConfig": {"url": "https://127.0.0.1:1/a"},
    }
    body = {"metadata": {"name": name}, "webhooks": [webhook]}
    await client.create(VALIDATING_WEBHOOK_CONFIGURATIONS, body)
    yield Configuration(client, name)
    await client.delete(VALIDATING_WEBHOOK_CONFIGURATIONS, name)
    await client.close()


def certificates(bundle: bytes) -> int:
    return bundle.count(b"BEGIN CERTIFICATE")


async def test_replicas_are_trusted_beside_each_other(
    configuration: Configuration, tmp_path: Path
) -> None:
    """Three at once: whoever loses a race writes again."""
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(configuration.certificate(tmp_path / str(index)).keep_trusted())
            for index in range(3)
        ]
        await configuration.until(lambda bundle: certificates(bundle) == len(tasks))
        for task in tasks:
            task.cancel()


async def test_it_is_renewed_before_its_end(configuration: Configuration, tmp_path: Path) -> None:
    clock, shown = [now()], tmp_path / "a" / CERTIFICATE
    own = configuration.certificate(tmp_path / "a", lambda: clock[0])
    await own.write()
    first = await asyncio.to_thread(shown.read_bytes)
    clock[0] += timedelta(days=350)

    task = asyncio.ensure_future(own.keep_trusted())
    await configuration.until(lambda bundle: certificates(bundle) == 1)
    task.cancel()

    assert await asyncio.to_thread(shown.read_bytes) != first


async def test_kopf_keeps_nothing_of_what_it_is_asked_about() -> None:
    memories = _Forgetful()
    for index in range(3):
        await memories.recall_memo({"metadata": {"uid": str(index)}}, ephemeral=False)

    assert memories._items == {}


async def test_a_question_from_another_loop_is_answered_in_ours() -> None:
    async def ask(question: int) -> tuple[int, str]:
        return question, threading.current_thread().name

    asked = across(ask, asyncio.get_running_loop())
    answer = await asyncio.to_thread(lambda: asyncio.run(asked_of(asked)))

    assert answer == (7, threading.current_thread().name)


async def asked_of(asked: Callable[[int], Awaitable[object]]) -> object:
    return await asked(7)
