"""RabbitMQ: parameters as a table, figures as laws, and every mode against a real broker."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel

from scalers._http import Call, basic, get_json
from scalers.base import Sample, ScalerError, Trigger, read
from scalers.io import IO
from tests.scalers.tools import Texts, faults, trigger
from tests.services.rabbitmq import PASSWORD, USER, VHOST, RabbitMq, change

AMQP = {"host": "amqp://guest:guest@mq:5672/shop"}
HTTP = {"host": "http://guest:guest@mq:15672/"}
GOOD = {"queueName": "orders", "mode": "QueueLength", "value": "20"}
SETTLED_S = 20.0


@pytest.mark.parametrize(
    ("metadata", "auth", "problem"),
    [
        pytest.param(GOOD, AMQP, "", id="host from a TriggerAuthentication"),
        pytest.param(
            {},
            {},
            "'queueName' is missing; 'host' is missing; give 'host' or 'hostFromEnv' or parameter "
            "'host' of a TriggerAuthentication",
            id="all that is missing, at once",
        ),
        pytest.param(
            GOOD | {"value": "0"}, AMQP, "'value' must be above 0, got 0", id="value of zero"
        ),
        pytest.param(
            GOOD | {"mode": "Length"},
            AMQP,
            "'mode' must be one of 'QueueLength', 'MessageRate', 'DeliverGetRate', "
            "'PublishedToDeliveredRatio', 'ExpectedQueueConsumptionTime', got Length",
            id="unknown mode",
        ),
        pytest.param(
            GOOD | {"queueLength": "5"},
            AMQP,
            "'queueLength' is the old form of 'mode' and 'value'; give one or the other",
            id="old and new form",
        ),
        pytest.param(
            {"queueName": "orders", "value": "5"},
            AMQP,
            "'mode' is missing; 'value' needs one",
            id="value without mode",
        ),
        pytest.param(
            {"queueName": "orders", "mode": "QueueLength"},
            AMQP,
            "'value' is missing; 'mode' QueueLength needs one",
            id="mode without value",
        ),
        pytest.param(
            GOOD | {"mode": "MessageRate", "useRegex": "true", "timeout": "3s"},
            AMQP,
            "'mode' MessageRate needs the HTTP management API; give an http host; "
            "'useRegex' needs the HTTP management API; give an http host; "
            "'timeout' needs the HTTP management API; give an http host",
            id="what AMQP cannot do",
        ),
        pytest.param(
            GOOD | {"protocol": "http"},
            AMQP,
            "'host' must begin with http:// or https://",
            id="protocol against the host's scheme",
        ),
        pytest.param(
            GOOD, AMQP | {"username": "me"},
            "'username' and 'password' go together; one is missing", id="half a login",
        ),
        pytest.param(
            GOOD, AMQP | {"cert": "PEM"},
            "'cert' and 'key' of the TriggerAuthentication go together; one is missing",
            id="half a key pair",
        ),
        pytest.param(
            GOOD, HTTP | {"workloadIdentityResource": "x"},
            "'workloadIdentityResource' needs 'podIdentity' with provider azure-workload",
            id="Azure workload identity without one",
        ),
        pytest.param(
            GOOD | {"queueName": "50% off"}, AMQP,
            "'queueName' 50% off has characters beyond AMQP's own; give an http host",
            id="a name that AMQP's library does not send",
        ),
        pytest.param(
            GOOD | {"queueNmae": "x"}, AMQP,
            "'queueNmae' is not a key of this trigger; did you mean 'queueName'?", id="typo",
        ),
        pytest.param(
            GOOD | {"password": "x"}, AMQP,
            "'password' is not read from metadata; write 'passwordFromEnv' or a "
            "TriggerAuthentication",
            id="a password in the open",
        ),
        pytest.param(
            GOOD | {"hostFromEnv": "MQ"}, {},
            "'hostFromEnv' names 'MQ', which the target's container does not set",
            id="variable that is not there",
        ),
    ],
)  # fmt: skip
def test_faults(metadata: Texts, auth: Texts, problem: str) -> None:
    assert faults("rabbitmq", metadata, auth) == problem


def test_names_and_defaults_are_the_originals() -> None:
    found = trigger("rabbitmq", {"queueName": "a/b %"}, HTTP)

    assert found.metric_name == "s0-rabbitmq-a-2Fb+-25"
    assert found.target == 20
    assert found.activation == 0


def test_a_formula_needs_no_value_per_replica() -> None:
    metadata = {"queueName": "orders", "mode": "QueueLength"}

    assert faults("rabbitmq", metadata, AMQP, as_metric_source=True) == ""


@asynccontextmanager
async def channel(url: str) -> AsyncIterator[AbstractChannel]:
    async with await aio_pika.connect(url) as connection:
        yield await connection.channel()


@asynccontextmanager
async def queue(url: str, messages: int, name: str = "") -> AsyncIterator[str]:
    """A queue with so many messages, deleted afterwards."""
    name = name or f"test-{uuid.uuid4().hex[:8]}"
    async with channel(url) as made:
        declared = await made.declare_queue(name)
        for _ in range(messages):
            message = aio_pika.Message(b"x")
            await made.default_exchange.publish(message, routing_key=name)
        yield name
        await declared.delete(if_unused=False, if_empty=False)


async def settled(io: IO, metadata: Texts, auth: Texts, expected: float) -> Sample:
    """Read until the management API has caught up with what was published."""
    wanted = trigger("rabbitmq", metadata, auth)
    async with asyncio.timeout(SETTLED_S):
        while True:
            answer = await seen(wanted, io)
            if answer is not None and answer.value == expected:
                return answer
            await asyncio.sleep(0.2)


async def seen(wanted: Trigger, io: IO) -> Sample | None:
    """A reading, or None while the management API does not know the queue."""
    try:
        return await read(wanted, io)
    except ScalerError as error:
        if "answered 404" in str(error) or "no figures" in str(error):
            return None
        raise


async def test_amqp_counts_ready_messages(rabbitmq: RabbitMq, io: IO) -> None:
    async with queue(rabbitmq.amqp, 7) as name:
        found = await read(trigger("rabbitmq", {"queueName": name}, {"host": rabbitmq.amqp}), io)

    assert found == Sample(7)


async def test_amqp_sees_each_change_at_once(rabbitmq: RabbitMq, io: IO) -> None:
    """A client that caches a passive declare would answer 0 for ever."""
    async with queue(rabbitmq.amqp, 0) as name, channel(rabbitmq.amqp) as made:
        wanted = trigger("rabbitmq", {"queueName": name}, {"host": rabbitmq.amqp})
        first = await read(wanted, io)
        for _ in range(3):
            await made.default_exchange.publish(aio_pika.Message(b"x"), routing_key=name)
        second = await read(wanted, io)

    assert (first.value, second.value) == (0, 3)


async def test_a_missing_queue_is_an_error_and_harms_nobody(rabbitmq: RabbitMq, io: IO) -> None:
    auth = {"host": rabbitmq.amqp}
    async with queue(rabbitmq.amqp, 2) as name:
        there = trigger("rabbitmq", {"queueName": name}, auth)
        await read(there, io)
        with pytest.raises(ScalerError, match=r"queue 'nowhere' does not exist at amqp://127"):
            await read(trigger("rabbitmq", {"queueName": "nowhere"}, auth), io)
        again = await read(there, io)

    assert again == Sample(2)
    assert io.statistics().opened == 1


async def test_a_virtual_host_of_the_metadata_wins(rabbitmq: RabbitMq, io: IO) -> None:
    elsewhere = rabbitmq.amqp + VHOST.replace("/", "%2F")
    async with queue(elsewhere, 4) as name:
        metadata = {"queueName": name, "vhostName": VHOST}
        over_amqp = await read(trigger("rabbitmq", metadata, {"host": rabbitmq.amqp}), io)
        await settled(io, metadata, {"host": rabbitmq.http}, 4)

    assert over_amqp == Sample(4)


async def test_user_and_password_of_their_own(rabbitmq: RabbitMq, io: IO) -> None:
    bare = rabbitmq.amqp.replace(f"{USER}:{PASSWORD}@", "")
    login = {"host": bare, "username": USER, "password": PASSWORD}
    async with queue(rabbitmq.amqp, 1) as name:
        found = await read(trigger("rabbitmq", {"queueName": name}, login), io)
        with pytest.raises(ScalerError, match="refused the user name or password"):
            await read(trigger("rabbitmq", {"queueName": name}, login | {"password": "wrong"}), io)

    assert found == Sample(1)


async def test_tls_with_an_authority_and_by_certificate(rabbitmq: RabbitMq, io: IO) -> None:
    if rabbitmq.files is None:
        pytest.skip("the given RabbitMQ has no TLS listener that is known")
    files = rabbitmq.files
    ca = {"tls": "enable", "ca": files.authority.read_text()}
    pair = {"cert": files.server.read_text(), "key": files.server_key.read_text()}
    bare = rabbitmq.amqps.replace(f"{USER}:{PASSWORD}@", "")
    async with queue(rabbitmq.amqp, 3) as name:
        metadata = {"queueName": name}
        trusted = await read(trigger("rabbitmq", metadata, {"host": rabbitmq.amqps} | ca), io)
        unsafe = metadata | {"unsafeSsl": "true"}
        unchecked = await read(trigger("rabbitmq", unsafe, {"host": rabbitmq.amqps}), io)
        external = await read(trigger("rabbitmq", metadata, {"host": bare} | ca | pair), io)
        with pytest.raises(ScalerError, match="no connection to amqps://127"):
            await read(trigger("rabbitmq", metadata, {"host": rabbitmq.amqps}), io)

    assert [trusted, unchecked, external] == [Sample(3)] * 3


async def test_a_name_of_any_characters_over_http(rabbitmq: RabbitMq, io: IO) -> None:
    """Made through the API, because the AMQP library refuses such a name; see `can_ask`."""
    name = f"50% off / a+b ü {uuid.uuid4().hex[:4]}"
    await asyncio.to_thread(change, rabbitmq.http, "PUT", f"queues/%2F/{quote(name, safe='')}")
    found = await settled(io, {"queueName": name}, {"host": rabbitmq.http}, 0)
    await asyncio.to_thread(change, rabbitmq.http, "DELETE", f"queues/%2F/{quote(name, safe='')}")

    assert found == Sample(0)


async def test_http_counts_unacknowledged_unless_told_not_to(rabbitmq: RabbitMq, io: IO) -> None:
    auth = {"host": rabbitmq.http}
    async with queue(rabbitmq.amqp, 6) as name, channel(rabbitmq.amqp) as made:
        held = await made.get_queue(name)
        await held.get()
        await held.get()
        await settled(io, {"queueName": name, "excludeUnacknowledged": "true"}, auth, 4)
        found = await read(trigger("rabbitmq", {"queueName": name}, auth), io)

    assert found == Sample(6)


async def test_an_expression_combines_queues(rabbitmq: RabbitMq, io: IO) -> None:
    stem = f"re-{uuid.uuid4().hex[:6]}"
    auth = {"host": rabbitmq.http}
    pattern = {"queueName": f"^{stem}-.*$", "useRegex": "true"}
    async with (
        queue(rabbitmq.amqp, 6, f"{stem}-a"),
        queue(rabbitmq.amqp, 2, f"{stem}-b"),
    ):
        await settled(io, pattern, auth, 8)
        largest = await read(trigger("rabbitmq", pattern | {"operation": "max"}, auth), io)
        mean = await read(trigger("rabbitmq", pattern | {"operation": "avg"}, auth), io)
        with pytest.raises(ScalerError, match="the expression matches 2 queues; 'pageSize' is 1"):
            await read(trigger("rabbitmq", pattern | {"pageSize": "1"}, auth), io)
    nothing = {"queueName": f"^{stem}-never$", "useRegex": "true"}

    assert (largest.value, mean.value) == (6, 4)
    assert await read(trigger("rabbitmq", nothing, auth), io) == Sample(0)


@pytest.mark.parametrize("mode", ["MessageRate", "DeliverGetRate"])
async def test_rates_come_from_the_broker(rabbitmq: RabbitMq, io: IO, mode: str) -> None:
    """Traffic is kept up until the broker has measured it."""
    auth = {"host": rabbitmq.http}
    async with queue(rabbitmq.amqp, 1) as name, channel(rabbitmq.amqp) as made:
        metadata = {"queueName": name, "mode": mode, "value": "5"}
        drained = await made.get_queue(name)
        rate = 0.0
        async with asyncio.timeout(SETTLED_S):
            while rate == 0:
                await made.default_exchange.publish(aio_pika.Message(b"x"), routing_key=name)
                await drained.get(no_ack=True, fail=False)
                answer = await seen(trigger("rabbitmq", metadata, auth), io)
                rate = answer.value if answer is not None else 0.0
        found = await read(trigger("rabbitmq", metadata, auth), io)

    assert rate > 0
    assert trigger("rabbitmq", metadata, auth).is_active(found)


async def test_a_wrong_password_over_http_is_an_error(rabbitmq: RabbitMq, io: IO) -> None:
    wrong = rabbitmq.http.replace(PASSWORD, "hunter22")

    with pytest.raises(ScalerError, match="answered 401") as refused:
        await read(trigger("rabbitmq", {"queueName": "orders"}, {"host": wrong}), io)
    assert "hunter22" not in str(refused.value)


async def test_a_hundred_triggers_share_one_connection(rabbitmq: RabbitMq, io: IO) -> None:
    """The broker itself is asked how many connections it has by our name."""
    auth = {"host": rabbitmq.amqp}
    async with queue(rabbitmq.amqp, 5) as name:
        wanted = [trigger("rabbitmq", {"queueName": name}, auth, index=i) for i in range(100)]
        async with asyncio.TaskGroup() as group:
            reads = [group.create_task(read(each, io)) for each in wanted]
        open_now = await connections(rabbitmq, io, at_least=1)

    assert [task.result().value for task in reads] == [5.0] * 100
    assert len(open_now) == 1
    assert io.statistics().opened == 1


async def test_a_connection_that_the_broker_ends_is_made_anew(rabbitmq: RabbitMq, io: IO) -> None:
    """Until the end is noticed a read may be an error; it is never a wrong number."""
    auth = {"host": rabbitmq.amqp}
    seen: list[float] = []
    async with queue(rabbitmq.amqp, 2) as name:
        wanted = trigger("rabbitmq", {"queueName": name}, auth)
        await read(wanted, io)
        for each in await connections(rabbitmq, io, at_least=1):
            await asyncio.to_thread(
                change, rabbitmq.http, "DELETE", f"connections/{quote(each['name'])}"
            )
        async with asyncio.timeout(SETTLED_S):
            while io.statistics().opened < 2:
                with suppress(ScalerError):
                    seen.append((await read(wanted, io)).value)

    assert set(seen) == {2.0}


async def connections(rabbitmq: RabbitMq, io: IO, at_least: int) -> list[Any]:
    """Connections named "tandem" on the broker's own list, which lags a little."""
    host = urlsplit(rabbitmq.http).netloc.rpartition("@")[2]
    headers = {"Authorization": basic(USER, PASSWORD)}
    async with asyncio.timeout(SETTLED_S):
        while True:
            async with aclosing_io() as other:
                found = await get_json(Call(f"http://{host}/api/connections", {}, headers), other)
            ours = [
                each
                for each in found
                if each.get("client_properties", {}).get("connection_name") == "tandem"
            ]
            if len(ours) >= at_least:
                return ours
            await asyncio.sleep(0.2)


@asynccontextmanager
async def aclosing_io() -> AsyncIterator[IO]:
    """An IO of the test's own, so that its calls are not counted with those under test."""
    other = IO(lambda: datetime.now(UTC))
    yield other
    await other.close()
