"""Servers that announce or send gigabytes: the connection ends, nothing is kept of it."""

from __future__ import annotations

import asyncio
import struct
from contextlib import suppress

import pytest

from scalers.base import ScalerError, read
from scalers.io import IO
from tests.scalers.tools import Texts, trigger


@pytest.mark.parametrize(
    ("kind", "keys", "head"),
    [
        pytest.param(
            "kafka",
            {"bootstrapServers": "{host}", "consumerGroup": "g", "topic": "t", "lagThreshold": "5"},
            struct.pack(">i", 0x7FFFFFFF),
            id="kafka",
        ),
        pytest.param(
            "rabbitmq",
            {"host": "amqp://{host}/", "queueName": "q", "mode": "QueueLength", "value": "5"},
            b"\x01\x00\x00" + struct.pack(">I", 0xFFFFFFF0),
            id="rabbitmq",
        ),
    ],
)
async def test_a_frame_without_measure_ends_the_connection(
    kind: str, keys: Texts, head: bytes, io: IO
) -> None:
    async def announce(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1024)
        writer.write(head)
        await reader.read()  # and waits to be left
        writer.close()

    server = await asyncio.start_server(announce, "127.0.0.1", 0)
    async with server:
        host = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        wanted = trigger(kind, {key: text.format(host=host) for key, text in keys.items()})
        with pytest.raises(ScalerError, match=r"no connection to .*127\.0\.0\.1"):
            await read(wanted, io)


async def test_an_answer_without_end_frees_the_thread_that_reads_it(io: IO) -> None:
    left = asyncio.Event()

    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        with suppress(ConnectionError):
            while True:
                writer.write(b" " * 2**16)
                await writer.drain()
        left.set()

    server = await asyncio.start_server(pour, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        keys = {"queueURL": f"{url}/1/q", "awsRegion": "eu-west-1", "awsEndpoint": url}
        given = {"awsAccessKeyID": "id", "awsSecretAccessKey": "key"}
        with pytest.raises(ScalerError, match="the endpoint answers without end"):
            await read(trigger("aws-sqs-queue", keys, given), io)
        await left.wait()
