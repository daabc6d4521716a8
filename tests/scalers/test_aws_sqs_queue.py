"""SQS: parameters as a table, counts and credentials against moto's server."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from aiohttp import web

from scalers.base import PodIdentity, Sample, ScalerError, read
from scalers.io import IO
from tests.scalers.servers import served
from tests.scalers.tools import Texts, faults, trigger
from tests.services.moto import Moto

BOTO3: Any = boto3  # untyped
REGION = "eu-west-1"
KEYS = {"awsAccessKeyID": "AKIAEXAMPLE", "awsSecretAccessKey": "hunter22/secret"}
GOOD = {"queueURL": "https://sqs.eu-west-1.amazonaws.com/1/orders", "awsRegion": REGION}


@pytest.mark.parametrize(
    ("metadata", "auth", "problem"),
    [
        pytest.param(GOOD, KEYS, "", id="static keys"),
        pytest.param(GOOD | {"identityOwner": "operator"}, {}, "", id="the operator's identity"),
        pytest.param(GOOD, {"awsRoleArn": "arn:aws:iam::1:role/r"}, "", id="a role"),
        pytest.param(
            {}, KEYS,
            "'queueURL' is missing; give 'queueURL' or 'queueURLFromEnv'; 'awsRegion' is missing; "
            "give 'awsRegion' or parameter 'awsRegion' of a TriggerAuthentication",
            id="all that is missing, at once",
        ),
        pytest.param(
            GOOD, {},
            "'identityOwner' is pod, and there are no credentials: give awsRoleArn or "
            "awsAccessKeyID and awsSecretAccessKey, or 'identityOwner' operator",
            id="nobody to be",
        ),
        pytest.param(
            GOOD, {"awsAccessKeyID": "AKIA"},
            "'awsAccessKeyID' and 'awsSecretAccessKey' go together; one is missing",
            id="half a key",
        ),
        pytest.param(
            GOOD | {"queueLength": "-5"}, KEYS, "'queueLength' must be above 0, got -5",
            id="negative threshold",
        ),
        pytest.param(
            GOOD | {"scaleOnInFlight": "sometimes"}, KEYS,
            "'scaleOnInFlight' must be 'true' or 'false', got sometimes", id="not a boolean",
        ),
        pytest.param(
            GOOD | {"queueUrl": "x"}, KEYS,
            "'queueUrl' is not a key of this trigger; did you mean 'queueURL'?", id="typo",
        ),
    ],
)  # fmt: skip
def test_faults(metadata: Texts, auth: Texts, problem: str) -> None:
    assert faults("aws-sqs-queue", metadata, auth) == problem


@pytest.mark.parametrize(
    ("identity", "problem"),
    [
        pytest.param(PodIdentity("aws"), "", id="aws"),
        pytest.param(PodIdentity("aws", "arn:aws:iam::1:role/r"), "", id="a role"),
        pytest.param(
            PodIdentity("azure-workload"),
            "'podIdentity' provider 'azure-workload' is not supported for aws-sqs-queue",
            id="another cloud's",
        ),
    ],
)
def test_pod_identities(identity: PodIdentity, problem: str) -> None:
    auth = KEYS if identity.provider != "aws" else {}

    assert faults("aws-sqs-queue", GOOD, auth, pod_identity=identity) == problem


def test_names_and_defaults_are_the_originals() -> None:
    found = trigger("aws-sqs-queue", GOOD, KEYS)

    assert (found.metric_name, found.target, found.activation) == ("s0-aws-sqs-orders", 5, 0)


@asynccontextmanager
async def queue(
    moto: Moto, visible: int, in_flight: int, delayed: int
) -> AsyncIterator[tuple[str, str]]:
    """URL and name of a queue with so many messages of each kind."""
    name = f"orders-{uuid.uuid4().hex[:8]}"
    made = await asyncio.to_thread(filled, moto, name, (visible, in_flight, delayed))
    yield made, name


def filled(moto: Moto, name: str, counts: tuple[int, int, int]) -> str:
    client = BOTO3.client(
        "sqs", endpoint_url=moto.url, region_name=REGION,
        aws_access_key_id="a", aws_secret_access_key="b",
    )  # fmt: skip
    url: str = client.create_queue(QueueName=name)["QueueUrl"]
    visible, in_flight, delayed = counts
    for _ in range(in_flight):
        client.send_message(QueueUrl=url, MessageBody="x")
    for _ in range(in_flight):
        client.receive_message(QueueUrl=url, VisibilityTimeout=600)
    for _ in range(visible):
        client.send_message(QueueUrl=url, MessageBody="x")
    for _ in range(delayed):
        client.send_message(QueueUrl=url, MessageBody="x", DelaySeconds=600)
    client.close()
    return url


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        pytest.param({}, 5, id="visible and in flight"),
        pytest.param({"scaleOnInFlight": "false"}, 3, id="visible"),
        pytest.param({"scaleOnDelayed": "true"}, 6, id="delayed too"),
    ],
)
async def test_counts(moto: Moto, io: IO, more: Texts, expected: float) -> None:
    async with queue(moto, visible=3, in_flight=2, delayed=1) as (url, name):
        for queue_url in (url, name):
            metadata = GOOD | {"queueURL": queue_url, "awsEndpoint": moto.url} | dict(more)
            assert await read(trigger("aws-sqs-queue", metadata, KEYS), io) == Sample(expected)


async def test_a_role_is_assumed(moto: Moto, io: IO) -> None:
    role = PodIdentity("aws", "arn:aws:iam::123456789012:role/reader", "shop")
    async with queue(moto, visible=4, in_flight=0, delayed=0) as (url, _):
        metadata = GOOD | {"queueURL": url, "awsEndpoint": moto.url}
        login = KEYS | {"awsRoleArn": role.role_arn}
        by_auth = await read(trigger("aws-sqs-queue", metadata, login), io)

    assert by_auth == Sample(4)


OPERATORS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


@pytest.fixture
def operator(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An operator whose environment holds keys of its own, and no other credentials."""
    for name in OPERATORS:
        monkeypatch.setenv(name, f"OPERATORS{name[4:10]}")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return monkeypatch


