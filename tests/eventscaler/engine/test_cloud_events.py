"""From what happens to an object to a sink over real HTTP, through the engine.

In real time, for sockets know no other.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from kube.client import Json
from kube.resources import (
    CLOUD_EVENT_SOURCES,
    CLUSTER_CLOUD_EVENT_SOURCES,
    SCALED_OBJECTS,
    TRIGGER_AUTHENTICATIONS,
    Resource,
)
from tests.eventscaler.manifests import (
    deployment,
    scaled_job,
    scaled_object,
    trigger_authentication,
)
from tests.eventscaler.world import World, running
from tests.scalers.servers import served

PAUSED = "autoscaling.keda.sh/paused"
SO, TA = "keda.scaledobject", "keda.authentication.triggerauthentication"


@dataclass(slots=True)
class Sink:
    url: str = ""
    status: int = 202
    got: list[tuple[str, str, Json]] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        headers = request.headers
        if self.status < 300:
            body = json.loads(await request.read())
            self.got.append((headers["ce-type"], headers["ce-subject"], body))
        return web.Response(status=self.status)

    @property
    def types(self) -> list[str]:
        return [type_ for type_, _, _ in self.got]


def source(url: str, *, cluster: bool = False, **spec: Any) -> Json:
    meta = {"name": "sink"} if cluster else {"name": "sink", "namespace": "default"}
    return {
        "apiVersion": "eventing.keda.sh/v1alpha1",
        "kind": "ClusterCloudEventSource" if cluster else "CloudEventSource",
        "metadata": meta,
        "spec": {"destination": {"http": {"uri": url}}, **spec},
    }


@asynccontextmanager
async def scene(*, cluster: bool = False, **spec: Any) -> AsyncIterator[tuple[World, Sink]]:
    sink = Sink()
    async with served({"/": sink.take}) as url, running() as world:
        await world.engine.resync()
        sink.url = f"{url}/"
        await world.apply(source(sink.url, cluster=cluster, **spec))
        yield world, sink


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not true():
            await asyncio.sleep(0.02)


async def active(world: World, resource: Resource = CLOUD_EVENT_SOURCES) -> tuple[str, str, str]:
    namespace = "default" if resource.namespaced else None
    found = await world.client.get(resource, "sink", namespace=namespace)
    for each in (found.get("status") or {}).get("conditions") or ():
        return each["status"], each["reason"], each["message"]
    return ("", "", "")


async def test_the_life_of_a_scaled_object() -> None:
    async with scene(clusterName="east") as (world, sink):
        await world.apply(deployment(), scaled_object())
        await until(lambda: f"{SO}.ready.v1" in sink.types)
        for paused in ("true", None):
            patch = {"metadata": {"annotations": {PAUSED: paused}}}
            world.engine.changed(
                await world.client.patch(SCALED_OBJECTS, "orders", patch, namespace="default")
            )
            what = "paused" if paused else "unpaused"
            await until(lambda what=what: f"{SO}.{what}.v1" in sink.types)  # type: ignore[misc]
        held = await world.client.get(SCALED_OBJECTS, "orders", namespace="default")
        world.engine.gone({**held, "kind": "ScaledObject"})
        await until(lambda: f"{SO}.removed.v1" in sink.types)

    assert sink.types == [f"{SO}.{what}.v1" for what in ("ready", "paused", "unpaused", "removed")]
    assert {subject for _, subject, _ in sink.got} == {"/east/default/scaledobject/orders"}
    assert sink.got[0][2] == {"reason": "ScaledObjectReady", "message": "ready for scaling"}


async def test_failures_jobs_and_authentications() -> None:
    async with scene(cluster=True) as (world, sink):
        await world.apply(scaled_object("bad", {"type": "rabitmq", "metadata": {}}), scaled_job())
        await world.apply(trigger_authentication(), trigger_authentication("all", cluster=True))
        patch = {"spec": {"podIdentity": {"provider": "gcp"}}}
        world.engine.changed(
            await world.client.patch(TRIGGER_AUTHENTICATIONS, "creds", patch, namespace="default")
        )
        world.engine.gone(trigger_authentication())
        await until(lambda: len(sink.got) >= 6)
        status = await active(world, CLUSTER_CLOUD_EVENT_SOURCES)

    assert sorted((type_, subject) for type_, subject, _ in sink.got) == [
        (
            "keda.authentication.clustertriggerauthentication.created.v1",
            "/kubernetes-default//clustertriggerauthentication/all",
        ),
        *(
            (f"{TA}.{what}.v1", "/kubernetes-default/default/triggerauthentication/creds")
            for what in ("created", "removed", "updated")
        ),
        ("keda.scaledjob.ready.v1", "/kubernetes-default/default/scaledjob/batch"),
        (f"{SO}.failed.v1", "/kubernetes-default/default/scaledobject/bad"),
    ]
    assert status[:2] == ("True", "CloudEventSourceActive")


async def test_filters_hold() -> None:
    only = {"includedEventTypes": [f"{SO}.removed.v1"]}
    async with scene(eventSubscription=only) as (world, sink):
        await world.apply(deployment(), scaled_object())
        async with asyncio.timeout(30):
            while not await world.events("orders"):
                await asyncio.sleep(0.02)
        world.engine.gone(scaled_object())
        await until(lambda: bool(sink.got))

    assert sink.types == [f"{SO}.removed.v1"]


async def test_a_dead_sink_holds_up_no_scaling() -> None:
    async with scene() as (world, sink):
        sink.status = 503
        await world.work(3)
        await world.apply(deployment(), scaled_object())
        async with asyncio.timeout(30):
            while await world.replicas() != 3:
                await asyncio.sleep(0.02)
        sink.status = 202
        await until(lambda: bool(sink.got))

    assert sink.types == [f"{SO}.ready.v1"]


async def test_a_faulty_source_says_so_and_mends() -> None:
    async with scene(destination={"http": {"uri": "sink"}}) as (world, sink):
        async with asyncio.timeout(30):
            while (await active(world))[0] != "False":
                await asyncio.sleep(0.02)
        assert (await active(world))[2].startswith("spec.destination.http.uri: found")
        patch = {"spec": {"destination": {"http": {"uri": sink.url}}}}
        world.engine.changed(
            await world.client.patch(CLOUD_EVENT_SOURCES, "sink", patch, namespace="default")
        )
        async with asyncio.timeout(30):
            while (await active(world))[0] != "True":
                await asyncio.sleep(0.02)
        await world.apply(deployment(), scaled_object())
        await until(lambda: bool(sink.got))


async def test_a_source_that_is_gone_hears_nothing_and_is_not_counted() -> None:
    labels = {"type": "cloudevent_source", "namespace": "default"}
    async with scene() as (world, sink):
        count = world.meters.get_sample_value
        assert count("keda_resource_registered_total", labels) == 1
        await world.client.delete(CLOUD_EVENT_SOURCES, "sink", namespace="default")
        await world.engine.resync()
        assert count("keda_resource_registered_total", labels) == 0
        await world.apply(deployment(), scaled_object())
        async with asyncio.timeout(30):
            while not await world.events("orders"):
                await asyncio.sleep(0.02)

    assert sink.got == []
