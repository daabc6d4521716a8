"""The objects, their history, and who waits for news: the sandbox's etcd and watch cache.

One counter gives every write its resourceVersion. Each table (one a resource) keeps its current
objects and a window of past events. A watcher is a position in that window, so a write costs the
same whether none or twenty watch, and each event is encoded once. Stored objects are never changed
in place: a write stores a new dict.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

import msgspec

from tandem.sandbox.status import Json

Key = tuple[str, str]
"""Namespace ("" for cluster-scoped) and name."""


class ChangeType(StrEnum):
    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"


@dataclass(slots=True)
class Stored:
    """One version of one object, with its encodings by form (made once, when first asked for)."""

    obj: Json
    revision: int
    forms: dict[object, bytes] = field(default_factory=dict)

    def encoded(self) -> bytes:
        found = self.forms.get("")
        if found is None:
            found = self.forms[""] = msgspec.json.encode(self.obj)
        return found


@dataclass(frozen=True, slots=True)
class Change:
    """From *old* to *new*; a deletion has no new, but a `last` state with its own revision."""

    revision: int
    key: Key
    old: Stored | None
    new: Stored | None
    last: Stored | None = None

    @property
    def type(self) -> ChangeType:
        if self.old is None:
            return ChangeType.ADDED
        return ChangeType.DELETED if self.new is None else ChangeType.MODIFIED


class TooOld(Exception):
    """The wanted revision lies before the window; `oldest` is the first that does not."""

    def __init__(self, oldest: int) -> None:
        super().__init__(f"oldest revision kept is {oldest}")
        self.oldest = oldest


@dataclass(slots=True)
class Table:
    """Objects of one resource and their recent past.

    `floor` is the newest revision whose successors are all in `history`.
    """

    floor: int
    window: int
    items: dict[Key, Stored] = field(default_factory=dict)
    history: list[Change] = field(default_factory=list)
    closed: bool = False
    _sorted: list[Key] | None = None
    _news: asyncio.Future[None] | None = None

    def sorted_keys(self) -> list[Key]:
        if self._sorted is None:
            self._sorted = sorted(self.items)
        return self._sorted

    def record(self, change: Change) -> None:
        if change.new is None:
            del self.items[change.key]
        else:
            self.items[change.key] = change.new
        if change.type is not ChangeType.MODIFIED:
            self._sorted = None
        self.history.append(change)
        if len(self.history) >= 2 * self.window:
            self.compact(self.history[-self.window - 1].revision)
        self.wake()

    def wake(self) -> None:
        waited, self._news = self._news, None
        if waited is not None and not waited.done():
            waited.set_result(None)

    def wait(self) -> asyncio.Future[None]:
        """Give the future, shared by all watchers, that is done at the next change (or `wake`)."""
        if self._news is None:
            self._news = asyncio.get_running_loop().create_future()
        return self._news

    def compact(self, revision: int) -> None:
        """Forget the changes up to *revision*; watchers and pages older than it get a 410."""
        self.floor = max(self.floor, revision)
        self.history = self.history[self.index_after(self.floor) :]

    def index_after(self, revision: int) -> int:
        """Position in `history` of the first change after *revision*."""
        low, high = 0, len(self.history)
        while low < high:
            middle = (low + high) // 2
            if self.history[middle].revision <= revision:
                low = middle + 1
            else:
                high = middle
        return low

    def since(self, revision: int) -> list[Change]:
        if revision < self.floor:
            raise TooOld(self.floor)
        return self.history[self.index_after(revision) :]

    def snapshot(self, revision: int) -> dict[Key, Stored]:
        """Give the objects as they were at *revision*, by undoing what came later.

        Raises:
            TooOld: that past is no longer known.
        """
        later = self.since(revision)
        if not later:
            return self.items
        state = dict(self.items)
        for change in reversed(later):
            if change.old is None:
                state.pop(change.key, None)
            else:
                state[change.key] = change.old
        return state


class Store:
    def __init__(self, *, window: int = 10_000) -> None:
        self.revision = 1
        self._window = window
        self._tables: dict[str, Table] = {}

    def table(self, storage: str) -> Table:
        found = self._tables.get(storage)
        if found is None:
            found = self._tables[storage] = Table(floor=self.revision, window=self._window)
        return found

    def tables(self) -> Iterator[tuple[str, Table]]:
        yield from self._tables.items()

    def drop_table(self, storage: str) -> None:
        table = self._tables.pop(storage, None)
        if table is not None:
            table.closed = True
            table.wake()

    def get(self, storage: str, key: Key) -> Stored | None:
        return self.table(storage).items.get(key)

    def put(self, storage: str, key: Key, obj: Json) -> Stored:
        """Store *obj* under the next revision, written into its metadata."""
        table = self.table(storage)
        self.revision += 1
        obj["metadata"]["resourceVersion"] = str(self.revision)
        stored = Stored(obj, self.revision)
        table.record(Change(self.revision, key, table.items.get(key), stored))
        return stored

    def remove(self, storage: str, key: Key) -> Stored:
        """Delete; the last state is given back under the deletion's own revision."""
        table = self.table(storage)
        self.revision += 1
        old = table.items[key]
        metadata = old.obj["metadata"] | {"resourceVersion": str(self.revision)}
        last = Stored(old.obj | {"metadata": metadata}, self.revision)
        table.record(Change(self.revision, key, old, None, last))
        return last
