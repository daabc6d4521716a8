"""Carries a plan out: one request an action, creations in slow start, and what came of it is known.

Creations of one plan go out in batches of 1, 2, 4, ... and stop at the first that fails, so that a
template that the API refuses costs one refusal and not a thousand.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from itertools import groupby

from kube.client import Json
from kube.errors import KubeError, NotFound
from tandem.sandbox.controllers.plans import Action, Change, Create, Delete, Replace
from tandem.sandbox.controllers.world import World

MANAGER = "tandem-sandbox"


async def act(world: World, actions: Iterable[Action]) -> None:
    """Do all of it in order.

    Raises:
        KubeError: the first refusal; what comes after it was not tried.
    """
    for creating, batch in groupby(actions, key=lambda each: isinstance(each, Create)):
        if creating:
            await _slowly(world, [each for each in batch if isinstance(each, Create)])
        else:
            for each in batch:
                await _do(world, each)


async def _slowly(world: World, creations: Sequence[Create]) -> None:
    done, size = 0, 1
    while done < len(creations):
        await _together(world, creations[done : done + size])
        done, size = done + size, size * 2


async def _together(world: World, creations: Sequence[Create]) -> None:
    try:
        async with asyncio.TaskGroup() as group:
            for each in creations:
                group.create_task(_do(world, each))
    except* KubeError as refusals:
        raise _first(refusals) from None


def _first(refusals: BaseExceptionGroup[KubeError]) -> KubeError:
    found: BaseException = refusals
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    if not isinstance(found, KubeError):
        raise found
    return found


async def _do(world: World, action: Action) -> None:
    if isinstance(action, Delete):
        await _delete(world, action)
        return
    answer = await _write(world, action)
    if answer.get("kind") == action.resource.kind:
        world.put(action.resource, answer)


async def _write(world: World, action: Create | Change | Replace) -> Json:
    client = world.client
    if isinstance(action, Create):
        return await client.create(
            action.resource,
            action.body,
            namespace=action.namespace,
            name=action.name,
            subresource=action.subresource,
        )
    if isinstance(action, Replace):
        return await client.replace(
            action.resource,
            action.body,
            namespace=action.namespace,
            name=action.name,
            subresource=action.subresource,
        )
    return await client.patch(
        action.resource,
        action.name,
        action.body,
        namespace=action.namespace,
        subresource=action.subresource,
        kind=action.kind,
        field_manager=MANAGER,
    )


async def _delete(world: World, action: Delete) -> None:
    """What is gone already is as wanted."""
    world.doom(action.uid)
    try:
        await world.client.delete(
            action.resource,
            action.name,
            namespace=action.namespace,
            uid=action.uid,
            grace_s=action.grace_s,
            propagation=action.propagation,
        )
    except NotFound:
        return
    except KubeError:
        world.spare(action.uid)
        raise
