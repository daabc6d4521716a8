"""Lists and watch events read into structs, with no dictionary in between.

An object that does not fit the struct is left out and reported, so that one odd object does not
blind the reader to all others; a line or a page that is no JSON at all is `Garbled`.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec
import structlog

from kube.errors import Unavailable
from kube.objects import Held, ObjectMeta

log = structlog.get_logger()

T = TypeVar("T", bound=Held)


class Garbled(Unavailable):
    """The server sent something that is not what it promised."""


class ListMeta(msgspec.Struct, frozen=True):
    resource_version: str = msgspec.field(name="resourceVersion", default="")
    next: str = msgspec.field(name="continue", default="")


class RawList(msgspec.Struct, frozen=True):
    metadata: ListMeta
    items: list[msgspec.Raw] | None = None


class RawEvent(msgspec.Struct, frozen=True):
    type: str
    object: msgspec.Raw


class Identity(msgspec.Struct, frozen=True):
    """Enough of any object to know which one and which version it is."""

    metadata: ObjectMeta


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    objects: list[T]
    resource_version: str
    next: str


@dataclass(frozen=True, slots=True)
class Event(Generic[T]):
    """One line of a watch.

    `object` is None for a bookmark and for an object that does not fit; `raw` is the JSON of an
    ERROR.
    """

    type: str
    metadata: ObjectMeta
    object: T | None = None
    raw: bytes = b""


class Codec(Generic[T]):
    """Reads one kind."""

    def __init__(self, kind: type[T]) -> None:
        self._kind = kind
        self._object = msgspec.json.Decoder(kind)
        self._list = msgspec.json.Decoder(RawList)
        self._event = msgspec.json.Decoder(RawEvent)
        self._identity = msgspec.json.Decoder(Identity)

    def page(self, body: bytes) -> Page[T]:
        """Read one page of a list. Raises `Garbled`."""
        with collector_paused():
            try:
                found = self._list.decode(body)
            except msgspec.DecodeError as error:
                raise Garbled(f"not a list of {self._kind.__name__}: {error}") from error
            read = [self._read(raw) for raw in found.items or ()]
        objects = [each for each in read if each is not None]
        return Page(objects, found.metadata.resource_version, found.metadata.next)

    def event(self, line: bytes) -> Event[T]:
        """Read one line of a watch. Raises `Garbled`."""
        try:
            found = self._event.decode(line)
            if found.type == "ERROR":
                return Event(found.type, ObjectMeta(), raw=bytes(found.object))
            metadata = self._identity.decode(found.object).metadata
        except msgspec.DecodeError as error:
            raise Garbled(f"not an event of {self._kind.__name__}: {error}") from error
        if found.type == "BOOKMARK":
            return Event(found.type, metadata)
        return Event(found.type, metadata, self._read(found.object))

    def _read(self, raw: msgspec.Raw) -> T | None:
        try:
            return self._object.decode(raw)
        except msgspec.DecodeError as error:
            log.warning("object left out", kind=self._kind.__name__, why=str(error))
            return None


@contextmanager
def collector_paused() -> Iterator[None]:
    """No cyclic collection while many objects are made: it would be two to four times the cost."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
