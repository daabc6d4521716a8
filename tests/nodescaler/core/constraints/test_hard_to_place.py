"""Cases where a plain order leaves a pod out that has a place: the pod with less choice goes first.

Karpenter does not manage these; a plan that does is better, and one that does not breaks no rule.
"""

from __future__ import annotations

from nodescaler.core.labels import ZONE
from tests.nodescaler.core.constraints.made import (
    RACKS,
    cluster,
    crowd,
    demand,
    node,
    only,
    planned,
    pod,
    spread,
    term,
    zone,
)


def test_a_zone_without_room_for_one_of_them_is_not_chosen() -> None:
    """The first pods must not lead the last into a zone where it cannot run."""
    tied = pod("web-tied", beside=(term(ZONE),), **only(zone("c")))
    found = planned(cluster(*crowd(3, cpu=1000, beside=(term(ZONE),)), tied))

    assert found.left == []
    assert found.count(ZONE) == {"c": 4}


def test_the_one_that_may_go_to_one_zone_only_gets_it() -> None:
    tied = pod("web-tied", 100, apart=(term(ZONE),), **only(zone("a")))
    found = planned(cluster(*crowd(2, cpu=1500, apart=(term(ZONE),)), tied))

    assert found.left == []
    assert found.zone("web-tied") == "a"


def test_the_pod_that_fits_nowhere_else_gets_the_space_that_is_there() -> None:
    """No pool offers rack r1; only one pod asks for it, the other can go anywhere."""
    there = node("old", cpu=600, labels={"rack": "r1"})
    found = planned(
        cluster(
            pod("any", 500), pod("tied", 400, **only(demand("rack", "In", "r1"))), nodes=(there,)
        )
    )

    assert found.left == []
    assert found.old == {"old": ["tied"]}


def test_a_spread_leaves_the_turn_of_a_zone_to_the_pod_that_can_use_no_other() -> None:
    """Seven over three zones: the seventh goes to the zone that one of them is tied to."""
    fields = {"app": "web", "spreads": (spread(honours_affinity=False),)}
    tied = crowd(3, "tied", 100, **only(zone("c")), **fields)
    found = planned(cluster(*crowd(4, "free", 900, **fields), *tied))

    assert found.left == []
    assert found.count(ZONE, "free") == {"a": 2, "b": 2}


def test_a_node_that_lacks_one_of_two_keys_counts_for_neither() -> None:
    """The full nodes have no rack, so the web pods there do not count for the zone either."""
    full = node("in-a", "a", pods=crowd(5, "old", app="web"))
    both = (spread(honours_affinity=False), spread("rack", honours_affinity=False))
    waiting = crowd(1, spreads=both, **only(zone("a")))
    found = planned(cluster(*waiting, pools=(RACKS,), nodes=(full, node("in-b", "b"))))

    assert found.left == []
