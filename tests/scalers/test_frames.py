"""Brokers that announce gigabytes: the connection ends at once, nothing is kept of it."""

from __future__ import annotations

import asyncio
import struct

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
