"""A sandbox with its actors under virtual time, and the objects that tests put into it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from kube.client import Client, ClientSettings, Json
from kube.errors import NotFound
from kube.resources import DEPLOYMENTS, NODES, PODS, Resource
from kube.transport import Request, Response, Stream, Transport
from tandem.sandbox.cluster import Sandbox, SandboxSettings
from tandem.sandbox.controllers.manager import run_controllers
from tandem.sandbox.controllers.settings import ControllerSettings
from tandem.sandbox.schemas.definitions import definitions

definitions()  # read once, before any loop runs

START = datetime(2026, 1, 1, tzinfo=UTC)
FAST = ClientSettings(per_s=1e6, burst=1_000_000, in_flight=10_000)


def virtual_now() -> datetime:
    """The loop's clock as a date, so that sleeping moves it."""
    return START + timedelta(seconds=asyncio.get_running_loop().time())


class Counting:
    """A transport that counts the writes which pass."""

    def __init__(self, inner: Transport) -> None:
        self._inner = inner
        self.writes: Counter[str] = Counter()
        self.log: list[Request] = []

    async def send(self, request: Request, *, timeout_s: float) -> Response:
        if request.method != "GET":
            self.writes[f"{request.method} {request.path}"] += 1
            self.log.append(request)
        return await self._inner.send(request, timeout_s=timeout_s)

    def stream(self, request: Request, *, timeout_s: float) -> AbstractAsyncContextManager[Stream]:
        return self._inner.stream(request, timeout_s=timeout_s)

    async def close(self) -> None:
        await self._inner.close()


class World:
    """What a test does to the cluster, and what it waits for."""

    def __init__(self, client: Client, actors: Counting) -> None:
        self.client = client
        self.actors = actors

    async def create(self, resource: Resource, body: Json) -> Json:
        namespace = "default" if resource.namespaced else None
        typed = {"apiVersion": resource.api_version, "kind": resource.kind, **body}
        return await self.client.create(resource, typed, namespace=namespace)

    async def get(self, resource: Resource, name: str) -> Json:
        return await self.client.get(
            resource, name, namespace="default" if resource.namespaced else None
        )

    async def patch(
        self, resource: Resource, name: str, body: Json, sub: str | None = None
    ) -> Json:
        namespace = "default" if resource.namespaced else None
        return await self.client.patch(resource, name, body, namespace=namespace, subresource=sub)

    async def delete(self, resource: Resource, name: str, **options: Any) -> None:
        namespace = "default" if resource.namespaced else None
        await self.client.delete(resource, name, namespace=namespace, **options)

    async def gone(self, resource: Resource, name: str) -> bool:
        try:
            await self.get(resource, name)
        except NotFound:
            return True
        return False

    async def pods(self, labels: str = "") -> list[Json]:
        return await self.client.items(PODS, namespace="default", labels=labels)

    async def nodes(self, *names: str, **options: Any) -> None:
        for name in names:
            await self.create(NODES, node(name, **options))

    async def deploy(self, name: str, replicas: int, **options: Any) -> None:
        await self.create(DEPLOYMENTS, deployment(name, replicas, **options))

    async def silent(self, for_s: float = 600.0) -> Counter[str]:
        """The writes that the actors make while nobody does anything."""
        before = Counter(self.actors.writes)
        await asyncio.sleep(for_s)
        return self.actors.writes - before


@asynccontextmanager
async def cluster(
    settings: ControllerSettings | None = None, now: Callable[[], datetime] = virtual_now
) -> AsyncIterator[World]:
    """A running sandbox; leave the context to stop it."""
    sandbox = Sandbox(SandboxSettings(), now)
    actors = Counting(sandbox.transport())
    acting = Client(actors, settings=FAST)
    given = settings or ControllerSettings()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(run_controllers(acting, now=now, settings=given))
        await asyncio.sleep(1)
        yield World(Client(sandbox.transport(), settings=FAST), actors)
        task.cancel()
    await sandbox.close()


def node(name: str, *, cpu: str = "4", memory: str = "8Gi", pods: int = 110, **labels: str) -> Json:
    amounts = {"cpu": cpu, "memory": memory, "pods": str(pods)}
    marks = {"kubernetes.io/hostname": name, "kwok.x-k8s.io/node": "fake"}
    given = {key.replace("__", "/").replace("_", "."): value for key, value in labels.items()}
    return {
        "metadata": {"name": name, "labels": {**marks, **given}},
        "status": {"capacity": amounts, "allocatable": amounts},
    }


def template(app: str, *, cpu: str = "100m", annotations: Json | None = None, **spec: Any) -> Json:
    container = {"name": "main", "image": "busybox", "resources": {"requests": {"cpu": cpu}}}
    metadata: Json = {"labels": {"app": app}}
    if annotations:
        metadata["annotations"] = annotations
    return {"metadata": metadata, "spec": {"containers": [container], **spec}}


def deployment(name: str, replicas: int, *, strategy: Json | None = None, **options: Any) -> Json:
    spec: Json = {
        "replicas": replicas,
        "selector": {"matchLabels": {"app": name}},
        "template": template(name, **options),
    }
    if strategy:
        spec["strategy"] = strategy
    return {"metadata": {"name": name}, "spec": spec}


def phases(pods: list[Json]) -> Counter[str]:
    return Counter(pod["status"].get("phase", "") for pod in pods)


def said(found: Json, kind: str) -> Json:
    """A status condition, or {}."""
    conditions: list[Json] = found.get("status", {}).get("conditions") or []
    return next((each for each in conditions if each["type"] == kind), {})
