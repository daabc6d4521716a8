"""Credentials as the engine uses them: at real sources over HTTP, and who may have which."""

from __future__ import annotations

import asyncio
import base64
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import web

from eventscaler.auth import AuthSettings
from eventscaler.auth.identities import ROLE
from eventscaler.engine import EventSettings
from kube.client import Json
from kube.resources import NAMESPACES, SECRETS, SERVICE_ACCOUNTS
from kube.transport import Request
from tests.eventscaler.engine.test_sources import REGION
from tests.eventscaler.manifests import (
    SECRET,
    deployment,
    pods_trigger,
    scaled_object,
    secret,
    trigger_authentication,
)
from tests.eventscaler.world import World, running
from tests.scalers.servers import served
from tests.scalers.test_aws_roles import Sts, sts
from tests.scalers.test_aws_sqs_queue import filled
from tests.services.moto import Moto

__all__ = ["sts"]  # a fixture

SLOW = 3600
DEADLINE_S = 20.0
CLUSTER_KIND = "ClusterTriggerAuthentication"


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not done():
            await asyncio.sleep(0.01)


async def ready(world: World, status: str = "True") -> str:
    """Until Ready is so; what it says."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            found, _, message = await world.condition("Ready")
            if found == status:
                return message
            await asyncio.sleep(0.01)


class Source:
    """A metrics API that wants one of its tokens, and remembers which it was sent."""

    def __init__(self, *tokens: str) -> None:
        self.seen: list[str] = []
        self._tokens = tokens

    async def answer(self, request: web.Request) -> web.Response:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        self.seen.append(token)
        if token not in self._tokens:
            return web.Response(status=401)
        return web.json_response({"n": 5})


def trigger(url: str, kind: str = "TriggerAuthentication") -> Json:
    metadata = {"url": url, "valueLocation": "n", "targetValue": "5", "authModes": "bearer"}
    auth = {"name": "creds", "kind": kind}
    return {"type": "metrics-api", "metadata": metadata, "authenticationRef": auth}


TOKEN = {"parameter": "bearerToken", "name": "api", "key": "token"}


async def test_a_rotated_secret_is_sent_and_no_reading_is_lost() -> None:
    source = Source("old", "new")
    async with served({"/": source.answer}) as url, running() as world:
        await world.apply(secret("api", token="old"), deployment())
        await world.apply(trigger_authentication(secretTargetRef=[TOKEN]))
        await world.apply(scaled_object("orders", trigger(url), pollingInterval=SLOW))
        await until(lambda: source.seen == ["old"])
        await ready(world)

        data = {"token": base64.b64encode(b"new").decode()}
        await world.client.patch(SECRETS, "api", {"data": data}, namespace="default")
        await until(lambda: "new" in source.seen)

        assert source.seen == ["old", "new"]
        assert (await world.condition("Ready"))[0] == "True"


async def test_a_file_that_changes_is_read_again(tmp_path: Path) -> None:
    source = Source("old", "new")
    path = tmp_path / "api.json"
    settings = EventSettings(auth=AuthSettings(file_root=str(tmp_path)))
    async with served({"/": source.answer}) as url, running(settings) as world:
        await world.apply(deployment())
        await world.apply(trigger_authentication(cluster=True, filePath="api.json"))
        order = scaled_object("orders", trigger(url, CLUSTER_KIND), pollingInterval=SLOW)
        await world.apply(order)
        assert (await ready(world, "False")).endswith(f"file {path} does not exist")

        for token in ("old", "new"):
            await asyncio.to_thread(path.write_text, f'{{"bearerToken": "{token}"}}')
            await until(lambda token=token: token in source.seen)  # type: ignore[misc]  # bound now
        assert source.seen == ["old", "new"]


async def test_a_service_account_that_comes_is_used() -> None:
    source = Source()
    async with served({"/": source.answer}) as url, running() as world:
        await world.apply(deployment())
        bound = [{"parameter": "bearerToken", "serviceAccountName": "reader"}]
        await world.apply(trigger_authentication(boundServiceAccountToken=bound))
        await world.apply(scaled_object("orders", trigger(url), pollingInterval=SLOW))
        told = await ready(world, "False")
        assert told.endswith("serviceaccount default/reader does not exist")

        account = {"metadata": {"name": "reader"}}
        await world.client.create(SERVICE_ACCOUNTS, account, namespace="default")
        await until(lambda: bool(source.seen))
        assert source.seen[0].startswith("sandbox.default.reader.")


async def test_sqs_is_read_with_the_role_of_the_workload(moto: Moto, sts: Sts) -> None:
    arn = "arn:aws:iam::123456789012:role/shop"
    url = await asyncio.to_thread(filled, moto, f"shop-{uuid.uuid4().hex[:8]}", (3, 0, 0))
    metadata = {"queueURL": url, "awsRegion": REGION, "awsEndpoint": moto.url, "queueLength": "1"}
    sqs = {"type": "aws-sqs-queue", "metadata": metadata, "authenticationRef": {"name": "creds"}}
    identity = {"provider": "aws", "identityOwner": "workload"}
    async with running() as world:
        await world.client.create(
            SERVICE_ACCOUNTS,
            {"metadata": {"name": "shop", "annotations": {ROLE: arn}}},
            namespace="default",
        )
        body = deployment()
        body["spec"]["template"]["spec"]["serviceAccountName"] = "shop"
        await world.apply(body, trigger_authentication(podIdentity=identity))
        await world.apply(scaled_object("orders", sqs))
        async with asyncio.timeout(DEADLINE_S):
            while await world.replicas() != 3:
                await asyncio.sleep(0.05)

    fields = next(fields for fields, _ in sts.asked if fields["RoleArn"] == arn)
    assert fields["Action"] == "AssumeRoleWithWebIdentity"
    assert fields["WebIdentityToken"].startswith("sandbox.default.shop.")


# ---------------------------------------------------------------- who may have what


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("allowed", "may"),
    [(None, True), ("default", True), ("shop, def*", True), ("shop", False), ("", False)],
)
async def test_a_cluster_authentication_says_for_whom_it_is(allowed: str | None, may: bool) -> None:
    auth = trigger_authentication(cluster=True)
    if allowed is not None:
        auth["metadata"]["annotations"] = {"tandem.sh/allowed-namespaces": allowed}
    ref = {"name": "creds", "kind": CLUSTER_KIND}
    async with running() as world:
        await world.apply(
            auth, deployment(), scaled_object("orders", pods_trigger(authenticationRef=ref))
        )
        await asyncio.sleep(1)
        status, _, message = await world.condition("Ready")

        assert status == ("True" if may else "False")
        refused = (
            f"{CLUSTER_KIND} creds is not for namespace default; "
            "its tandem.sh/allowed-namespaces says so"
        )
        assert message.endswith(refused) is not may


RESTRICTED = EventSettings(auth=AuthSettings(cluster_namespace="tandem", restricted=True))
KEY = {"parameter": "apiKey", "name": "rabbit", "key": "uri"}
REFUSED = (
    "secret default/rabbit is not read: with --restrict-secret-access secrets are read in "
    "namespace tandem only"
)


@pytest.mark.looptime
async def test_secrets_elsewhere_are_refused_where_access_is_restricted() -> None:
    by_ref = trigger_authentication("by-ref", secretTargetRef=[KEY])
    by_env = trigger_authentication("by-env", env=[{"parameter": "apiKey", "name": "KEY"}])
    env = [{"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "rabbit", "key": "uri"}}}]
    async with running(RESTRICTED) as world:
        reads: list[str] = []

        def note(request: Request) -> bool:
            if request.method == "GET":
                reads.append(request.path)
            return False

        world.wire.fail = note
        await world.apply(secret("rabbit", uri=SECRET), by_ref, by_env)
        for name in ("by-ref", "by-env"):
            ref = pods_trigger(authenticationRef={"name": name})
            await world.apply(deployment(name, env=env), scaled_object(name, ref))
        await asyncio.sleep(10)

        for name in ("by-ref", "by-env"):
            assert (await world.condition("Ready", name))[2].endswith(REFUSED)
        assert not [path for path in reads if "/secrets" in path]


@pytest.mark.looptime
async def test_secrets_of_the_operators_namespace_are_read_where_access_is_restricted() -> None:
    ref = {"name": "creds", "kind": CLUSTER_KIND}
    async with running(RESTRICTED) as world:
        await world.client.create(NAMESPACES, {"metadata": {"name": "tandem"}})
        await world.apply(secret("rabbit", "tandem", uri=SECRET), deployment())
        await world.apply(trigger_authentication(cluster=True, secretTargetRef=[KEY]))
        await world.apply(scaled_object("orders", pods_trigger(authenticationRef=ref)))
        await asyncio.sleep(1)

        assert (await world.condition("Ready"))[0] == "True"


@pytest.mark.looptime
@pytest.mark.parametrize(("container", "is_set"), [(None, False), ("side", True)])
async def test_an_authentication_may_name_the_container_of_a_variable(
    container: str | None, is_set: bool
) -> None:
    variable = {"parameter": "host", "name": "NAME"}
    auth = trigger_authentication(
        env=[variable | ({"containerName": container} if container else {})]
    )
    queue = {"queueName": "q", "mode": "QueueLength", "value": "5"}
    trigger = {"type": "rabbitmq", "metadata": queue, "authenticationRef": {"name": "creds"}}
    workload = deployment()
    url = [{"name": "NAME", "value": "amqp://127.0.0.1:1/"}]
    workload["spec"]["template"]["spec"]["containers"].append(
        {"name": "side", "image": "busybox", "env": url}
    )
    async with running() as world:
        await world.apply(auth, workload, scaled_object("orders", trigger))
        await asyncio.sleep(1)
        message = (await world.condition("Ready"))[2]

        assert ("NAME" not in message) is is_set
