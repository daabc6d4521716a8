"""The finalizer `finalizer.keda.sh`: put on where a deletion must do something, taken off always.

Only `restoreToOriginalReplicaCount` needs it here. But objects that KEDA had before carry it, all
four kinds of them, and whoever deletes one then waits for somebody to take it off: that is us.
"""

from __future__ import annotations

import asyncio

import structlog

from eventscaler.core.model import Mode
from eventscaler.decode import known_status, scaled_object
from eventscaler.engine.share import Share
from eventscaler.engine.tracked import Tracked
from kube.client import Client, Json
from kube.errors import Conflict, KubeError, NotFound, NotLeading
from kube.resources import SCALED_OBJECTS, Resource
from kube.scale import Scales

log = structlog.get_logger()

FINALIZER = "finalizer.keda.sh"
RETRY_S = 10.0
TURN_S = 0.05  # while a turn of the object is under way, or somebody else edited it


def guards(body: Json) -> bool:
    """Whether *body* carries the finalizer."""
    return FINALIZER in (body["metadata"].get("finalizers") or ())


def is_leaving(body: Json) -> bool:
    return bool(body["metadata"].get("deletionTimestamp"))


async def guard(client: Client, namespace: str, name: str) -> None:
    """Put the finalizer on a ScaledObject.

    Raises:
        KubeError: that did not work; it is wanted before the first write of a scale.
    """
    body = await client.get(SCALED_OBJECTS, name, namespace=namespace)
    if not guards(body) and not is_leaving(body):
        finalizers = [*(body["metadata"].get("finalizers") or ()), FINALIZER]
        await _patch(client, SCALED_OBJECTS, body, finalizers)


async def _patch(client: Client, resource: Resource, body: Json, finalizers: list[str]) -> None:
    meta = body["metadata"]
    patch = {"resourceVersion": meta["resourceVersion"], "finalizers": finalizers}
    await client.patch(resource, meta["name"], {"metadata": patch}, namespace=meta.get("namespace"))


Leaving = tuple[Resource, Json, Tracked | None]


class Leaver:
    """Lets objects go that are being deleted: their count back first, then the finalizer off."""

    def __init__(self, client: Client, scales: Scales, share: Share) -> None:
        self._client = client
        self._scales = scales
        self._share = share
        self._waiting: asyncio.Queue[Leaving] = asyncio.Queue()

    def put(self, resource: Resource, body: Json, tracked: Tracked | None = None) -> None:
        """*body* is being deleted; *tracked* may still have a turn under way."""
        if guards(body):
            self._waiting.put_nowait((resource, body, tracked))

    async def run(self) -> None:
        """Let go what comes, until cancelled; what fails is tried again later."""
        async with asyncio.TaskGroup() as group:
            while True:
                group.create_task(self._leave(await self._waiting.get()))

    async def _leave(self, leaving: Leaving) -> None:
        resource, body, tracked = leaving
        shard = self._share.shard(body)
        if not self._share.holds(shard):
            return  # whose it is lets it go
        if tracked is not None and tracked.running:
            wait: float | None = TURN_S
        else:
            with self._share.turn(shard):
                wait = await self._tried(resource, body)
        if wait is not None:
            asyncio.get_running_loop().call_later(wait, self._waiting.put_nowait, leaving)

    async def _tried(self, resource: Resource, body: Json) -> float | None:
        """Let one object go; after how many seconds to try again, None when it is done."""
        meta = body["metadata"]
        what = f"{meta.get('namespace', '')}/{resource.kind}/{meta['name']}"
        try:
            fresh = await self._client.get(resource, meta["name"], namespace=meta.get("namespace"))
            if not guards(fresh) or not is_leaving(fresh):
                return None
            if resource.kind == SCALED_OBJECTS.kind:
                await self._restore(fresh, what)
            finalizers = [each for each in fresh["metadata"]["finalizers"] if each != FINALIZER]
            await _patch(self._client, resource, fresh, finalizers)
        except NotFound:
            return None
        except NotLeading:
            return None  # whoever leads now lists it and lets it go
        except Conflict:
            return TURN_S
        except KubeError as error:
            log.warning("not let go", object=what, why=str(error), retry_s=RETRY_S)
            return RETRY_S
        log.info("let go", object=what)
        return None

    async def _restore(self, body: Json, what: str) -> None:
        order, _ = scaled_object(body)
        original = known_status(body).original_replicas
        if order is None or not order.restore or original is None:
            return
        if order.settings.mode is not Mode.AUTO:
            return  # its count is not ours to set
        try:
            scale = await self._scales.get(order.target)
        except NotFound:
            return  # the target went first
        if scale.replicas != original:
            await self._scales.put(order.target, original, was=scale)
            log.info("restored", object=what, current=scale.replicas, decided=original)
