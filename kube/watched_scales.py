"""Scales of Deployments and StatefulSets without a request a look: their counts are watched.

    watch -> what is held -> get            put -> /scale

A kind is watched once somebody asks for one of its scales. What is not held is read as before:
other kinds, and everything while a watch is broken or forbidden.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import msgspec

from kube.cache import Cache, Change, newer
from kube.client import Client
from kube.discovery import Discovery
from kube.errors import Conflict
from kube.resources import DEPLOYMENTS, STATEFUL_SETS
from kube.scale import Scale, Scales, Target
from kube.values.selectors import structured, text_of

LIST_S = 10.0  # then the first list is not waited for any more
KINDS = {resource.kind: resource for resource in (DEPLOYMENTS, STATEFUL_SETS)}


class Meta(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""

    @property
    def key(self) -> tuple[str, str]:
        return (self.namespace, self.name)


class Spec(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    replicas: int = 1  # the API's default
    selector: dict[str, Any] | None = None


class Status(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    replicas: int = 0


class Workload(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """What `/scale` tells of a workload."""

    metadata: Meta
    spec: Spec = Spec()
    status: Status = Status()


class WatchedScales(Scales):
    """The scales of a cluster.

    Args:
        moved: called with a target whose count changed, whoever changed it.
    """

    def __init__(
        self, client: Client, discovery: Discovery, moved: Callable[[Target], None]
    ) -> None:
        super().__init__(client, discovery)
        self._moved = moved
        self._caches = {kind: Cache(client, resource, Workload) for kind, resource in KINDS.items()}
        for kind, cache in self._caches.items():
            cache.subscribe(partial(self._changed, kind))
        self._asked = {kind: asyncio.Event() for kind in KINDS}
        self._written: dict[Target, Scale] = {}  # which no watch has shown yet
        self._doubted = set[Target]()
        self._runs = False

    async def run(self) -> None:
        """Watch the kinds that are asked for, until cancelled."""
        self._runs = True
        async with asyncio.TaskGroup() as group:
            for kind in KINDS:
                group.create_task(self._watch(kind))

    async def get(self, target: Target) -> Scale:
        """As held, else read. Raises `NotFound` when target, kind or `/scale` does not exist."""
        held, cache = self.held(target), self._cache(target)
        if held is None and self._runs and cache is not None:
            # A request for each object would keep the very list waiting that makes them needless.
            with suppress(TimeoutError):
                async with asyncio.timeout(LIST_S):
                    await cache.wait_tried()  # which is over at once but for the first list
            held = self.held(target)
        if held is not None:
            return held
        found = await super().get(target)
        self._doubted.discard(target)
        return found

    def held(self, target: Target) -> Scale | None:
        """The scale, where it is known without asking."""
        cache = self._cache(target)
        if cache is None:
            return None
        self._asked[target.kind].set()
        if not cache.synced or cache.last_error is not None or target in self._doubted:
            return None
        found = cache.get(target.name, target.namespace)
        if found is None:
            return None
        written = self._written.get(target)
        if written is not None and newer(written.resource_version, found.metadata.resource_version):
            return written
        self._written.pop(target, None)
        return _scale(found)

    def _cache(self, target: Target) -> Cache[Workload] | None:
        """Where the counts of its kind are held; None for kinds that are not watched."""
        resource = KINDS.get(target.kind)
        watched = resource is not None and resource.api_version == target.api_version
        return self._caches[target.kind] if watched else None

    async def put(self, target: Target, replicas: int, *, was: Scale) -> Scale:
        """Set the replicas of a scale that *was* seen. Raises `Conflict` when it changed since."""
        try:
            answer = await super().put(target, replicas, was=was)
        except Conflict:
            self._doubted.add(target)  # the watch may be behind: ask the next time
            raise
        if self._cache(target) is not None:
            self._written[target] = answer
        return answer

    async def _watch(self, kind: str) -> None:
        await self._asked[kind].wait()
        await self._caches[kind].run()

    def _changed(self, kind: str, change: Change[Workload]) -> None:
        meta = (change.new or change.old or Workload(Meta())).metadata
        target = Target(meta.namespace, KINDS[kind].api_version, kind, meta.name)
        if change.new is None:
            self._written.pop(target, None)
        elif change.old is not None and change.old.spec.replicas != change.new.spec.replicas:
            self._moved(target)


def _scale(found: Workload) -> Scale:
    return Scale(
        replicas=found.spec.replicas,
        status_replicas=found.status.replicas,
        selector=_selector(found.spec.selector or {}),
        resource_version=found.metadata.resource_version,
    )


def _selector(found: dict[str, Any]) -> str:
    """The selector as text; most are a few labels, and this is asked for with every look."""
    if found.get("matchExpressions"):
        return text_of(structured(found))
    labels = found.get("matchLabels") or {}
    return ",".join(f"{name}={value}" for name, value in sorted(labels.items()))
