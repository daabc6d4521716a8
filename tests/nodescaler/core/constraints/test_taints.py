"""Taints and tolerations, on pools and on nodes; PreferNoSchedule is given up last."""

from __future__ import annotations

import pytest

from nodescaler.core.model import NodePool
from nodescaler.core.settings import PackSettings, PreferencePolicy
from nodescaler.core.taints import EPHEMERAL, NO_EXECUTE, PREFER_NO_SCHEDULE, Taint, Toleration
from tests.nodescaler.core.constraints.made import (
    SMALL,
    cluster,
    crowd,
    machine,
    node,
    planned,
    pod,
    prefer,
    zone,
)

TEAM = Taint("team", "a")
RUN = Taint("team", "a", NO_EXECUTE)
SHY = Taint("team", "a", PREFER_NO_SCHEDULE)
CASES = [
    pytest.param(TEAM, (), False, id="a taint keeps out who tolerates nothing"),
    pytest.param(TEAM, (Toleration("team", value="a"),), True, id="key and value tolerate it"),
    pytest.param(TEAM, (Toleration("team", value="b"),), False, id="another value does not"),
    pytest.param(TEAM, (Toleration("crew", value="a"),), False, id="another key does not"),
    pytest.param(TEAM, (Toleration("team", "Exists"),), True, id="the key alone does, by Exists"),
    pytest.param(TEAM, (Toleration(operator="Exists"),), True, id="Exists alone tolerates all"),
    pytest.param(
        TEAM, (Toleration("team", value="a", effect=NO_EXECUTE),), False, id="not another effect's"
    ),
    pytest.param(
        RUN, (Toleration("team", value="a", effect=NO_EXECUTE),), True, id="NoExecute, tolerated"
    ),
    pytest.param(RUN, (), False, id="NoExecute keeps out as well"),
    pytest.param(SHY, (), True, id="PreferNoSchedule keeps nobody out for good"),
]


@pytest.mark.parametrize(("taint", "tolerations", "placed"), CASES)
def test_on_a_pool(taint: Taint, tolerations: tuple[Toleration, ...], placed: bool) -> None:
    pool = NodePool("default", taints=(taint,))
    found = planned(cluster(*crowd(1, tolerations=tolerations), pools=(pool,)))

    assert found.left == ([] if placed else ["web-0"])


@pytest.mark.parametrize(("taint", "tolerations", "placed"), CASES)
def test_on_a_node(taint: Taint, tolerations: tuple[Toleration, ...], placed: bool) -> None:
    there = node("old", cpu=8000, taints=(taint,))
    waiting = crowd(1, tolerations=tolerations)
    found = planned(cluster(*waiting, types=(), nodes=(there,)))

    assert found.left == ([] if placed else ["web-0"])


def test_every_taint_must_be_tolerated() -> None:
    pool = NodePool("default", taints=(TEAM, Taint("gpu")))
    one, both = (Toleration("gpu"),), (Toleration("gpu"), Toleration("team", "Exists"))
    waiting = (pod("one", tolerations=one), pod("both", tolerations=both))

    assert planned(cluster(*waiting, pools=(pool,))).left == ["one"]


def test_tolerating_a_taint_is_not_asking_for_it() -> None:
    pools = (NodePool("plain"), NodePool("tainted", taints=(TEAM,)))
    types = {"plain": (SMALL,), "tainted": (machine("dear", 2, 4, 1.0),)}
    waiting = crowd(1, tolerations=(Toleration("team", "Exists"),))

    assert planned(cluster(*waiting, pools=pools, types=types)).node("web-0").pool == "plain"


def test_a_pod_without_the_toleration_goes_to_the_pool_without_the_taint() -> None:
    pools = (NodePool("tainted", taints=(TEAM,), weight=9), NodePool("plain"))

    assert planned(cluster(*crowd(1), pools=pools)).node("web-0").pool == "plain"


