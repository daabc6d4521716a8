"""Which node a pending pod was planned for, and for how long that node is spoken for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from nodescaler.controllers.nominations import SPARE, Nominations
from nodescaler.controllers.pods import PodIndex
from nodescaler.core.model import PodSpec

START = datetime(2026, 11, 27, tzinfo=UTC)
WAITING = PodSpec("shop", "web-0", uid="web-0", unschedulable=True)


class World:
    """Some pods, and a clock that is moved by hand."""

    def __init__(self, *pods: PodSpec) -> None:
        self.now = START
        self.pods = PodIndex()
        for pod in pods:
            self.pods.apply(None, pod)
        self.nominations = Nominations(self.pods, lambda: self.now)

    def bind(self, pod: PodSpec, node: str) -> None:
        self.pods.apply(pod, replace(pod, node_name=node))


def test_a_node_is_spoken_for_until_the_time_is_up() -> None:
    world = World(WAITING)
    world.nominations.put("n", (WAITING,), 20)
    world.now += timedelta(seconds=15)
    assert (world.nominations.left_s("n"), world.nominations.next_s()) == (5, 5)
    world.now += timedelta(seconds=5)

    assert (world.nominations.left_s("n"), world.nominations.next_s()) == (0, None)


def test_a_node_is_free_again_once_its_pods_are_bound() -> None:
    world = World(WAITING)
    world.nominations.put("n", (WAITING,), 20)
    world.bind(WAITING, "n")

    assert world.nominations.left_s("n") == 0


def test_where_a_pod_was_planned_to_go_outlasts_the_time_that_its_node_is_kept() -> None:
    """A machine takes longer to start than twenty seconds."""
    world = World(WAITING)
    world.nominations.put("claim", (WAITING,), 20)
    world.now += timedelta(minutes=3)
    world.nominations.next_s()

    assert world.nominations.promised(WAITING) == "claim"


def test_the_last_plan_counts() -> None:
    world = World(WAITING)
    world.nominations.put("one", (WAITING,), 20)
    world.nominations.put("two", (WAITING,), 20)

    assert world.nominations.promised(WAITING) == "two"


def test_pods_that_wait_no_more_are_forgotten_in_the_end() -> None:
    others = [replace(WAITING, name=f"p-{n}", uid=f"p-{n}") for n in range(SPARE + 2)]
    world = World(WAITING, *others)
    world.nominations.put("n", others, 20)
    for each in others:
        world.bind(each, "n")
    world.nominations.put("n", (WAITING,), 20)

    assert world.nominations.promised(others[0]) is None
    assert world.nominations.promised(WAITING) == "n"


def test_a_node_knows_the_pods_that_still_wait_for_it() -> None:
    bound, moved = (replace(WAITING, name=n, uid=n) for n in ("bound", "moved"))
    world = World(WAITING, bound, moved)
    world.nominations.put("claim", (WAITING, bound, moved), 20)
    world.nominations.put("other", (moved,), 20)
    world.bind(bound, "n")

    assert world.nominations.promised_to("claim", "node") == [WAITING]
    assert world.nominations.promised_to("other") == [moved]
    assert world.nominations.promised_to("nothing") == []
