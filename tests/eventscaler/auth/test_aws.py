"""AWS Secrets Manager against moto's server over HTTP: versions, fields, keys, what is refused."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Mapping
from typing import Any

import boto3
import pytest
from aiohttp import web

from eventscaler.auth import AuthFault
from eventscaler.auth.remote import aws
from eventscaler.decode.sources import AwsKeys, AwsManager, AwsSecret, SecretKey
from scalers.base import PodIdentity
from tests.eventscaler.auth.tools import placed, shown
from tests.scalers.servers import served
from tests.services.moto import Moto

BOTO3: Any = boto3  # untyped
REGION = "eu-west-1"
VALUE = "swordfish-of-amazon"
SECRETS = {("shop", "aws"): {"id": "AKIAEXAMPLE", "secret": "canary-secret-key", "session": "s"}}
KEYS = AwsKeys(key_id=SecretKey("aws", "id"), secret_key=SecretKey("aws", "secret"))
FIELDS = json.dumps({"user": "eve", "port": 5672, "nested": {"a": VALUE}})


def manager(moto: Moto) -> Any:
    return BOTO3.client(
        "secretsmanager", endpoint_url=moto.url, region_name=REGION,
        aws_access_key_id="a", aws_secret_access_key="b",
    )  # fmt: skip


def made(moto: Moto, *texts: str, binary: bytes = b"") -> tuple[str, list[str]]:
    """A secret with these texts as its versions, one after another; its name, and their ids."""
    name = f"mq-{uuid.uuid4().hex[:8]}"
    client = manager(moto)
    if binary:
        client.create_secret(Name=name, SecretBinary=binary)
    ids = []
    for index, text in enumerate(texts):
        put = client.put_secret_value if index else client.create_secret
        which = {"SecretId" if index else "Name": name}
        ids.append(put(**which, SecretString=text)["VersionId"])
    client.close()
    return name, ids


@pytest.fixture
def _at_moto(moto: Moto, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto.url)


def source(*secrets: AwsSecret, **more: Any) -> AwsManager:
    given: dict[str, Any] = {"region": REGION, "credentials": KEYS} | more
    return AwsManager(secrets=secrets, **given)


@pytest.mark.usefixtures("_at_moto")
async def test_current_and_former_versions(moto: Moto) -> None:
    name, ids = await asyncio.to_thread(made, moto, "old", VALUE)
    wanted = source(
        AwsSecret(parameter="now", name=name),
        AwsSecret(parameter="id", name=name, version_id=ids[0]),
        AwsSecret(parameter="stage", name=name, version_stage="AWSPREVIOUS"),
    )
    async with placed(SECRETS) as place:
        found = await aws.fetch(wanted, place.where())

    assert shown(found.values) == {"now": VALUE, "id": "old", "stage": "old"}


@pytest.mark.usefixtures("_at_moto")
async def test_fields_of_a_json_secret(moto: Moto) -> None:
    name, _ = await asyncio.to_thread(made, moto, FIELDS)
    keys = ("user", "port")
    wanted = source(*(AwsSecret(parameter=key, name=name, json_key=key) for key in keys))
    async with placed(SECRETS) as place:
        found = await aws.fetch(wanted, place.where())

    assert shown(found.values) == {"user": "eve", "port": "5672"}


@pytest.mark.parametrize(
    ("secret", "problem"),
    [
        ({"name": "gone"}, "'gone': get_secret_value: AWS answered ResourceNotFoundException"),
        ({"json_key": "password"}, "'NAME' has no field 'password'"),
        ({"json_key": "nested"}, "field 'nested' of 'NAME' is no text but dict"),
        ({"name": "TEXT", "json_key": "user"}, "'TEXT' is no JSON object to take 'user' from"),
        ({"name": "BINARY"}, "'BINARY' is binary; only a text can be a parameter"),
    ],
)
@pytest.mark.usefixtures("_at_moto")
async def test_one_secret_that_cannot_be_had_keeps_all_back(
    moto: Moto, secret: Mapping[str, str], problem: str
) -> None:
    name, _ = await asyncio.to_thread(made, moto, FIELDS)
    text, _ = await asyncio.to_thread(made, moto, VALUE)
    binary, _ = await asyncio.to_thread(made, moto, binary=b"\x00\x01")
    names = {"NAME": name, "TEXT": text, "BINARY": binary}
    bad = {"name": name} | dict(secret)
    bad["name"] = names.get(bad["name"], bad["name"])
    good = AwsSecret(parameter="good", name=name)
    async with placed(SECRETS) as place:
        with pytest.raises(AuthFault) as fault:
            await aws.fetch(source(good, AwsSecret(parameter="bad", **bad)), place.where())

    for written, real in names.items():
        problem = problem.replace(written, real)
    assert str(fault.value) == f"awsSecretManager: {problem}"
    assert not fault.value.passing


async def test_whose_key_signs_and_that_a_version_is_read_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[Mapping[str, str]] = []

    async def answering(request: web.Request) -> web.Response:
        seen.append(dict(request.headers))
        body = await request.json()
        text = json.dumps({"Name": body["SecretId"], "SecretString": FIELDS})
        return web.Response(text=text, content_type="application/x-amz-json-1.1")

    secrets = [AwsSecret(parameter=key, name="mq", json_key=key) for key in ("user", "port")]
    with_session = AwsKeys(
        key_id=KEYS.key_id, secret_key=KEYS.secret_key, token=SecretKey("aws", "session")
    )
    async with placed(SECRETS) as place, served({"/": answering}) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", url)
        where = place.where()
        wanted = source(*secrets, credentials=with_session)
        await asyncio.gather(*(aws.fetch(wanted, where) for _ in range(3)))

    assert len(seen) == 1
    assert seen[0]["X-Amz-Target"] == "secretsmanager.GetSecretValue"
    assert "Credential=AKIAEXAMPLE/" in seen[0]["Authorization"]
    assert f"/{REGION}/secretsmanager/" in seen[0]["Authorization"]
    assert seen[0]["X-Amz-Security-Token"] == "s"


@pytest.mark.usefixtures("_operator", "_at_moto")
async def test_the_pods_identity_and_a_role(moto: Moto) -> None:
    name, _ = await asyncio.to_thread(made, moto, VALUE)
    secret = AwsSecret(parameter="p", name=name)
    role = PodIdentity("aws", "arn:aws:iam::123456789012:role/reader", "shop")
    async with placed(SECRETS) as place:
        for identity in (PodIdentity("aws"), role):
            wanted = source(secret, credentials=None, identity=identity)
            found = await aws.fetch(wanted, place.where())
            assert shown(found.values) == {"p": VALUE}

        other = source(secret, credentials=None, identity=PodIdentity("gcp"))
        with pytest.raises(
            AuthFault, match="give 'credentials', or 'podIdentity' with provider aws"
        ):
            await aws.fetch(other, place.where())


@pytest.mark.usefixtures("_at_moto")
async def test_the_operators_region_is_the_default(
    moto: Moto, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, _ = await asyncio.to_thread(made, moto, VALUE)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    wanted = source(AwsSecret(parameter="p", name=name), region="")
    async with placed(SECRETS) as place:
        found = await aws.fetch(wanted, place.where())

    assert shown(found.values) == {"p": VALUE}


async def test_a_key_that_is_missing_is_named() -> None:
    keys = AwsKeys(key_id=KEYS.key_id, secret_key=SecretKey("aws", "gone"))
    async with placed(SECRETS) as place:
        with pytest.raises(AuthFault, match="awsSecretManager: secret shop/aws has no key 'gone'"):
            await aws.fetch(
                source(AwsSecret(parameter="p", name="x"), credentials=keys), place.where()
            )


@pytest.fixture
def _operator(monkeypatch: pytest.MonkeyPatch) -> None:
    """An operator with keys of its own in the environment, and no other credentials."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "OPERATORS")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "OPERATORS")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/dev/null")