def test_a_new_node_carries_the_taints_of_its_pool() -> None:
    pool = NodePool("default", taints=(SHY,), startup_taints=(Taint("warming"),))
    made = planned(cluster(*crowd(1), pools=(pool,))).node("web-0")

    assert (made.taints, made.startup_taints) == ((SHY,), (Taint("warming"),))


# ---------------------------------------------------------------- PreferNoSchedule

SHY_FIRST = (NodePool("a-shy", taints=(SHY,), weight=9), NodePool("plain"))
CHEAP_SHY = {"a-shy": (SMALL,), "plain": (machine("dear", 2, 4, 1.0),)}


def test_a_pool_that_would_rather_not_is_passed_over_though_it_is_cheaper_and_heavier() -> None:
    found = planned(cluster(*crowd(1), pools=SHY_FIRST, types=CHEAP_SHY))

    assert found.node("web-0").pool == "plain"
    assert found.plan.relaxed == ()


def test_a_pool_that_would_rather_not_is_used_when_no_other_will_do_and_that_is_reported() -> None:
    pools = (SHY_FIRST[0], NodePool("plain", limits={"nodes": 0}))
    found = planned(cluster(*crowd(1), pools=pools))

    assert found.node("web-0").pool == "a-shy"
    assert "PreferNoSchedule" in found.relaxed


def test_a_toleration_makes_that_pool_one_like_the_others() -> None:
    waiting = crowd(1, tolerations=(Toleration("team", "Exists"),))
    found = planned(cluster(*waiting, pools=SHY_FIRST, types=CHEAP_SHY))

    assert found.node("web-0").pool == "a-shy"
    assert found.plan.relaxed == ()


def test_a_wish_is_given_up_before_a_taint_is_disregarded() -> None:
    pools = (
        NodePool("shy", taints=(SHY,), requirements=zone("b")),
        NodePool("plain", requirements=zone("a")),
    )
    found = planned(cluster(pod("web-0", preferences=(prefer(100, zone("b")),)), pools=pools))

    assert found.node("web-0").pool == "plain"


def test_under_ignore_such_a_taint_keeps_nobody_out_either() -> None:
    pool = NodePool("default", taints=(SHY,))
    ignore = PackSettings(preferences=PreferencePolicy.IGNORE)

    assert planned(cluster(*crowd(1), pools=(pool,)), ignore).left == []


# ---------------------------------------------------------------- taints that go away

STARTUP = Taint("cilium", "true", NO_EXECUTE)
EPHEMERALS = [*sorted(EPHEMERAL), Taint("readiness.k8s.io/network", "pending")]


def test_the_startup_taints_of_a_pool_keep_nobody_out() -> None:
    pool = NodePool("default", startup_taints=(STARTUP,))

    assert planned(cluster(*crowd(1), pools=(pool,))).left == []


@pytest.mark.parametrize("taint", EPHEMERALS, ids=str)
def test_a_node_that_starts_is_used_in_spite_of(taint: Taint) -> None:
    there = node("coming", cpu=8000, taints=(taint,), initialised=False)

    assert planned(cluster(*crowd(1), nodes=(there,))).old == {"coming": ["web-0"]}


@pytest.mark.parametrize("taint", EPHEMERALS, ids=str)
def test_a_node_that_has_started_is_not_used_because_of(taint: Taint) -> None:
    there = node("broken", cpu=8000, taints=(taint,), initialised=True)

    assert planned(cluster(*crowd(1), nodes=(there,))).old == {}


@pytest.mark.parametrize(
    ("startup", "initialised", "used"),
    [
        pytest.param((STARTUP,), False, True, id="its startup taint does not count yet"),
        pytest.param((STARTUP,), True, False, id="once it has started, it counts"),
        pytest.param((), False, False, id="a lasting taint counts from the start"),
    ],
)
def test_a_startup_taint(startup: tuple[Taint, ...], initialised: bool, used: bool) -> None:
    there = node("n", cpu=8000, taints=(STARTUP,), startup_taints=startup, initialised=initialised)

    assert bool(planned(cluster(*crowd(1), nodes=(there,))).old) is used
