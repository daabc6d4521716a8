"""Whose role reads AWS and how it is taken, over moto's STS with a proxy that listens in."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs

import aiohttp
import pytest
from aiohttp import web

from scalers._aws import SESSION, Account, call
from scalers.base import PodIdentity, Sample, ScalerError, Secret, read
from scalers.io import IO
from tests.scalers.servers import answering, served
from tests.scalers.test_aws_sqs_queue import GOOD, REGION, queue
from tests.scalers.tools import trigger
from tests.services.moto import Moto

OWN = "arn:aws:iam::123456789012:role/operator"
ROLE = "arn:aws:iam::123456789012:role/reader"
TOKEN = "t0ken-canary-of-the-operator"
WORKLOADS = "t0ken-canary-of-the-workload"
DENIED = (
    "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>"
)


@dataclass
class Sts:
    """A proxy before moto's STS.

    Attributes:
        asked: the fields of each request, and whether it was signed.
        refuse: actions that are answered with AccessDenied.
    """

    moto: Moto
    asked: list[tuple[Mapping[str, str], bool]] = field(default_factory=list)
    refuse: set[str] = field(default_factory=set)

    @property
    def actions(self) -> list[tuple[str, str]]:
        return [(fields["Action"], fields.get("RoleArn", "")) for fields, _ in self.asked]

    async def pass_on(self, request: web.Request) -> web.Response:
        body = await request.text()
        fields = {name: values[0] for name, values in parse_qs(body).items()}
        self.asked.append((fields, "Authorization" in request.headers))
        if fields["Action"] in self.refuse:
            return web.Response(text=DENIED, status=403, content_type="text/xml")
        headers = {k: v for k, v in request.headers.items() if k not in ("Host", "Content-Length")}
        async with (
            aiohttp.ClientSession() as session,
            session.post(self.moto.url, data=body, headers=headers) as answer,
        ):
            text = await answer.text()
            return web.Response(text=text, status=answer.status, content_type="text/xml")


@pytest.fixture
async def sts(moto: Moto, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[Sts]:
    """An operator with a web identity, whose STS is moto's."""
    token = tmp_path / "token"
    token.write_text(TOKEN)
    proxy = Sts(moto)
    async with served({"/{any:.*}": proxy.pass_on}) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", url)
        monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(token))
        monkeypatch.setenv("AWS_ROLE_ARN", OWN)
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            monkeypatch.setenv(name, "/dev/null")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(name, raising=False)
        yield proxy


@asynccontextmanager
async def fresh(io: IO) -> AsyncIterator[IO]:
    """An IO of its own: whose credentials a client has is settled when it is made."""
    made = IO(io.now)
    try:
        yield made
    finally:
        await made.close()


async def size(moto: Moto, io: IO, identity: PodIdentity) -> Sample:
    async with queue(moto, visible=4, in_flight=0, delayed=0) as (url, _), fresh(io) as own:
        metadata = GOOD | {"queueURL": url, "awsEndpoint": moto.url}
        return await read(trigger("aws-sqs-queue", metadata, pod_identity=identity), own)


async def test_the_operators_web_identity(moto: Moto, io: IO, sts: Sts) -> None:
    assert await size(moto, io, PodIdentity("aws")) == Sample(4)

    assert sts.actions == [("AssumeRoleWithWebIdentity", OWN)]
    assert sts.asked[0][0]["WebIdentityToken"] == TOKEN


async def test_a_role_that_trusts_the_operators_web_identity(moto: Moto, io: IO, sts: Sts) -> None:
    assert await size(moto, io, PodIdentity("aws", ROLE)) == Sample(4)

    ((fields, signed),) = sts.asked
    assert (fields["Action"], fields["RoleArn"]) == ("AssumeRoleWithWebIdentity", ROLE)
    assert (fields["WebIdentityToken"], fields["RoleSessionName"]) == (TOKEN, SESSION)
    assert not signed


