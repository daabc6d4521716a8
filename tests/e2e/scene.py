"""The stage of an end-to-end test: a namespace with the main job, seen from outside."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import yaml

from kube.client import Client, Json
from kube.discovery import Discovery
from kube.errors import AlreadyExists, NotFound
from kube.resources import CUSTOM_RESOURCE_DEFINITIONS, NAMESPACES, PROVISIONERS
from tandem.clock import now
from tandem.demo.scenario import Scenario
from tandem.demo.timeline import Sample
from tandem.demo.world import World
from tandem.sandbox.controllers.kubelet import run_kubelets
from tandem.sandbox.controllers.settings import ControllerSettings
from tests.clusters import Cluster
from tests.e2e.queues import Queue

CRDS = Path(__file__).parents[2] / "crds"
LOOK_S = 0.1
QUICK = Scenario(
    messages=500,
    work_s=0.1,
    per_replica=50,
    most=8,
    polling_s=1,
    cooldown_s=3,
    empty_s=3,
    node_start_s=2.0,
    pod_start_s=0.5,
)


class Late(AssertionError):
    """What was waited for did not come; the message has the last samples."""


class Scene:
    """The main job in one namespace: create it, watch it, wait for its states."""

    def __init__(self, client: Client, queue: Queue, namespace: str) -> None:
        self.client = client
        self.queue = queue
        self.world = World(client, queue, namespace=namespace)
        self.samples: list[Sample] = []

    async def create(self, scenario: Scenario = QUICK) -> None:
        trigger = self.queue.trigger()
        manifests = scenario.manifests(trigger, namespace=self.world.namespace)
        await self.world.create([*self.queue.credentials(self.world.namespace), *manifests])

    async def until(
        self, reached: Callable[[Sample], bool], what: str, deadline_s: float
    ) -> Sample:
        """The first sample from now on for which *reached*.

        Raises:
            Late: none within *deadline_s*.
        """
        try:
            async with asyncio.timeout(deadline_s):
                while True:
                    sample = self.samples[-1] if self.samples else None
                    if sample is not None and reached(sample):
                        return sample
                    await asyncio.sleep(LOOK_S)
        except TimeoutError as error:
            last = "\n".join(str(sample) for sample in self.samples[-3:])
            raise Late(f"not within {deadline_s:.0f} s: {what}; the last was\n{last}") from error

    async def watch(self) -> None:
        loop = asyncio.get_running_loop()
        start = loop.time()
        while True:
            self.samples.append(await self.world.sample(loop.time() - start))
            await asyncio.sleep(LOOK_S)


@asynccontextmanager
async def staged(
    cluster: Cluster, queue: Queue, namespace: str, scenario: Scenario = QUICK
) -> AsyncIterator[Scene]:
    """The objects of *scenario* on *cluster*, with consumers for its pods, while inside."""
    client = cluster.client()
    scene = Scene(client, queue, namespace)
    try:
        await install_crds(client)
        await scene.create(scenario)
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(scene.world.run(work_s=scenario.work_s)),
                group.create_task(scene.watch()),
            ]
            if cluster.name == "real":
                settings = ControllerSettings(pod_start_s=scenario.pod_start_s)
                tasks.append(group.create_task(run_kubelets(client, now=now, settings=settings)))
            yield scene
            for task in tasks:
                task.cancel()
    finally:
        for resource, name in ((NAMESPACES, namespace), (PROVISIONERS, "default")):
            with suppress(NotFound):  # the test ended before it was created
                await client.delete(resource, name)
        await client.close()


async def install_crds(client: Client) -> None:
    """Create what is missing of crds/ and wait until it is served."""
    for body in await asyncio.to_thread(_crds):
        try:
            await client.create(CUSTOM_RESOURCE_DEFINITIONS, body)
        except AlreadyExists:
            continue
    async with asyncio.timeout(20):
        for body in await asyncio.to_thread(_crds):
            await _served(client, body)


async def _served(client: Client, body: Json) -> None:
    kind = body["spec"]["names"]["kind"]
    for version in body["spec"]["versions"]:
        while True:
            try:
                api = f"{body['spec']['group']}/{version['name']}"
                await Discovery(client).resource(api, kind)
                break
            except NotFound:
                await asyncio.sleep(LOOK_S)


def _crds() -> Sequence[Json]:
    return [yaml.safe_load(path.read_text()) for path in sorted(CRDS.glob("*.yaml"))]
