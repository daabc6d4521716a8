"""Required pod affinity: to itself, to others in the batch, to pods that run already."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nodescaler.core.demands import PodTerm
from nodescaler.core.labels import HOSTNAME, ZONE, Requirements
from tests.nodescaler.core.constraints.made import (
    NOTHING,
    RACKS,
    SMALL,
    cluster,
    crowd,
    node,
    only,
    planned,
    pod,
    term,
    zone,
)

EVERYTHING = Requirements()
DB_IN_C = node("old", "c", pods=(pod("db-0", app="db"),))


# ---------------------------------------------------------------- to itself


def test_pods_that_want_their_own_zone_are_all_in_one() -> None:
    found = planned(cluster(*crowd(6, cpu=1000, beside=(term(ZONE),)), types=(SMALL,)))

    assert found.left == []
    assert sorted(found.count(ZONE).values()) == [6]


def test_pods_that_want_their_own_host_share_one() -> None:
    found = planned(cluster(*crowd(6, cpu=1000, beside=(term(HOSTNAME),))))

    assert found.sizes == [6]


def test_what_the_largest_host_cannot_hold_of_them_stays_out() -> None:
    found = planned(cluster(*crowd(10, cpu=1000, beside=(term(HOSTNAME),))))

    assert found.sizes == [8]
    assert len(found.left) == 2


def test_pods_that_want_their_own_rack_are_all_in_one() -> None:
    found = planned(
        cluster(*crowd(6, cpu=1000, beside=(term("rack"),)), pools=(RACKS,), types=(SMALL,))
    )

    assert found.left == []
    assert sorted(found.count("rack").values()) == [6]


def test_a_label_that_no_node_has_is_no_place_to_meet() -> None:
    assert planned(cluster(*crowd(2, beside=(term("rack"),)))).left == ["web-0", "web-1"]


def test_the_rest_follows_those_for_whom_there_is_space() -> None:
    found = planned(
        cluster(*crowd(5, cpu=1000, beside=(term(ZONE),)), nodes=(node("old", "b", 2000),))
    )

    assert found.count(ZONE) == {"b": 5}


def test_pods_that_want_their_own_zone_go_where_one_runs_already() -> None:
    there = node("old", "c", pods=(pod("web-old"),))
    found = planned(cluster(*crowd(3, beside=(term(ZONE),)), nodes=(there,)))

    assert found.count(ZONE) == {"c": 3}


# ---------------------------------------------------------------- to another class in the batch


@pytest.mark.parametrize(
    ("web", "db"),
    [
        pytest.param(500, 1500, id="the follower is smaller"),
        pytest.param(1500, 500, id="the follower is larger"),
    ],
)
def test_a_pod_follows_another_of_the_batch_into_its_zone(web: int, db: int) -> None:
    leader = pod("db-0", db, app="db", **only(zone("b")))
    found = planned(cluster(*crowd(3, cpu=web, beside=(term(ZONE, "db"),)), leader))

    assert found.left == []
    assert found.count(ZONE) == {"b": 3}


@pytest.mark.parametrize(
    ("web", "db"),
    [
        pytest.param(500, 1500, id="the follower is smaller"),
        pytest.param(1500, 500, id="the follower is larger"),
    ],
)
def test_a_pod_follows_another_of_the_batch_onto_its_host(web: int, db: int) -> None:
    leader = pod("db-0", db, app="db")
    found = planned(cluster(*crowd(3, cpu=web, beside=(term(HOSTNAME, "db"),)), leader))

    assert {found.host(f"web-{n}") for n in range(3)} == {found.host("db-0")}


def test_a_chain_of_followers_ends_up_in_one_zone() -> None:
    found = planned(
        cluster(
            pod("a", 2000, app="a", beside=(term(ZONE, "b"),)),
            pod("b", 1000, app="b", beside=(term(ZONE, "c"),)),
            pod("c", 500, app="c", **only(zone("b"))),
        )
    )

    assert [found.zone(name) for name in "abc"] == ["b", "b", "b"]


def test_two_that_wait_for_each_other_both_stay_out() -> None:
    """As with kube-scheduler: only a pod that matches its own term may be the first."""
    found = planned(
        cluster(
            pod("a", app="a", beside=(term(ZONE, "b"),)),
            pod("b", app="b", beside=(term(ZONE, "a"),)),
        )
    )

    assert found.left == ["a", "b"]


def test_two_that_wait_for_each_other_follow_one_that_runs() -> None:
    there = node("old", "b", pods=(pod("a-old", app="a"),))
    found = planned(
        cluster(
            pod("a", app="a", beside=(term(ZONE, "b"),)),
            pod("b", app="b", beside=(term(ZONE, "a"),)),
            nodes=(there,),
        )
    )

    assert [found.zone(name) for name in "ab"] == ["b", "b"]


def test_a_follower_whose_leader_stays_out_stays_out() -> None:
    leader = pod("db-0", 99_000, app="db")

    found = planned(cluster(*crowd(1, beside=(term(ZONE, "db"),)), leader))

    assert found.left == ["db-0", "web-0"]


def test_a_follower_without_a_leader_stays_out() -> None:
    assert planned(cluster(*crowd(1, beside=(term(ZONE, "db"),)))).left == ["web-0"]


def test_two_terms_hold_together() -> None:
    """The zone of the one and the host of the other: the pod that matches both terms."""
    waiting = pod("web-0", beside=(term(ZONE, "db"), term(HOSTNAME, "db")))
    found = planned(cluster(waiting, pod("db-0", app="db", **only(zone("b")))))

    assert found.host("web-0") == found.host("db-0")
    assert found.zone("web-0") == "b"


def test_two_terms_are_not_met_by_two_different_pods() -> None:
    """As with kube-scheduler: a pod counts only when it matches every term. Karpenter's node for
    such a pod would stay empty.
    """
    waiting = pod("web-0", beside=(term(ZONE, "db"), term(ZONE, "cache")))
    found = planned(cluster(waiting, pod("db-0", app="db"), pod("cache-0", app="cache")))

    assert found.left == ["web-0"]


# ---------------------------------------------------------------- to pods that run already


def test_a_new_node_is_made_in_the_zone_of_the_pod_that_runs() -> None:
    found = planned(cluster(*crowd(2, beside=(term(ZONE, "db"),)), nodes=(DB_IN_C,)))

    assert found.count(ZONE) == {"c": 2}


def test_space_in_the_zone_of_the_pod_that_runs_is_used_first() -> None:
    nodes = (DB_IN_C, node("in-a", "a", 4000), node("in-c", "c", 4000))
    found = planned(cluster(*crowd(2, beside=(term(ZONE, "db"),)), nodes=nodes))

    assert found.old == {"in-c": ["web-0", "web-1"]}


def test_only_the_host_of_the_pod_that_runs_will_do() -> None:
    there = node("old", "c", 600, pods=(pod("db-0", app="db"),))
    found = planned(cluster(*crowd(2, beside=(term(HOSTNAME, "db"),)), nodes=(there,)))

    assert found.old == {"old": ["web-0"]}
    assert found.left == ["web-1"]


def test_a_requirement_that_excludes_the_leaders_zone_leaves_the_pod_out() -> None:
    waiting = pod("web-0", beside=(term(ZONE, "db"),), **only(zone("a")))

    assert planned(cluster(waiting, nodes=(DB_IN_C,))).left == ["web-0"]


def test_a_node_without_the_label_is_in_no_place() -> None:
    """The leader's node has no rack, so nobody can share it."""
    waiting = crowd(1, beside=(term("rack", "db"),))

    assert planned(cluster(*waiting, pools=(RACKS,), nodes=(DB_IN_C,))).left == ["web-0"]


