"""Topics of a test's own on the real broker, with ends and commits where the test wants them."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiokafka
import aiokafka.admin

from tests.services.kafka import Kafka

Place = dict[int, int]
KAFKA: Any = aiokafka  # untyped


class World:
    """A topic of its own on the real broker, its end and its commits put where a test wants."""

    def __init__(self, servers: str, topic: str, group: str) -> None:
        self.servers, self.topic, self.group = servers, topic, group

    async def publish(self, ends: Place) -> None:
        """So many messages to each partition."""
        producer: Any = KAFKA.AIOKafkaProducer(bootstrap_servers=self.servers)
        await producer.start()
        for partition, count in ends.items():
            for _ in range(count):
                await producer.send(self.topic, b"x", partition=partition)
        await producer.stop()

    async def commit(self, places: Place) -> None:
        consumer: Any = KAFKA.AIOKafkaConsumer(
            bootstrap_servers=self.servers, group_id=self.group, enable_auto_commit=False
        )
        await consumer.start()
        parts = {KAFKA.TopicPartition(self.topic, number): at for number, at in places.items()}
        consumer.assign(list(parts))
        await consumer.commit(parts)
        await consumer.stop()

    def metadata(self, **more: str) -> dict[str, str]:
        base = {"bootstrapServers": self.servers, "consumerGroup": self.group}
        return base | {"topic": self.topic} | more


@asynccontextmanager
async def topic(kafka: Kafka, name: str, partitions: int) -> AsyncIterator[None]:
    """A topic, deleted afterwards."""
    admin: Any = KAFKA.admin.AIOKafkaAdminClient(bootstrap_servers=kafka.plaintext)
    await admin.start()
    wanted = KAFKA.admin.NewTopic(name, num_partitions=partitions, replication_factor=1)
    await admin.create_topics([wanted])
    try:
        yield
    finally:
        await admin.delete_topics([name])
        await admin.close()


@asynccontextmanager
async def world(kafka: Kafka, ends: Place, commits: Place) -> AsyncIterator[World]:
    name = f"t-{uuid.uuid4().hex[:8]}"
    async with topic(kafka, name, len(ends)):
        at = World(kafka.plaintext, name, f"{name}-group")
        await at.publish(ends)
        if commits:
            await at.commit(commits)
        yield at
