"""What the actors know of the cluster: one shared cache a resource, with the two indexes they need.

A deletion asked for here counts at once (`doom`), although the watch tells of it later: otherwise
an actor would count a pod that it has just deleted and delete one more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from kube.cache import Cache, Change
from kube.client import Client, Json
from kube.resources import PODS, STORAGE_CLASSES, Resource
from kube.values.times import Now
from tandem.sandbox.controllers.things import Key, StorageClass, Thing

ALWAYS = datetime.min.replace(tzinfo=UTC)

T = TypeVar("T")
Seen = Change[Thing]


class Index:
    """Things by one or more words about them, kept up to date by the changes of a cache."""

    def __init__(self, cache: Cache[Thing], words: Callable[[Thing], Iterable[str]]) -> None:
        self._words = words
        self._held: dict[str, dict[str, Thing]] = {}
        cache.subscribe(self._on)

    def __getitem__(self, word: str) -> list[Thing]:
        return list(self._held.get(word, {}).values())

    def _on(self, change: Seen) -> None:
        if change.old is not None:
            for word in self._words(change.old):
                held = self._held[word]
                held.pop(change.old.uid, None)
                if not held:
                    del self._held[word]
        if change.new is not None:
            for word in self._words(change.new):
                self._held.setdefault(word, {})[change.new.uid] = change.new


def owners(found: Thing) -> list[str]:
    """The UIDs of all owners; a thing that nobody manages is an orphan of its namespace."""
    references = found.metadata.owner_references
    words = list(dict.fromkeys(owner.uid for owner in references))
    return (
        words
        if any(owner.controller for owner in references)
        else [*words, _orphans(found.namespace)]
    )


def _orphans(namespace: str) -> str:
    return f"orphans/{namespace}"


def node_of(pod: Thing) -> list[str]:
    return [pod.node] if pod.node else []


class World:
    """Caches that start when first asked for; all run in one task group.

    Args:
        client: for the caches and for whoever acts on what they hold.
        now: the clock of the actors.
    """

    def __init__(self, client: Client, now: Now) -> None:
        self.client = client
        self.now = now
        self._caches: dict[Resource, Cache[Thing]] = {}
        self._owned: dict[Resource, Index] = {}
        self._tasks: dict[Resource, asyncio.Task[None]] = {}
        self._doomed: set[str] = set()
        self._on_node: Index | None = None
        self._group: asyncio.TaskGroup | None = None

    def cache(self, resource: Resource) -> Cache[Thing]:
        """The cache of *resource*; it begins to fill once `start` has been called."""
        found = self._caches.get(resource)
        if found is None:
            kind = StorageClass if resource == STORAGE_CLASSES else Thing
            found = self._caches[resource] = Cache(self.client, resource, kind)
            found.subscribe(self._forget_doom)
            self._owned[resource] = Index(found, owners)
            self._run(resource)
        return found

    def start(self, group: asyncio.TaskGroup) -> None:
        self._group = group
        for resource in self._caches:
            self._run(resource)

    def drop(self, resource: Resource) -> None:
        """Forget a resource that is served no more."""
        self._caches.pop(resource, None)
        self._owned.pop(resource, None)
        task = self._tasks.pop(resource, None)
        if task is not None:
            task.cancel()

    def _run(self, resource: Resource) -> None:
        if self._group is not None:
            running = self._caches[resource].run()
            self._tasks[resource] = self._group.create_task(running)

    async def wait_synced(self, resources: Iterable[Resource] | None = None) -> None:
        for resource in list(self._caches) if resources is None else resources:
            await self.cache(resource).wait_synced()

    def get(self, resource: Resource, key: Key) -> Thing | None:
        found = self.cache(resource).get(key[1], key[0] or None)
        return None if found is None else self._seen(found)

    def all(self, resource: Resource) -> list[Thing]:
        return [self._seen(found) for found in self.cache(resource).values()]

    def owned(self, resource: Resource, uid: str) -> list[Thing]:
        """Things with an owner reference to *uid*, in the order of their names."""
        self.cache(resource)
        found = (self._seen(each) for each in self._owned[resource][uid])
        return sorted(found, key=lambda each: each.key)

    def managed(self, resource: Resource, uid: str) -> list[Thing]:
        """Things whose managing owner is *uid*."""
        return [
            found
            for found in self.owned(resource, uid)
            if any(o.uid == uid and o.controller for o in found.metadata.owner_references)
        ]

    def orphans(self, resource: Resource, namespace: str) -> list[Thing]:
        """Things in *namespace* that nobody manages."""
        return self.owned(resource, _orphans(namespace))

    def on_node(self, node: str) -> list[Thing]:
        if self._on_node is None:
            self._on_node = Index(self.cache(PODS), node_of)
        return [self._seen(pod) for pod in self._on_node[node]]

    def put(self, resource: Resource, body: Json) -> None:
        """Hold the answer of a write of ours at once."""
        kind = StorageClass if resource == STORAGE_CLASSES else Thing
        self.cache(resource).put(msgspec.convert(body, kind))

    def doom(self, uid: str | None) -> None:
        """Count this object as leaving until the watch says what became of it."""
        if uid:
            self._doomed.add(uid)

    def spare(self, uid: str | None) -> None:
        """The deletion was refused."""
        self._doomed.discard(uid or "")

    def _seen(self, found: Thing) -> Thing:
        if found.uid not in self._doomed or found.leaving:
            return found
        metadata = msgspec.structs.replace(found.metadata, deletion_timestamp=ALWAYS)
        return msgspec.structs.replace(found, metadata=metadata)

    def _forget_doom(self, change: Seen) -> None:
        found = change.new or change.old
        if found is not None and (change.new is None or found.leaving):
            self._doomed.discard(found.uid)