def test_a_label_of_ones_own_is_a_place() -> None:
    there = replace(DB_IN_C, labels={**DB_IN_C.labels, "rack": "r2"})
    waiting = crowd(2, beside=(term("rack", "db"),))
    found = planned(cluster(*waiting, pools=(RACKS,), nodes=(there,)))

    assert found.count("rack") == {"r2": 2}


# ---------------------------------------------------------------- namespaces

DB = Requirements.labels({"app": "db"})
PROD = Requirements.labels({"env": "prod"})


@pytest.mark.parametrize(
    ("asked", "placed"),
    [
        pytest.param(term(ZONE, "db"), False, id="a pod of another namespace does not count"),
        pytest.param(term(ZONE, "db", "data"), True, id="one of a namespace that is named does"),
        pytest.param(
            PodTerm(ZONE, DB, namespace_selector=PROD), True, id="so does one that is selected"
        ),
        pytest.param(
            PodTerm(ZONE, DB, namespace_selector=Requirements.labels({"env": "test"})),
            False,
            id="a selector of other namespaces does not find it",
        ),
        pytest.param(
            PodTerm(ZONE, DB, namespace_selector=EVERYTHING),
            True,
            id="an empty selector takes every namespace",
        ),
        pytest.param(
            term(ZONE, "db", "shop", namespace_selector=PROD),
            True,
            id="names and selector add up",
        ),
        pytest.param(
            PodTerm(ZONE, NOTHING, frozenset({"data"})),
            False,
            id="a null label selector finds no pod",
        ),
        pytest.param(
            PodTerm(ZONE, EVERYTHING, frozenset({"data"})),
            True,
            id="an empty label selector finds every pod",
        ),
    ],
)
def test_where_company_is_looked_for(asked: PodTerm, placed: bool) -> None:
    there = node("old", "c", pods=(pod("db-0", app="db", namespace="data"),))
    found = planned(
        cluster(
            pod("web-0", beside=(asked,)),
            nodes=(there,),
            namespaces={"data": {"env": "prod"}, "shop": {}},
        )
    )

    assert found.left == ([] if placed else ["web-0"])
    assert not placed or found.zone("web-0") == "c"


def test_a_term_that_does_not_look_into_its_own_namespace_lets_no_pod_be_the_first() -> None:
    waiting = crowd(2, beside=(term(ZONE, "web", "elsewhere"),))

    assert planned(cluster(*waiting)).left == ["web-0", "web-1"]


def test_a_leader_of_the_batch_in_another_namespace_is_found() -> None:
    leader = pod("db-0", app="db", namespace="data", **only(zone("b")))
    found = planned(cluster(pod("web-0", beside=(term(ZONE, "db", "data"),)), leader))

    assert found.zone("web-0") == "b"
