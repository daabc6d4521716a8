"""Tokens of ServiceAccounts and the roles of workloads: on the sandbox, on a real API server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from eventscaler.auth import AuthFault, AuthSettings, Objects, Ref, Where, Workload
from eventscaler.auth.identities import ROLE, acting
from eventscaler.auth.sources import fetch
from eventscaler.auth.tokens import token_of
from eventscaler.decode.sources import BoundToken
from kube.client import Client, Json
from kube.discovery import Discovery
from kube.errors import NotLeading
from kube.resources import DEPLOYMENTS, SERVICE_ACCOUNTS, Resource
from kube.scale import Target
from scalers.base import PodIdentity
from scalers.io import IO
from tests.clusters import Cluster
from tests.eventscaler.auth.tools import Clock
from tests.eventscaler.manifests import deployment

REVIEWS = Resource("authentication.k8s.io", "v1", "tokenreviews", "TokenReview", namespaced=False)
SETTINGS = AuthSettings(token_life=timedelta(hours=2))
SOURCE = BoundToken("bearerToken", "reader")
ARN = "arn:aws:iam::123456789012:role/reader"
SLACK = timedelta(minutes=2)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def where(client: Client, space: str, clock: Clock) -> AsyncIterator[Where]:
    io = IO(clock, client)
    yield place(client, space, io)
    await io.close()


def place(client: Client, space: str, io: IO) -> Where:
    objects = Objects(client)
    target = Target(space, "apps/v1", "Deployment", "web")
    return Where(
        home=space,
        namespace=space,
        objects=objects,
        workload=Workload(client, Discovery(client), target, objects),
        io=io,
        settings=SETTINGS,
        kube=client,
    )


async def account(client: Client, space: str, name: str = "reader", **annotations: str) -> None:
    body: Json = {"metadata": {"name": name, "annotations": annotations}}
    await client.create(SERVICE_ACCOUNTS, body, namespace=space)


async def test_a_token_says_whose_it_is_and_lives_as_long_as_set(
    client: Client, space: str, where: Where, clock: Clock, cluster: Cluster
) -> None:
    await account(client, space)
    found = await fetch(SOURCE, where)

    assert found.until is not None
    assert abs(found.until - clock() - SETTINGS.token_life) < SLACK
    token = found.values["bearerToken"].reveal()
    if cluster.name == "real":
        review = await client.create(REVIEWS, {"spec": {"token": token}})
        assert review["status"]["user"]["username"] == f"system:serviceaccount:{space}:reader"
    else:
        assert f"{space}.reader" in token


async def test_a_token_is_shared_until_four_fifths_of_its_life(
    client: Client, space: str, where: Where, clock: Clock
) -> None:
    await account(client, space)
    first = await token_of(where, space, "reader")
    clock.move(minutes=95)
    assert await token_of(where, space, "reader") is first

    clock.move(minutes=2)
    second = await token_of(where, space, "reader")
    assert second is not first


async def test_a_doubted_token_is_replaced_once_a_minute(
    client: Client, space: str, where: Where, clock: Clock
) -> None:
    """It may have ended with its ServiceAccount, which was made anew since."""
    await account(client, space)
    first = await token_of(where, space, "reader")
    doubting = replace(where, doubted=True)
    assert await token_of(doubting, space, "reader") is first

    clock.move(minutes=2)
    assert await token_of(doubting, space, "reader") is not first


async def test_a_missing_account_is_named_and_waited_for(space: str, where: Where) -> None:
    with pytest.raises(AuthFault, match=f"^serviceaccount {space}/reader does not exist$"):
        await fetch(SOURCE, where)

    assert where.objects.used == {Ref("ServiceAccount", space, "reader"): ""}


async def test_no_leader_is_needed_for_a_token(client: Client, space: str, where: Where) -> None:
    def closed() -> None:
        raise NotLeading("somebody else leads")

    await account(client, space)
    shut = Client(client._transport, gate=closed)
    with pytest.raises(NotLeading):
        await account(shut, space, "another")
    assert (await fetch(SOURCE, replace(where, kube=shut))).values["bearerToken"]


async def test_without_a_cluster_there_is_no_token(where: Where, space: str) -> None:
    text = f"there is no cluster to get a token of serviceaccount {space}/reader from"
    with pytest.raises(AuthFault, match=text):
        await fetch(SOURCE, replace(where, kube=None))


# ---------------------------------------------------------------- the workload's role

WORKLOADS = PodIdentity("aws", owner="workload")


async def workload(client: Client, space: str, service_account: str = "reader") -> None:
    body = deployment("web")
    body["metadata"]["namespace"] = space
    if service_account:
        body["spec"]["template"]["spec"]["serviceAccountName"] = service_account
    await client.create(DEPLOYMENTS, body)


async def test_the_role_that_the_workloads_account_is_annotated_with(
    client: Client, space: str, where: Where, cluster: Cluster
) -> None:
    await workload(client, space)
    await account(client, space, **{ROLE: ARN})
    found = await acting(WORKLOADS, where)

    assert found.identity is not None
    assert (found.identity.role_arn, found.identity.owner) == (ARN, "workload")
    assert found.until is not None
    assert Ref("ServiceAccount", space, "reader") in where.objects.used
    token = found.identity.web_token
    assert token is not None
    if cluster.name == "real":  # good for AWS and for nobody else
        asked = {"token": token.reveal(), "audiences": ["sts.amazonaws.com"]}
        review = await client.create(REVIEWS, {"spec": asked})
        assert review["status"]["audiences"] == ["sts.amazonaws.com"]
        alone = await client.create(REVIEWS, {"spec": {"token": token.reveal()}})
        assert not alone["status"].get("authenticated")


async def test_what_a_workloads_role_lacks(client: Client, space: str, where: Where) -> None:
    async def lacks() -> str:
        with pytest.raises(AuthFault) as fault:
            await acting(WORKLOADS, place(client, space, where.io))
        return str(fault.value)

    assert (await lacks()).startswith(f"deployment {space}/web cannot be read now")
    await workload(client, space)
    of = f"of deployment {space}/web"
    assert await lacks() == f"serviceaccount {space}/reader {of} does not exist"
    await account(client, space)
    assert await lacks() == f"serviceaccount {space}/reader {of} has no annotation {ROLE}"


async def test_other_identities_are_as_written(where: Where) -> None:
    for identity in (PodIdentity("aws", ARN), PodIdentity("gcp", identity_id="a@b"), None):
        assert (await acting(identity, where)).identity == identity
