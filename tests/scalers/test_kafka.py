"""Kafka: lag as laws and sentences, parameters as a table, every key against a real broker."""

from __future__ import annotations

import asyncio
import base64
import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from scalers.base import Sample, ScalerError, Trigger, read
from scalers.io import IO
from scalers.kafka import SAMPLE_S
from tests.processes import free_ports
from tests.scalers.servers import served
from tests.scalers.tools import Texts, faults, trigger
from tests.scalers.topics import World, topic, world
from tests.services.kafka import PASSWORD, USER, Kafka, lacking, made, running

GOOD = {"bootstrapServers": "k:9092", "consumerGroup": "g", "topic": "t"}
LOGIN = {"username": USER, "password": PASSWORD}


@pytest.mark.parametrize(
    ("metadata", "auth", "problem"),
    [
        pytest.param(GOOD, {}, "", id="faultless"),
        pytest.param(
            {},
            {},
            "'bootstrapServers' is missing; give 'bootstrapServers' or 'bootstrapServersFromEnv'; "
            "'consumerGroup' is missing; give 'consumerGroup' or 'consumerGroupFromEnv'",
            id="all that is missing, at once",
        ),
        pytest.param(
            GOOD | {"lagThreshold": "0", "activationLagThreshold": "-1"},
            {},
            "'lagThreshold' must be above 0, got 0; "
            "'activationLagThreshold' must be at least 0, got -1",
            id="thresholds",
        ),
        pytest.param(
            GOOD | {"lagThreshold": "ten"}, {}, "'lagThreshold' must be a number, got ten",
            id="not a number",
        ),
        pytest.param(
            GOOD | {"offsetResetPolicy": "none"}, {},
            "'offsetResetPolicy' must be one of 'latest', 'earliest', got none", id="policy",
        ),
        pytest.param(
            GOOD | {"partitionLimitation": "1,x"}, {},
            "'partitionLimitation' must be numbers and ranges such as '1,3-5', got 1,x",
            id="ranges",
        ),
        pytest.param(
            GOOD | {"allowIdleConsumers": "true", "limitToPartitionsWithLag": "true"}, {},
            "'allowIdleConsumers' and 'limitToPartitionsWithLag' exclude each other",
            id="idle against limit",
        ),
        pytest.param(
            GOOD
            | {"limitToPartitionsWithLag": "true", "ensureEvenDistributionOfPartitions": "true"},
            {},
            "'limitToPartitionsWithLag' and 'ensureEvenDistributionOfPartitions' exclude each "
            "other",
            id="limit against even",
        ),
        pytest.param(
            {"bootstrapServers": "k:9092", "consumerGroup": "g",
             "limitToPartitionsWithLag": "true"}, {},
            "'limitToPartitionsWithLag' needs a 'topic'", id="limit without topic",
        ),
        pytest.param(
            GOOD | {"sasl": "gssapi"}, LOGIN,
            "'sasl' is gssapi, which this version cannot speak; use scram_sha512", id="gssapi",
        ),
        pytest.param(
            GOOD, {"keytab": "AAAA"},
            "'keytab' belongs to SASL GSSAPI (Kerberos), which this version cannot speak; use "
            "scram_sha512",
            id="keytab",
        ),
        pytest.param(
            GOOD | {"awsRegion": "eu-west-1"}, {},
            "'awsRegion' belongs to aws_msk_iam, which this version cannot speak; use SASL/SCRAM",
            id="MSK",
        ),
        pytest.param(
            GOOD | {"sasl": "plaintext"}, {},
            "'sasl' is plaintext, and the TriggerAuthentication has no 'username'; "
            "'sasl' is plaintext, and the TriggerAuthentication has no 'password'",
            id="login without user",
        ),
        pytest.param(
            GOOD, {"cert": "PEM"},
            "'cert' and 'key' of the TriggerAuthentication go together; one is missing",
            id="half a key pair",
        ),
        pytest.param(
            GOOD | {"fullMetadata": "false", "version": "2.0.0"}, {},
            "'fullMetadata' is deprecated: only the metadata of the topics in use is ever loaded; "
            "'version' is deprecated: the protocol version is agreed on with the broker",
            id="keys without effect are said so",
        ),
        pytest.param(
            GOOD | {"lagTreshold": "5"}, {},
            "'lagTreshold' is not a key of this trigger; did you mean 'lagThreshold'?", id="typo",
        ),
        pytest.param(
            GOOD | {"ca": "PEM"}, {},
            "'ca' is read from a TriggerAuthentication only, never from metadata", id="ca",
        ),
    ],
)  # fmt: skip
def test_faults(metadata: Texts, auth: Texts, problem: str) -> None:
    assert faults("kafka", metadata, auth) == problem


