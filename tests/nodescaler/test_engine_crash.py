"""Killed at any write and started again, the node half comes to the same end.

For every k: the first process dies at its k-th write, once before and once after the API applied
it; a second process, which knows nothing of the first, takes over. No node too many is ever
launched, no claim stays without its node, and at the end nothing is left behind.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from kube.cache import Cache, Change
from kube.objects import Partial
from kube.resources import NODE_CLAIMS, NODES
from nodescaler.engine import NodeSettings
from tests.nodescaler.controllers.world import Process, World, provisioner, world

pytestmark = [pytest.mark.looptime, pytest.mark.slow]

PODS = 2
NODES_NEEDED = 2  # one pod of 1500m fills an m5.large
SHARDS = 4
SETTINGS = NodeSettings(node_startup_s=5)


@dataclass
class Claims:
    """Every NodeClaim that ever was, and the most at one time."""

    seen: set[str] = field(default_factory=set)
    alive: set[str] = field(default_factory=set)
    most: int = 0

    def told(self, change: Change[Partial]) -> None:
        if change.new is not None:
            self.seen.add(change.new.metadata.name)
            self.alive.add(change.new.metadata.name)
        elif change.old is not None:
            self.alive.discard(change.old.metadata.name)
        self.most = max(self.most, len(self.alive))


@asynccontextmanager
async def two_lives(k: int | None, *, applied: bool) -> AsyncIterator[tuple[World, list[Process]]]:
    """A world whose first process dies at write *k*; then a second one lives on."""
    async with world() as it:
        it.start_actors(pod_start_s=0.5)
        await it.pool(provisioner("default", "m5.large", empty_s=5))
        lives = [await it.start(SETTINGS, dies_at=k, applied=applied)]

        async def follow() -> None:
            await lives[0].transport.dead.wait()
            await lives[0].kill()
            lives.append(await it.start(SETTINGS))

        async with asyncio.TaskGroup() as group:
            following = group.create_task(follow())
            yield it, lives
            following.cancel()


async def round_trip(k: int | None, *, applied: bool) -> tuple[Claims, list[Process]]:
    """Pods come, run and go again; checks on the way that nothing is wrong."""
    async with two_lives(k, applied=applied) as (it, lives), asyncio.TaskGroup() as group:
        claims = Claims()
        cache = Cache(it.client, NODE_CLAIMS, Partial)
        cache.subscribe(claims.told)
        watching = group.create_task(cache.run())
        await it.deployment("web", PODS, cpu="1500m")
        await it.until(lambda: it.all_running(PODS), within_s=60)
        await asyncio.sleep(3)

        nodes, found = await it.all(NODES), await it.all(NODE_CLAIMS)
        assert len(nodes) == len(found) == NODES_NEEDED
        assert {c["status"]["nodeName"] for c in found} == {n["metadata"]["name"] for n in nodes}
        for claim in found:
            states = {c["type"]: c["status"] for c in claim["status"]["conditions"]}
            assert states["Ready"] == "True"

        await it.scale("web", 0)
        await it.until(it.no_nodes, within_s=60)
        await asyncio.sleep(20)
        assert await it.no_nodes()
        watching.cancel()
    return claims, lives


async def test_an_undisturbed_life_makes_what_is_needed() -> None:
    claims, lives = await round_trip(None, applied=False)

    assert len(claims.seen) == NODES_NEEDED
    assert len(lives) == 1


@pytest.mark.timeout(300)
@pytest.mark.parametrize("applied", [False, True], ids=["write lost", "write applied"])
@pytest.mark.parametrize("shard", range(SHARDS))
async def test_a_death_at_any_write_changes_nothing(shard: int, applied: bool) -> None:
    k, died = shard + 1, True
    while died:
        claims, lives = await round_trip(k, applied=applied)
        died = len(lives) == 2

        assert len(claims.seen) == NODES_NEEDED, f"died at write {k}"
        k += SHARDS

    assert k > SHARDS * 4, "the scenario has too few writes to be a test"


@pytest.mark.parametrize("seed", range(4))
async def test_ten_deaths_in_a_row_change_nothing(seed: int) -> None:
    """Each life dies at a random write and the next one starts some seconds later."""
    rng = random.Random(seed)
    async with world() as it, asyncio.TaskGroup() as group:
        it.start_actors(pod_start_s=0.5)
        await it.pool(provisioner("default", "m5.large", empty_s=5))
        claims = Claims()
        cache = Cache(it.client, NODE_CLAIMS, Partial)
        cache.subscribe(claims.told)
        watching = group.create_task(cache.run())

        async def live_and_die() -> None:
            for _ in range(10):
                life = await it.start(
                    SETTINGS, dies_at=rng.randint(1, 4), applied=rng.random() < 0.5
                )
                await life.transport.dead.wait()
                await life.kill()
                await asyncio.sleep(rng.uniform(0, 8))
            await it.start(SETTINGS)

        living = group.create_task(live_and_die())
        await it.deployment("web", PODS, cpu="1500m")
        await it.until(lambda: it.all_running(PODS), within_s=300)
        await it.scale("web", 0)
        await it.until(it.no_nodes, within_s=300)
        await asyncio.sleep(30)

        assert await it.no_nodes()
        assert len(claims.seen) == NODES_NEEDED
        living.cancel()
        watching.cancel()


async def drained(k: int, *, applied: bool) -> tuple[Claims, bool]:
    """A node with a running pod is deleted by a user; the process that drains it dies at *k*."""
    async with world() as it, asyncio.TaskGroup() as group:
        it.start_actors(pod_start_s=0.5)
        await it.pool(provisioner("default", "m5.large"))
        claims = Claims()
        cache = Cache(it.client, NODE_CLAIMS, Partial)
        cache.subscribe(claims.told)
        watching = group.create_task(cache.run())
        before = await it.start()
        await it.deployment("web", 1, cpu="1500m")
        await it.until(lambda: it.all_running(1), within_s=30)
        await asyncio.sleep(60)  # everything that is due by time alone is written
        await before.kill()

        life = await it.start(dies_at=k, applied=applied)
        await asyncio.sleep(1)
        (old,) = await it.names(NODES)
        await it.client.delete(NODES, old)
        await asyncio.sleep(10)
        died = life.transport.dead.is_set()
        if died:
            await life.kill()
            await it.start()

        async def moved() -> bool:
            left = old in await it.names(NODES) | await it.names(NODE_CLAIMS)
            return not left and await it.all_running(1)

        await it.until(moved, within_s=60)
        await asyncio.sleep(10)
        assert len(await it.all(NODES)) == len(await it.all(NODE_CLAIMS)) == 1
        watching.cancel()
    return claims, died


@pytest.mark.timeout(300)
@pytest.mark.parametrize("applied", [False, True], ids=["write lost", "write applied"])
@pytest.mark.parametrize("shard", range(2))
async def test_a_death_while_draining_changes_nothing(shard: int, applied: bool) -> None:
    k, died = shard + 1, True
    while died:
        claims, died = await drained(k, applied=applied)

        assert len(claims.seen) == 2, f"died at write {k}"
        k += 2

    assert k > 8, "the scenario has too few writes to be a test"
