"""`tandem demo --broker rabbitmq`: the same demo on a real RabbitMQ, found on PATH.

The server runs on free ports of 127.0.0.1 with its files in a temporary folder, and ends with the
demo. Workers are real consumers: a message is acknowledged when the work on it is done, so the
broker itself gives back what a vanished worker held.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage, AbstractQueue

from kube.client import Json
from tandem.demo.brokers import Broker, WorkQueue
from tandem.demo.rabbit_server import rabbitmq
from tandem.demo.scenario import Scenario
from tandem.errors import BadInput

QUEUE = "work"


@asynccontextmanager
async def open_broker(name: str, scenario: Scenario) -> AsyncIterator[Broker]:
    """The broker of that name, while inside."""
    if name == "http":
        queue = WorkQueue(per_replica=scenario.per_replica)
        async with queue.serving():
            yield queue
        return
    # Debian's wrapper on PATH changes user when root runs it; the program behind it does not.
    server = shutil.which("rabbitmq-server", path="/usr/lib/rabbitmq/bin") or shutil.which(
        "rabbitmq-server"
    )
    if server is None:
        raise BadInput(
            "--broker: rabbitmq-server is not on PATH; would do: install it"
            " (apt-get install rabbitmq-server), or --broker http"
        )
    async with rabbitmq(server) as url, RabbitQueue.connected(url, scenario.per_replica) as real:
        yield real


class RabbitQueue:
    """A durable queue of a real broker; the depth is counted here, the operator asks the broker."""

    name = "rabbitmq"

    def __init__(self, url: str, channel: AbstractChannel, queue: AbstractQueue, per: int) -> None:
        self._url = url
        self._channel = channel
        self._queue = queue
        self._per_replica = per
        self._published = 0
        self._done = 0

    @classmethod
    @asynccontextmanager
    async def connected(cls, url: str, per_replica: int) -> AsyncIterator[RabbitQueue]:
        async with await aio_pika.connect(url) as connection:
            channel = await connection.channel()
            queue = await channel.declare_queue(QUEUE, durable=True)
            yield cls(url, channel, queue, per_replica)

    @property
    def depth(self) -> int:
        return self._published - self._done

    @property
    def done(self) -> int:
        return self._done

    def trigger(self) -> Json:
        return {
            "type": "rabbitmq",
            "name": "work",
            "metadata": {
                "host": self._url,
                "protocol": "amqp",
                "queueName": QUEUE,
                "mode": "QueueLength",
                "value": str(self._per_replica),
            },
        }

    async def publish(self, messages: int) -> None:
        exchange = self._channel.default_exchange
        for number in range(messages):
            await exchange.publish(aio_pika.Message(str(number).encode()), routing_key=QUEUE)
            self._published += 1

    @asynccontextmanager
    async def take(self) -> AsyncIterator[bool]:
        async with taken(self._queue) as message:
            yield message is not None
            self._done += message is not None


@asynccontextmanager
async def taken(queue: AbstractQueue) -> AsyncIterator[AbstractIncomingMessage | None]:
    """One message while inside, or None: acknowledged on the way out, given back on an error.

    A call to the broker that is cancelled takes its channel down with it, and every other worker's
    message. So a worker that is cancelled while it asks waits for the answer, and gives that back.
    """
    asking = asyncio.ensure_future(queue.get(fail=False))
    try:
        message = await asyncio.shield(asking)
    except asyncio.CancelledError:
        late = await asking
        if late is not None:
            await late.nack(requeue=True)
        raise
    if message is None:
        yield None
        return
    async with message.process(requeue=True):
        yield message
