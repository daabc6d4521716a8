"""Waiting, cleaning up, and the kubelets that a real control plane lacks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from kube.client import Client
from kube.errors import NotFound
from kube.resources import Resource
from tandem.clock import now
from tandem.sandbox.controllers.kubelet import run_kubelets
from tandem.sandbox.controllers.settings import ControllerSettings
from tests.clusters import Cluster

LOOK_S = 0.1
FAST = ControllerSettings(pod_start_s=0.1)


async def until(holds: Callable[[], Awaitable[bool]], what: str, within_s: float) -> None:
    """Wait until the awaited answer of *holds* is true.

    Raises:
        AssertionError: it is not within *within_s* seconds; the message has *what*.
    """
    try:
        async with asyncio.timeout(within_s):
            while not await holds():
                await asyncio.sleep(LOOK_S)
    except TimeoutError as error:
        raise AssertionError(f"not within {within_s:g} s: {what}") from error


async def gone(client: Client, resource: Resource, name: str) -> None:
    """Delete what has no namespace, if the test came so far as to create it."""
    try:
        await client.delete(resource, name)
    except NotFound:
        return


@asynccontextmanager
async def kubelets(cluster: Cluster, client: Client) -> AsyncIterator[None]:
    """Somebody plays the kubelets of *cluster* while inside; the sandbox does that by itself."""
    if cluster.name != "real":
        yield
        return
    async with asyncio.TaskGroup() as group:
        task = group.create_task(run_kubelets(client, now=now, settings=FAST))
        yield
        task.cancel()
