"""The engine with real servers as sources: whose credentials it reads with, and whom it shows them.

In real time, for sockets know no other.
"""

from __future__ import annotations

import asyncio
import base64
import io
import logging
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import boto3
import msgspec
import pytest
import structlog
from aiohttp import web
from prometheus_client import generate_latest

from kube.client import Json
from kube.resources import (
    DEPLOYMENTS,
    EVENTS,
    SCALED_OBJECTS,
    TRIGGER_AUTHENTICATIONS,
)
from scalers._quoted import WITHHELD
from tandem import log
from tests.eventscaler.manifests import deployment, scaled_object, secret, trigger_authentication
from tests.eventscaler.world import World, running
from tests.scalers.servers import served
from tests.services.moto import Moto
from tests.services.rabbitmq import RabbitMq

BOTO3: Any = boto3  # untyped
REGION = "eu-west-1"
CANARY = "c4n4ryDoNotSing"
NOWHERE = "127.0.0.1:1"  # refuses every connection


async def test_sqs_is_read_as_the_operator_itself(
    moto: Moto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "operator")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "operator")
    url = await asyncio.to_thread(queue_of, moto, 3)
    metadata = {
        "queueURL": url,
        "awsRegion": REGION,
        "awsEndpoint": moto.url,
        "identityOwner": "operator",
        "queueLength": "1",
    }
    async with running() as world:
        trigger = {"type": "aws-sqs-queue", "metadata": metadata}
        await world.apply(deployment(), scaled_object("orders", trigger))
        async with asyncio.timeout(30):
            while await world.replicas() != 3:
                await asyncio.sleep(0.05)


def queue_of(moto: Moto, messages: int) -> str:
    client = BOTO3.client("sqs", endpoint_url=moto.url, region_name=REGION)
    url: str = client.create_queue(QueueName=f"own-{uuid.uuid4().hex[:8]}")["QueueUrl"]
    for _ in range(messages):
        client.send_message(QueueUrl=url, MessageBody="x")
    client.close()
    return url


# ---------------------------------------------------------------- secrets


def sources(echo: str) -> dict[str, tuple[Json, dict[str, str]]]:
    """Triggers with credentials, by name: none can be read. *echo* repeats what it is sent."""
    amqp = {"queueName": "q", "mode": "QueueLength", "value": "5"}
    kafka = {"bootstrapServers": NOWHERE, "consumerGroup": "g", "topic": "t", "lagThreshold": "5"}
    sqs = {"queueURL": f"http://{NOWHERE}/1/q", "awsRegion": REGION}
    api = {"valueLocation": "n", "targetValue": "5"}
    prometheus = {"query": "up", "threshold": "5"}
    nowhere = f"http://{NOWHERE}"
    url = f"user:{CANARY}@{NOWHERE}"
    echoed = echo.replace("http://", f"http://user:{CANARY}@")
    keys = {"awsAccessKeyID": f"AKIA{CANARY}", "awsSecretAccessKey": CANARY}
    sasl = {"sasl": "plaintext", "username": f"user{CANARY}", "password": CANARY}
    bearer = {"authModes": "bearer", "bearerToken": CANARY}
    basic = {"authModes": "basic", "username": "user", "password": CANARY}
    by_query = {"authModes": "apiKey", "apiKey": CANARY, "method": "query"}
    return {
        "amqp": (of("rabbitmq", amqp), {"host": f"amqp://{url}/vhost"}),
        "amqp-odd": (of("rabbitmq", amqp), {"host": f"amqp//{url}:x/"}),
        "management": (of("rabbitmq", amqp), {"host": f"http://{url}/vhost"}),
        "management-echo": (of("rabbitmq", amqp), {"host": f"{echoed}/vhost"}),
        "kafka": (of("kafka", kafka), sasl),
        "kafka-odd": (of("kafka", kafka), sasl | {"sasl": CANARY}),
        "sqs": (of("aws-sqs-queue", sqs | {"awsEndpoint": nowhere}), keys),
        "sqs-echo": (of("aws-sqs-queue", sqs | {"awsEndpoint": echo}), keys),
        "sqs-odd": (of("aws-sqs-queue", sqs | {"awsEndpoint": echo}), keys | {"awsRegion": CANARY}),
        "api": (of("metrics-api", api | {"url": nowhere}), bearer),
        "api-echo": (of("metrics-api", api | {"url": echo}), bearer),
        "api-key-echo": (of("metrics-api", api | {"url": echo}), by_query),
        "api-key": (of("metrics-api", api | {"url": nowhere}), by_query),
        "prometheus": (
            of("prometheus", prometheus | {"serverAddress": f"http://{NOWHERE}"}),
            basic,
        ),
        "prometheus-echo": (of("prometheus", prometheus | {"serverAddress": echo}), basic),
    }


