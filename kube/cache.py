"""Every object of one kind, held in memory and kept true: list, then watch, for ever.

The promise to subscribers: the changes told, replayed from nothing, always give what is held, and
what is held follows the server. No change is told twice and none is left out, except that a run of
changes missed during a broken watch is told as its outcome. How:

- a list is compared with what is held, and only differences are told;
- a watch starts where the last list, event or bookmark ended;
- an object at the version held, or older, is no news.

Only the fields of the cache's struct are kept. Source of the protocol:
https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, ValuesView
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar
from zlib import crc32

import structlog

from kube.client import Client
from kube.errors import Gone, KubeError
from kube.objects import Held, ObjectMeta
from kube.resources import Resource
from kube.statuses import error_from, read_status
from kube.values.backoff import Backoff
from kube.wire import Codec, Event, Garbled

log = structlog.get_logger()

T = TypeVar("T", bound=Held)
Key = tuple[str, str]

BACKOFF = Backoff(first_s=0.5, factor=2.0, ceiling_s=30.0, spread=0.5)
PAGED_ATTEMPTS = 2  # then a list in one piece, which no forgotten snapshot can break
GARBLED_WATCHES = 3  # so many unreadable answers in a row, and the place is listed anew


class ChangeType(StrEnum):
    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"


@dataclass(frozen=True, slots=True)
class Change(Generic[T]):
    """What happened to one object; `old` and `new` are what was and is held."""

    type: ChangeType
    old: T | None
    new: T | None


Callback = Callable[[Change[T]], None]


@dataclass(frozen=True, slots=True)
class Statistics:
    held: int
    lists: int
    watches: int
    changes: int


class Cache(Generic[T]):
    """All objects of one resource, or of a namespace and selectors.

    Args:
        kind: a frozen msgspec struct with `metadata`; only its fields are kept.
        labels, fields: selectors in the API's own syntax.

    Callbacks run in the loop, must return soon and must not write to the cache; what one raises
    ends `run`, because it is a defect and not a fault of the network.
    """

    def __init__(
        self,
        client: Client,
        resource: Resource,
        kind: type[T],
        *,
        namespace: str | None = None,
        labels: str = "",
        fields: str = "",
    ) -> None:
        self.resource = resource
        self.last_error: KubeError | None = None
        self._client = client
        self._codec = Codec(kind)
        self._namespace = namespace
        self._labels = labels
        self._fields = fields
        self._held: dict[Key, T] = {}
        self._written: dict[Key, str] = {}  # versions put here that no list or watch has shown yet
        self._version = ""
        self._callbacks: list[Callback[T]] = []
        self._synced = asyncio.Event()
        self._tried = asyncio.Event()
        self._lists = self._watches = self._changes = 0

    @property
    def synced(self) -> bool:
        return self._synced.is_set()

    async def wait_synced(self) -> None:
        """Until the first whole list is held."""
        await self._synced.wait()

    async def wait_tried(self) -> None:
        """Until the first whole list is held, or something went wrong on the way to it."""
        await self._tried.wait()

    def get(self, name: str, namespace: str | None = None) -> T | None:
        return self._held.get((namespace or "", name))

    def values(self) -> ValuesView[T]:
        """A live view: copy it before awaiting anything."""
        return self._held.values()

    def statistics(self) -> Statistics:
        return Statistics(len(self._held), self._lists, self._watches, self._changes)

    def subscribe(self, callback: Callback[T]) -> Callable[[], None]:
        """Call back on every later change, not for what is held. Returns the way out."""
        self._callbacks.append(callback)
        return lambda: self._callbacks.remove(callback)

    def put(self, obj: T) -> None:
        """Hold the answer of our own write before the watch brings it; an older one is ignored."""
        version = obj.metadata.resource_version
        key = _key(obj)
        held = self._held.get(key)
        if not newer(version, self._version):
            return  # the watch has been there: what it left is this object or its successor
        if held is None or newer(version, held.metadata.resource_version):
            self._written[key] = version
            self._take(obj)

    async def run(self) -> None:
        """List and follow until cancelled."""
        attempt = 0
        while True:
            try:
                await self._list(paged=attempt < PAGED_ATTEMPTS)
                moved = await self._follow()
                attempt = 0 if moved else attempt + 1
            except KubeError as error:
                attempt += 1
                self._report(error)
            if attempt:
                await self._pause(attempt)

    async def _list(self, *, paged: bool) -> None:
        """Read the whole truth; unchanged objects stay the held ones, so memory does not double."""
        found: dict[Key, T] = {}
        token = ""
        self._lists += 1
        while True:
            page = self._codec.page(await self._page(token, paged=paged))
            for obj in page.objects:
                key = _key(obj)
                held = self._held.get(key)
                found[key] = held if held is not None and _same(held, obj) else obj
            token = page.next
            if not token:
                break
        self._settle(found, page.resource_version)

    async def _page(self, token: str, *, paged: bool) -> bytes:
        return await self._client.list_bytes(
            self.resource,
            namespace=self._namespace,
            labels=self._labels,
            fields=self._fields,
            limit=self._client.settings.page if paged else None,
            continue_=token,
        )

    def _settle(self, found: dict[Key, T], version: str) -> None:
        """Make what is held equal to a list made at `version`, but for our own later writes."""
        self._written = {k: v for k, v in self._written.items() if newer(v, version)}
        for key in [key for key in self._held if key not in found and key not in self._written]:
            self._drop(key)
        for key, obj in found.items():
            if key not in self._written:
                self._take(obj)
        self._version = version
        self.last_error = None
        if not self.synced:
            gc.freeze()  # the first list lives as long as the process: never walk it again
            self._synced.set()
            self._tried.set()

    async def _follow(self) -> bool:
        """Watch until the place is lost; tells whether anything came before that."""
        start = self._version
        fruitless = garbled = 0
        while garbled < GARBLED_WATCHES:
            before, began = self._version, asyncio.get_running_loop().time()
            error = await self._watch()
            if error is not None:
                self._report(error)
            if isinstance(error, Gone):
                break
            lasted_s = asyncio.get_running_loop().time() - began
            moved = self._version != before or (error is None and lasted_s >= 1.0)
            fruitless = 0 if moved else fruitless + 1
            garbled = garbled + 1 if isinstance(error, Garbled) and not moved else 0
            if fruitless:
                await self._pause(fruitless)
        return self._version != start

    async def _watch(self) -> KubeError | None:
        """One watch to its end; None when the server ended it in order."""
        self._watches += 1
        try:
            async with self._client.watch(
                self.resource,
                namespace=self._namespace,
                labels=self._labels,
                fields=self._fields,
                resource_version=self._version,
            ) as lines:
                async for line in lines:
                    self._on_event(self._codec.event(line))
        except KubeError as error:
            return error
        return None

    def _on_event(self, event: Event[T]) -> None:
        """Apply one event of a watch; one at or before our place is no news."""
        if event.type == "ERROR":
            status = read_status(event.raw)
            raise error_from(f"WATCH {self.resource.path(self._namespace)}", status.code, status)
        meta = event.metadata
        if event.type == "DELETED":
            self._on_deleted(meta)
        elif event.type in ("ADDED", "MODIFIED") and newer(meta.resource_version, self._version):
            self._on_written(meta, event.object)
        self._version = max_version(self._version, meta.resource_version)
        self.last_error = None

    def _on_deleted(self, meta: ObjectMeta) -> None:
        held = self._held.get(meta.key)
        if held is not None and not newer(held.metadata.resource_version, meta.resource_version):
            self._drop(meta.key)

    def _on_written(self, meta: ObjectMeta, obj: T | None) -> None:
        held = self._held.get(meta.key)
        if obj is None:  # it no longer fits the struct: what cannot be read is not held
            self._on_deleted(meta)
        elif held is None or newer(meta.resource_version, held.metadata.resource_version):
            self._take(obj)
        if not newer(self._written.get(meta.key, ""), meta.resource_version):
            self._written.pop(meta.key, None)

    def _take(self, obj: T) -> None:
        key = _key(obj)
        held = self._held.get(key)
        if held is not None and held.metadata.uid != obj.metadata.uid:
            self._drop(key)  # deleted and made again while nobody told us
            held = None
        if held is not None and _same(held, obj):
            return
        self._held[key] = obj
        type_ = ChangeType.ADDED if held is None else ChangeType.MODIFIED
        self._tell(Change(type_, held, obj))

    def _drop(self, key: Key) -> None:
        self._written.pop(key, None)
        self._tell(Change(ChangeType.DELETED, self._held.pop(key), None))

    def _tell(self, change: Change[T]) -> None:
        self._changes += 1
        for callback in tuple(self._callbacks):
            callback(change)

    def _report(self, error: KubeError) -> None:
        self.last_error = error
        self._tried.set()
        log.warning("watch broken", resource=self.resource.path(self._namespace), why=str(error))

    async def _pause(self, attempt: int) -> None:
        """At first not at all, then longer each time, and not in step with other caches."""
        jitter = crc32(f"{self.resource.plural}/{attempt}".encode()) / 2**32
        await asyncio.sleep(round(BACKOFF.after(attempt - 1, jitter), 3))


def newer(version: str, than: str) -> bool:
    """Is a resourceVersion later? They are decimal numbers that only grow.

    Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions

    >>> newer("10", "9"), newer("9", "9"), newer("1", "")
    (True, False, True)
    """
    return (len(version), version) > (len(than), than)


def max_version(one: str, other: str) -> str:
    return other if newer(other, one) else one


def _key(obj: Held) -> Key:
    return (obj.metadata.namespace, obj.metadata.name)


def _same(one: Held, other: Held) -> bool:
    mine, theirs = one.metadata, other.metadata
    return (mine.uid, mine.resource_version) == (theirs.uid, theirs.resource_version)
