"""AMQP connections: one per broker, virtual host and credentials, named "tandem".

`aio_pika.connect`, not `connect_robust`: the robust one answers a passive declare from its cache.
A declare of a missing queue closes its channel, so channels are kept in a small stack and a closed
one is dropped; the connection and the other channels are not harmed.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

import aio_pika
import aiormq.exceptions as amqp
from aio_pika.abc import AbstractChannel, AbstractConnection
from pamqp.constants import DOMAIN_REGEX

from scalers._errors import ScalerError, Secret
from scalers._tls import PLAIN, Tls, context
from scalers.io import IO

NAME = "tandem"


@dataclass(frozen=True, slots=True)
class Broker:
    """Where and as whom to connect; `external` logs in by the client certificate."""

    url: Secret
    tls: Tls = PLAIN
    external: bool = False

    @property
    def host(self) -> str:
        parts = urlsplit(self.url.reveal())
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"

    @property
    def key(self) -> Hashable:
        return "amqp", self


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


def can_ask(queue: str) -> bool:
    """Whether the protocol's library sends this name; RabbitMQ itself allows any.

    >>> can_ask("shop/orders-1.dead"), can_ask("50% off")
    (True, False)
    """
    return DOMAIN_REGEX["queue-name"].fullmatch(queue) is not None


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
    secured = await context(broker.tls, io) if url.startswith("amqps") else None
    mark = "&" if "?" in url else "?"
    connection = await aio_pika.connect(
        f"{url}{mark}auth=external" if broker.external else url,
        client_properties={"connection_name": NAME},
        ssl_context=secured,
        timeout=io.settings.read_timeout_s,
    )
    return _Connection(connection)


def with_vhost(url: str, vhost: str) -> str:
    """*url* with the virtual host of its path replaced; "" means "/".

    An HTTP address may have folders in front of it, as behind a proxy.

    >>> with_vhost("amqp://mq/old", "a/b"), with_vhost("https://x/mq/old", "")
    ('amqp://mq/a%2Fb', 'https://x/mq/%2F')
    """
    parts = urlsplit(url)
    folders = parts.path.rpartition("/")[0] if parts.scheme.startswith("http") else ""
    return parts._replace(path=f"{folders}/{quote(vhost or '/', safe='')}").geturl()


def with_user(url: str, username: str, password: str) -> str:
    """*url* with another user.

    >>> with_user("amqp://a:b@mq:5672/v", "me", "p@ss")
    'amqp://me:p%40ss@mq:5672/v'
    """
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    user = f"{quote(username, safe='')}:{quote(password, safe='')}"
    return parts._replace(netloc=f"{user}@{host}").geturl()
