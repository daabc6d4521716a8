"""Judge pools: what they may buy, what is wrong with them, and what they have.

One bad pool is told so in its conditions and in an Event, and every other goes on. The status is
written only when it would read differently.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

import structlog

from kube.client import Json
from kube.errors import KubeError, NotFound
from kube.values.events import Reference
from nodescaler.clouds.base import CloudError, Denied
from nodescaler.controllers.books import POOL_KINDS, Key, PoolEntry
from nodescaler.controllers.kit import Kit
from nodescaler.controllers.pool_status import (
    NO_TYPES,
    NOTHING,
    READY,
    Finding,
    Verdict,
    differs,
    pool_status,
)
from nodescaler.controllers.queue import KeyQueue
from nodescaler.controllers.snapshots import usage
from nodescaler.controllers.state import State
from nodescaler.core.model import ClaimState, NodePool
from nodescaler.core.pools import allowed_types, nothing_allowed
from nodescaler.core.resources import CPU, Resources

log = structlog.get_logger()

CATALOGUE_S = 300.0  # prices and offers change by themselves: read them again
GATHER_S = 0.5  # claims change in bursts; one status write tells the outcome
FINE = Finding(ok=True, reason=READY)
UNKNOWN = Finding(ok=False, reason="PoolInvalid", message="the pool itself must be read first")


class Pools:
    """Args: on_change: called when what some pool may buy has changed."""

    def __init__(self, kit: Kit, state: State, on_change: Callable[[], None]) -> None:
        self._kit = kit
        self._state = state
        self._on_change = on_change
        self._told: dict[Key, Finding | None] = {}
        self._awaited: set[Key] = set()
        self._seen = asyncio.Event()
        self._queue: KeyQueue[Key] = KeyQueue(
            "pools", self._look, workers=4, expected=(KubeError, CloudError)
        )
        state.listen(claim=self._on_claim)

    async def run(self) -> None:
        self.again()
        await self._queue.run()

    def again(self) -> None:
        """A node class or the catalogue changed: look at every pool."""
        for entry in self._state.books.entries():
            self._queue.add(entry.key)

    def look(self, key: Key) -> None:
        self._queue.add(key)

    def _on_claim(self, old: ClaimState | None, new: ClaimState | None) -> None:
        for kind in POOL_KINDS:
            for claim in (old, new):
                if claim is not None and self._state.books.entry((kind, claim.pool)) is not None:
                    self._queue.add((kind, claim.pool), GATHER_S)

    async def wait_judged(self) -> None:
        """Until every pool that is known has been looked at once: before that none can buy."""
        self._awaited |= {entry.key for entry in self._state.books.entries()}
        while self._awaited:
            self._seen.clear()
            await self._seen.wait()

    async def _look(self, key: Key) -> float | None:
        try:
            return await self._look_at(key)
        finally:
            self._awaited.discard(key)
            self._seen.set()

    async def _look_at(self, key: Key) -> float | None:
        entry = self._state.books.entry(key)
        shadowed = self._state.books.is_shadowed(key)
        if entry is None:
            self._told.pop(key, None)
            if self._state.books.pool(key[1]) is None:
                self._state.books.types.pop(key[1], None)
            return None
        verdict = await self._judge(entry)
        if not shadowed:
            self._offer(key[1], verdict)
        self._tell(entry, verdict)
        await self._write(entry, verdict, shadowed=shadowed)
        return CATALOGUE_S

    def _offer(self, name: str, verdict: Verdict) -> None:
        was = self._state.books.types.get(name)
        types = verdict.types if verdict.worst is None else ()
        if was != types or types:  # a pool that changed in any way may take other pods
            self._state.books.types[name] = types
        if was != types:
            self._on_change()

    async def _judge(self, entry: PoolEntry) -> Verdict:
        pool = entry.pool
        if pool is None:
            return Verdict(Finding(ok=False, reason="Invalid", message=entry.fault), UNKNOWN)
        if self._state.books.is_shadowed(entry.key):
            message = f"a NodePool is called '{pool.name}' too; it is the one that counts"
            return Verdict(Finding(ok=False, reason="NameTaken", message=message), FINE)
        return await self._judge_readable(pool)

    async def _judge_readable(self, pool: NodePool) -> Verdict:
        cloud = self._kit.cloud_of(pool.node_class)
        node_class = self._state.books.node_class(pool.node_class)
        ref = pool.node_class
        if cloud is None:
            where = f"{ref.kind}.{ref.group}" if ref else self._kit.settings.default_cloud
            message = (
                f"no cloud is configured for {where}; there are: {', '.join(self._kit.clouds)}"
            )
            return Verdict(FINE, Finding(ok=False, reason="NoCloud", message=message))
        if node_class is None:
            message = f"{ref.kind} '{ref.name}' does not exist" if ref else "no default class"
            return Verdict(FINE, Finding(ok=False, reason="NodeClassNotFound", message=message))
        try:
            types = await cloud.catalogue(node_class)
        except Denied as error:
            return Verdict(FINE, Finding(ok=False, reason="NodeClassInvalid", message=str(error)))
        found = allowed_types(pool, types)
        wrong = None if found else nothing_allowed(pool, types)
        return Verdict(
            Finding(ok=False, reason=NO_TYPES, message=wrong) if wrong else FINE, FINE, found
        )

    def _tell(self, entry: PoolEntry, verdict: Verdict) -> None:
        """An Event and a line for what is newly wrong, a line for what is newly right."""
        worst, key = verdict.worst, entry.key
        if key in self._told and self._told[key] == worst:
            return
        self._told[key] = worst
        what = f"{key[0]}/{key[1]}"
        if worst is None:
            log.info("pool ready", object=what, decided=f"{len(verdict.types)} instance types",
                     disruption="empty nodes only")  # fmt: skip
            return
        log.warning("pool not ready", object=what, decided=worst.reason, why=worst.message)
        self._kit.recorder.emit(
            reference(entry.body), type="Warning", reason=worst.reason, message=worst.message
        )

    async def _write(self, entry: PoolEntry, verdict: Verdict, *, shadowed: bool) -> None:
        kind, name = entry.key
        used = {} if shadowed else usage(self._state.claims()).get(name, {})
        self._measure(name, entry.pool, used)
        status = pool_status(entry.body, verdict, used, self._kit.now())
        if not differs(entry.body, status):
            return
        write = partial(self._kit.client.patch, POOL_KINDS[kind], name, {"status": status})
        try:
            answer = await write(subresource="status")
        except NotFound:
            log.debug("pool is gone", object=f"{kind}/{name}")
            return
        if self._state.books.entry(entry.key) is not None:  # not deleted while the answer came
            self._state.books.changed(answer)

    def _measure(self, name: str, pool: NodePool | None, used: Resources) -> None:
        for resource, amount in {**NOTHING, **used}.items():
            value = amount / 1000 if resource == CPU else amount
            self._kit.metrics.pool_usage.labels(name, resource).set(value)
        for resource, amount in (pool.limits if pool is not None else {}).items():
            value = amount / 1000 if resource == CPU else amount
            self._kit.metrics.pool_limit.labels(name, resource).set(value)


def reference(body: Json) -> Reference:
    metadata = body["metadata"]
    return Reference(
        str(body["apiVersion"]), str(body["kind"]), metadata["name"], uid=metadata.get("uid", "")
    )
