"""Where triggers may lead: the rules as a table, and the clients over real connections."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from ipaddress import ip_address

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from scalers._egress import Egress, rule
from scalers._guarded import Session
from scalers._http import Call, get_text
from scalers.base import ScalerError, read
from scalers.io import IO, IOSettings
from tests.scalers.servers import Handler, answering, served
from tests.scalers.tools import trigger

LINK_LOCAL = "may not be reached: egress to 169.254.0.0/16 is denied"
METRIC = {"valueLocation": "n", "targetValue": "5"}


def rules(allow: str = "", deny: str = "") -> Egress:
    return Egress(tuple(map(rule, allow.split())), tuple(map(rule, deny.split())))


@asynccontextmanager
async def world(allow: str = "", deny: str = "") -> AsyncIterator[IO]:
    io = IO(lambda: datetime.now(UTC), settings=IOSettings(egress=rules(allow, deny)))
    try:
        yield io
    finally:
        await io.close()


@pytest.mark.parametrize(
    ("allow", "deny", "host", "address", "why"),
    [
        pytest.param("", "", "mq", "10.0.0.1", "", id="anything else"),
        pytest.param("", "", "localhost", "127.0.0.1", "", id="loopback"),
        pytest.param("", "", "x", "169.254.169.254", "169.254.0.0/16", id="metadata"),
        pytest.param("", "", "x", "fe80::1%eth0", "fe80::/10", id="link-local"),
        pytest.param("", "", "x", "fd00:ec2::254", "fd00:ec2::254", id="metadata of AWS"),
        pytest.param("", "", "x", "fd00:ec2::253", "", id="its neighbour"),
        pytest.param("", "", "x", "168.63.129.16", "168.63.129.16", id="metadata of Azure"),
        pytest.param("", "", "x", "::ffff:169.254.1.1", "169.254.0.0/16", id="mapped"),
        pytest.param("", "", "x", "2002:a9fe:a9fe::", "169.254.0.0/16", id="6to4"),
        pytest.param("", "", "x", "64:ff9b::a9fe:a9fe", "169.254.0.0/16", id="NAT64"),
        pytest.param(
            "", "", "Metadata.Google.Internal.", "10.0.0.1", "metadata.google.internal", id="a name"
        ),
        pytest.param("", "10.0.0.0/8", "mq", "10.9.9.9", "10.0.0.0/8", id="denied"),
        pytest.param("", "10.0.0.0/8", "mq", "::ffff:10.9.9.9", "10.0.0.0/8", id="denied, mapped"),
        pytest.param("", "*.evil.com", "a.evil.com", "10.0.0.1", "*.evil.com", id="a domain"),
        pytest.param("", "*.evil.com", "evil.com", "10.0.0.1", "", id="not the domain itself"),
        pytest.param("", "*.evil.com", "notevil.com", "10.0.0.1", "", id="nor one that ends so"),
        pytest.param("10.0.0.0/8", "10.9.0.0/16", "mq", "10.9.9.9", "10.9.0.0/16", id="deny first"),
        pytest.param("mq.shop", "", "MQ.shop.", "10.0.0.1", "", id="allowed by name"),
        pytest.param("10.0.0.0/8", "", "mq", "::ffff:10.0.0.1", "", id="allowed, mapped"),
        pytest.param("0.0.0.0/0", "", "x", "169.254.1.1", "169.254.0.0/16", id="all is not this"),
        pytest.param("*", "", "x", "169.254.1.1", "169.254.0.0/16", id="nor is any name"),
        pytest.param("x", "", "x", "169.254.1.1", "169.254.0.0/16", id="nor this name"),
        pytest.param("169.254.20.10", "", "x", "169.254.20.10", "", id="but this address"),
        pytest.param("metadata.google.internal", "", "metadata.google.internal", "10.0.0.1", "",
                     id="and that name"),
        pytest.param("0.0.0.0/0", "", "x", "64:ff9b::a9fe:a9fe", "169.254.0.0/16", id="disguised"),
    ],
)  # fmt: skip
def test_rules(allow: str, deny: str, host: str, address: str, why: str) -> None:
    expected = f"egress to {why} is denied" if why else ""

    assert rules(allow, deny).refusal(host, ip_address(address)) == expected


def test_an_allow_shuts_everything_else() -> None:
    found = rules("10.0.0.0/8 *.shop").refusal("mq.bank", ip_address("192.168.0.1"))

    assert found == "egress is allowed to 10.0.0.0/8, *.shop only"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("10.0.0.1/8", "'10.0.0.1/8' has bits outside of its mask; want 10.0.0.0/8"),
        ("10.0.0.0/33", "'10.0.0.0/33' says no address or host"),
        ("300.1.1.1", "'300.1.1.1' says no address or host"),
        ("http://mq", "'http://mq' says no address or host"),
        ("a.*.com", "'a.*.com' says no address or host"),
        ("", "'' says no address or host"),
    ],
)
def test_what_is_no_rule(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match="want") as refused:
        rule(text)

    assert str(refused.value).startswith(problem)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://169.254.169.254/latest", f"169.254.169.254 {LINK_LOCAL}"),
        ("http://[::ffff:169.254.169.254]/", f"::ffff:a9fe:a9fe {LINK_LOCAL}"),
        ("http://[fe80::1]/", "fe80::1 may not be reached: egress to fe80::/10 is denied"),
        ("http://2852039166/", "the address is not a URL"),
        ("http://0xa9.0xfe.0xa9.0xfe/", f"0xa9.0xfe.0xa9.0xfe {LINK_LOCAL}"),
    ],
)  # fmt: skip
async def test_metadata_is_denied_without_any_setting(url: str, problem: str) -> None:
    """Also in the spellings that a resolver takes for it."""
    async with world() as io:
        with pytest.raises(ScalerError) as refused:
            await read(trigger("metrics-api", METRIC | {"url": url}), io)

    assert problem in str(refused.value)


async def test_a_name_is_judged_by_where_it_leads() -> None:
    """`localhost` is in no rule; its addresses are."""
    asked: list[str] = []

    async with served({"/": _counting(asked)}) as url, world(deny="127.0.0.0/8 ::1") as io:
        for address in (url, url.replace("127.0.0.1", "localhost")):
            with pytest.raises(ScalerError, match=r"may not be reached: egress to .* is denied"):
                await get_text(Call(address), io)

    assert asked == []


async def test_names_and_addresses_that_are_allowed() -> None:
    async with served({"/": answering("5")}) as url:
        async with world(allow="127.0.0.0/8") as io:
            assert await get_text(Call(url), io) == "5"
        async with world(allow="localhost") as io:
            assert await get_text(Call(url.replace("127.0.0.1", "localhost")), io) == "5"
            with pytest.raises(ScalerError, match="egress is allowed to localhost only"):
                await get_text(Call(url), io)


async def test_a_redirect_is_judged_like_the_first_address() -> None:
    asked: list[str] = []

    async with served({"/": _counting(asked)}) as inside:

        async def moved(request: web.Request) -> web.StreamResponse:
            raise web.HTTPFound(inside.replace("127.0.0.1", request.query["to"]))

        async with (
            served({"/": moved}, host="127.0.0.2") as outside,
            world(deny="127.0.0.1 ::1") as io,
        ):
            first = outside.replace("127.0.0.1", "127.0.0.2")
            for to in ("127.0.0.1", "localhost"):
                with pytest.raises(ScalerError, match=f"{to} may not be reached: egress to "):
                    await get_text(Call(first, {"to": to}), io)

    assert asked == []


async def test_what_is_tandems_own_is_not_judged() -> None:
    async with served({"/": answering("5")}) as url, world(deny="127.0.0.0/8") as io:
        assert await get_text(Call(url, own=True), io) == "5"
        with pytest.raises(ScalerError, match="is denied"):
            await get_text(Call(url), io)


class _Names(AbstractResolver):
    """A name server that says something else each time it is asked."""

    def __init__(self, answers: Sequence[Sequence[str]]) -> None:
        self._answers = list(answers)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host, host=address, port=port, family=socket.AF_INET, proto=0, flags=0
            )
            for address in self._answers.pop(0)
        ]

    async def close(self) -> None:
        self._answers.clear()


async def test_a_name_that_changes_its_mind_gains_nothing() -> None:
    """Judged is what is connected to, at every connection; of several addresses the allowed."""
    names = _Names([["127.0.0.3", "127.0.0.1"], ["127.0.0.3"]])
    session = Session(rules(deny="127.0.0.3"), names, keep_names_s=0)
    try:
        async with served({"/": _closing}) as url:
            address = url.replace("127.0.0.1", "rebound.example")
            async with session.http.get(address) as answer:
                assert await answer.text() == "5"
            with pytest.raises(ScalerError, match=r"egress to 127\.0\.0\.3 is denied"):
                await session.http.get(address)
    finally:
        await session.close()


@pytest.mark.parametrize(
    ("kind", "metadata", "auth"),
    [
        pytest.param(
            "prometheus",
            {"serverAddress": "http://127.0.0.1:1", "query": "up", "threshold": "1"}, {},
            id="prometheus",
        ),
        pytest.param(
            "rabbitmq", {"queueName": "q", "mode": "QueueLength", "value": "1"},
            {"host": "amqp://guest:guest@127.0.0.1:1/"}, id="amqp",
        ),
        pytest.param(
            "rabbitmq",
            {"queueName": "q", "mode": "QueueLength", "value": "1", "protocol": "http"},
            {"host": "http://guest:guest@127.0.0.1:1/"}, id="RabbitMQ's API",
        ),
        pytest.param(
            "kafka",
            {"bootstrapServers": "127.0.0.1:1", "consumerGroup": "g", "topic": "t"}, {},
            id="kafka",
        ),
        pytest.param(
            "aws-sqs-queue",
            {"queueURL": "http://127.0.0.1:1/1/q", "awsRegion": "eu-west-1",
             "awsEndpoint": "http://127.0.0.1:1"},
            {"awsAccessKeyID": "a", "awsSecretAccessKey": "b"}, id="another endpoint of AWS",
        ),
    ],
)  # fmt: skip
async def test_every_family_asks(kind: str, metadata: dict[str, str], auth: dict[str, str]) -> None:
    async with world(deny="127.0.0.0/8") as io:
        with pytest.raises(ScalerError) as refused:
            await read(trigger(kind, metadata, auth), io)

    assert "127.0.0.1 may not be reached: egress to 127.0.0.0/8 is denied" in str(refused.value)


def _counting(asked: list[str]) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(text="5")

    return handler


async def _closing(_: web.Request) -> web.Response:
    """An answer after which the connection ends, so that the next call opens another."""
    answer = web.Response(text="5")
    answer.force_close()
    return answer
