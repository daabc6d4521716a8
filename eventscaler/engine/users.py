"""Who uses which authentication: `status.scaledobjects` and `status.scaledjobs` of it.

Names are joined by commas, as in KEDA; beyond `SHOWN` they are counted. Written when it changed,
and not oftener than each `QUIET_S`. A process that has a part of the objects only writes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import structlog

from eventscaler.auth.resolver import Key as AuthKey
from eventscaler.decode.authentication import CLUSTER_KIND
from eventscaler.engine.schedule import Key
from kube.client import Client, Json
from kube.errors import KubeError, NotFound
from kube.resources import (
    CLUSTER_TRIGGER_AUTHENTICATIONS,
    SCALED_JOBS,
    SCALED_OBJECTS,
    TRIGGER_AUTHENTICATIONS,
)

log = structlog.get_logger()

SHOWN = 50
QUIET_S = 2.0
RETRY_S = 30.0
FIELDS = {SCALED_OBJECTS.kind: "scaledobjects", SCALED_JOBS.kind: "scaledjobs"}
RESOURCES = {
    resource.kind: resource
    for resource in (TRIGGER_AUTHENTICATIONS, CLUSTER_TRIGGER_AUTHENTICATIONS)
}


class Users:
    """The books; no I/O."""

    def __init__(self) -> None:
        self._of: dict[AuthKey, set[Key]] = {}
        self._shown: dict[AuthKey, dict[str, str]] = {}  # by authentication that there is
        self._changed = asyncio.Event()
        self._dirty: set[AuthKey] = set()

    def use(self, key: Key, auths: Iterable[AuthKey]) -> None:
        """The object *key* refers to these."""
        for auth in set(auths):
            self._of.setdefault(auth, set()).add(key)
            self._mark(auth)

    def release(self, key: Key, auths: Iterable[AuthKey]) -> None:
        """The object *key* refers to these no more."""
        for auth in set(auths):
            users = self._of.get(auth, set())
            users.discard(key)
            if not users:
                self._of.pop(auth, None)
            self._mark(auth)

    def seen(self, auth: AuthKey, status: object) -> None:
        """An authentication as the API has it."""
        found = status if isinstance(status, dict) else {}
        self._shown[auth] = {name: str(found.get(name) or "") for name in FIELDS.values()}
        self._mark(auth)

    def gone(self, auth: AuthKey) -> None:
        self._shown.pop(auth, None)

    async def changed(self) -> list[AuthKey]:
        """Wait for authentications whose users may be others than they show."""
        await self._changed.wait()
        self._changed.clear()
        dirty, self._dirty = sorted(self._dirty), set()
        return dirty

    def again(self, auth: AuthKey) -> None:
        """What was to be written of it was not."""
        self._mark(auth)

    def patch(self, auth: AuthKey) -> Json:
        """What of its status is to be changed; null for what is gone."""
        shown = self._shown.get(auth)
        if shown is None:
            return {}
        wanted = self._wanted(auth)
        return {name: wanted[name] or None for name in wanted if wanted[name] != shown[name]}

    def _wanted(self, auth: AuthKey) -> dict[str, str]:
        users = sorted(self._of.get(auth, ()))
        clusterwide = auth[0] == CLUSTER_KIND
        return {
            field: joined(
                [
                    f"{u.namespace}/{u.name}" if clusterwide else u.name
                    for u in users
                    if u.kind == kind
                ]
            )
            for kind, field in FIELDS.items()
        }

    def _mark(self, auth: AuthKey) -> None:
        self._dirty.add(auth)
        self._changed.set()


def joined(names: list[str]) -> str:
    """Names as the column has them.

    >>> joined(["a", "b"]), joined([f"o{i}" for i in range(60)])[-20:]
    ('a,b', 'o48,o49,and 10 more')
    """
    more = len(names) - SHOWN
    return ",".join([*names[:SHOWN], *([f"and {more} more"] if more > 0 else [])])


async def report(users: Users, client: Client, complete: asyncio.Event) -> None:
    """Keep the statuses true, until cancelled; not before the books are *complete*."""
    await complete.wait()
    while True:
        written = [await _written(users, client, auth) for auth in await users.changed()]
        await asyncio.sleep(QUIET_S if all(written) else RETRY_S)


async def _written(users: Users, client: Client, auth: AuthKey) -> bool:
    kind, namespace, name = auth
    patch = users.patch(auth)
    if not patch:
        return True
    try:
        body = await client.patch(
            RESOURCES[kind], name, {"status": patch}, namespace=namespace or None,
            subresource="status",
        )  # fmt: skip
    except NotFound:
        return True
    except KubeError as error:  # no leader either: the next one writes
        log.warning("users of an authentication not written", object=name, why=str(error))
        users.again(auth)
        return False
    users.seen(auth, body.get("status"))
    return True
