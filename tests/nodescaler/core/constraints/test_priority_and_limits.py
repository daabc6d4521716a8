"""Which pods and pools come first, and how far a pool may go."""

from __future__ import annotations

from typing import Any

import pytest

from nodescaler.core.labels import HOSTNAME, INSTANCE_TYPE
from nodescaler.core.model import NodePool
from tests.nodescaler.core.constraints.made import (
    GIB,
    GPU,
    LARGE,
    MEDIUM,
    SMALL,
    cluster,
    crowd,
    demand,
    machine,
    node,
    only,
    planned,
    pod,
    term,
)


def limited(**limits: int) -> NodePool:
    return NodePool("default", limits=limits)


# ---------------------------------------------------------------- priority


@pytest.mark.parametrize(
    ("high", "low"),
    [
        pytest.param(1000, 1000, id="of equal size"),
        pytest.param(500, 2000, id="smaller than the others"),
        pytest.param(2000, 500, id="larger than the others"),
    ],
)
def test_pods_of_higher_priority_come_first_when_limits_bite(high: int, low: int) -> None:
    first = crowd(1, "high", high, priority=100)
    found = planned(
        cluster(*crowd(4, "low", low), *first, pools=(limited(nodes=1),), types=(SMALL,))
    )

    assert "high-0" in found.placed
    assert all(name.startswith("low") for name in found.left)


def test_pods_of_higher_priority_come_first_onto_space_that_is_there() -> None:
    waiting = (*crowd(1, "low", 600), *crowd(1, "high", 500, priority=1))
    found = planned(cluster(*waiting, types=(), nodes=(node("old", cpu=700),)))

    assert found.old == {"old": ["high-0"]}


def test_pods_of_lower_priority_take_what_is_left() -> None:
    waiting = (*crowd(2, "high", 1000, priority=9), *crowd(4, "low", 1000))
    found = planned(cluster(*waiting, pools=(limited(cpu=4000),), types=(SMALL,)))

    assert found.placed == ["high-0", "high-1", "low-0", "low-1"]


def test_a_pod_of_high_priority_that_cannot_go_anywhere_stops_nobody() -> None:
    waiting = (pod("high", 99_000, priority=9), *crowd(2, "low", 1000))

    assert planned(cluster(*waiting)).left == ["high"]


def test_a_negative_priority_comes_last() -> None:
    waiting = (*crowd(1, "spare", 1500, priority=-10), *crowd(1, "web", 1000))
    found = planned(cluster(*waiting, pools=(limited(nodes=1),), types=(SMALL,)))

    assert found.left == ["spare-0"]


def test_priority_does_not_make_a_plan_dearer_where_there_is_no_limit() -> None:
    waiting = (*crowd(2, "high", 500, priority=9), *crowd(2, "low", 500))

    assert planned(cluster(*waiting)).plan.usd_per_hour == pytest.approx(0.1)


# ---------------------------------------------------------------- weight


def test_weight_comes_before_price() -> None:
    pools = (NodePool("cheap"), NodePool("heavy", weight=10))
    types = {"cheap": (SMALL,), "heavy": (machine("dear", 2, 4, 5.0),)}

    assert planned(cluster(*crowd(1), pools=pools, types=types)).node("web-0").pool == "heavy"


def test_the_heaviest_of_three_comes_first() -> None:
    pools = tuple(NodePool(f"w{w}", weight=w) for w in (1, 100, 50))

    assert planned(cluster(*crowd(1), pools=pools)).node("web-0").pool == "w100"


def test_what_the_heavier_pool_cannot_hold_goes_to_the_lighter() -> None:
    pools = (NodePool("heavy", weight=9, limits={"nodes": 1}), NodePool("light"))
    found = planned(cluster(*crowd(4, cpu=1000), pools=pools, types=(SMALL,)))

    assert sorted(each.pool for each in found.plan.new_nodes) == ["heavy", "light"]
    assert found.left == []


def test_what_the_heavier_pool_does_not_offer_goes_to_the_lighter() -> None:
    pools = (NodePool("heavy", weight=9), NodePool("light"))
    types = {"heavy": (SMALL,), "light": (SMALL, LARGE)}
    found = planned(cluster(pod("big", 8000), pod("little", 500), pools=pools, types=types))

    assert (found.node("big").pool, found.node("little").pool) == ("light", "heavy")


# ---------------------------------------------------------------- limits


