"""From manifests to a reading: a RabbitMQ trigger whose TriggerAuthentication has `oauth2`."""

from __future__ import annotations

import pytest

from eventscaler.admission import validate
from eventscaler.auth import AuthSettings, Resolver
from eventscaler.auth.resolver import key_of
from eventscaler.decode import AuthRef, authentication, scaled_object
from eventscaler.scaling.binding import Binder, Binding
from scalers.base import read
from scalers.io import IO
from tests.eventscaler import manifests
from tests.eventscaler.auth.servers.oauth import TokenEndpoint, token_endpoint
from tests.eventscaler.auth.tools import placed
from tests.scalers.test_rabbitmq import settled
from tests.scalers.test_rabbitmq_tokens import minting
from tests.services.rabbitmq import RabbitMq, change

QUEUE = "oauth2-manifest"


def test_a_token_that_a_trigger_cannot_take_is_told_offline() -> None:
    ref = {"valueFrom": {"secretKeyRef": {"name": "idp", "key": "s"}}}
    oauth2 = {"clientId": "c", "clientSecret": ref, "tokenUrl": "https://idp.example/token"}
    metadata = {"host": "amqp://mq/", "queueName": "q", "mode": "QueueLength", "value": "5"}
    rabbit = {"type": "rabbitmq", "metadata": metadata, "authenticationRef": {"name": "creds"}}
    cron = {"timezone": "UTC", "start": "0 8 * * *", "end": "0 9 * * *", "desiredReplicas": "3"}
    clock = {"type": "cron", "metadata": cron, "authenticationRef": {"name": "creds"}}
    order = manifests.scaled_object("work", rabbit, clock)
    told = [
        str(fault) for fault in validate([order, manifests.trigger_authentication(oauth2=oauth2)])
    ]

    assert any("a token (oauth2 or 'workloadIdentityResource') needs the HTTP" in t for t in told)
    assert any("'oauth2' gives a token, which cron does not take" in text for text in told)


async def bound(server: TokenEndpoint, broker: RabbitMq, io: IO, secret: str) -> Binding:
    body = {
        "kind": "TriggerAuthentication",
        "metadata": {"name": "idp", "namespace": "shop"},
        "spec": {
            "oauth2": {
                "type": "clientCredentials",
                "clientId": server.client_id,
                "clientSecret": {"valueFrom": {"secretKeyRef": {"name": "idp", "key": "s"}}},
                "tokenUrl": f"{server.url}/token",
                "scopes": ["read"],
                "tokenUrlParams": {"audience": "rabbitmq"},
            }
        },
    }
    found, faults = authentication(body)
    assert found is not None, faults
    resolver = Resolver(AuthSettings())
    resolver.put(key_of(AuthRef("idp"), "shop"), found)
    trigger = {
        "type": "rabbitmq",
        "authenticationRef": {"name": "idp"},
        "metadata": {
            "host": f"http://{broker.http.rpartition('@')[2]}",
            "protocol": "http",
            "queueName": QUEUE,
            "mode": "QueueLength",
            "value": "5",
        },
    }
    order, problems = scaled_object(
        {
            "kind": "ScaledObject",
            "metadata": {"name": "work", "namespace": "shop"},
            "spec": {"scaleTargetRef": {"name": "work"}, "triggers": [trigger]},
        }
    )
    assert order is not None, problems
    given = {("Secret", "shop", "idp"): {"s": secret}}
    return await Binder(None, None, resolver, io, given).bind(order)


async def test_the_token_is_the_triggers_login(rabbitmq: RabbitMq) -> None:
    if not rabbitmq.signer:
        pytest.skip("the broker of TANDEM_TEST_RABBITMQ knows no key of ours")
    change(rabbitmq.http, "PUT", f"queues/%2F/{QUEUE}")
    async with token_endpoint() as server, placed() as place:
        await settled(place.io, {"queueName": QUEUE}, {"host": rabbitmq.http}, 0)
        server.mint = minting(rabbitmq, lives_s=lambda number: 600)
        binding = await bound(server, rabbitmq, place.io, server.client_secret)
        trigger = binding.asked[0].trigger
        assert trigger is not None, binding

        assert (await read(trigger, place.io)).value == 0
        assert server.forms[0]["audience"] == "rabbitmq"
        assert server.forms[0]["scope"] == "read"


async def test_a_refused_client_is_told_in_the_binding(rabbitmq: RabbitMq) -> None:
    async with token_endpoint() as server, placed() as place:
        binding = await bound(server, rabbitmq, place.io, "canary-wrong")

        why = f"oauth2 {server.url}/token: {server.url} answered 401: invalid_client"
        assert binding.asked[0].error == why
        assert not binding.passing
