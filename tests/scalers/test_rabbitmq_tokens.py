"""RabbitMQ's management API with tokens, which its own OAuth2 plugin checks."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scalers._cloud_grants import signed_jwt
from scalers._grants import ClientCredentials
from scalers._surroundings import AzureSurroundings
from scalers.base import PodIdentity, ScalerError, Secret, read
from scalers.io import IO, IOSettings
from tests.eventscaler.auth.servers.azure import azure
from tests.eventscaler.auth.servers.oauth import TokenEndpoint, token_endpoint
from tests.scalers.test_rabbitmq import settled
from tests.scalers.tools import faults, trigger
from tests.services.rabbitmq import KEY_ID, RabbitMq, change

QUEUE = "with-a-token"
METADATA = {"queueName": QUEUE, "mode": "QueueLength", "value": "5"}


def minting(broker: RabbitMq, *, lives_s: Callable[[int], int]) -> Callable[[int], str]:
    def mint(number: int) -> str:
        claims = {
            "aud": ["rabbitmq"],
            "exp": int(time.time()) + lives_s(number),
            "scope": ["rabbitmq.tag:monitoring", "rabbitmq.read:*/*"],
            "sub": f"scaler-{number}",
        }
        return signed_jwt({"kid": KEY_ID}, claims, Secret(broker.signer))

    return mint


@pytest.fixture
async def broker(rabbitmq: RabbitMq, io: IO) -> RabbitMq:
    """A broker whose management API knows the queue."""
    if not rabbitmq.signer:
        pytest.skip("the broker of TANDEM_TEST_RABBITMQ knows no key of ours")
    change(rabbitmq.http, "PUT", f"queues/%2F/{QUEUE}")
    await settled(io, METADATA, {"host": rabbitmq.http}, 0)
    return rabbitmq


def without_login(broker: RabbitMq) -> dict[str, str]:
    return {"host": f"http://{broker.http.rpartition('@')[2]}"}


def grant(server: TokenEndpoint) -> ClientCredentials:
    secret = Secret(server.client_secret)
    url = f"{server.url}/token"
    return ClientCredentials(token_url=url, client_id=server.client_id, client_secret=secret)


async def test_a_token_of_client_credentials_is_the_login(broker: RabbitMq, io: IO) -> None:
    async with token_endpoint() as server:
        server.mint = minting(broker, lives_s=lambda number: 600)
        host = without_login(broker)
        first = trigger("rabbitmq", METADATA, host, grant=grant(server))
        regex = trigger("rabbitmq", METADATA | {"useRegex": "true"}, host, grant=grant(server))

        assert (await read(first, io)).value == 0
        assert (await read(regex, io)).value == 0
        assert len(server.forms) == 1
        with pytest.raises(ScalerError, match="answered 401"):
            await read(trigger("rabbitmq", METADATA, host), io)


async def test_a_token_that_the_broker_refuses_is_replaced_in_the_same_read(
    broker: RabbitMq, io: IO
) -> None:
    async with token_endpoint() as server:
        server.mint = minting(broker, lives_s=lambda number: -60 if number == 1 else 600)
        found = trigger("rabbitmq", METADATA, without_login(broker), grant=grant(server))

        assert (await read(found, io)).value == 0
        assert len(server.forms) == 2

        server.mint = "not a token {}".format
        other = trigger("rabbitmq", METADATA, without_login(broker), grant=grant(server))
        assert (await read(other, io)).value == 0, "the shared token is still good"


async def test_workload_identity_of_azure_is_the_login(broker: RabbitMq, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("canary.federated.token")
    async with azure() as server:
        server.minted = minting(broker, lives_s=lambda number: 600)(1)
        own = AzureSurroundings(
            client_id=server.client_id,
            tenant_id=server.tenant,
            token_file=str(tmp_path / "token"),
            authority=server.url,
        )
        auth = without_login(broker) | {"workloadIdentityResource": server.url}
        found = trigger("rabbitmq", METADATA, auth, pod_identity=PodIdentity("azure-workload"))
        io = IO(lambda: datetime.now(UTC), settings=IOSettings(azure=own))
        try:
            assert (await read(found, io)).value == 0
        finally:
            await io.close()
        assert server.forms[0]["scope"] == f"{server.url}/.default"


def test_a_token_is_for_http_only() -> None:
    secret = Secret("canary-client-secret")
    token = ClientCredentials(token_url="http://idp", client_id="c", client_secret=secret)
    host = {"host": "amqp://mq/"}
    found = trigger("rabbitmq", METADATA, {"host": "http://mq/"}, grant=token)

    problem = "needs the HTTP management API; give an http host"
    expected = f"a token (oauth2 or 'workloadIdentityResource') {problem}"
    assert faults("rabbitmq", METADATA, host, grant=token) == expected
    assert "canary" not in repr(found)


def test_a_trigger_that_takes_no_token_warns() -> None:
    token = ClientCredentials(token_url="http://idp", client_id="c", client_secret=Secret("s"))
    metadata = {"timezone": "UTC", "start": "0 8 * * *", "end": "0 9 * * *", "desiredReplicas": "3"}

    assert (
        faults("cron", metadata, grant=token) == "'oauth2' gives a token, which cron does not take"
    )