def of(kind: str, metadata: dict[str, str]) -> Json:
    return {"type": kind, "metadata": metadata}


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Everything that the process says, of its own and of any library, as it would print it."""
    before, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    log.configure(level="debug", style=log.LogFormat.JSON, stream=stream)
    yield stream
    structlog.configure(**before)
    root.handlers[:] = handlers
    root.setLevel(level)


async def echo(request: web.Request) -> web.Response:
    """Refuse, and repeat all that was sent, as a careless proxy does."""
    return web.Response(text=f"{request.url} {dict(request.headers)}", status=401)


@pytest.mark.timeout(120)
async def test_no_secret_is_shown_anywhere(logged: io.StringIO) -> None:
    async with served({"/{any:.*}": echo}) as url:
        shown = await all_failing(sources(url)) | {"log": logged.getvalue()}

    assert leaks(shown) == []
    assert "default/ScaledObject/prometheus-echo" in shown["log"]
    assert WITHHELD in shown["ScaledObject"]
    assert WITHHELD in shown["Event"]


@pytest.mark.timeout(120)
async def test_a_broker_that_refuses_shows_no_password(
    rabbitmq: RabbitMq, logged: io.StringIO
) -> None:
    queue = of("rabbitmq", {"queueName": "q", "mode": "QueueLength", "value": "5"})
    hosts = {"amqp": rabbitmq.amqp, "management": rabbitmq.http}
    refused = {
        name: (queue, {"host": f"{scheme}://guest:{CANARY}@{rest.rpartition('@')[2]}"})
        for name, (scheme, rest) in ((name, url.split("://")) for name, url in hosts.items())
    }
    shown = await all_failing(refused) | {"log": logged.getvalue()}

    assert leaks(shown) == []
    assert "default/ScaledObject/amqp" in shown["log"]


async def all_failing(triggers: dict[str, tuple[Json, dict[str, str]]]) -> dict[str, str]:
    """What is to be seen once each trigger has failed with its credentials."""
    async with running() as world:
        for name, (trigger, credentials) in triggers.items():
            await world.apply(*manifests(name, trigger, credentials))
        for name in triggers:
            await said(world, name)
        return await everything_shown(world)


def leaks(texts: dict[str, str]) -> list[str]:
    return [line[:300] for text in texts.values() for line in text.splitlines() if reveals(line)]


def manifests(name: str, trigger: Json, credentials: dict[str, str]) -> tuple[Json, ...]:
    refs = [{"parameter": key, "name": name, "key": key} for key in credentials]
    trigger = trigger | {"authenticationRef": {"name": name}}
    return (
        secret(name, **credentials),
        trigger_authentication(name, secretTargetRef=refs),
        deployment(name),
        scaled_object(name, trigger, pollingInterval=1),
    )


async def said(world: World, name: str) -> None:
    """Until the failure is told in the conditions and in an Event."""
    async with asyncio.timeout(60):
        while (await world.condition("Ready", name))[0] != "False" or not await world.events(name):
            await asyncio.sleep(0.1)


async def everything_shown(world: World) -> dict[str, str]:
    """All that a user without rights on Secrets can see."""
    found = {"metrics": generate_latest(world.meters).decode()}
    for resource in (SCALED_OBJECTS, TRIGGER_AUTHENTICATIONS, EVENTS, DEPLOYMENTS):
        bodies = await world.client.items(resource)
        found[resource.kind] = "\n".join(msgspec.json.encode(body).decode() for body in bodies)
    return found


def reveals(text: str) -> bool:
    """Whether the canary is in *text*, plainly, percent-encoded, or in any phase of base64."""
    encoded = [base64.b64encode(b"x" * pad + CANARY.encode()).decode() for pad in range(3)]
    forms = {CANARY, quote(CANARY), *(each[4:-4] for each in encoded)}
    return any(form in text for form in forms)


def test_a_canary_that_sings_is_heard() -> None:
    for prefix in ("", "u:", "user:", "name:"):
        assert reveals(base64.b64encode(f"{prefix}{CANARY}".encode()).decode())
    assert not reveals("all is well")
