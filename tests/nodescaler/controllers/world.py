"""A cluster, its actors and node engines in one virtual time, with processes that can be killed.

A process that is killed stops as SIGKILL stops one: its request that was under way reaches the API
or does not, and nothing after it is ever sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import NoReturn

import yaml
from prometheus_client import CollectorRegistry

from kube.client import Client, ClientSettings, Json
from kube.events import Recorder
from kube.resources import (
    DEPLOYMENTS,
    EVENTS,
    KWOK_NODE_CLASSES,
    NODE_CLAIMS,
    NODE_POOLS,
    NODES,
    PODS,
    PROVISIONERS,
    Resource,
)
from kube.transport import Request, Response, Stream, Transport
from nodescaler.clouds.base import Cloud
from nodescaler.clouds.kwok import KwokCloud
from nodescaler.core.model import InstanceType
from nodescaler.engine import NodeEngine, NodeSettings
from tandem.sandbox.cluster import Sandbox, SandboxSettings
from tandem.sandbox.controllers.manager import run_controllers
from tandem.sandbox.controllers.settings import ControllerSettings

START = datetime(2026, 1, 1, tzinfo=UTC)
CRDS = Path(__file__).parents[3] / "crds"
FAST = ClientSettings(per_s=1e6, burst=1_000_000)
KINDS = {each.kind: each for each in (NODE_POOLS, PROVISIONERS, KWOK_NODE_CLASSES)}
MUTATING = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@cache
def crds() -> tuple[Json, ...]:
    return tuple(yaml.safe_load(path.read_text()) for path in sorted(CRDS.glob("karpenter*.yaml")))


# Both read files the first time; inside a loop that would block it.
Sandbox(SandboxSettings(crds=crds()), lambda: START)


class Mortal:
    """A transport of one process: counts its writes, and stops for ever at one of them.

    Args:
        dies_at: the number of the write (from 1) at which the process dies; None: never.
        applied: whether the API gets that last write.
    """

    def __init__(self, inner: Transport, *, dies_at: int | None = None, applied: bool = False):
        self.inner = inner
        self._dies_at = dies_at
        self._applied = applied
        self.writes: list[Request] = []
        self.dead = asyncio.Event()

    async def send(self, request: Request, *, timeout_s: float) -> Response:
        if self.dead.is_set():
            await self._for_ever()
        if request.method in MUTATING and "/events" not in request.path:
            self.writes.append(request)
            if len(self.writes) == self._dies_at:
                self.dead.set()
                if self._applied:
                    await self.inner.send(request, timeout_s=timeout_s)
                await self._for_ever()
        return await self.inner.send(request, timeout_s=timeout_s)

    def stream(self, request: Request, *, timeout_s: float) -> AbstractAsyncContextManager[Stream]:
        return self.inner.stream(request, timeout_s=timeout_s)

    async def close(self) -> None:
        await self.inner.close()

    def replace(self, inner: Transport) -> None:
        """From now on through *inner*."""
        self.inner = inner

    async def _for_ever(self) -> NoReturn:
        await asyncio.get_running_loop().create_future()
        raise AssertionError("nobody wakes the dead")


class Process:
    """One run of the node engine, to be killed at will."""

    def __init__(self, engine: NodeEngine, transport: Mortal, registry: CollectorRegistry) -> None:
        self.engine = engine
        self.transport = transport
        self.registry = registry
        self._task: asyncio.Task[None] | None = None

    def value(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(name, labels) or 0.0

    def started(self, task: asyncio.Task[None]) -> None:
        self._task = task

    async def kill(self) -> None:
        assert self._task is not None
        self.transport.dead.set()
        self._task.cancel()
        await asyncio.wait([self._task])


class World:
    def __init__(self, group: asyncio.TaskGroup, *, pod_start_s: float = 1.0) -> None:
        self._group = group
        self._tasks: list[asyncio.Task[None]] = []
        self._actors: asyncio.Task[None] | None = None
        loop = asyncio.get_running_loop()
        began = loop.time()
        self.now: Callable[[], datetime] = lambda: START + timedelta(seconds=loop.time() - began)
        self.sandbox = Sandbox(SandboxSettings(crds=crds(), pod_start_s=pod_start_s), self.now)
        self.client = Client(self.sandbox.transport(), settings=FAST)

    # -------------------------------------------------------------- who runs

    def start_actors(self, **settings: float | frozenset[str]) -> None:
        client = Client(self.sandbox.transport(), settings=FAST)
        chosen = ControllerSettings(**settings)  # type: ignore[arg-type]  # each test's own choice
        self._actors = self._group.create_task(
            run_controllers(client, now=self.now, settings=chosen)
        )
        self._tasks.append(self._actors)

    def stop_actors(self) -> None:
        """From now on only the API and the engines do anything."""
        if self._actors is not None:
            self._actors.cancel()

    async def start(
        self,
        settings: NodeSettings | None = None,
        *,
        types: Sequence[InstanceType] | None = None,
        wrap: Callable[[Cloud], Cloud] = lambda cloud: cloud,
        dies_at: int | None = None,
        applied: bool = False,
    ) -> Process:
        transport = Mortal(self.sandbox.transport(), dies_at=dies_at, applied=applied)
        client = Client(transport, settings=FAST)
        recorder = Recorder(client, component="tandem", instance="test", now=self.now)
        registry = CollectorRegistry()
        engine = NodeEngine(
            client,
            {"kwok": wrap(KwokCloud(client, types, now=self.now))},
            recorder,
            now=self.now,
            settings=settings or NodeSettings(),
            registry=registry,
        )
        process = Process(engine, transport, registry)
        task = self._group.create_task(_live(engine, recorder))
        process.started(task)
        self._tasks.append(task)
        return process

    def stop(self) -> None:
        for task in self._tasks:
            task.cancel()

    # -------------------------------------------------------------- what there is

    async def all(self, resource: Resource) -> list[Json]:
        return await self.client.items(resource)

    async def names(self, resource: Resource) -> set[str]:
        return {each["metadata"]["name"] for each in await self.all(resource)}

    async def events(self, reason: str) -> list[str]:
        return [e["message"] for e in await self.all(EVENTS) if e["reason"] == reason]

    async def bound(self) -> dict[str, str]:
        pods = await self.all(PODS)
        return {
            p["metadata"]["name"]: p["spec"]["nodeName"] for p in pods if p["spec"].get("nodeName")
        }

    async def until(
        self, holds: Callable[[], Awaitable[bool]], *, within_s: float, step_s: float = 0.05
    ) -> None:
        """Wait in virtual time until the awaited answer of *holds* is true."""
        loop = asyncio.get_running_loop()
        end = loop.time() + within_s
        while not await holds():
            assert loop.time() < end, f"not within {within_s} s"
            await asyncio.sleep(step_s)

    # -------------------------------------------------------------- what happens

    async def pool(self, body: Json, process: Process | None = None) -> Json:
        """Create a pool or a node class, and tell *process* as kopf would."""
        created = await self.client.create(KINDS[body["kind"]], body)
        if process is not None:
            process.engine.changed(created)
        return created

    async def conditions(self, resource: Resource, name: str) -> dict[str, tuple[str, str, str]]:
        """By type: status, reason, message."""
        found = (await self.client.get(resource, name)).get("status", {}).get("conditions", [])
        return {c["type"]: (c["status"], c["reason"], c.get("message", "")) for c in found}

    async def deployment(self, name: str, replicas: int, **container: str) -> None:
        await self.client.create(DEPLOYMENTS, deployment(name, replicas, **container))

    async def scale(self, name: str, replicas: int) -> None:
        body = {"spec": {"replicas": replicas}}
        await self.client.patch(DEPLOYMENTS, name, body, namespace="default")

    async def no_nodes(self) -> bool:
        return not await self.all(NODES) and not await self.all(NODE_CLAIMS)

    async def all_running(self, count: int) -> bool:
        pods = await self.all(PODS)
        running = [p for p in pods if p.get("status", {}).get("phase") == "Running"]
        return len(running) == count


async def _live(engine: NodeEngine, recorder: Recorder) -> None:
    await engine.resync()
    async with asyncio.TaskGroup() as group:
        group.create_task(recorder.run())
        await engine.run()


@asynccontextmanager
async def world(**settings: float) -> AsyncIterator[World]:
    async with asyncio.TaskGroup() as group:
        made = World(group, **settings)
        yield made
        made.stop()


def deployment(name: str, replicas: int, *, cpu: str = "500m", memory: str = "256Mi") -> Json:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {
                    "terminationGracePeriodSeconds": 1,
                    "containers": [
                        {
                            "name": "main",
                            "image": "worker",
                            "resources": {"requests": {"cpu": cpu, "memory": memory}},
                        }
                    ],
                },
            },
        },
    }


def node_pool(
    name: str = "default", *types: str, node_class: str = "default", **spec: Json
) -> Json:
    """A NodePool of kwok's; *spec* is merged over `spec` (disruption, limits and so on)."""
    ref = {"group": "karpenter.kwok.sh", "kind": "KWOKNodeClass", "name": node_class}
    line = {
        "key": "node.kubernetes.io/instance-type",
        "operator": "In",
        "values": list(types or ("m5.large",)),
    }
    template = {"spec": {"nodeClassRef": ref, "requirements": [line]}}
    extra = spec.pop("template", {})
    template["spec"] |= extra
    return {
        "apiVersion": "karpenter.sh/v1",
        "kind": "NodePool",
        "metadata": {"name": name},
        "spec": {"template": template, **spec},
    }


def kwok_class(name: str = "default", delay: str | None = None) -> Json:
    return {
        "apiVersion": "karpenter.kwok.sh/v1alpha1",
        "kind": "KWOKNodeClass",
        "metadata": {"name": name},
        "spec": {"nodeRegistrationDelay": delay} if delay is not None else {},
    }


def pod(name: str, *, cpu: str = "500m", **spec: object) -> Json:
    container = {"name": "main", "image": "worker", "resources": {"requests": {"cpu": cpu}}}
    body = {"terminationGracePeriodSeconds": 1, "containers": [container], **spec}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default", "labels": {"app": name}},
        "spec": body,
    }


def provisioner(name: str = "default", *types: str, empty_s: int = 30) -> Json:
    """The manifest of design.md, section 1."""
    types = types or ("t3.micro", "m5.large")
    line = {"key": "node.kubernetes.io/instance-type", "operator": "In", "values": list(types)}
    return {
        "apiVersion": "karpenter.k8s.aws/v1alpha1",
        "kind": "Provisioner",
        "metadata": {"name": name},
        "spec": {
            "provider": {"instanceTypes": list(types), "capacityType": ["on-demand", "spot"]},
            "requirements": [line],
            "ttlSecondsAfterEmpty": empty_s,
        },
    }