async def test_the_operator_reads_as_itself(
    moto: Moto, io: IO, operator: pytest.MonkeyPatch
) -> None:
    async with queue(moto, visible=4, in_flight=0, delayed=0) as (url, _):
        metadata = GOOD | {"queueURL": url, "awsEndpoint": moto.url, "identityOwner": "operator"}
        assert await read(trigger("aws-sqs-queue", metadata), io) == Sample(4)

        for name in OPERATORS:
            operator.delenv(name)
        fresh = IO(lambda: datetime.now(UTC))
        with pytest.raises(ScalerError, match="NoCredentialsError"):
            await read(trigger("aws-sqs-queue", metadata), fresh)
        await fresh.close()


@pytest.mark.parametrize(
    ("more", "signer"),
    [
        pytest.param({}, KEYS["awsAccessKeyID"], id="the pod's"),
        pytest.param({"identityOwner": "operator"}, "OPERATORSACCESS", id="the operator's"),
    ],
)
@pytest.mark.usefixtures("operator")
async def test_whose_key_signs(io: IO, more: Texts, signer: str) -> None:
    """A TriggerAuthentication's keys are not used when the operator is to be asked for."""
    seen: list[str] = []

    async def denying(request: web.Request) -> web.Response:
        seen.append(request.headers["Authorization"])
        return await denied(request)

    async with served({"/{any:.*}": denying}) as url:
        metadata = GOOD | {"awsEndpoint": url} | dict(more)
        with pytest.raises(ScalerError, match="AccessDenied"):
            await read(trigger("aws-sqs-queue", metadata, KEYS), io)

    assert {each.partition("Credential=")[2].partition("/")[0] for each in seen} == {signer}


async def test_credentials_of_a_role_are_renewed_before_they_end(moto: Moto) -> None:
    now = datetime.now(UTC)
    clock: list[datetime] = [now]
    io = IO(lambda: clock[0])
    async with queue(moto, visible=1, in_flight=0, delayed=0) as (url, _):
        metadata = GOOD | {"queueURL": url, "awsEndpoint": moto.url}
        wanted = trigger(
            "aws-sqs-queue",
            metadata,
            {"awsRoleArn": "arn:aws:iam::123456789012:role/reader"} | KEYS,
        )
        await read(wanted, io)
        before = io.statistics().opened
        await read(wanted, io)
        same = io.statistics().opened
        clock[0] = now + timedelta(minutes=56)
        await read(wanted, io)
        after = io.statistics().opened
    await io.close()

    assert (same - before, after - same) == (0, 1)


async def test_a_missing_queue_is_an_error(moto: Moto, io: IO) -> None:
    metadata = GOOD | {"queueURL": "nowhere", "awsEndpoint": moto.url}
    with pytest.raises(ScalerError, match=r"get_queue_url: AWS answered .*NonExistentQueue"):
        await read(trigger("aws-sqs-queue", metadata, KEYS), io)


async def test_refused_credentials_say_so(io: IO) -> None:
    async with served({"/{any:.*}": denied}) as url:
        metadata = GOOD | {"awsEndpoint": url}
        with pytest.raises(ScalerError, match="check the credentials and their rights") as refused:
            await read(trigger("aws-sqs-queue", metadata, KEYS), io)
    assert "hunter22" not in str(refused.value)


async def denied(request: web.Request) -> web.Response:
    body = {"__type": "com.amazonaws.sqs#AccessDeniedException", "message": "no"}
    return web.json_response(body, status=403)


async def test_no_endpoint_is_an_error(io: IO) -> None:
    metadata = GOOD | {"awsEndpoint": "http://127.0.0.1:1"}
    with pytest.raises(ScalerError, match=r"no answer from AWS \(EndpointConnectionError\)"):
        await read(trigger("aws-sqs-queue", metadata, KEYS), io)


async def test_a_hundred_triggers_share_one_client(moto: Moto, io: IO) -> None:
    async with queue(moto, visible=2, in_flight=0, delayed=0) as (url, _):
        metadata = GOOD | {"queueURL": url, "awsEndpoint": moto.url}
        wanted = [trigger("aws-sqs-queue", metadata, KEYS, index=index) for index in range(100)]
        async with asyncio.TaskGroup() as group:
            reads = [group.create_task(read(each, io)) for each in wanted]

    assert {task.result().value for task in reads} == {2}
    assert sorted(each.family for each in io.statistics().clients) == ["aws", "threads"]
