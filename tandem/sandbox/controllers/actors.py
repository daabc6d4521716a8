"""The shell around every pure controller: changes become keys, keys plans, plans writes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import structlog

from kube.resources import Resource
from tandem.sandbox.controllers.acting import act
from tandem.sandbox.controllers.adoption import means
from tandem.sandbox.controllers.plans import Plan
from tandem.sandbox.controllers.things import Key, Thing, controller_of
from tandem.sandbox.controllers.workqueue import WorkQueue, work
from tandem.sandbox.controllers.world import Seen, World

Concerns = Callable[[World, Thing], Iterable[Key]]  # a thing that changed -> keys to look at

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Actor:
    """One controller.

    Args:
        name: for `ControllerSettings.only` and for logs.
        decide: the plan for one key; reads the world and nothing else.
        wakes: for each resource to follow, whose keys a changed object concerns.
        reads: resources that `decide` reads without following them.
    """

    name: str
    decide: Callable[[World, Key], Plan]
    wakes: Mapping[Resource, Concerns]
    reads: Sequence[Resource] = ()


def itself(_: World, found: Thing) -> Iterable[Key]:
    return (found.key,)


def its_manager(resource: Resource) -> Concerns:
    """Wakes the object of *resource* that manages the changed one."""

    def keys(_: World, found: Thing) -> Iterable[Key]:
        return [
            (found.namespace if resource.namespaced else "", owner.name)
            for owner in found.metadata.owner_references
            if owner.controller and owner.kind == resource.kind
        ]

    return keys


def its_manager_or_adopter(resource: Resource) -> Concerns:
    """Wakes the manager of the changed object; of an orphan, whoever could adopt it."""
    manager = its_manager(resource)

    def keys(world: World, found: Thing) -> Iterable[Key]:
        if controller_of(found) is not None:
            return manager(world, found)
        return [
            each.key
            for each in world.cache(resource).values()
            if each.namespace == found.namespace and means(each, found)
        ]

    return keys


def everyone(resource: Resource) -> Concerns:
    """Wakes all objects of *resource*."""

    def keys(world: World, _: Thing) -> Iterable[Key]:
        return [found.key for found in world.cache(resource).values()]

    return keys


Look = Callable[[World, Key], Awaitable[float | None]]


async def run_actor(actor: Actor, world: World, *, spacing_s: float) -> None:
    """Follow the world and act, until cancelled."""
    for resource in actor.reads:
        world.cache(resource)
    look = partial(_look, actor)
    await run_watcher(actor.name, world, actor.wakes, look, spacing_s=spacing_s, reads=actor.reads)


async def run_watcher(
    name: str,
    world: World,
    wakes: Mapping[Resource, Concerns],
    look: Look,
    *,
    spacing_s: float,
    reads: Sequence[Resource] = (),
) -> None:
    """Look at every key that a change wakes, until cancelled."""
    queue: WorkQueue[Key] = WorkQueue(spacing_s=spacing_s)
    stops = [_follow(world, resource, concerns, queue) for resource, concerns in wakes.items()]
    try:
        await world.wait_synced([*wakes, *reads])
        await work(name, queue, partial(look, world))
    finally:
        for stop in stops:
            stop()


def _follow(
    world: World, resource: Resource, wakes: Concerns, queue: WorkQueue[Key]
) -> Callable[[], None]:
    def on_change(change: Seen) -> None:
        for found in (change.old, change.new):
            if found is not None:
                for key in wakes(world, found):
                    queue.add(key)

    cache = world.cache(resource)
    for found in list(cache.values()):
        for key in wakes(world, found):
            queue.add(key)
    return cache.subscribe(on_change)


async def _look(actor: Actor, world: World, key: Key) -> float | None:
    plan = actor.decide(world, key)
    if plan.actions:
        log.debug("acting", actor=actor.name, object="/".join(key), actions=len(plan.actions))
        await act(world, plan.actions)
    return plan.again_s