@pytest.mark.parametrize(
    ("metadata", "name"),
    [
        pytest.param(GOOD | {"topic": "shop.orders"}, "s0-kafka-shop-orders", id="topic"),
        pytest.param(
            {"bootstrapServers": "k:1", "consumerGroup": "g"}, "s0-kafka-g-topics", id="group"
        ),
    ],
)
def test_metric_names_are_the_originals(metadata: Texts, name: str) -> None:
    assert trigger("kafka", metadata).metric_name == name


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        pytest.param({"lagThreshold": "100"}, (28, 28), id="lag of all partitions"),
        pytest.param({}, (28, 28), id="below the cap of one replica a partition"),
        pytest.param({"lagThreshold": "5"}, (20, 28), id="at most one replica a partition, exact"),
        pytest.param({"lagThreshold": "5", "allowIdleConsumers": "true"}, (28, 28), id="idle"),
        pytest.param(
            {"lagThreshold": "5", "limitToPartitionsWithLag": "true"}, (10, 28), id="with lag"
        ),
        pytest.param({"partitionLimitation": "1-2"}, (8, 8), id="partitions 1 and 2"),
        pytest.param(
            {"lagThreshold": "10", "ensureEvenDistributionOfPartitions": "true"},
            (40, 28),
            id="three replicas do not divide four partitions",
        ),
    ],
)
async def test_lag(kafka: Kafka, io: IO, more: Texts, expected: tuple[float, float]) -> None:
    """Four partitions: 20 behind, 8 behind, two up to date."""
    ends, commits = {0: 25, 1: 10, 2: 3, 3: 4}, {0: 5, 1: 2, 2: 3, 3: 4}
    async with world(kafka, ends, commits) as at:
        found = await read(trigger("kafka", at.metadata(**more)), io)

    assert (found.value, found.activation_value) == expected


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        pytest.param({}, 2, id="latest: 1 each, so that a consumer starts and commits"),
        pytest.param({"offsetResetPolicy": "earliest"}, 9, id="earliest: everything"),
        pytest.param({"scaleToZeroOnInvalidOffset": "true"}, 0, id="latest, told to ignore"),
        pytest.param(
            {"offsetResetPolicy": "earliest", "scaleToZeroOnInvalidOffset": "true"},
            0,
            id="earliest, told to ignore",
        ),
    ],
)
async def test_a_group_that_never_committed(
    kafka: Kafka, io: IO, more: Texts, expected: float
) -> None:
    async with world(kafka, {0: 5, 1: 4}, {}) as at:
        found = await read(trigger("kafka", at.metadata(**more)), io)

    assert found.activation_value == expected


async def test_without_a_topic_all_topics_of_the_group_count(kafka: Kafka, io: IO) -> None:
    async with world(kafka, {0: 10}, {0: 4}) as one, world(kafka, {0: 10, 1: 9}, {0: 8}) as two:
        two.group = one.group
        await two.commit({0: 8})
        metadata = {key: value for key, value in one.metadata().items() if key != "topic"}
        found = await read(trigger("kafka", metadata), io)

    assert found.activation_value == 8, "6 and 2; the partition without a commit is not known"


async def test_a_group_that_does_not_exist_has_no_lag(kafka: Kafka, io: IO) -> None:
    metadata = {"bootstrapServers": kafka.plaintext, "consumerGroup": "nobody"}

    assert await read(trigger("kafka", metadata), io) == Sample(0, 0)


