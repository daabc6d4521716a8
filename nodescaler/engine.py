"""The node half as one object: caches, controllers and the clouds' own work, in one task group.

kopf tells it what happens to pools and node classes (`changed`, `gone`, `resync`); pods, nodes and
claims come through its caches. Everything is event-driven: with nothing changing, nothing is
written. Killed at any line and started again, it comes to the same end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import structlog
from prometheus_client import CollectorRegistry

from kube.client import Client, Json
from kube.errors import KubeError, NotFound
from kube.events import Recorder
from kube.values.times import Now
from nodescaler.clouds.base import Cloud, CloudError
from nodescaler.controllers.books import CLASS_KINDS, POOL_KINDS, Books, Key
from nodescaler.controllers.emptiness import EmptinessController
from nodescaler.controllers.kit import Kit, NodeSettings
from nodescaler.controllers.lifecycle import Lifecycle
from nodescaler.controllers.observing import Observing
from nodescaler.controllers.pools import Pools
from nodescaler.controllers.provisioning import Provisioning
from nodescaler.controllers.queue import KeyQueue
from nodescaler.controllers.state import State
from nodescaler.controllers.static import StaticPools
from nodescaler.controllers.sweeping import Sweeping
from nodescaler.controllers.termination import Termination
from nodescaler.core.labels import CAPACITY_TYPE
from nodescaler.core.model import ClaimState, NodeState, PodSpec
from nodescaler.metrics import NodeMetrics

__all__ = ["NodeEngine", "NodeSettings", "Statistics"]

log = structlog.get_logger()

CLAIM_WORKERS = 64  # launches and drains wait for clouds and pods, not for a processor
RELIST_S = 10.0  # after a listing failed
RESERVED = "reserved"  # a capacity type
EXPECTED = (KubeError, CloudError)


@dataclass(frozen=True, slots=True)
class Statistics:
    """How much there is right now."""

    pools: int
    claims: int
    nodes: int
    pods: int
    pending: int


class NodeEngine:
    """Args: clouds: by name ("kwok", "aws"); `NodeSettings.default_cloud` is one of them."""

    def __init__(
        self,
        client: Client,
        clouds: Mapping[str, Cloud],
        recorder: Recorder,
        *,
        now: Now,
        settings: NodeSettings,
        registry: CollectorRegistry,
    ) -> None:
        self._client = client
        self._kit = Kit(client, clouds, recorder, now, settings, NodeMetrics(registry))
        self._books = Books(settings.default_class)
        self._state = State(client, self._books, now=now)
        self._termination = Termination(self._kit, self._state)
        self._lifecycle = Lifecycle(self._kit, self._state, self._termination)
        self._claims: KeyQueue[str] = KeyQueue(
            "claims", self._lifecycle.handle, workers=CLAIM_WORKERS, expected=EXPECTED
        )
        self._orphans: KeyQueue[str] = KeyQueue("orphans", self._orphan, expected=EXPECTED)
        self._provisioning = Provisioning(self._kit, self._state)
        self._emptiness = EmptinessController(self._kit, self._state, self._claims.add)
        self._static = StaticPools(self._kit, self._state)
        self._pools = Pools(self._kit, self._state, self._offers_changed)
        self._sweeping = Sweeping(self._kit, self._state, self._lifecycle)
        self._observing = Observing(self._kit, self._state)
        self._state.listen(pod=self._on_pod, node=self._on_node, claim=self._on_claim)

    # -------------------------------------------------------------- what kopf tells

    def changed(self, body: Json) -> None:
        """A pool or a node class was added or changed, or is told again."""
        key = self._books.changed(body)
        if key[0] in POOL_KINDS:
            self._pools.look(key)
            self._static.look(key[1])
            self._emptiness.again()  # its nodes may go sooner now
        else:
            self._pools.again()

    def gone(self, body: Json) -> None:
        self._forget((str(body["kind"]), str(body["metadata"]["name"])))

    def _forget(self, key: Key) -> None:
        self._books.gone(key)
        self._pools.look(key)
        self._pools.again()

    def _offers_changed(self) -> None:
        """Some pool may buy what it could not, or no longer what it could."""
        self._provisioning.again()
        self._static.again()

    async def resync(self) -> None:
        """Read every pool and node class, and forget those that have vanished."""
        for resource in (*CLASS_KINDS.values(), *POOL_KINDS.values()):
            before = self._books.keys(resource.kind)  # what is told during the list is newer
            try:
                found = await self._client.items(resource)
            except NotFound:
                log.info("kind not installed", object=resource.kind)
                found = []
            there = {(resource.kind, str(body["metadata"]["name"])): body for body in found}
            for key in before - there.keys():
                self._forget(key)
            told_gone = before - self._books.keys(resource.kind)
            for key in there.keys() - told_gone:
                names = {"apiVersion": resource.api_version, "kind": resource.kind}
                self.changed(names | there[key])

    # -------------------------------------------------------------- life

    async def run(self) -> None:
        """Keep nodes in step with pods, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._state.run())
            for cloud in self._kit.clouds.values():
                group.create_task(cloud.run())
            await self._state.wait_synced()
            log.info("nodes synced", object="cluster", read=self.statistics())
            for claim in self._state.claims():
                self._claims.add(claim.name)
            for node in self._state.nodes():
                self._on_node(None, node)
            group.create_task(self._pools.run())
            await self._pools.wait_judged()
            group.create_task(self._keep_listed())
            for work in (
                self._claims,
                self._orphans,
                self._provisioning,
                self._static,
                self._emptiness,
                self._sweeping,
            ):
                group.create_task(work.run())

    async def _keep_listed(self) -> None:
        """List again now and then: kopf tells of no deletion that its watch did not see."""
        wait_s = self._kit.settings.resync_s
        while wait_s:
            await asyncio.sleep(wait_s)
            try:
                await self.resync()
                wait_s = self._kit.settings.resync_s
            except KubeError as error:
                log.warning("listing failed", object="pools", why=str(error), retry_s=RELIST_S)
                wait_s = RELIST_S

    def statistics(self) -> Statistics:
        return Statistics(
            pools=len(self._books.entries()),
            claims=len(self._state.claims()),
            nodes=len(self._state.nodes()),
            pods=len(self._state.pods),
            pending=len(self._state.pods.pending()),
        )

    # -------------------------------------------------------------- who looks at what

    def _on_claim(self, old: ClaimState | None, new: ClaimState | None) -> None:
        if new is not None:
            self._claims.add(new.name)
        if _is_reserved(old) != _is_reserved(new):
            self._pools.again()  # less, or more, is left of the reservation

    def _on_node(self, old: NodeState | None, new: NodeState | None) -> None:
        for node in (old, new):
            claim = self._state.claim_of(node) if node is not None else None
            if claim is None:
                continue
            if new is None:
                self._lifecycle.node_left(claim)
            self._claims.add(claim.name)
        if new is not None and new.deleting:
            self._orphans.add(new.name)

    def _on_pod(self, old: PodSpec | None, new: PodSpec | None) -> None:
        """A pod that came or went matters to a node that is drained or may become empty."""
        for pod in (old, new):
            node = self._state.node(pod.node_name) if pod is not None and pod.node_name else None
            if node is None:
                continue
            self._on_node(None, node)

    async def _orphan(self, name: str) -> float | None:
        """A Node that somebody deletes: its claim goes, and takes it along; or it has none."""
        node = self._state.node(name)
        if node is None or not node.deleting or not self._state.is_node_held(name):
            return None
        claim = self._state.claim_of(node)
        if claim is None:
            return await self._termination.orphan(node)
        if claim.deleting_since is None:
            await self._lifecycle.give_up(claim, "NodeDeleted", f"node {name} is being deleted")
        return None


def _is_reserved(claim: ClaimState | None) -> bool:
    """Whether its machine holds a part of a capacity reservation."""
    return claim is not None and claim.labels.get(CAPACITY_TYPE) == RESERVED