@pytest.mark.parametrize(
    ("limits", "usage", "placed"),
    [
        pytest.param({"cpu": 4000}, {}, 4, id="of cpu: two small nodes"),
        pytest.param({"cpu": 3999}, {}, 2, id="of cpu: a hair less is one node less"),
        pytest.param({"cpu": 4000}, {"cpu": 2000}, 2, id="what is used already counts"),
        pytest.param({"cpu": 4000}, {"cpu": 9000}, 0, id="a pool that is over its limit"),
        pytest.param({"memory": 8 * GIB}, {}, 4, id="of memory"),
        pytest.param({"nodes": 1}, {}, 2, id="of nodes"),
        pytest.param({"nodes": 3}, {"nodes": 2}, 2, id="nodes that are there count"),
        pytest.param({"nodes": 0}, {}, 0, id="no node at all"),
        pytest.param({"cpu": 0}, {}, 0, id="no cpu at all"),
        pytest.param({"cpu": 9000, "nodes": 1}, {}, 2, id="the tightest of two counts"),
        pytest.param({GPU: 0}, {}, 6, id="a limit on what no machine has limits nothing"),
    ],
)
def test_a_pool_goes_as_far_as_its_limits(
    limits: dict[str, int], usage: dict[str, int], placed: int
) -> None:
    pool = NodePool("default", limits=limits)
    found = planned(
        cluster(*crowd(6, cpu=1000), pools=(pool,), types=(SMALL,), usage={"default": usage})
    )

    assert len(found.placed) == placed


def test_a_limit_is_not_charged_with_the_largest_machine_that_would_do() -> None:
    """Karpenter charges the first of these nodes with 8 cpu and refuses the others."""
    waiting = crowd(4, cpu=1000, apart=(term(HOSTNAME),))
    found = planned(cluster(*waiting, pools=(limited(cpu=8000),)))

    assert found.left == []
    assert found.sizes == [1, 1, 1, 1]


def test_several_pods_fit_exactly_under_a_limit() -> None:
    """Four pods that each fill a small node, under a limit of four small nodes."""
    found = planned(cluster(*crowd(4, cpu=2000), pools=(limited(cpu=8000),)))

    assert found.left == []


def test_a_claim_lists_no_machine_that_would_break_the_limit() -> None:
    """`planned` checks it for every plan: here only the small machine is left within it."""
    found = planned(cluster(*crowd(1), pools=(limited(cpu=3000),)))

    assert found.node("web-0").instance_types == ("small",)


def test_a_claim_still_lists_what_the_limit_allows() -> None:
    found = planned(cluster(*crowd(1), pools=(limited(cpu=4000),)))

    assert found.node("web-0").instance_types == ("small", "medium")


def test_a_larger_machine_is_not_chosen_when_only_a_smaller_one_is_within_the_limit() -> None:
    """The larger one is cheaper for a core, but not allowed; so half of the pods go."""
    cheap = machine("cheap", 8, 16, 0.1)
    found = planned(cluster(*crowd(4, cpu=1000), pools=(limited(cpu=2000),), types=(SMALL, cheap)))

    assert found.kinds == {"small": 1}
    assert len(found.left) == 2


def test_under_a_limit_of_nodes_the_larger_machine_is_chosen() -> None:
    """Two small nodes are cheaper than a large one, but there may be one node only."""
    dear = machine("dear", 8, 16, 0.9)
    found = planned(cluster(*crowd(4, cpu=1000), pools=(limited(nodes=1),), types=(SMALL, dear)))

    assert found.left == []
    assert found.kinds == {"dear": 1}


def test_each_pool_has_its_own_limits() -> None:
    pools = (NodePool("a", limits={"nodes": 1}), NodePool("b", limits={"nodes": 1}))
    found = planned(cluster(*crowd(6, cpu=1000), pools=pools, types=(SMALL,)))

    assert len(found.placed) == 4


def test_space_that_is_there_needs_no_limit() -> None:
    found = planned(cluster(*crowd(2), pools=(limited(nodes=0),), nodes=(node("old", cpu=4000),)))

    assert found.left == []


# ---------------------------------------------------------------- pools that make no nodes


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"replicas": 3}, id="a static pool"),
        pytest.param({"replicas": 0}, id="a static pool of none"),
        pytest.param({"deleting": True}, id="a pool that is being deleted"),
    ],
)
def test_a_pool_that_makes_no_nodes_for_pods(fields: dict[str, Any]) -> None:
    pools = (NodePool("off", weight=9, **fields), NodePool("on"))
    nothing_else = planned(cluster(*crowd(1), pools=pools[:1]))

    assert planned(cluster(*crowd(1), pools=pools)).node("web-0").pool == "on"
    assert nothing_else.left == ["web-0"]


def test_nodes_of_a_static_pool_are_used_like_any() -> None:
    there = node("fixed", cpu=4000, pool="off")
    found = planned(cluster(*crowd(1), pools=(NodePool("off", replicas=1),), nodes=(there,)))

    assert found.old == {"fixed": ["web-0"]}


def test_one_pool_without_types_does_not_stop_the_next() -> None:
    pools = (NodePool("empty", weight=9), NodePool("on"))
    found = planned(cluster(*crowd(1), pools=pools, types={"empty": (), "on": (MEDIUM,)}))

    assert found.node("web-0").pool == "on"


def test_a_pod_that_names_a_type_beyond_the_limit_stays_out() -> None:
    waiting = pod("web-0", **only(demand(INSTANCE_TYPE, "In", "large")))

    assert planned(cluster(waiting, pools=(limited(cpu=4000),))).left == ["web-0"]
