"""Gangs: pods that are placed all or none."""

from __future__ import annotations

from typing import Any

from nodescaler.core.demands import Gang
from nodescaler.core.labels import HOSTNAME, ZONE
from nodescaler.core.model import NodePool, PodSpec
from tests.nodescaler.core.constraints.made import (
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


def gang(count: int, minimum: int, name: str = "train", **fields: Any) -> tuple[PodSpec, ...]:
    fields.setdefault("cpu", 2000)
    return crowd(count, name, gang=Gang(f"shop/{name}", minimum), **fields)


def limited(nodes: int) -> NodePool:
    return NodePool("default", limits={"nodes": nodes})


def test_a_gang_that_fits_is_placed() -> None:
    assert planned(cluster(*gang(4, 4))).left == []


def test_a_gang_that_does_not_fit_is_placed_not_at_all() -> None:
    found = planned(cluster(*gang(4, 4), pools=(limited(3),), types=(SMALL,)))

    assert found.left == [f"train-{n}" for n in range(4)]
    assert found.new == {}


def test_its_reason_names_the_gang_and_its_minimum() -> None:
    found = planned(cluster(*gang(4, 4), pools=(limited(3),), types=(SMALL,)))

    assert "shop/train" in found.reason("train-0")
    assert "4" in found.reason("train-0")


def test_others_use_the_room_of_a_gang_that_does_not_fit() -> None:
    waiting = (*gang(4, 4, priority=9), *crowd(3, cpu=2000))
    found = planned(cluster(*waiting, pools=(limited(3),), types=(SMALL,)))

    assert found.placed == ["web-0", "web-1", "web-2"]


def test_others_use_the_existing_room_of_a_gang_that_does_not_fit() -> None:
    waiting = (*gang(2, 2, cpu=1000), *crowd(1, cpu=900))
    found = planned(cluster(*waiting, types=(), nodes=(node("old", cpu=1000),)))

    assert found.old == {"old": ["web-0"]}


def test_more_than_the_minimum_is_placed_as_far_as_there_is_room() -> None:
    found = planned(cluster(*gang(4, 2), pools=(limited(3),), types=(SMALL,)))

    assert len(found.placed) == 3


def test_fewer_pods_than_the_minimum_wait_for_the_others() -> None:
    found = planned(cluster(*gang(2, 3), *crowd(1)))

    assert found.left == ["train-0", "train-1"]


def test_members_that_run_already_count() -> None:
    runs = pod("train-old", 2000, app="train", gang=Gang("shop/train", 3))
    found = planned(cluster(*gang(2, 3), nodes=(node("old", pods=(runs,)),)))

    assert found.left == []


def test_a_gang_of_different_pods_is_one_gang() -> None:
    """The leader asks for a zone that is not there, so the workers stay out as well."""
    leader = pod("lead", 500, gang=Gang("shop/train", 3), **only(zone("z")))
    found = planned(cluster(*gang(2, 3), leader))

    assert found.left == ["lead", "train-0", "train-1"]


def test_a_gang_of_different_pods_is_placed_together() -> None:
    leader = pod("lead", 500, gang=Gang("shop/train", 3), **only(zone("b")))

    assert planned(cluster(*gang(2, 3), leader)).left == []


def test_of_two_gangs_with_room_for_one_one_is_complete() -> None:
    waiting = (*gang(3, 3, "one"), *gang(3, 3, "two"))
    found = planned(cluster(*waiting, pools=(limited(4),), types=(SMALL,)))

    assert {name.split("-")[0] for name in found.placed} in ({"one"}, {"two"})
    assert len(found.placed) == 3


def test_of_two_gangs_the_one_of_higher_priority_is_placed() -> None:
    waiting = (*gang(3, 3, "one"), *gang(3, 3, "two", priority=5))
    found = planned(cluster(*waiting, pools=(limited(4),), types=(SMALL,)))

    assert found.placed == ["two-0", "two-1", "two-2"]


def test_gangs_of_one_name_in_two_namespaces_are_two() -> None:
    other = crowd(1, "other", 500, gang=Gang("data/train", 1))
    found = planned(cluster(*gang(4, 4), *other, pools=(limited(3),), types=(SMALL,)))

    assert found.placed == ["other-0"]


def test_a_gang_may_use_space_that_is_there_and_new_nodes() -> None:
    found = planned(cluster(*gang(3, 3), types=(SMALL,), nodes=(node("old", cpu=2000),)))

    assert found.left == []
    assert len(found.new) == 2


def test_a_gang_keeps_its_other_constraints() -> None:
    """All in one zone and each on its own host: three nodes, or none if a limit says two."""
    fields: dict[str, Any] = {"beside": (term(ZONE, "train"),), "apart": (term(HOSTNAME, "train"),)}
    fits = planned(cluster(*gang(3, 3, **fields), pools=(limited(3),)))
    fails = planned(cluster(*gang(3, 3, **fields), pools=(limited(2),)))

    assert fits.sizes == [1, 1, 1]
    assert len(fits.count(ZONE, "train")) == 1
    assert fails.new == {}


def test_who_wants_to_be_near_a_gang_that_stays_out_stays_out() -> None:
    waiting = (*gang(2, 3), pod("web-0", beside=(term(ZONE, "train"),)))

    assert "web-0" in planned(cluster(*waiting)).left


def test_who_stays_away_from_a_gang_that_stays_out_is_free() -> None:
    """One host may be made; the gang is not placed, so nothing is there to avoid."""
    waiting = (*gang(2, 3, priority=9), pod("web-0", apart=(term(ZONE, "train"),)))

    assert planned(cluster(*waiting, pools=(limited(1),))).placed == ["web-0"]


def test_a_gang_of_one_is_a_pod() -> None:
    assert planned(cluster(*gang(1, 1), *gang(1, 0, "none"))).left == []
