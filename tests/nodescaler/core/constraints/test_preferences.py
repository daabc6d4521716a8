"""What is given up when not everything can be had, in which order, and that it is reported.

The order is Karpenter's: OR-terms of the required node affinity, then preferred pod affinity (the
heaviest first), preferred pod anti-affinity, preferred node affinity, ScheduleAnyway, and last the
taints of PreferNoSchedule. Each case of `test_which_of_two_wishes_goes_first` sets two neighbours
of that list against each other: either can be met, but not both.
"""

from __future__ import annotations

from typing import Any

import pytest

from nodescaler.core.demands import Spread
from nodescaler.core.labels import HOSTNAME, ZONE
from nodescaler.core.model import NodePool, PodSpec, Snapshot
from nodescaler.core.settings import PackSettings, PreferencePolicy
from nodescaler.core.taints import PREFER_NO_SCHEDULE, Taint
from tests.nodescaler.core.constraints.made import (
    SMALL,
    cluster,
    crowd,
    demand,
    machine,
    node,
    only,
    planned,
    pod,
    prefer,
    spread,
    wish,
    zone,
)

IGNORE = PackSettings(preferences=PreferencePolicy.IGNORE)
SHY = Taint("shy", effect=PREFER_NO_SCHEDULE)
DB_IN_A = node("db-a", "a", pods=(pod("db-0", app="db"),))
CACHE_IN_B = node("cache-b", "b", pods=(pod("cache-0", app="cache"),))
WEB_IN_A = node("web-a", "a", pods=(pod("web-old"),))
EMPTY = (node("empty-b", "b"), node("empty-c", "c"))
ANYWAY: Spread = spread(hard=False)


def asking(**fields: Any) -> PodSpec:
    return pod("web-0", **fields)


# ---------------------------------------------------------------- the order


@pytest.mark.parametrize(
    ("snapshot", "zones", "gone"),
    [
        pytest.param(
            cluster(
                asking(alternatives=(zone("b"), zone("a")), company=(wish(9, ZONE, "db"),)),
                nodes=(DB_IN_A,),
            ),
            {"a"},
            "",
            id="an OR-term before a wish for company",
        ),
        pytest.param(
            cluster(
                asking(company=(wish(9, ZONE, "db"), wish(-1, ZONE, "db"))), nodes=(DB_IN_A, *EMPTY)
            ),
            {"b", "c"},
            ZONE,
            id="a wish for company before a wish for none",
        ),
        pytest.param(
            cluster(
                asking(company=(wish(9, ZONE, "db"), wish(1, ZONE, "cache"))),
                nodes=(DB_IN_A, CACHE_IN_B),
            ),
            {"b"},
            ZONE,
            id="the heaviest wish for company before a lighter one",
        ),
        pytest.param(
            cluster(
                asking(company=(wish(-9, ZONE, "db"), wish(-1, ZONE, "cache"))),
                pools=(NodePool("default", requirements=zone("a", "b")),),
                nodes=(DB_IN_A, CACHE_IN_B),
            ),
            {"a"},
            ZONE,
            id="the heaviest wish for none before a lighter one",
        ),
        pytest.param(
            cluster(
                asking(company=(wish(-9, ZONE, "db"),), preferences=(prefer(1, zone("a")),)),
                nodes=(DB_IN_A,),
            ),
            {"a"},
            ZONE,
            id="a wish for no company before a wish for a node",
        ),
        pytest.param(
            cluster(
                asking(preferences=(prefer(100, zone("a")),), spreads=(ANYWAY,)),
                nodes=(WEB_IN_A, *EMPTY),
            ),
            {"b", "c"},
            ZONE,
            id="a wish for a node before a wish to spread",
        ),
        pytest.param(
            cluster(
                asking(spreads=(ANYWAY,)),
                pools=(
                    NodePool("plain", requirements=zone("a")),
                    NodePool("shy", requirements=zone("b", "c"), taints=(SHY,)),
                ),
                nodes=(WEB_IN_A, *EMPTY),
            ),
            {"a"},
            ZONE,
            id="a wish to spread before a taint that would rather not",
        ),
    ],
)
def test_which_of_two_wishes_goes_first(snapshot: Snapshot, zones: set[str], gone: str) -> None:
    found = planned(snapshot)

    assert found.left == []
    assert found.may(ZONE) <= zones
    assert gone in found.relaxed
    assert bool(found.relaxed) is bool(gone)


# ---------------------------------------------------------------- each wish, met and unmet

MET = [
    pytest.param(asking(preferences=(prefer(1, zone("b")),)), {"b"}, id="a wish for a node"),
    pytest.param(asking(company=(wish(1, ZONE, "cache"),)), {"b"}, id="a wish for company"),
    pytest.param(asking(company=(wish(-1, ZONE, "db"),)), {"b", "c"}, id="a wish for none"),
    pytest.param(asking(spreads=(ANYWAY,)), {"b", "c"}, id="a wish to spread"),
]


