"""Secrets rotated and accounts made on both clusters: the source is sent what is new."""

from __future__ import annotations

import asyncio
import base64
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prometheus_client import CollectorRegistry

from eventscaler.engine import EventEngine
from kube.client import Client
from kube.events import Recorder
from kube.resources import (
    DEPLOYMENTS,
    SCALED_OBJECTS,
    SECRETS,
    SERVICE_ACCOUNTS,
    TRIGGER_AUTHENTICATIONS,
)
from scalers.io import IO
from tandem.clock import now
from tests.eventscaler.clusters import placed, until
from tests.eventscaler.engine.test_credentials import SLOW, TOKEN, Source, trigger
from tests.eventscaler.manifests import (
    deployment,
    scaled_object,
    secret,
    trigger_authentication,
)
from tests.scalers.servers import served


@asynccontextmanager
async def running(client: Client) -> AsyncIterator[EventEngine]:
    recorder = Recorder(client, component="tandem", instance="test", now=now)
    io = IO(now, client)
    engine = EventEngine(
        client,
        io,
        recorder,
        now=now,
        rng=random.Random(1),
        registry=CollectorRegistry(),
    )
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(engine.run()), group.create_task(recorder.run())]
        await asyncio.sleep(0)
        yield engine
        for task in tasks:
            task.cancel()
    await io.close()


async def test_a_rotated_secret_is_sent(client: Client, namespace: str) -> None:
    source = Source("old", "new")

    async def sent(token: str) -> bool:
        return token in source.seen

    async with served({"/": source.answer}) as url, running(client) as engine:
        await client.create(SECRETS, placed(secret("api", token="old"), namespace))
        await client.create(DEPLOYMENTS, placed(deployment(), namespace))
        auth = trigger_authentication(secretTargetRef=[TOKEN])
        engine.changed(await client.create(TRIGGER_AUTHENTICATIONS, placed(auth, namespace)))
        order = scaled_object("orders", trigger(url), pollingInterval=SLOW)
        engine.changed(await client.create(SCALED_OBJECTS, placed(order, namespace)))
        await until(lambda: sent("old"))

        data = {"token": base64.b64encode(b"new").decode()}
        await client.patch(SECRETS, "api", {"data": data}, namespace=namespace)
        await until(lambda: sent("new"))

    assert set(source.seen) == {"old", "new"}


async def test_a_service_account_that_comes_gives_its_token(client: Client, namespace: str) -> None:
    source = Source()

    async def missed() -> bool:
        found = await client.get(SCALED_OBJECTS, "orders", namespace=namespace)
        told = str((found.get("status") or {}).get("conditions"))
        return f"serviceaccount {namespace}/reader does not exist" in told

    async def sent() -> bool:
        return bool(source.seen)

    async with served({"/": source.answer}) as url, running(client) as engine:
        await client.create(DEPLOYMENTS, placed(deployment(), namespace))
        bound = [{"parameter": "bearerToken", "serviceAccountName": "reader"}]
        auth = trigger_authentication(boundServiceAccountToken=bound)
        engine.changed(await client.create(TRIGGER_AUTHENTICATIONS, placed(auth, namespace)))
        order = scaled_object("orders", trigger(url), pollingInterval=SLOW)
        engine.changed(await client.create(SCALED_OBJECTS, placed(order, namespace)))
        await until(missed)

        account = {"metadata": {"name": "reader"}}
        await client.create(SERVICE_ACCOUNTS, account, namespace=namespace)
        await until(sent)

    assert source.seen[0].count(".") >= 2