async def test_a_role_that_trusts_the_operators_role(
    moto: Moto, io: IO, sts: Sts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its web identity is refused; the operator, here with keys, assumes the role."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "operator")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "operator")
    sts.refuse.add("AssumeRoleWithWebIdentity")
    account = Account(region=REGION, role=ROLE)
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", moto.url)
    async with fresh(io) as own:
        await call(account, "sqs", "list_queues", own)

    assert sts.actions == [("AssumeRoleWithWebIdentity", ROLE), ("AssumeRole", ROLE)]
    assert sts.asked[1][0]["RoleSessionName"] == SESSION


async def test_an_external_id_is_given_when_the_role_is_assumed(
    moto: Moto, io: IO, sts: Sts, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = Account(region=REGION, role=ROLE, external_id="shop")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", moto.url)
    async with fresh(io) as own:
        await call(account, "sqs", "list_queues", own)

    assert sts.actions == [("AssumeRoleWithWebIdentity", OWN), ("AssumeRole", ROLE)]
    assert sts.asked[1][0]["ExternalId"] == "shop"


async def test_the_workloads_role(moto: Moto, io: IO, sts: Sts) -> None:
    identity = PodIdentity("aws", ROLE, owner="workload", web_token=Secret(WORKLOADS))
    assert await size(moto, io, identity) == Sample(4)

    ((fields, _),) = sts.asked
    assert (fields["RoleArn"], fields["WebIdentityToken"]) == (ROLE, WORKLOADS)


async def test_a_token_is_never_sent_to_an_endpoint_that_a_trigger_names(io: IO, sts: Sts) -> None:
    seen: list[str] = []

    async def listening(request: web.Request) -> web.Response:
        seen.append(f"{request.path_qs} {dict(request.headers)} {await request.text()}")
        return web.Response(text=DENIED, status=403, content_type="text/xml")

    sts.refuse.add("AssumeRoleWithWebIdentity")
    for token in (None, Secret(WORKLOADS)):
        identity = PodIdentity("aws", ROLE, web_token=token)
        async with served({"/{any:.*}": listening}) as url, fresh(io) as own:
            metadata = GOOD | {"queueURL": f"{url}/1/{uuid.uuid4().hex}", "awsEndpoint": url}
            with pytest.raises(ScalerError) as refused:
                await read(trigger("aws-sqs-queue", metadata, pod_identity=identity), own)

        assert TOKEN not in str(refused.value)
        assert WORKLOADS not in str(refused.value)
    assert not [each for each in seen if TOKEN in each or WORKLOADS in each]


async def test_a_missing_token_file_is_named(
    io: IO, sts: Sts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere/token")
    async with fresh(io) as own:
        with pytest.raises(ScalerError, match="/nowhere/token cannot be read: No such file"):
            await call(Account(region=REGION, role=ROLE), "sqs", "list_queues", own)
    assert sts.asked == []


async def test_clients_are_shared_by_identity_and_region(moto: Moto, io: IO, sts: Sts) -> None:
    async with queue(moto, visible=1, in_flight=0, delayed=0) as (url, _), fresh(io) as own:
        for identity in (PodIdentity("aws", ROLE), PodIdentity("aws", ROLE), PodIdentity("aws")):
            metadata = GOOD | {"queueURL": url, "awsEndpoint": moto.url}
            await read(trigger("aws-sqs-queue", metadata, pod_identity=identity), own)
        families = [each.family for each in own.statistics().clients]

    assert sorted(families) == ["aws", "aws", "threads"]
    assert sts.actions == [("AssumeRoleWithWebIdentity", ROLE), ("AssumeRoleWithWebIdentity", OWN)]


async def test_an_answer_that_is_not_amazons_is_told_without_a_word_of_it(io: IO) -> None:
    keys = {"awsAccessKeyID": "AKIAEXAMPLE", "awsSecretAccessKey": "hunter22/secret"}
    async with served({"/{any:.*}": answering("<html>hunter22/secret", status=200)}) as url:
        account = Account(
            region=REGION, endpoint=url, key_id=Secret(keys["awsAccessKeyID"]),
            secret_key=Secret(keys["awsSecretAccessKey"]),
        )  # fmt: skip
        with pytest.raises(ScalerError) as odd:
            await call(account, "sts", "get_caller_identity", io)

    assert str(odd.value).startswith("get_caller_identity: an answer that is not AWS's")
    assert "hunter22" not in str(odd.value)