@pytest.mark.parametrize(("waiting", "zones"), MET)
def test_a_wish_that_can_be_met_is_met_and_nothing_is_reported(
    waiting: PodSpec, zones: set[str]
) -> None:
    found = planned(cluster(waiting, nodes=(DB_IN_A, CACHE_IN_B, WEB_IN_A, *EMPTY)))

    assert found.may(ZONE) <= zones
    assert found.plan.relaxed == ()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        pytest.param({"preferences": (prefer(1, zone("b")),)}, ZONE, id="a wish for a node"),
        pytest.param({"company": (wish(1, ZONE, "cache"),)}, ZONE, id="a wish for company"),
        pytest.param({"company": (wish(1, "rack", "nobody"),)}, "rack", id="for who is nowhere"),
        pytest.param({"company": (wish(-1, ZONE, "db"),)}, ZONE, id="a wish for none"),
        pytest.param({"spreads": (ANYWAY,)}, ZONE, id="a wish to spread"),
        pytest.param({"spreads": (spread("rack", hard=False),)}, "rack", id="over what is nowhere"),
    ],
)
def test_a_wish_that_cannot_be_met_leaves_nobody_out_and_is_reported(
    fields: dict[str, Any], said: str
) -> None:
    """The pool makes nodes in zone a alone, where the database and another web pod are."""
    pool = NodePool("default", requirements=zone("a"))
    found = planned(
        cluster(asking(**fields), pools=(pool,), nodes=(DB_IN_A, CACHE_IN_B, WEB_IN_A, *EMPTY))
    )

    assert found.left == []
    assert "shop/web-0" in found.relaxed
    assert said in found.relaxed


def test_only_the_class_that_must_gives_up_its_wish() -> None:
    tied = pod("web-tied", 300, preferences=(prefer(1, zone("b")),), **only(zone("a")))
    free = pod("web-free", 500, preferences=(prefer(1, zone("b")),))
    found = planned(cluster(tied, free))

    assert found.zone("web-free") == "b"
    assert "web-tied" in found.relaxed
    assert "web-free" not in found.relaxed


def test_a_class_is_reported_in_one_sentence() -> None:
    found = planned(cluster(*crowd(50, preferences=(prefer(1, zone("z")),))))

    assert len(found.plan.relaxed) == 1


def test_wishes_among_a_crowd_are_given_up_only_as_far_as_needed() -> None:
    """Three would rather be alone; there may be two nodes; none stays out."""
    waiting = crowd(3, company=(wish(-1, HOSTNAME),))
    found = planned(cluster(*waiting, pools=(NodePool("default", limits={"nodes": 2}),)))

    assert found.left == []
    assert found.relaxed


def test_pods_that_would_rather_be_alone_are_so_while_they_can() -> None:
    assert planned(cluster(*crowd(3, company=(wish(-1, HOSTNAME),)))).sizes == [1, 1, 1]


def test_pods_that_would_rather_be_together_are_so_while_they_can() -> None:
    waiting = crowd(6, cpu=1000, company=(wish(1, ZONE),))
    found = planned(cluster(*waiting, types=(SMALL,)))

    assert sorted(found.count(ZONE).values()) == [6]


def test_a_wish_of_one_keeps_no_other_out() -> None:
    """Preferred anti-affinity does not hold in the inverse direction."""
    there = node("old", cpu=1000, pods=(pod("lonely", app="x", company=(wish(-9, HOSTNAME),)),))

    assert planned(cluster(*crowd(1), nodes=(there,))).old == {"old": ["web-0"]}


def test_wishes_that_can_be_met_on_different_nodes_do_not_disturb_each_other() -> None:
    waiting = [pod(f"web-{z}", preferences=(prefer(1, zone(z)),)) for z in "abc"]
    found = planned(cluster(*waiting))

    assert [found.zone(f"web-{z}") for z in "abc"] == ["a", "b", "c"]


# ---------------------------------------------------------------- Ignore

DEAR_B = (machine("cheap", 2, 4, 0.1, zones=("a",)), machine("dear", 2, 4, 0.5, zones=("b",)))


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"preferences": (prefer(1, zone("b")),)}, id="a wish for a node"),
        pytest.param({"company": (wish(1, ZONE, "cache"),)}, id="a wish for company"),
        pytest.param({"company": (wish(-1, ZONE, "db"),)}, id="a wish for none"),
        pytest.param({"spreads": (ANYWAY,)}, id="a wish to spread"),
    ],
)
def test_under_ignore_the_cheapest_node_is_taken(fields: dict[str, Any]) -> None:
    """Zone a is cheap; each of the wishes would lead to zone b."""
    waiting = cluster(
        asking(**fields), types=DEAR_B, nodes=(DB_IN_A, CACHE_IN_B, WEB_IN_A, EMPTY[0])
    )

    assert planned(waiting, IGNORE).node("web-0").instance_type == "cheap"
    assert planned(waiting).node("web-0").instance_types == ("dear",)


def test_under_ignore_requirements_still_hold() -> None:
    waiting = asking(**only(demand(ZONE, "In", "b")), preferences=(prefer(1, zone("a")),))

    assert planned(cluster(waiting, types=DEAR_B), IGNORE).zone("web-0") == "b"
