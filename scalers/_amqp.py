"""AMQP: where and as whom to connect, and which queues the protocol can ask for.

Light: the connections are in `_aio_pika`, which is imported at the first read, because aio_pika is
heavy and most clusters have no RabbitMQ.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from pamqp.constants import DOMAIN_REGEX

from scalers._errors import Secret
from scalers._tls import PLAIN, Tls


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


def can_ask(queue: str) -> bool:
    """Whether the protocol's library sends this name; RabbitMQ itself allows any.

    >>> can_ask("shop/orders-1.dead"), can_ask("50% off")
    (True, False)
    """
    return DOMAIN_REGEX["queue-name"].fullmatch(queue) is not None


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
