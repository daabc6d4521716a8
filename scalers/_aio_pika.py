"""AMQP connections: one per broker, virtual host and credentials, named "tandem".

`aio_pika.connect`, not `connect_robust`: the robust one answers a passive declare from its cache.
A declare of a missing queue closes its channel, so channels are kept in a small stack and a closed
one is dropped; the connection and the other channels are not harmed.
"""

from __future__ import annotations

import asyncio
from typing import cast
from urllib.parse import urlsplit

import aio_pika
import aiormq.connection
import aiormq.exceptions as amqp
from aio_pika.abc import AbstractChannel, AbstractConnection

from scalers._amqp import Broker
from scalers._errors import ScalerError
from scalers._frames import Bounded
from scalers._guarded import admit
from scalers._tls import context
from scalers.io import IO

NAME = "tandem"


class _Receiver(aiormq.connection.FrameReceiver):
    """Reads frames of a bounded length."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        super().__init__(cast("asyncio.StreamReader", Bounded(reader)))


aiormq.connection.FrameReceiver = _Receiver  # type: ignore[misc]  # no other place to say so


class _Connection:
    def __init__(self, connection: AbstractConnection) -> None:
        self._connection = connection
        self._free: list[AbstractChannel] = []
        self._stale: list[AbstractChannel] = []  # given up while an answer was still to come
        self.lost = False

    @property
    def broken(self) -> bool:
        return self.lost or self._connection.is_closed

    async def close(self) -> None:
        await self._connection.close()

    async def depth(self, queue: str) -> int:
        """Messages ready in *queue*; a missing queue closes the channel that asked."""
        while self._stale:
            await self._stale.pop().close()
        channel = self._free.pop() if self._free else await self._connection.channel()
        answered = False
        try:
            declared = await channel.declare_queue(queue, passive=True)
            answered = True
        finally:
            if not channel.is_closed:
                (self._free if answered else self._stale).append(channel)
        return declared.declaration_result.message_count or 0


async def depth(broker: Broker, queue: str, io: IO) -> int:
    """Messages ready (not yet delivered) in *queue*.

    Raises:
        ScalerError: the queue is missing, the login is refused, the broker is away.
    """
    try:
        async with io.client(broker.key, lambda: _connect(broker, io)) as connection:
            try:
                return await connection.depth(queue)
            except (OSError, RuntimeError):  # aio_pika may take a closed connection for an open one
                connection.lost = True
                raise
    except amqp.ChannelNotFoundEntity:
        raise ScalerError(f"queue '{queue}' does not exist at {broker.host}") from None
    except (amqp.AuthenticationError, amqp.ProbableAuthenticationError):
        raise ScalerError(f"{broker.host} refused the user name or password") from None
    except OSError as error:  # aiormq's own connection errors are OSErrors too
        problem = error.strerror or type(error).__name__
        raise ScalerError(f"no connection to {broker.host}: {problem}") from error
    except RuntimeError as error:  # aiormq's word for a connection that is closed already
        raise ScalerError(f"the connection to {broker.host} was lost") from error
    except amqp.AMQPError as error:
        raise ScalerError(f"{broker.host} answered {type(error).__name__}") from error


async def _connect(broker: Broker, io: IO) -> _Connection:
    url = broker.url.reveal()
    await admit([urlsplit(url).hostname or ""], io)
    secured = await context(broker.tls, io) if url.startswith("amqps") else None
    mark = "&" if "?" in url else "?"
    connection = await aio_pika.connect(
        f"{url}{mark}auth=external" if broker.external else url,
        client_properties={"connection_name": NAME},
        ssl_context=secured,
        timeout=io.settings.read_timeout_s,
    )
    return _Connection(connection)
