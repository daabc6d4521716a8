"""Nodes without machines: a Node object that appears some time after it was asked for.

For demos, tests and simulations, and for real clusters without a cloud. The machine *is* its Node:
it exists from `create` on, and is gone when the Node object is. Between the two this process holds
it in memory only; a new process is asked again with the recorded time and goes on from there.

Limits: no kubelet runs here. Whoever simulates kubelets keeps the Node ready and starts its pods.
Source of the names: https://github.com/kubernetes-sigs/karpenter/tree/main/kwok
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from kube.client import Client, Json
from kube.errors import AlreadyExists, KubeError, NotFound
from kube.resources import NODES
from kube.values.duration import seconds
from kube.values.times import Now
from nodescaler.clouds.base import Denied, Gone, Instance, LaunchSpec, NoCapacity, NodeClass
from nodescaler.clouds.catalogue import builtin
from nodescaler.clouds.kwok_nodes import (
    FAKE,
    PREFIX,
    RESERVATION,
    TOKEN,
    instance_from,
    machine_of,
    node_body,
    provider_id,
    token_of,
)
from nodescaler.clouds.offers import cheapest, less_used
from nodescaler.core.model import InstanceType

log = structlog.get_logger()

RETRY_S = 1.0


def startup_s(node_class: NodeClass, default_s: float) -> float:
    """How long a machine of this class takes to join.

    Raises:
        Denied: the class says it in a way that is no duration.
    """
    text = node_class.spec.get("nodeRegistrationDelay")
    if text is None:
        return default_s
    try:
        return seconds(str(text))
    except ValueError as error:
        raise Denied(
            f"{node_class.kind} '{node_class.name}': spec.nodeRegistrationDelay: {error}"
        ) from error


def _used(holders: Mapping[str, str]) -> Counter[str]:
    """How many machines hold a part of each reservation."""
    return Counter(holders.values())


@dataclass(slots=True)
class Booting:
    """A machine whose Node has not appeared yet; `lock` is held while the Node is being written."""

    spec: LaunchSpec
    instance: Instance
    due: datetime
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class KwokCloud:
    """The cloud behind `KWOKNodeClass`.

    Args:
        client: where Nodes are written.
        types: the catalogue, the same for every class; the built-in one when None.
    """

    def __init__(
        self, client: Client, types: Sequence[InstanceType] | None = None, *, now: Now
    ) -> None:
        self._client = client
        self._types = tuple(builtin() if types is None else types)
        self._now = now
        self._booting: dict[str, Booting] = {}
        self._group: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            self._group = group
            for booting in tuple(self._booting.values()):
                group.create_task(self._boot(booting))
            await asyncio.Event().wait()

    async def catalogue(self, node_class: NodeClass) -> Sequence[InstanceType]:
        startup_s(node_class, 0.0)
        return less_used(self._types, _used(await self._holders()))

    async def create(self, spec: LaunchSpec) -> Instance:
        joined = await self._node(spec.token)
        if joined is not None:
            return machine_of(joined)
        held = await self._holders()
        booting = self._booting.get(spec.token) or self._start(spec, held)
        return booting.instance

    async def resume(self, spec: LaunchSpec) -> Instance:
        """Its Node is still to come, after what is left of the delay."""
        return await self.create(spec)

    async def _holders(self) -> dict[str, str]:
        """The machines that hold a part of a reservation: token and reservation."""
        if all(each.count is None for kind in self._types for each in kind.offerings):
            return {}
        before = self._reserving()  # whoever joins during the list would be missed by both
        nodes = await self._client.items(NODES, labels=RESERVATION)
        joined = (machine_of(node) for node in nodes)
        return before | {each.token: each.labels[RESERVATION] for each in joined}

    def _reserving(self) -> dict[str, str]:
        """Those of them that have not joined."""
        waiting = (each.instance for each in self._booting.values())
        return {m.token: m.labels[RESERVATION] for m in waiting if RESERVATION in m.labels}

    def _start(self, spec: LaunchSpec, held: Mapping[str, str]) -> Booting:
        delay = timedelta(seconds=startup_s(spec.node_class, spec.startup_s))
        types = less_used(self._types, _used({**held, **self._reserving()}))
        offer = cheapest(types, spec.requirements, spec.requests)
        if offer is None:
            raise NoCapacity(f"no offer of the catalogue meets {spec.requirements}")
        booting = Booting(spec, instance_from(spec, offer), spec.asked_at + delay)
        self._booting[spec.token] = booting
        if self._group is not None:
            self._group.create_task(self._boot(booting))
        return booting

    async def delete(self, provider_id: str) -> None:
        token = token_of(provider_id)
        booting = self._booting.get(token)
        if booting is not None:
            async with booting.lock:  # a Node that is being written must be there to be deleted
                self._booting.pop(token, None)
        node = await self._node(token)
        if node is None or "deletionTimestamp" in node["metadata"]:
            raise Gone(f"{provider_id} does not exist")
        try:
            metadata = node["metadata"]
            await self._client.delete(NODES, metadata["name"], uid=metadata["uid"])
        except NotFound as error:
            raise Gone(f"{provider_id} does not exist") from error

    async def get(self, provider_id: str) -> Instance:
        token = token_of(provider_id)
        if token in self._booting:
            return self._booting[token].instance
        node = await self._node(token)
        if node is None:
            raise Gone(f"{provider_id} does not exist")
        return machine_of(node)

    async def list(self) -> Sequence[Instance]:
        nodes = await self._client.items(NODES, labels=f"{FAKE}=fake")
        joined = [machine_of(node) for node in nodes if provider_id(node).startswith(PREFIX)]
        known = {each.token for each in joined}
        waiting = [each.instance for token, each in self._booting.items() if token not in known]
        return [*joined, *waiting]

    async def _boot(self, booting: Booting) -> None:
        """Write the Node when it is due, until it is written or nobody wants it any more."""
        await asyncio.sleep(max((booting.due - self._now()).total_seconds(), 0))
        while not await self._join(booting):  # noqa: ASYNC110 - waits for the API, not a state of ours
            await asyncio.sleep(RETRY_S)

    async def _join(self, booting: Booting) -> bool:
        spec = booting.spec
        async with booting.lock:
            if self._booting.get(spec.token) is not booting:
                return True
            try:
                await self._client.create(NODES, node_body(spec, booting.instance, self._now()))
            except AlreadyExists:
                log.debug("node was there", object=f"Node/{spec.name}")
            except KubeError as error:
                log.warning("node cannot join", object=f"Node/{spec.name}", why=str(error))
                return False
            del self._booting[spec.token]
            return True

    async def _node(self, token: str) -> Json | None:
        """The machine's Node, asked for afresh."""
        nodes = await self._client.items(NODES, labels=f"{TOKEN}={token}")
        return nodes[0] if nodes else None
