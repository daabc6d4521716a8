"""Kafka clients: one per cluster and credentials, used for offsets only.

A read is three requests: metadata of the topics (which never creates them), commits of the group
from its coordinator, and end offsets from the leaders, in this order, so that an end is never older
than a commit. aiokafka's consumer and admin client each hold connections of their own, and the
latter reads no end offsets; hence the one `AIOKafkaClient` below.
Source: https://kafka.apache.org/protocol
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection
from functools import partial
from typing import Any, cast

import aiokafka.conn
from aiokafka.abc import AbstractTokenProvider
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    KafkaError,
    NodeNotReadyError,
    RequestTimedOutError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    for_code,
)
from aiokafka.protocol.commit import OffsetFetchRequest
from aiokafka.protocol.coordination import FindCoordinatorRequest
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.protocol.offset import OffsetRequest

from scalers._errors import ScalerError
from scalers._frames import Bounded
from scalers._guarded import admit
from scalers._http import HttpAuth, fetch_token
from scalers._kafka import Cluster, Offsets, Sasl
from scalers._lag import Partition
from scalers._pool import together
from scalers._tls import context
from scalers.io import IO

CLIENT_ID = "tandem"
LATEST = -1
GROUP = 0
A_DAY_MS = 24 * 3600 * 1000
PAUSES_S = (0.0, 0.2, 0.8)
"""Before asking again: a moved leader, a coordinator that is still being made or loading."""


MECHANISMS = {
    Sasl.PLAINTEXT: "PLAIN",
    Sasl.SCRAM_SHA256: "SCRAM-SHA-256",
    Sasl.SCRAM_SHA512: "SCRAM-SHA-512",
    Sasl.OAUTHBEARER: "OAUTHBEARER",
}


_KAFKA: Any = aiokafka.conn  # without types


class _Bounded(_KAFKA.AIOKafkaConnection):  # type: ignore[misc]
    """A connection whose answers have a bound."""

    def _create_reader_task(self) -> Any:
        inner: Any = self
        inner._reader = Bounded(inner._reader)  # noqa: SLF001  # its own, untyped
        return super()._create_reader_task()


_KAFKA.AIOKafkaConnection = _Bounded  # the client has no place to say so


class _Tokens(AbstractTokenProvider):
    """OAUTHBEARER: a client-credentials token for each new connection."""

    def __init__(self, cluster: Cluster, io: IO) -> None:
        self._cluster = cluster
        self._io = io

    async def token(self) -> str:
        auth = HttpAuth(
            oauth_uri=self._cluster.oauth_uri,
            oauth_scopes=self._cluster.oauth_scopes,
            client_id=self._cluster.username,
            client_secret=self._cluster.password,
        )
        value, _ = await fetch_token(auth, self._cluster.tls, self._io)
        return value

    def extensions(self) -> dict[str, str]:
        return dict(self._cluster.oauth_extensions)


class _Kafka:
    """One client of one cluster; remembers which node coordinates which group."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._coordinators: dict[str, int] = {}
        self.broken = False

    async def close(self) -> None:
        await self._client.close()

    async def leaders(self, topics: Collection[str]) -> dict[Partition, int]:
        """The leading node of every partition of *topics*."""
        answer = await self._send(
            self._client.get_random_node(),
            MetadataRequest(sorted(topics), allow_auto_topic_creation=False),
        )
        self._client.cluster.update_metadata(answer)
        found: dict[Partition, int] = {}
        for code, topic, _, partitions in answer.topics:
            _raise_for(code, f"topic '{topic}'")
            found |= {Partition(topic, number): leader for _, number, leader, *_ in partitions}
        return found

    async def commits(
        self, group: str, partitions: Collection[Partition] | None
    ) -> dict[Partition, int]:
        """Committed offsets, -1 for none; with None, of all partitions the group committed on."""
        wanted = None if partitions is None else [(t, n) for t, n in _by_topic(partitions).items()]
        try:
            answer = await self._send(
                await self._coordinator(group), OffsetFetchRequest(group, wanted)
            )
            _raise_for(getattr(answer, "error_code", 0), f"group '{group}'")
        except KafkaError:
            self._coordinators.pop(group, None)
            raise
        found: dict[Partition, int] = {}
        for topic, rows in answer.topics:
            for number, offset, _, code in rows:
                _raise_for(code, f"group '{group}' on '{topic}'")
                found[Partition(topic, number)] = offset
        return found

    async def ends(self, leaders: dict[Partition, int]) -> dict[Partition, int]:
        """The end offset of each partition, asked of its leader, all leaders at once."""
        by_node: dict[int, list[Partition]] = defaultdict(list)
        for partition, node in sorted(leaders.items()):
            by_node[node].append(partition)
        calls = [partial(self._ends, node, found) for node, found in sorted(by_node.items())]
        answers = await together(len(calls) or 1, calls)
        return {partition: offset for answer in answers for partition, offset in answer.items()}

    async def _ends(self, node: int, partitions: list[Partition]) -> dict[Partition, int]:
        topics = [(t, [(n, LATEST) for n in ns]) for t, ns in _by_topic(partitions).items()]
        answer = await self._send(node, OffsetRequest(-1, 0, topics))
        found = {}
        for topic, rows in answer.topics:
            for number, code, _, offset in rows:
                _raise_for(code, f"partition {number} of '{topic}'")
                found[Partition(topic, number)] = offset
        return found

    async def _coordinator(self, group: str) -> int:
        if group not in self._coordinators:
            answer = await self._send(
                self._client.get_random_node(), FindCoordinatorRequest(group, GROUP)
            )
            _raise_for(answer.error_code, f"the coordinator of group '{group}'")
            self._coordinators[group] = answer.coordinator_id
        return self._coordinators[group]

    async def _send(self, node: int | None, request: Any) -> Any:
        if node is None:
            self.broken = True
            raise ScalerError("the cluster has no broker")
        try:
            return await self._client.send(node, request)
        except (NodeNotReadyError, KafkaConnectionError, RequestTimedOutError):
            self.broken = True  # the next read asks the bootstrap servers who is there
            raise


