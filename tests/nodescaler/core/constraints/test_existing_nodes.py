"""Nodes that are there, on their way, or about to go."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from nodescaler.core.labels import HOSTNAME, NODE_POOL, ZONE
from nodescaler.core.model import NodePool, NodeState, PodSpec
from nodescaler.core.taints import DISRUPTED, NO_SCHEDULE, UNREGISTERED, Taint
from tests.nodescaler.core.constraints.made import (
    cluster,
    crowd,
    demand,
    node,
    only,
    planned,
    pod,
    spread,
    term,
    wish,
    zone,
)

COMING: dict[str, Any] = {"registered": False, "initialised": False, "taints": (UNREGISTERED,)}


def test_space_that_is_there_comes_before_new_nodes() -> None:
    found = planned(cluster(*crowd(4, cpu=1000), nodes=(node("old", cpu=3000),)))

    assert [len(names) for names in found.old.values()] == [3]
    assert found.sizes == [1]


def test_all_space_that_is_there_is_used() -> None:
    nodes = tuple(node(f"n{n}", cpu=1000) for n in range(5))
    found = planned(cluster(*crowd(10, cpu=500), nodes=nodes))

    assert found.new == {}


def test_a_node_that_is_nobodys_is_used_as_well() -> None:
    found = planned(cluster(*crowd(1), pools=(), nodes=(node("by-hand", cpu=1000),)))

    assert found.old == {"by-hand": ["web-0"]}


@pytest.mark.parametrize(
    "there",
    [
        pytest.param(node("n", cpu=8000, deleting=True), id="one marked for deletion"),
        pytest.param(node("n", cpu=8000, unschedulable=True), id="a cordoned one"),
        pytest.param(node("n", cpu=8000, taints=(DISRUPTED,)), id="one that is being disrupted"),
        pytest.param(node("n", cpu=8000, reserved={"cpu": 7800}), id="one whose room is promised"),
        pytest.param(node("n", cpu=-2000), id="one that is overfull"),
        pytest.param(node("n", cpu=8000, room={"pods": 0}), id="one with no more pods allowed"),
    ],
)
def test_a_node_that_takes_no_pod(there: NodeState) -> None:
    found = planned(cluster(*crowd(1), nodes=(there,)))

    assert found.old == {}
    assert found.left == []


def test_a_pod_that_is_over_takes_no_room() -> None:
    there = node("old", cpu=0, pods=(pod("done", 1000, phase="Succeeded"),))

    assert planned(cluster(*crowd(2), nodes=(there,))).old == {"old": ["web-0", "web-1"]}


# ---------------------------------------------------------------- on its way


def test_a_node_on_its_way_is_used_as_it_will_be() -> None:
    found = planned(cluster(*crowd(2), nodes=(node("claim-1", cpu=1000, **COMING),)))

    assert found.old == {"claim-1": ["web-0", "web-1"]}


def test_a_node_on_its_way_is_held_to_its_lasting_taints() -> None:
    fields = {**COMING, "taints": (UNREGISTERED, Taint("team", "a", NO_SCHEDULE))}

    assert planned(cluster(*crowd(1), nodes=(node("claim-1", cpu=1000, **fields),))).old == {}


def test_nodes_that_run_are_filled_before_those_on_their_way() -> None:
    nodes = (node("a-claim", cpu=1000, **COMING), node("z-runs", cpu=1000))

    assert planned(cluster(*crowd(1), nodes=nodes)).old == {"z-runs": ["web-0"]}


def test_a_node_on_its_way_without_a_hostname_yet_is_a_host_of_its_own() -> None:
    coming = [node(f"claim-{n}", cpu=4000, **COMING) for n in range(2)]
    bare = [replace(n, labels={k: v for k, v in n.labels.items() if k != HOSTNAME}) for n in coming]
    found = planned(cluster(*crowd(3, apart=(term(HOSTNAME),)), nodes=tuple(bare)))

    assert sorted(len(names) for names in found.old.values()) == [1, 1]
    assert found.sizes == [1]


def test_what_is_nominated_to_a_node_on_its_way_counts_where_it_will_be() -> None:
    """Pods that are promised to a coming node spread as if they ran there."""
    there = node("claim-1", "a", 0, pods=(pod("web-x"), pod("web-y")), **COMING)
    found = planned(
        cluster(*crowd(2, spreads=(spread(),)), nodes=(there, node("b", "b"), node("c", "c")))
    )

    assert found.count(ZONE) == {"b": 1, "c": 1}


# ---------------------------------------------------------------- about to go


def test_the_pods_of_a_node_that_goes_find_another_place() -> None:
    moving = pod("web-0")
    leaving = node("leaving", cpu=8000, pods=(moving,), deleting=True)
    found = planned(cluster(moving, nodes=(leaving, node("stays", cpu=1000))))

    assert found.old == {"stays": ["web-0"]}


def test_a_pod_that_moves_does_not_stand_in_its_own_way() -> None:
    """It keeps others of its kind out of its zone, but its old place is given up."""
    moving = pod("web-0", apart=(term(ZONE),), **only(zone("a")))
    leaving = node("leaving", "a", pods=(moving,), deleting=True)
    found = planned(cluster(moving, nodes=(leaving,)))

    assert found.left == []
    assert found.zone("web-0") == "a"


def test_a_pod_that_moves_is_not_counted_twice() -> None:
    moving = pod("web-0", spreads=(spread(honours_affinity=False),), **only(zone("a")))
    leaving = node("leaving", "a", pods=(moving,), deleting=True)
    found = planned(cluster(moving, nodes=(leaving, node("b", "b"), node("c", "c"))))

    assert found.left == []


def test_a_pod_does_not_follow_itself_to_its_old_place() -> None:
    """It wants company of its own kind on its host, and is the first of them elsewhere."""
    moving = pod("web-0", beside=(term(HOSTNAME),))
    leaving = node("leaving", "a", pods=(moving,), deleting=True)

    assert planned(cluster(moving, nodes=(leaving,))).left == []


# ---------------------------------------------------------------- labels of nodes


def test_a_node_is_judged_by_its_own_labels_not_its_pools() -> None:
    pool = NodePool("default", labels={"team": "a"})
    there = node("old", cpu=8000, labels={NODE_POOL: "default"}, pool="default")
    found = planned(
        cluster(pod("web-0", **only(demand("team", "In", "a"))), pools=(pool,), nodes=(there,))
    )

    assert found.old == {}
    assert found.left == []


def test_a_node_without_a_label_is_refused_by_who_asks_for_one() -> None:
    bare = NodeState("bare", allocatable={"cpu": 8000, "memory": 2**36, "pods": 10})
    found = planned(cluster(pod("asks", **only(zone("a"))), pod("any"), nodes=(bare,)))

    assert found.old == {"bare": ["any"]}
    assert found.zone("asks") == "a"


# ---------------------------------------------------------------- planned before


def promised(name: str, *pods: PodSpec) -> tuple[PodSpec, ...]:
    """Pods that the last plan had on this node."""
    return tuple(replace(each, nominated_node=name) for each in pods)


def test_pods_go_back_to_the_node_that_they_were_planned_for() -> None:
    """First-fit would fill the first node with the larger pods."""
    small, large = crowd(2, "small", 500), crowd(2, "large", 1000)
    waiting = (*promised("n1", *small), *promised("n2", *large))
    nodes = (node("n1", cpu=1000), node("n2", cpu=2000))

    assert planned(cluster(*waiting, nodes=nodes)).old == {
        "n1": ["small-0", "small-1"],
        "n2": ["large-0", "large-1"],
    }


def test_a_pod_whose_node_never_came_goes_elsewhere() -> None:
    found = planned(cluster(*promised("gone", *crowd(1)), nodes=(node("n1", cpu=1000),)))

    assert found.old == {"n1": ["web-0"]}


def test_a_pod_is_not_kept_where_it_may_not_run_any_more() -> None:
    tainted = node("n1", cpu=4000, taints=(Taint("team", "a"),))
    found = planned(cluster(*promised("n1", *crowd(1)), nodes=(tainted,)))

    assert (found.old, found.sizes) == ({}, [1])


def test_who_wishes_distance_sees_those_who_were_planned_before() -> None:
    shy = crowd(2, company=(wish(-1, HOSTNAME),))
    nodes = (node("n1", cpu=2000), node("n2", cpu=2000))
    found = planned(cluster(*promised("n1", shy[0]), shy[1], nodes=nodes))

    assert sorted(map(len, found.old.values())) == [1, 1]


def test_what_was_given_up_before_is_not_reported_again() -> None:
    shy = crowd(2, company=(wish(-1, HOSTNAME),))
    found = planned(cluster(*promised("n1", *shy), nodes=(node("n1", cpu=2000),), pools=()))

    assert (found.old, found.relaxed) == ({"n1": ["web-0", "web-1"]}, "")
