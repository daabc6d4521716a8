"""Watch: the changes after a revision as lines, with bookmarks, until the client's time is up.

Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
and https://kubernetes.io/docs/reference/using-api/api-concepts/#streaming-lists
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass

from tandem.sandbox.forms import Form, Shape, encode, object_bytes
from tandem.sandbox.options import invalid_options
from tandem.sandbox.reading import is_number
from tandem.sandbox.selection import Predicate, predicate
from tandem.sandbox.state import Call, State
from tandem.sandbox.status import ApiError, Json, bad_request, forbidden_field, too_large, too_old
from tandem.sandbox.store import Change, ChangeType, Stored, Table, TooOld

BOOKMARK_S = 60.0
DEFAULT_TIMEOUT_S = 1800.0
INITIAL_EVENTS_END = "k8s.io/initial-events-end"


@dataclass(slots=True)
class Watch:
    """One watcher: a position in a table's history."""

    state: State
    call: Call
    form: Form
    table: Table
    position: int
    matches: Predicate | None
    initial: tuple[Stored, ...] = ()
    announce_end: bool = False
    over: bool = False

    def seen(self, change: Change) -> bytes | None:
        """Give the line of *change* as this watcher sees it, or None."""
        if self.call.namespace and change.key[0] != self.call.namespace:
            return None
        before = change.old is not None and self._selects(change.old)
        after = change.new is not None and self._selects(change.new)
        if after and change.new is not None:
            return self.line(ChangeType.MODIFIED if before else ChangeType.ADDED, change.new)
        if before and change.old is not None:
            return self.line(ChangeType.DELETED, self._farewell(change, change.old))
        return None

    def _selects(self, stored: Stored) -> bool:
        return self.matches is None or self.matches(stored.obj)

    def _farewell(self, change: Change, old: Stored) -> Stored:
        """Give the last state: of the deletion, or of the write that left the selection."""
        if change.last is not None:
            return change.last
        metadata = old.obj["metadata"] | {"resourceVersion": str(change.revision)}
        return Stored(old.obj | {"metadata": metadata}, change.revision)

    def line(self, kind: str, stored: Stored) -> bytes:
        body = object_bytes(self.state, self.call.served, stored, self.form)
        return b'{"type":"%b","object":%b}' % (kind.encode(), body)

    def bookmark(self, annotations: Mapping[str, str] | None = None) -> bytes:
        metadata: Json = {"resourceVersion": str(self.position), "creationTimestamp": None}
        if annotations:
            metadata["annotations"] = dict(annotations)
        kind = self.call.served.kind
        obj: Json = {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": metadata}
        if self.form.shape is Shape.TABLE:
            names = {"kind": "Table", "apiVersion": "meta.k8s.io/v1"}
            obj = names | {"metadata": metadata, "columnDefinitions": None, "rows": []}
        elif self.form.shape is Shape.PARTIAL:
            obj |= {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
        return encode({"type": "BOOKMARK", "object": obj})

    @property
    def wants_bookmarks(self) -> bool:
        return is_true(self.call.query.get("allowWatchBookmarks"))

    async def lines(self) -> AsyncIterator[bytes]:
        """Yield the lines until the time is up, the history is gone or the resource is."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _timeout_s(self.call.query)
        bookmark_at = loop.time() + BOOKMARK_S
        for line in self._opening():
            yield line
        while not self.table.closed:
            for line in self._catch_up():
                yield line
            if self.over or loop.time() >= deadline:
                return
            until = min(bookmark_at, deadline)
            await asyncio.wait((self.table.wait(),), timeout=until - loop.time())
            if loop.time() >= bookmark_at:
                bookmark_at = loop.time() + BOOKMARK_S
                for line in self._routine_bookmark():
                    yield line

    def _behind(self) -> bool:
        history = self.table.history
        return self.position < self.table.floor or (
            bool(history) and history[-1].revision > self.position
        )

    def _catch_up(self) -> Iterator[bytes]:
        """Yield what has happened up to now, or the end when that is no longer known."""
        while self._behind():
            try:
                changes = self.table.since(self.position)
            except TooOld as error:
                self.over = True
                yield error_line(too_old(self.position, error.oldest))
                return
            for change in changes:
                self.position = change.revision
                line = self.seen(change)
                if line is not None:
                    yield line

    def _routine_bookmark(self) -> Iterator[bytes]:
        """Move the position up to now when this table has no news, and tell who wants to know."""
        if not self._behind():
            self.position = max(self.position, self.state.store.revision)
            if self.wants_bookmarks:
                yield self.bookmark()

    def _opening(self) -> Iterator[bytes]:
        for stored in self.initial:
            yield self.line(ChangeType.ADDED, stored)
        if self.announce_end and self.wants_bookmarks:
            yield self.bookmark({INITIAL_EVENTS_END: "true"})


def error_line(error: ApiError) -> bytes:
    return encode({"type": "ERROR", "object": error.status()})


def start(state: State, call: Call, form: Form) -> Watch:
    """Open a watch at the revision the client names; nothing from this call on is lost."""
    query = call.query
    _check_match(query)
    wanted = _revision(query)
    if wanted > state.store.revision:
        raise too_large(wanted, state.store.revision)
    table = state.store.table(call.served.kind.storage)
    matches = predicate(call.served, query, call.name)
    listed = query.get("sendInitialEvents")
    snapshot = is_true(listed) or (listed is None and wanted == 0)
    watch = Watch(state, call, form, table, wanted, matches)
    if not snapshot and wanted:
        return watch
    watch.position = state.store.revision
    watch.announce_end = is_true(listed)
    if snapshot:
        watch.initial = tuple(_current(watch))
    return watch


def _check_match(query: Mapping[str, str]) -> None:
    if "sendInitialEvents" in query and query.get("resourceVersionMatch") != "NotOlderThan":
        why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
        raise invalid_options("ListOptions", forbidden_field("resourceVersionMatch", why))


def _current(watch: Watch) -> Iterator[Stored]:
    for key in watch.table.sorted_keys():
        stored = watch.table.items[key]
        in_scope = watch.call.namespace in {"", key[0]}
        if in_scope and (watch.matches is None or watch.matches(stored.obj)):
            yield stored


def is_true(text: str | None) -> bool:
    return text is not None and text.lower() in {"1", "true"}


def _revision(query: Mapping[str, str]) -> int:
    text = query.get("resourceVersion") or "0"
    if not is_number(text):
        raise bad_request(
            f'Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
        )
    return int(text)


def _timeout_s(query: Mapping[str, str]) -> float:
    text = query.get("timeoutSeconds") or "0"
    return float(text) if is_number(text) and text != "0" else DEFAULT_TIMEOUT_S