async def test_a_missing_topic_is_an_error_and_is_not_made(kafka: Kafka, io: IO) -> None:
    metadata = GOOD | {"bootstrapServers": kafka.plaintext, "topic": "nowhere"}
    for _ in range(2):
        with pytest.raises(ScalerError, match="topic 'nowhere' does not exist"):
            await read(trigger("kafka", metadata), io)


async def test_a_partition_that_does_not_exist_is_an_error(kafka: Kafka, io: IO) -> None:
    async with world(kafka, {0: 1}, {}) as at:
        with pytest.raises(ScalerError, match="has none of the partitions that are asked for"):
            await read(trigger("kafka", at.metadata(partitionLimitation="7")), io)


async def test_no_broker_is_an_error(io: IO) -> None:
    metadata = GOOD | {"bootstrapServers": "127.0.0.1:1"}
    with pytest.raises(ScalerError, match=r"^kafka: no connection to 127\.0\.0\.1:1$"):
        await read(trigger("kafka", metadata), io)


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def later(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


async def test_a_lag_is_persistent_only_against_an_earlier_sample(kafka: Kafka) -> None:
    """Two reads of one sample compare with the same sample before it."""
    clock = Clock()
    io = IO(clock)
    async with world(kafka, {0: 20, 1: 10}, {0: 5, 1: 5}) as at:
        wanted = trigger("kafka", at.metadata(excludePersistentLag="true", lagThreshold="100"))
        first = [await read(wanted, io) for _ in range(2)]
        clock.later(SAMPLE_S)
        await at.commit({0: 8})
        second = [await read(wanted, io) for _ in range(2)]
        clock.later(SAMPLE_S)
        third = await read(wanted, io)
    await io.close()

    assert first == [Sample(20, 20)] * 2, "nothing to compare with"
    assert second == [Sample(12, 17)] * 2, "partition 1 has not moved"
    assert third == Sample(0, 17), "neither has moved; both are still a reason to be active"


@pytest.mark.parametrize(
    "sasl", ["plaintext", "scram_sha256", "scram_sha512"]
)  # fmt: skip
async def test_logins(kafka: Kafka, io: IO, sasl: str) -> None:
    if not kafka.sasl:
        pytest.skip("the given Kafka has no SASL listener that is known")
    async with world(kafka, {0: 3}, {0: 1}) as at:
        metadata = at.metadata(sasl=sasl) | {"bootstrapServers": kafka.sasl}
        found = await read(trigger("kafka", metadata, LOGIN), io)
        with pytest.raises(ScalerError, match="refused the user name or password") as refused:
            await read(trigger("kafka", metadata, LOGIN | {"password": "hunter22"}), io)

    assert found.value == 2
    assert "hunter22" not in str(refused.value)


async def test_login_and_tls_from_the_trigger_authentication(kafka: Kafka, io: IO) -> None:
    if kafka.files is None:
        pytest.skip("the given Kafka has no TLS listener that is known")
    auth = LOGIN | {
        "sasl": "scram_sha512", "tls": "enable", "ca": kafka.files.authority.read_text()
    }  # fmt: skip
    async with world(kafka, {0: 3}, {0: 1}) as at:
        metadata = at.metadata() | {"bootstrapServers": kafka.sasl_tls}
        found = await read(trigger("kafka", metadata, auth), io)

    assert found.value == 2


async def test_client_certificates_also_with_a_locked_key(kafka: Kafka, io: IO) -> None:
    if kafka.files is None:
        pytest.skip("the given Kafka has no TLS listener that is known")
    files = kafka.files
    pair = {
        "ca": files.authority.read_text(),
        "cert": files.server.read_text(),
        "key": files.server_key.read_text(),
    }
    locked = pair | {"key": lock(pair["key"], "open sesame"), "keyPassword": "open sesame"}
    async with world(kafka, {0: 3}, {0: 1}) as at:
        metadata = at.metadata(tls="enable") | {"bootstrapServers": kafka.tls}
        plain = await read(trigger("kafka", metadata, pair), io)
        opened = await read(trigger("kafka", metadata, locked), io)
        with pytest.raises(ScalerError, match="'keyPassword' does not open it"):
            await read(trigger("kafka", metadata, locked | {"keyPassword": "wrong one"}), io)
        with pytest.raises(ScalerError, match="'ca' is not a PEM certificate"):
            await read(trigger("kafka", metadata, pair | {"ca": "nonsense"}), io)

    assert [plain.value, opened.value] == [2, 2]


def lock(pem: str, password: str) -> str:
    key = load_pem_private_key(pem.encode(), None)
    locked = BestAvailableEncryption(password.encode())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked).decode()


