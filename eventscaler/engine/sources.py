"""The (Cluster)CloudEventSources of the cluster, given to the emitter; their statuses written.

Every process sends what it tells of its own objects. The status of a source is written by the
process whose shard it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import structlog

from eventscaler.cloudevents import Emitter
from eventscaler.cloudevents.emitter import Key
from eventscaler.cloudevents.standing import Standing
from eventscaler.core.faults import Fault
from eventscaler.decode import CloudEventSource, cloud_event_source
from eventscaler.engine.finalizers import Leaver, is_leaving
from eventscaler.engine.share import Share
from eventscaler.metrics import Meters
from kube.client import Client, Json
from kube.errors import KubeError
from kube.resources import CLOUD_EVENT_SOURCES, CLUSTER_CLOUD_EVENT_SOURCES, Resource
from kube.values import conditions
from kube.values.times import Now

log = structlog.get_logger()

SOURCES = {each.kind: each for each in (CLOUD_EVENT_SOURCES, CLUSTER_CLOUD_EVENT_SOURCES)}
COUNTED = "cloudevent_source"

Decoded = tuple[CloudEventSource | None, tuple[Fault, ...]]


def key_of(body: Json) -> Key:
    meta, resource = body["metadata"], SOURCES[str(body["kind"])]
    namespace = str(meta.get("namespace") or "default") if resource.namespaced else ""
    return namespace, str(meta["name"]), resource.kind


class Sources:
    def __init__(
        self,
        client: Client,
        emitter: Emitter,
        share: Share,
        leaver: Leaver,
        meters: Meters,
        now: Now,
    ) -> None:
        self._client = client
        self._emitter = emitter
        self._share = share
        self._leaver = leaver
        self._meters = meters
        self._now = now
        self._known: dict[Key, Decoded] = {}

    async def resync(self, listed: Callable[[Resource], Awaitable[list[Json]]]) -> None:
        """Take in what *listed* gives of each kind, forget those that vanished."""
        for kind, resource in SOURCES.items():
            known = {key for key in self._known if key[2] == kind}
            bodies = [{**body, "kind": kind} for body in await listed(resource)]
            for body in bodies:
                self.put(body)
            for gone in known - {key_of(body) for body in bodies}:
                self._drop(gone)

    def put(self, body: Json) -> None:
        """One was made or edited."""
        key = key_of(body)
        if is_leaving(body):
            self._leaver.put(SOURCES[key[2]], body)
            self._drop(key)
            return
        decoded = cloud_event_source(body)
        if self._known.get(key) == decoded:
            return
        if key not in self._known:
            self._count(key, 1)
        self._known[key] = decoded
        held = conditions.read((body.get("status") or {}).get("conditions") or ())
        write = partial(self._write, key, self._share.shard(body))
        self._emitter.put(key, *decoded, Standing(held, write, self._now))

    def drop(self, body: Json) -> None:
        """One is gone."""
        self._drop(key_of(body))

    def _drop(self, key: Key) -> None:
        if self._known.pop(key, None) is not None:
            self._count(key, -1)
            self._emitter.drop(key)

    def _count(self, key: Key, by: int) -> None:
        self._meters.resources.labels(COUNTED, key[0] or "default").inc(by)

    async def _write(self, key: Key, shard: int, patch: Json) -> bool:
        if not self._share.holds(shard):
            return False
        # In a task of its own: one that is at work when its shard is laid down is ended.
        task = asyncio.ensure_future(self._written(key, shard, patch))
        try:
            await asyncio.wait([task])
        finally:
            task.cancel()
        return not task.cancelled() and task.result()

    async def _written(self, key: Key, shard: int, patch: Json) -> bool:
        namespace, name, kind = key
        try:
            with self._share.turn(shard):
                await self._client.patch(
                    SOURCES[kind], name, patch, namespace=namespace or None, subresource="status"
                )
        except KubeError as error:  # one that does not lead says so, too; it is about to end
            what = f"{namespace}/{kind}/{name}"
            log.warning("status not written", object=what, why=str(error))
            return False
        return True
