"""Running the actors: which ones, and how fast the scheduler's core is."""

from __future__ import annotations

import time

import pytest

from kube.client import Client
from tandem.sandbox.cluster import Sandbox, SandboxSettings
from tandem.sandbox.controllers.manager import NAMES, run_controllers
from tandem.sandbox.controllers.scheduling.choose import Placed, choose
from tandem.sandbox.controllers.settings import ControllerSettings, Scoring
from tests.sandbox.controllers.scheduling.made import cluster, node, pod
from tests.sandbox.controllers.worlds import cluster as running
from tests.sandbox.controllers.worlds import virtual_now

MOST_CPU_S = 10.0  # twenty times what it takes on a quiet machine


async def test_an_unknown_actor_is_named_with_those_there_are() -> None:
    client = Client(Sandbox(SandboxSettings(), virtual_now).transport())
    settings = ControllerSettings(only=frozenset({"shceduler"}))

    with pytest.raises(ValueError, match=r"no actor shceduler; there are .*scheduler"):
        await run_controllers(client, now=virtual_now, settings=settings)


@pytest.mark.looptime
async def test_only_the_named_actors_run() -> None:
    """Without controllers a Deployment stays a wish."""
    only = frozenset({"scheduler", "kubelets"})
    async with running(ControllerSettings(only=only)) as world:
        await world.nodes("a")
        await world.deploy("web", 2)
        await world.silent(for_s=10)

        assert await world.pods() == []
    assert only < NAMES


def test_a_thousand_pods_are_placed_in_seconds() -> None:
    made = cluster(*(node(f"n{number:03}", cpu="16") for number in range(100)))
    began = time.process_time()
    for number in range(1000):
        wanted = pod(f"p{number}", cpu="1")
        chosen = choose(wanted, made, Scoring.LEAST_ALLOCATED)
        assert isinstance(chosen, Placed)
        made.rooms[chosen.node].add(wanted)

    assert time.process_time() - began < MOST_CPU_S
    assert {len(room.pods) for room in made.rooms.values()} == {10}
