"""Required pod anti-affinity, in both directions, against the batch and against what runs."""

from __future__ import annotations

import pytest

from nodescaler.core.demands import PodTerm
from nodescaler.core.labels import HOSTNAME, ZONE, Requirements
from nodescaler.core.model import PodSpec
from tests.nodescaler.core.constraints.made import (
    NOTHING,
    RACKS,
    cluster,
    crowd,
    machine,
    node,
    only,
    planned,
    pod,
    term,
    zone,
)

WEB = Requirements.labels({"app": "web"})


# ---------------------------------------------------------------- from its own kind


def test_pods_that_avoid_their_own_host_get_one_each() -> None:
    found = planned(cluster(*crowd(4, apart=(term(HOSTNAME),))))

    assert found.sizes == [1, 1, 1, 1]


def test_one_of_them_uses_a_node_that_is_there() -> None:
    found = planned(cluster(*crowd(3, apart=(term(HOSTNAME),)), nodes=(node("old", cpu=8000),)))

    assert [len(names) for names in found.old.values()] == [1]
    assert found.sizes == [1, 1]


def test_pods_that_avoid_their_own_zone_get_a_zone_each_in_one_plan() -> None:
    """Karpenter places one of them a pass; the zones of a plan are certain, so all of it is."""
    found = planned(cluster(*crowd(3, apart=(term(ZONE),))))

    assert found.count(ZONE) == {"a": 1, "b": 1, "c": 1}


def test_there_are_no_more_of_them_than_zones() -> None:
    found = planned(cluster(*crowd(5, apart=(term(ZONE),))))

    assert found.count(ZONE) == {"a": 1, "b": 1, "c": 1}
    assert len(found.left) == 2


def test_a_zone_where_one_runs_is_taken() -> None:
    there = node("old", "b", 8000, pods=(pod("web-old"),))
    found = planned(cluster(*crowd(3, apart=(term(ZONE),)), nodes=(there,)))

    assert found.count(ZONE) == {"a": 1, "c": 1}
    assert len(found.left) == 1


def test_zones_that_no_type_is_sold_in_do_not_count() -> None:
    types = (machine("here", 2, 4, 0.1, zones=("a", "b")),)
    found = planned(cluster(*crowd(3, apart=(term(ZONE),)), types=types))

    assert found.count(ZONE) == {"a": 1, "b": 1}


def test_pods_that_avoid_their_own_rack_get_a_rack_each() -> None:
    found = planned(cluster(*crowd(3, apart=(term("rack"),)), pools=(RACKS,)))

    assert found.count("rack") == {"r1": 1, "r2": 1}
    assert len(found.left) == 1


def test_a_label_that_no_node_has_keeps_nobody_apart() -> None:
    """As with kube-scheduler: nodes without the label are in no place, so none is shared."""
    found = planned(cluster(*crowd(2, apart=(term("rack"),))))

    assert found.left == []


# ---------------------------------------------------------------- from another class of the batch


@pytest.mark.parametrize(
    ("web", "db"),
    [
        pytest.param(500, 1000, id="the one that refuses is smaller"),
        pytest.param(1000, 500, id="the one that refuses is larger"),
    ],
)
@pytest.mark.parametrize("key", [HOSTNAME, ZONE])
def test_two_classes_do_not_meet_though_only_one_of_them_minds(key: str, web: int, db: int) -> None:
    refusing = crowd(2, "web", web, apart=(term(key, "db"),))
    found = planned(cluster(*refusing, *crowd(2, "db", db)))

    assert found.left == []
    assert not found.may(key, "web") & found.may(key, "db")


def test_one_that_avoids_another_may_share_with_its_own_kind() -> None:
    found = planned(cluster(*crowd(2, apart=(term(HOSTNAME, "db"),)), pod("db-0", app="db")))

    assert found.sizes == [1, 2]


def test_avoiding_a_zone_and_a_host_hold_together() -> None:
    both = (term(ZONE, "db"), term(HOSTNAME, "web"))
    found = planned(cluster(*crowd(2, apart=both), pod("db-0", 1500, app="db", **only(zone("a")))))

    assert found.left == []
    assert found.host("web-0") != found.host("web-1")
    assert "a" not in found.may(ZONE, "web")


