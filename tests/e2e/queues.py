"""Real queues behind the demo's `Broker` protocol, counted message by message.

A message is acknowledged to the real broker when the work on it is done; `finished` holds how often
each message was done, so a lost one shows and a repeated one is counted.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol

import aio_pika
import boto3
from aio_pika.abc import AbstractChannel, AbstractQueue
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from kube.client import Json
from tandem.demo.rabbit import taken

PER_REPLICA = 50
REGION = "us-east-1"


class Queue(Protocol):
    """A `tandem.demo.brokers.Broker` that knows its messages by number."""

    name: str
    finished: Counter[str]

    @property
    def depth(self) -> int: ...
    @property
    def done(self) -> int: ...
    def credentials(self, namespace: str) -> list[Json]: ...
    def trigger(self) -> Json: ...
    async def publish(self, messages: int) -> None: ...
    def take(self) -> AbstractAsyncContextManager[bool]: ...


class _Counted:
    """What all queues share: numbered messages, and which of them are done."""

    name = ""

    def __init__(self) -> None:
        self.published = 0
        self.finished: Counter[str] = Counter()

    @property
    def depth(self) -> int:
        return self.published - len(self.finished)

    @property
    def done(self) -> int:
        return len(self.finished)


def secret(namespace: str, name: str, values: dict[str, str]) -> list[Json]:
    """A Secret, and the TriggerAuthentication that hands its keys to a trigger."""
    references = [{"parameter": key, "name": name, "key": key} for key in values]
    return [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "namespace": namespace},
            "stringData": values,
        },
        {
            "apiVersion": "keda.sh/v1alpha1",
            "kind": "TriggerAuthentication",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"secretTargetRef": references},
        },
    ]


class RabbitMq(_Counted):
    name = "rabbitmq"

    def __init__(self, url: str, channel: AbstractChannel, queue: AbstractQueue) -> None:
        super().__init__()
        self._url, self._channel, self._queue = url, channel, queue

    def credentials(self, namespace: str) -> list[Json]:
        return secret(namespace, "broker", {"host": self._url})

    def trigger(self) -> Json:
        return {
            "type": "rabbitmq",
            "metadata": {
                "queueName": self._queue.name,
                "mode": "QueueLength",
                "value": str(PER_REPLICA),
            },
            "authenticationRef": {"name": "broker"},
        }

    async def publish(self, messages: int) -> None:
        for _ in range(messages):
            message = aio_pika.Message(str(self.published).encode())
            await self._channel.default_exchange.publish(message, routing_key=self._queue.name)
            self.published += 1

    @asynccontextmanager
    async def take(self) -> AsyncIterator[bool]:
        async with taken(self._queue) as message:
            yield message is not None
            if message is not None:
                self.finished[message.body.decode()] += 1


@asynccontextmanager
async def rabbitmq_queue(url: str, name: str) -> AsyncIterator[RabbitMq]:
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(name, durable=True)
        yield RabbitMq(url, channel, queue)
        await queue.delete(if_unused=False, if_empty=False)


class Kafka(_Counted):
    name = "kafka"

    def __init__(self, servers: str, topic: str, group: str) -> None:
        super().__init__()
        self._servers, self._topic, self._group = servers, topic, group
        self._lock = asyncio.Lock()
        self.consumer: Any = None
        self.producer: Any = None

    def credentials(self, _namespace: str) -> list[Json]:
        return []

    def trigger(self) -> Json:
        return {
            "type": "kafka",
            "metadata": {
                "bootstrapServers": self._servers,
                "consumerGroup": self._group,
                "topic": self._topic,
                "lagThreshold": str(PER_REPLICA),
                "offsetResetPolicy": "earliest",
            },
        }

    async def publish(self, messages: int) -> None:
        for number in range(messages):
            await self.producer.send_and_wait(self._topic, str(number).encode())
            self.published += 1

    @asynccontextmanager
    async def take(self) -> AsyncIterator[bool]:
        """One message; offsets are committed in order, so the work on one partition is serial."""
        async with self._lock:
            batch = await self.consumer.getmany(timeout_ms=50, max_records=1)
            message = next((m for found in batch.values() for m in found), None)
            if message is not None:
                self.finished[message.value.decode()] += 1
                place = TopicPartition(message.topic, message.partition)
                await self.consumer.commit({place: message.offset + 1})
        yield message is not None


@asynccontextmanager
async def kafka_topic(servers: str, topic: str) -> AsyncIterator[Kafka]:
    queue = Kafka(servers, topic, f"{topic}-workers")
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    await admin.create_topics([NewTopic(topic, num_partitions=8, replication_factor=1)])
    await admin.close()
    queue.producer = AIOKafkaProducer(bootstrap_servers=servers)
    queue.consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=servers,
        group_id=f"{topic}-workers",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await queue.producer.start()
    await queue.consumer.start()
    try:
        yield queue
    finally:
        await queue.consumer.stop()
        await queue.producer.stop()


class Sqs(_Counted):
    name = "sqs"

    def __init__(self, endpoint: str, client: Any, url: str) -> None:
        super().__init__()
        self._endpoint, self._client, self._url = endpoint, client, url

    def credentials(self, namespace: str) -> list[Json]:
        keys = {"awsAccessKeyID": "testing", "awsSecretAccessKey": "testing"}
        return secret(namespace, "aws", keys)

    def trigger(self) -> Json:
        return {
            "type": "aws-sqs-queue",
            "metadata": {
                "queueURL": self._url,
                "queueLength": str(PER_REPLICA),
                "awsRegion": REGION,
                "awsEndpoint": self._endpoint,
            },
            "authenticationRef": {"name": "aws"},
        }

    async def publish(self, messages: int) -> None:
        for start in range(0, messages, 10):
            batch = [
                {"Id": str(number), "MessageBody": str(number)}
                for number in range(start, min(start + 10, messages))
            ]
            await asyncio.to_thread(
                self._client.send_message_batch, QueueUrl=self._url, Entries=batch
            )
            self.published += len(batch)

    @asynccontextmanager
    async def take(self) -> AsyncIterator[bool]:
        answer = await asyncio.to_thread(
            self._client.receive_message, QueueUrl=self._url, VisibilityTimeout=5
        )
        found = answer.get("Messages", [])
        yield bool(found)
        for message in found:
            # Counted first: a worker that is cancelled now cannot call its thread back.
            self.finished[message["Body"]] += 1
            await asyncio.to_thread(
                self._client.delete_message,
                QueueUrl=self._url,
                ReceiptHandle=message["ReceiptHandle"],
            )


@asynccontextmanager
async def sqs_queue(endpoint: str, name: str) -> AsyncIterator[Sqs]:
    def connect() -> tuple[Any, str]:
        client = boto3.client(
            "sqs",
            region_name=REGION,
            endpoint_url=endpoint,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )
        return client, client.create_queue(QueueName=name)["QueueUrl"]

    client, url = await asyncio.to_thread(connect)
    yield Sqs(endpoint, client, url)
    await asyncio.to_thread(client.delete_queue, QueueUrl=url)