async def test_oauthbearer_fetches_a_token(kafka: Kafka, io: IO) -> None:
    """The broker takes unsigned tokens; the token endpoint is ours."""
    if not kafka.sasl:
        pytest.skip("the given Kafka has no SASL listener that is known")
    asked: list[dict[str, str]] = []

    async def token(request: web.Request) -> web.Response:
        form = await request.post()
        asked.append({key: str(value) for key, value in form.items()})
        return web.json_response({"access_token": unsigned(USER), "expires_in": 3600})

    async with world(kafka, {0: 3}, {0: 1}) as at, served({"/token": token}) as url:
        auth = LOGIN | {"oauthTokenEndpointUri": f"{url}/token", "scopes": "read,write"}
        metadata = at.metadata(sasl="oauthbearer") | {"bootstrapServers": kafka.sasl}
        found = await read(trigger("kafka", metadata, auth), io)

    assert found.value == 2
    assert asked[0] == {
        "grant_type": "client_credentials",
        "client_id": USER,
        "client_secret": PASSWORD,
        "scope": "read write",
    }


def unsigned(subject: str) -> str:
    now = int(datetime.now(UTC).timestamp())
    claims = {"sub": subject, "iat": now, "exp": now + 3600, "scope": "read"}
    parts = [json.dumps(part).encode() for part in ({"alg": "none"}, claims)]
    return ".".join(base64.urlsafe_b64encode(p).rstrip(b"=").decode() for p in parts) + "."


def goes_to(connection: Any, port: int) -> bool:
    open_now = connection.status == psutil.CONN_ESTABLISHED
    return open_now and bool(connection.raddr) and connection.raddr.port == port


async def test_a_hundred_triggers_share_one_client(kafka: Kafka, io: IO) -> None:
    async with world(kafka, {0: 9}, {0: 2}) as at:
        wanted = [trigger("kafka", at.metadata(), index=index) for index in range(100)]
        async with asyncio.TaskGroup() as group:
            reads = [group.create_task(read(each, io)) for each in wanted]

        port = int(kafka.plaintext.rpartition(":")[2])
        sockets = [each for each in psutil.Process().net_connections("tcp") if goes_to(each, port)]

    assert {task.result().value for task in reads} == {7}
    assert len(sockets) == 2, "one of ours, and one of the admin client that made the topic"
    assert [each.family for each in io.statistics().clients] == ["kafka"]
    assert io.statistics().opened == 1


async def recovered(wanted: Trigger, io: IO) -> Sample:
    """The first reading of a broker that is still loading its groups."""
    async with asyncio.timeout(30):
        while True:
            with suppress(ScalerError):
                return await read(wanted, io)
            await asyncio.sleep(0.1)


async def test_a_broker_that_went_and_came_back(io: IO, tmp_path: Path) -> None:
    """While it is away each read is an error; afterwards it is as if nothing had been."""
    if lacking():
        pytest.skip(lacking())
    ports = free_ports(5)
    await asyncio.to_thread(made, tmp_path, ports)
    first, second = running(tmp_path, ports), running(tmp_path, ports)
    broker = await asyncio.to_thread(first.__enter__)
    async with topic(broker, "orders", 1):
        at = World(broker.plaintext, "orders", "orders-group")
        await at.publish({0: 5})
        await at.commit({0: 2})
        wanted = trigger("kafka", at.metadata())
        before = await read(wanted, io)
        await asyncio.to_thread(first.__exit__, None, None, None)
        with pytest.raises(ScalerError, match="no connection to 127"):
            await read(wanted, io)
        await asyncio.to_thread(second.__enter__)
        after = await recovered(wanted, io)
    await asyncio.to_thread(second.__exit__, None, None, None)

    assert (before.value, after.value) == (3, 3)