# ---------------------------------------------------------------- what runs already

GUARD = pod("guard", app="guard", apart=(term(ZONE, "web"),))
HOST_GUARD = pod("guard", app="guard", apart=(term(HOSTNAME, "web"),))


def test_a_pod_avoids_the_zone_of_one_that_runs() -> None:
    there = node("old", "a", 8000, pods=(pod("db-0", app="db"),))
    found = planned(cluster(*crowd(3, apart=(term(ZONE, "db"),)), nodes=(there,)))

    assert found.left == []
    assert "a" not in found.may(ZONE)


def test_when_every_zone_is_taken_the_pod_stays_out() -> None:
    there = tuple(node(f"in-{z}", z, pods=(pod(f"db-{z}", app="db"),)) for z in "abc")

    assert planned(cluster(*crowd(1, apart=(term(ZONE, "db"),)), nodes=there)).left == ["web-0"]


def test_a_running_pod_that_refuses_the_zone_keeps_new_nodes_out_of_it() -> None:
    there = node("old", "a", 8000, pods=(GUARD,))
    found = planned(cluster(*crowd(4), nodes=(there, node("other", "a", 8000))))

    assert found.left == []
    assert found.old == {}
    assert "a" not in found.may(ZONE)


def test_a_running_pod_that_refuses_company_on_its_host_keeps_only_that() -> None:
    there = node("old", "a", 8000, pods=(HOST_GUARD,))
    found = planned(cluster(*crowd(4), nodes=(there, node("other", "a", 8000))))

    assert list(found.old) == ["other"]


def test_a_running_pod_does_not_mind_those_it_does_not_name() -> None:
    there = node("old", "a", 8000, pods=(GUARD,))

    assert list(planned(cluster(*crowd(2, "db"), nodes=(there,))).old) == ["old"]


def test_a_guard_on_a_node_without_the_label_guards_nothing() -> None:
    guard = pod("guard", app="guard", apart=(term("rack", "web"),))
    found = planned(cluster(*crowd(2), nodes=(node("old", "a", 8000, pods=(guard,)),)))

    assert list(found.old) == ["old"]


# ---------------------------------------------------------------- namespaces

ALIEN = pod("alien", app="web", namespace="data")


@pytest.mark.parametrize(
    ("asked", "kept_out"),
    [
        pytest.param(term(HOSTNAME), False, id="a pod of another namespace does not count"),
        pytest.param(term(HOSTNAME, "web", "data"), True, id="one of a named namespace does"),
        pytest.param(
            PodTerm(HOSTNAME, WEB, namespace_selector=Requirements.labels({"env": "prod"})),
            True,
            id="so does one of a namespace that is selected",
        ),
        pytest.param(
            PodTerm(HOSTNAME, WEB, namespace_selector=Requirements.labels({"env": "test"})),
            False,
            id="another selector does not find it",
        ),
        pytest.param(
            PodTerm(HOSTNAME, WEB, namespace_selector=Requirements()),
            True,
            id="an empty selector takes every namespace",
        ),
        pytest.param(
            PodTerm(HOSTNAME, NOTHING, frozenset({"data"})),
            False,
            id="a null label selector finds no pod",
        ),
        pytest.param(
            PodTerm(HOSTNAME, Requirements(), frozenset({"data"})),
            True,
            id="an empty label selector finds every pod",
        ),
    ],
)
@pytest.mark.parametrize("inverse", [False, True], ids=["the new pod minds", "the old one minds"])
def test_whom_a_term_means(asked: PodTerm, kept_out: bool, inverse: bool) -> None:
    """The same world twice: once the waiting pod refuses, once the one that runs."""
    waiting, running = _pair(asked, inverse)
    found = planned(
        cluster(
            waiting,
            nodes=(node("old", "a", 8000, pods=(running,)),),
            namespaces={"data": {"env": "prod"}, "shop": {}},
        )
    )

    assert bool(found.new) is kept_out


def _pair(asked: PodTerm, inverse: bool) -> tuple[PodSpec, PodSpec]:
    """The pod that waits and the one that runs; the refusing one is in shop, the other in data."""
    refusing, other = pod("refusing", app="other", apart=(asked,)), ALIEN
    return (other, refusing) if inverse else (refusing, other)
