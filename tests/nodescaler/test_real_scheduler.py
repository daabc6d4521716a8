"""Plans, and the validator of plans, against the real kube-scheduler.

The validator is trusted because it says what the scheduler says: on generated clusters, for pods
that may go anywhere and for pods that are held to one node, whether they are planned there or not.

A pod is held to a node by a node affinity. That would shrink the domains of a spread that honours
node affinity, so such a pod asks for a resource instead that only that node has.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

import pytest

from nodescaler.core.labels import HOSTNAME, Requirements
from nodescaler.core.model import Plan, PodSpec, Snapshot
from nodescaler.core.packing import pack
from tests import control_plane
from tests.nodescaler.core.generated import Picker, Scope
from tests.nodescaler.core.rules import Place, World, refusal
from tests.nodescaler.core.staging import (
    Wanted,
    admitted,
    every_launch,
    fresh,
    placed,
    usable,
    world_after,
)
from tests.nodescaler.core.surroundings import snapshot
from tests.nodescaler.core.validator import faults
from tests.nodescaler.scheduler_world import PIN, SchedulerPlane, Stage, second_round, staged

PICKY = Scope(gangs=False, faults=False, most_of_a_kind=5)
SOCIAL = replace(PICKY, picky=False)
SEEDS = range(60)
MOVED = 2  # pods of each plan that are tried elsewhere


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SchedulerPlane]:
    programs = control_plane.assets()
    if programs is None or not (programs / "kube-scheduler").is_file():
        pytest.skip(control_plane.missing())
    found = SchedulerPlane(programs, tmp_path_factory.mktemp("scheduler"))
    yield found
    found.stop()


def cluster(seed: int) -> Snapshot:
    """Every other one is about what pods want of each other, and not of nodes."""
    return snapshot(Picker(random.Random(seed).choice), SOCIAL if seed % 2 else PICKY)


def held_to(pod: PodSpec, node: str) -> PodSpec:
    """The same pod, which waits and can only go to *node*."""
    pod = replace(pod, node_name="")
    if any(spread.hard and spread.honours_affinity for spread in pod.spreads):
        return replace(pod, requests={**pod.requests, PIN + node: 1})
    here = Requirements.labels({HOSTNAME: node})
    return replace(pod, alternatives=tuple(each & here for each in pod.alternatives))


def with_pins(world: World) -> World:
    for place in world.places.values():
        place.room[PIN + place.name] = 1000
    return world


def homes(world: World, pod: PodSpec) -> list[str]:
    return [name for name, place in world.places.items() if refusal(world, pod, place) is None]


def scattered(snapshot: Snapshot, rng: random.Random) -> World:
    """Some nodes of the pools beside those that are there: what no planner would choose."""
    world = world_after(snapshot, Plan())
    for pool in usable(snapshot):
        own = {"karpenter.sh/nodepool": pool.name, **pool.labels}
        every = list(every_launch(snapshot, pool.name, own))
        for number in range(rng.randint(1, 3) if every else 0):
            place = fresh(snapshot, f"{pool.name}-{number}", pool.taints, rng.choice(every))
            world.places[place.name] = place
    return world


RULES = (
    "taint",
    "node affinity",
    "too little",
    "host port",
    "elsewhere",
    "spread: no label",
    "spread over",
    "affinity: no label",
    "affinity: no such pod",
    "away",
)


async def ask(
    stage: Stage, world: World, pod: PodSpec, heard: set[str] | None = None
) -> Place | None:
    """Where the scheduler puts *pod*; the validator must have said the same of every node.

    A pod that is refused is taken away: it would get in later, when others have made it welcome.
    """
    pod = replace(pod, node_name="")
    expected = homes(world, pod)
    verdict = await stage.verdict(await stage.submit(pod))
    said = {name: refusal(world, pod, place) for name, place in world.places.items()}
    if heard is not None:
        heard |= {rule for rule in RULES for each in said.values() if each and rule in each}
    assert bool(verdict.node) == bool(expected), f"{pod}\n{verdict}\n{said}"
    assert verdict.node in [*expected, ""], f"{pod}\n{verdict}\n{said}"
    if not verdict.node:
        await stage.remove(pod)
        return None
    return world.places[verdict.node]


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_the_validator_says_what_the_scheduler_says(plane: SchedulerPlane) -> None:
    """Of every node, for pods that may go anywhere and for pods that are held to one."""
    heard: set[str] = set()
    async with staged(plane) as stage:
        for seed in SEEDS:
            rng, there = random.Random(seed), cluster(seed)
            world = with_pins(scattered(there, rng))
            await stage.set_up(world, there.pods)
            for pod in rng.sample(there.pods, len(there.pods)):
                asked = pod
                if rng.random() < 0.5 and world.places:
                    asked = held_to(pod, rng.choice(sorted(world.places)))
                place = await ask(stage, world, asked, heard)
                if place is not None:
                    place.pods.append(asked)
            await stage.sweep()
    assert heard == set(RULES), "each rule decides somewhere, else nothing is known of it"


def held(snapshot: Snapshot, plan: Plan) -> tuple[World, Wanted]:
    """The world of a plan, and its pods, each held to its node, in an order that gets them in."""
    assert faults(snapshot, plan) == []
    wanted = [(held_to(pod, name), name) for pod, name in placed(plan)]
    order = admitted(lambda: with_pins(world_after(snapshot, plan)), wanted)
    assert order is not None
    return with_pins(world_after(snapshot, plan)), order


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_the_scheduler_accepts_every_pod_where_it_is_planned(plane: SchedulerPlane) -> None:
    """And of a pod that is moved elsewhere it says what the validator says."""
    async with staged(plane) as stage:
        for seed in SEEDS:
            rng, there = random.Random(seed), cluster(seed)
            world, order = held(there, pack(there))
            await stage.set_up(world, there.pods)
            for pod, name in order:
                verdict = await stage.verdict(await stage.submit(pod))
                assert verdict.node == name, f"{pod}\n{verdict}"
                world.places[name].pods.append(pod)
            planned = {pod.key: pod for pod, _ in placed(pack(there))}
            for pod, name in rng.sample(order, min(MOVED, len(order))):
                await stage.remove(pod)
                world.places[name].pods.remove(pod)
                elsewhere = held_to(planned[pod.key], rng.choice(sorted(world.places)))
                place = await ask(stage, world, elsewhere)
                if place is not None:
                    place.pods.append(elsewhere)
            await stage.sweep()


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_pods_that_may_go_anywhere_are_counted_when_they_stay_out(
    plane: SchedulerPlane,
) -> None:
    async with staged(plane) as stage:
        for seed in list(SEEDS)[:10]:
            there = cluster(seed)
            plan = pack(there)
            assert 0 <= await second_round(stage, there, plan) <= len(placed(plan))
