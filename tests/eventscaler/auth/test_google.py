"""Google Secret Manager: as a key, as the pod, as another account; and what is told of trouble."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from eventscaler.auth import AuthFault
from eventscaler.auth.remote import gcp
from eventscaler.decode.sources import GcpManager, GcpSecret, SecretKey
from scalers._surroundings import GoogleServers
from scalers.base import PodIdentity
from scalers.io import IOSettings
from tests.eventscaler.auth.servers.google import Google, google
from tests.eventscaler.auth.tools import Place, placed, shown

VALUE = "swordfish-of-google"
KEY = SecretKey("google", "key.json")
POD = PodIdentity("gcp")


@asynccontextmanager
async def project(**key: object) -> AsyncIterator[tuple[Google, Place]]:
    """A project with the secret `mq`, and a place whose Secret has the key file."""
    async with google() as server:
        server.versions["mq", "latest"] = VALUE.encode()
        here = GoogleServers(secrets=server.url, credentials=server.url, metadata=server.url)
        secrets = {("shop", "google"): {"key.json": server.key_file(**key)}}
        async with placed(secrets, IOSettings(google=here)) as place:
            yield server, place


def by_key(*secrets: GcpSecret) -> GcpManager:
    return GcpManager(secrets=secrets, credentials=KEY)


def as_pod(identity: PodIdentity = POD, name: str = "mq") -> GcpManager:
    return GcpManager(secrets=(GcpSecret("p", name),), identity=identity)


async def test_a_key_signs_for_a_token_and_secrets_are_named_short_or_in_full() -> None:
    async with project() as (server, place):
        server.versions["mq", "7"] = b"old"
        secrets = [
            GcpSecret("short", "mq"),
            GcpSecret("full", "projects/shop-prod/secrets/mq"),
            GcpSecret("version", "mq", "7"),
            GcpSecret("full version", "projects/shop-prod/secrets/mq/versions/7"),
        ]
        found = await gcp.fetch(by_key(*secrets), place.where())

        assert list(shown(found.values).values()) == [VALUE, VALUE, "old", "old"]
        assert found.until is not None
        assert timedelta(minutes=4) < found.until - place.clock() <= timedelta(minutes=5)
        assert len(server.reads) == 2, "each version once"
        assert server.asked == ["key"]


async def test_the_pods_own_identity_and_an_account_it_acts_as() -> None:
    async with project() as (server, place):
        assert shown((await gcp.fetch(as_pod(), place.where())).values) == {"p": VALUE}
        token = "metadata instance/service-accounts/default/token"
        assert server.asked == ["metadata project/project-id", token]

        reader = PodIdentity("gcp", identity_id="reader@shop-prod.iam.gserviceaccount.com")
        assert shown((await gcp.fetch(as_pod(reader), place.where())).values) == {"p": VALUE}
        assert server.asked[2:] == ["act as reader@shop-prod.iam.gserviceaccount.com"]

        place.clock.move(minutes=59, seconds=30)
        await gcp.fetch(as_pod(reader), place.where())
        assert server.asked[3:] == [
            "metadata project/project-id", token, "act as reader@shop-prod.iam.gserviceaccount.com",
        ]  # fmt: skip


async def test_a_token_that_is_refused_is_replaced_once() -> None:
    async with project() as (server, place):
        await gcp.fetch(by_key(GcpSecret("p", "mq")), place.where())
        server.tokens.clear()
        place.clock.move(minutes=4)
        found = await gcp.fetch(by_key(GcpSecret("p", "mq")), place.where())

        assert shown(found.values) == {"p": VALUE}
        assert server.asked == ["key", "key"]


async def test_a_checksum_that_agrees_is_taken_and_another_is_not() -> None:
    async with project() as (server, place):
        server.versions["mq", "latest"] = b"not-a-secret"
        server.crc["mq", "latest"] = 679015127  # as documented for this text
        assert (await gcp.fetch(by_key(GcpSecret("p", "mq")), place.where())).values
        server.crc["mq", "latest"] += 1
        place.clock.move(minutes=6)
        with pytest.raises(AuthFault, match="arrived damaged: its checksum is another"):
            await gcp.fetch(by_key(GcpSecret("p", "mq")), place.where())


NAMED = "gcpSecretManager: 'projects/shop-prod/secrets/{}/versions/latest'"


@pytest.mark.parametrize(
    ("secret", "problem"),
    [
        ("gone", f"{NAMED}: HOST answered 404 NOT_FOUND: no such secret or version"),
        (
            "off",
            f"{NAMED}: HOST answered 400 FAILED_PRECONDITION: the version is disabled or destroyed",
        ),
        ("binary", f"{NAMED} is no text in UTF-8"),
    ],
)
async def test_one_secret_that_cannot_be_had_keeps_all_back(secret: str, problem: str) -> None:
    async with project() as (server, place):
        server.versions |= {("off", "latest"): None, ("binary", "latest"): b"\xff\xfe"}
        wanted = by_key(GcpSecret("good", "mq"), GcpSecret("bad", secret))
        with pytest.raises(AuthFault) as fault:
            await gcp.fetch(wanted, place.where())

        assert str(fault.value) == problem.format(secret).replace("HOST", server.url)


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ({"type": "authorized_user"}, "not of type 'service_account', the only one supported"),
        ({"client_email": ""}, "lack client_email, private_key or token_uri"),
        ({"private_key": "PEM"}, "'private_key' is no private key in PEM without a password"),
        ({"token_uri": "file:///etc/passwd"}, "token_uri is no http address"),
        ({"client_email": "eve@shop-prod.iam.gserviceaccount.com"}, "answered 400: invalid_grant"),
    ],
)
async def test_keys_that_do_not_work(key: dict[str, object], problem: str) -> None:
    async with project(**key) as (server, place):
        with pytest.raises(AuthFault) as fault:
            await gcp.fetch(by_key(GcpSecret("p", "mq")), place.where())

    assert problem in str(fault.value)
    assert json.loads(server.key_file())["private_key"][40:60] not in str(fault.value)


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        (
            as_pod(PodIdentity("gcp", identity_id="root@shop-prod.iam.gserviceaccount.com")),
            "answered 403: may not act as 'root@shop-prod.iam.gserviceaccount.com'",
        ),
        (as_pod(PodIdentity("aws")), "give 'credentials', or 'podIdentity' with provider gcp"),
        (as_pod(name="a/b"), "'a/b' is neither a name nor projects/PROJECT/secrets/NAME"),
        (
            as_pod(name="projects/other/secrets/mq"),
            "403 PERMISSION_DENIED: the account needs the role secretmanager.secretAccessor",
        ),
    ],
)
async def test_identities_that_do_not_work(source: GcpManager, problem: str) -> None:
    async with project() as (_, place):
        with pytest.raises(AuthFault) as fault:
            await gcp.fetch(source, place.where())

    assert problem in str(fault.value)


async def test_no_json_and_no_secret() -> None:
    async with placed({("shop", "google"): {"key.json": "{"}}) as place:
        with pytest.raises(AuthFault, match="the credentials are no JSON object"):
            await gcp.fetch(by_key(GcpSecret("p", "mq")), place.where())
    async with placed() as place:
        with pytest.raises(AuthFault, match="secret shop/google"):
            await gcp.fetch(by_key(GcpSecret("p", "mq")), place.where())