async def offsets(
    cluster: Cluster, group: str, topic: str, only: frozenset[int], io: IO
) -> Offsets:
    """Commits and ends of *group* on *topic*, or on all topics it has committed on.

    Without a topic, *only* (numbers of partitions; empty for all) is ignored.

    Raises:
        ScalerError: an unknown topic, a refused login, no answer.
    """
    try:
        return await _patiently(cluster, group, topic, only, io)
    except UnknownTopicOrPartitionError as error:
        raise ScalerError(f"{cluster.name}: {_subject(error)} does not exist") from error
    except (TopicAuthorizationFailedError, GroupAuthorizationFailedError) as error:
        raise ScalerError(f"{cluster.name} refuses {_subject(error)} to this user") from error
    except SaslAuthenticationFailed as error:
        raise ScalerError(f"{cluster.name} refused the user name or password") from error
    except KafkaConnectionError as error:
        login = "" if cluster.sasl is Sasl.NONE else ", or it refused the user name or password"
        raise ScalerError(f"no connection to {cluster.name}{login}") from error
    except KafkaError as error:
        raise ScalerError(f"{cluster.name} answered {type(error).__name__}") from error


async def _patiently(
    cluster: Cluster, group: str, topic: str, only: frozenset[int], io: IO
) -> Offsets:
    for pause_s in PAUSES_S:
        try:
            return await _once(cluster, group, topic, only, io)
        except KafkaError as error:
            if not error.retriable or isinstance(error, UnknownTopicOrPartitionError):
                raise
        await asyncio.sleep(pause_s)
    return await _once(cluster, group, topic, only, io)


async def _once(cluster: Cluster, group: str, topic: str, only: frozenset[int], io: IO) -> Offsets:
    async with io.client(cluster.key, lambda: _connect(cluster, io)) as kafka:
        return await _offsets(kafka, group, topic, only)


async def _offsets(kafka: _Kafka, group: str, topic: str, only: frozenset[int]) -> Offsets:
    if not topic:
        commits = await kafka.commits(group, None)
        leaders = await kafka.leaders({p.topic for p in commits}) if commits else {}
        leaders = {p: node for p, node in leaders.items() if p in commits}
        commits = {p: offset for p, offset in commits.items() if p in leaders}
    else:
        leaders = await kafka.leaders([topic])
        leaders = {p: n for p, n in leaders.items() if not only or p.number in only}
        if not leaders:
            raise ScalerError(f"topic '{topic}' has none of the partitions that are asked for")
        commits = await kafka.commits(group, leaders)
    ends = await kafka.ends(leaders)
    missing = sorted((set(leaders) - set(ends)) | (set(leaders) - set(commits)))
    if missing:
        raise ScalerError(f"no offset of partition {missing[0].number} of '{missing[0].topic}'")
    return Offsets(commits, ends)


async def _connect(cluster: Cluster, io: IO) -> _Kafka:
    await admit([server.rpartition(":")[0] or server for server in cluster.servers], io)
    protocol = ("SASL_" if cluster.sasl is not Sasl.NONE else "") + (
        "SSL" if cluster.secured else "PLAINTEXT"
    )
    client: Any = cast("Any", AIOKafkaClient)(
        bootstrap_servers=list(cluster.servers),
        client_id=CLIENT_ID,
        # Each read asks for the metadata it needs; the client's own refresh would load every topic.
        metadata_max_age_ms=A_DAY_MS,
        request_timeout_ms=int(io.settings.read_timeout_s * 1000),
        security_protocol=protocol,
        ssl_context=await context(cluster.tls, io) if cluster.secured else None,
        sasl_mechanism=MECHANISMS.get(cluster.sasl, "PLAIN"),
        sasl_plain_username=cluster.username.reveal() if cluster.username else None,
        sasl_plain_password=cluster.password.reveal() if cluster.password else None,
        sasl_oauth_token_provider=_Tokens(cluster, io),
    )
    try:
        await client.bootstrap()
    except BaseException:
        await client.close()
        raise
    return _Kafka(client)


def _by_topic(partitions: Collection[Partition]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for partition in sorted(partitions):
        found[partition.topic].append(partition.number)
    return found


def _raise_for(code: int, subject: str) -> None:
    if code:
        raise for_code(code)(subject)


def _subject(error: KafkaError) -> str:
    return str(error.args[0]) if error.args else "something that is asked for"
