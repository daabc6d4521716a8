"""The engine on the embedded cluster's API, in memory and in virtual time.

`Wire` stands between the two: it counts what is written, and can delay or refuse what a test names.
A status that the engine writes comes back to it as a change, as kopf would tell it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import yaml
from prometheus_client import CollectorRegistry

from eventscaler.engine import EventEngine, EventSettings
from kube.client import Client, Json
from kube.errors import Unavailable
from kube.events import Recorder
from kube.resources import DEPLOYMENTS, EVENTS, PODS, SCALED_OBJECTS, Resource
from kube.transport import Request, Response, Stream, Transport, always
from scalers.io import IO
from tandem.sandbox.cluster import Sandbox, SandboxSettings
from tests.eventscaler import manifests

CRDS = Path(__file__).parents[2] / "crds"
EPOCH = datetime(2026, 5, 1, 12, tzinfo=UTC)
READS = {"GET", "HEAD"}
OK = 200
OURS = {"keda.sh", "eventing.keda.sh"}
FORBIDDEN = b'{"kind": "Status", "reason": "Forbidden", "message": "not you"}'


def now() -> datetime:
    """The virtual loop's time as a wall clock."""
    return EPOCH + timedelta(seconds=asyncio.get_running_loop().time())


def crds() -> list[Json]:
    return [yaml.safe_load(path.read_text()) for path in sorted(CRDS.glob("*keda.sh_*.yaml"))]


@dataclass(slots=True)
class Wire:
    """A transport that can be listened to and disturbed."""

    inner: Transport
    writes: list[tuple[float, str]] = field(default_factory=list)
    delay_s: Callable[[Request], float] = lambda _: 0.0
    fail: Callable[[Request], bool] = lambda _: False
    forbidden: Callable[[Request], bool] = lambda _: False
    answered: Callable[[Request, Response], None] = lambda *_: None

    async def send(self, request: Request, *, timeout_s: float) -> Response:
        await asyncio.sleep(self.delay_s(request))
        if self.fail(request):
            raise Unavailable(f"{request.method} {request.path}: connection refused")
        if self.forbidden(request):
            return Response(403, FORBIDDEN)
        response = await self.inner.send(request, timeout_s=timeout_s)
        if request.method not in READS:
            at = asyncio.get_running_loop().time()
            self.writes.append((at, f"{request.method} {request.path}"))
        self.answered(request, response)
        return response

    def stream(self, request: Request, *, timeout_s: float) -> AbstractAsyncContextManager[Stream]:
        return self.inner.stream(request, timeout_s=timeout_s)

    async def close(self) -> None:
        await self.inner.close()


@dataclass(slots=True)
class World:
    sandbox: Sandbox
    wire: Wire
    client: Client
    engine: EventEngine
    meters: CollectorRegistry

    async def apply(self, *bodies: Json) -> None:
        """Make objects, and tell the engine of its own kinds as kopf would."""
        for body in bodies:
            made = await self.client.create(resource_of(body), body)
            if body["apiVersion"].partition("/")[0] in OURS:
                self.engine.changed(made)

    async def edit(self, resource: Resource, name: str, **spec: object) -> None:
        changed = await self.client.patch(resource, name, {"spec": spec}, namespace="default")
        self.engine.changed(changed)

    async def work(self, pods: int, app: str = "work") -> None:
        """Let the queue *app* hold that many: the pods that the trigger counts."""
        held = await self.client.items(PODS, namespace="default", labels=f"app={app}")
        for index in range(len(held), pods):
            await self.client.create(PODS, manifests.pod(f"{app}-{index}", app))
        for index in range(pods, len(held)):
            await self.client.delete(PODS, f"{app}-{index}", namespace="default", grace_s=0)

    async def delete(self, name: str = "orders") -> None:
        """Ask for a ScaledObject's deletion, and tell the engine when something holds it."""
        await self.client.delete(SCALED_OBJECTS, name, namespace="default")
        self.engine.changed(await self.client.get(SCALED_OBJECTS, name, namespace="default"))

    async def replicas(self, name: str = "orders") -> int:
        found = await self.client.get(DEPLOYMENTS, name, namespace="default")
        return int(found["spec"]["replicas"])

    async def status(self, name: str = "orders") -> Json:
        found = await self.client.get(SCALED_OBJECTS, name, namespace="default")
        status: Json = found.get("status") or {}
        return status

    async def condition(self, kind: str, name: str = "orders") -> tuple[str, str, str]:
        """Status, reason and message."""
        for found in (await self.status(name)).get("conditions", ()):
            if found["type"] == kind:
                return found["status"], found["reason"], found["message"]
        return ("", "", "")

    async def events(self, name: str = "orders") -> list[tuple[str, str]]:
        """Reason and message of the object's Events, in order."""
        found = await self.client.items(EVENTS, namespace="default")
        about = [event for event in found if event["involvedObject"]["name"] == name]
        about.sort(key=lambda event: int(event["metadata"]["resourceVersion"]))
        return [(event["reason"], event["message"]) for event in about]


def resource_of(body: Json) -> Resource:
    """The resource of a manifest's kind, as far as tests make them."""
    group, _, version = str(body["apiVersion"]).rpartition("/")
    kind = str(body["kind"])
    namespaced = not kind.startswith("Cluster")
    return Resource(group, version, kind.lower() + "s", kind, namespaced=namespaced)


def made(
    settings: EventSettings,
    sandbox: Sandbox | None,
    *,
    shards: int = 1,
    gate: Callable[[], None] = always,
) -> tuple[World, Recorder]:
    """A world; with *sandbox* a second engine on the same cluster, as after a restart."""
    sandbox = sandbox or Sandbox(SandboxSettings(crds=crds()), now)
    wire = Wire(sandbox.transport())
    client = Client(wire, gate=gate)
    registry = CollectorRegistry()
    recorder = Recorder(client, component="tandem", instance="test", now=now)
    engine = EventEngine(
        client,
        IO(now, client),
        recorder,
        now=now,
        settings=settings,
        rng=random.Random(7),
        registry=registry,
        shards=shards,
    )
    wire.answered = echo(engine)
    return World(sandbox, wire, client, engine, registry), recorder


def echo(engine: EventEngine) -> Callable[[Request, Response], None]:
    """Tell *engine* of its own patches."""

    def answered(request: Request, response: Response) -> None:
        if (
            request.method == "PATCH"
            and request.path.split("/")[2] in OURS
            and response.status == 200
        ):
            engine.changed(msgspec.json.decode(response.body))

    return answered


DEFAULTS = EventSettings(jitter=0.0)  # polls to the second


@asynccontextmanager
async def running(
    settings: EventSettings = DEFAULTS,
    sandbox: Sandbox | None = None,
    *,
    shards: int = 1,
    gate: Callable[[], None] = always,
) -> AsyncIterator[World]:
    """A world whose engine runs until the block ends."""
    world, recorder = made(settings, sandbox, shards=shards, gate=gate)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(world.engine.run()), group.create_task(recorder.run())]
        await asyncio.sleep(0)
        yield world
        for task in tasks:
            task.cancel()
