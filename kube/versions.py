"""Which version of each object of one kind there is.

Only metadata is asked for, so that no value of a Secret travels. List, then watch, for ever. A
listener is told of each object that a watch brings, and of each list once, and asks with `moved`
what that means for the version it knows. Source of the protocol:
https://kubernetes.io/docs/reference/using-api/api-concepts/#metadata-only-fetches
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from zlib import crc32

import msgspec
import structlog

from kube.cache import max_version, newer
from kube.client import Client
from kube.errors import Denied, KubeError
from kube.resources import Resource
from kube.statuses import error_from, read_status
from kube.values.backoff import Backoff
from kube.wire import Codec, Event

log = structlog.get_logger()

Key = tuple[str, str]  # namespace, name
Told = Callable[[Key | None], None]

BACKOFF = Backoff(first_s=0.5, factor=2.0, ceiling_s=30.0, spread=0.5)
LASTED_S = 1.0  # a watch that held so long is no sign of trouble


class Version(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""


class Versioned(msgspec.Struct, frozen=True, gc=False):
    metadata: Version


class Versions:
    """The versions of one resource, in one namespace or in all.

    Args:
        told: called with an object that changed, or with None after a list, when any may have;
            must return soon.
        namespace: None for all.
        denied: called when this may not be watched; it is tried again all the same.
    """

    def __init__(
        self,
        client: Client,
        resource: Resource,
        told: Told,
        *,
        namespace: str | None = None,
        denied: Callable[[], None] = lambda: None,
    ) -> None:
        self._denied = denied
        self._client = client
        self._resource = resource
        self._told = told
        self._namespace = namespace
        self._codec = Codec(Versioned)
        self._held: dict[Key, str] = {}
        self._place = ""  # the server's version up to which all is known; "" before the first list
        self._trouble = ""

    def __len__(self) -> int:
        return len(self._held)

    def moved(self, key: Key, since: str) -> bool:
        """Whether *key* is known to have changed after version *since*, "" for its absence."""
        held = self._held.get(key, "")
        if held or not since:
            return newer(held, since)
        return newer(self._place, since)  # seen past that version, and it is not there

    async def run(self) -> None:
        """List and follow until cancelled."""
        failures = 0
        while True:
            loop = asyncio.get_running_loop()
            began = loop.time()
            try:
                await self._list()
                began = loop.time()
                while True:
                    await self._watch()
            except KubeError as error:
                failures = 1 if loop.time() - began >= LASTED_S else failures + 1
                self._report(error)
                if isinstance(error, Denied):
                    self._denied()
            jitter = crc32(f"{self._namespace}/{failures}".encode()) / 2**32
            await asyncio.sleep(BACKOFF.after(failures, jitter))

    async def _list(self) -> None:
        found: dict[Key, str] = {}
        token = ""
        while True:
            body = await self._client.list_bytes(
                self._resource,
                namespace=self._namespace,
                limit=self._client.settings.page,
                continue_=token,
                metadata_only=True,
            )
            page = self._codec.page(body)
            found |= {_key(each.metadata): each.metadata.resource_version for each in page.objects}
            token = page.next
            if not token:
                break
        self._settle(found, page.resource_version)

    def _settle(self, found: dict[Key, str], place: str) -> None:
        self._held, self._place = found, place
        self._trouble = ""
        self._told(None)

    async def _watch(self) -> None:
        """One watch to the end that the server gives it."""
        async with self._client.watch(
            self._resource,
            namespace=self._namespace,
            resource_version=self._place,
            metadata_only=True,
        ) as lines:
            async for line in lines:
                self._take(self._codec.event(line))

    def _take(self, event: Event[Versioned]) -> None:
        if event.type == "ERROR":
            status = read_status(event.raw)
            doing = f"WATCH {self._resource.path(self._namespace)}"
            raise error_from(doing, status.code, status)
        key, version = event.metadata.key, event.metadata.resource_version
        self._place = max_version(self._place, version)
        if event.type == "DELETED":
            self._held.pop(key, None)
        elif event.type in ("ADDED", "MODIFIED"):
            self._held[key] = version
        else:
            return
        self._told(key)

    def _report(self, error: KubeError) -> None:
        """Say what is wrong, once until it is another thing."""
        if str(error) != self._trouble:
            self._trouble = str(error)
            where = self._resource.path(self._namespace)
            log.warning("not watched", resource=where, why=str(error))


def _key(version: Version) -> Key:
    return (version.namespace, version.name)
