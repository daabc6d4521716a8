"""All actors of the embedded cluster, run together on one set of caches."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from kube.client import Client
from kube.values.times import Now
from tandem.sandbox.controllers.actors import run_actor
from tandem.sandbox.controllers.garbage import run_garbage
from tandem.sandbox.controllers.kubelet import kubelets
from tandem.sandbox.controllers.namespaces import run_termination
from tandem.sandbox.controllers.nodelife import run_places
from tandem.sandbox.controllers.scheduling.scheduler import run_scheduler
from tandem.sandbox.controllers.settings import ControllerSettings
from tandem.sandbox.controllers.wiring import ACTORS
from tandem.sandbox.controllers.world import World

Run = Callable[[World, ControllerSettings], Awaitable[None]]


def _spaced(run: Callable[..., Awaitable[None]]) -> Run:
    return lambda world, settings: run(world, spacing_s=settings.spacing_s)


async def _schedule(world: World, settings: ControllerSettings) -> None:
    await run_scheduler(world, scoring=settings.scoring, spacing_s=settings.spacing_s)


OTHERS: dict[str, Run] = {
    "scheduler": _schedule,
    "kubelets": kubelets,
    "garbage": _spaced(run_garbage),
    "namespaces": _spaced(run_termination),
    "places": _spaced(run_places),
}
NAMES = frozenset(ACTORS) | frozenset(OTHERS)


async def run_controllers(client: Client, *, now: Now, settings: ControllerSettings) -> None:
    """Run the actors until cancelled.

    Args:
        client: of the API that they are clients of; its rate limit is the speed of the cluster.
        now: the clock; delays follow the event loop's, so both must run alike.
        settings: delays, scoring, and which of `NAMES` to run.

    Raises:
        ValueError: `only` names an actor that does not exist.
    """
    chosen = NAMES if settings.only is None else settings.only
    unknown = chosen - NAMES
    if unknown:
        raise ValueError(
            f"no actor {', '.join(sorted(unknown))}; there are {', '.join(sorted(NAMES))}"
        )
    world = World(client, now)
    async with asyncio.TaskGroup() as group:
        world.start(group)
        for name in sorted(chosen):
            for actor in ACTORS.get(name, ()):
                group.create_task(run_actor(actor, world, spacing_s=settings.spacing_s))
            if name in OTHERS:
                group.create_task(_run(OTHERS[name], world, settings))


async def _run(run: Run, world: World, settings: ControllerSettings) -> None:
    await run(world, settings)
