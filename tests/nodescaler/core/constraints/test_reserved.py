"""Reserved capacity: used first, never beyond its count, then spot and on-demand."""

from __future__ import annotations

from dataclasses import replace

from nodescaler.core.labels import CAPACITY_TYPE, HOSTNAME
from nodescaler.core.model import InstanceType, NodePool, Offering
from tests.nodescaler.core.constraints.made import (
    ON_DEMAND,
    SMALL,
    Outcome,
    cluster,
    crowd,
    demand,
    only,
    planned,
    pod,
    term,
    zone,
)

NEARLY_NOTHING = 1e-8


def reserved(
    count: int, zone_name: str = "a", name: str = "cr-1", like: InstanceType = SMALL
) -> InstanceType:
    """The machine, of which so many are reserved as well."""
    held = Offering(zone_name, "reserved", NEARLY_NOTHING, reservation=name, count=count)
    return replace(like, offerings=(held, *like.offerings))


def how(found: Outcome) -> dict[str, int]:
    """How many nodes are bought in which way."""
    kinds = [each.capacity_type for each in found.plan.new_nodes]
    return {kind: kinds.count(kind) for kind in sorted(set(kinds))}


def may_draw(found: Outcome) -> int:
    """How many nodes a launch could take out of the reservation."""
    return sum("reserved" in each.requirements[CAPACITY_TYPE] for each in found.plan.new_nodes)


def test_what_is_reserved_is_used_first() -> None:
    found = planned(cluster(*crowd(1), types=(reserved(1),)))

    assert how(found) == {"reserved": 1}
    assert found.node("web-0").usd_per_hour == NEARLY_NOTHING


def test_it_is_never_used_beyond_its_count_and_the_rest_is_bought() -> None:
    found = planned(cluster(*crowd(5, cpu=2000), types=(reserved(2),)))

    assert found.left == []
    assert how(found) == {"on-demand": 3, "reserved": 2}
    assert may_draw(found) <= 2


def test_the_rest_is_bought_as_spot_where_that_is_cheaper() -> None:
    spot = replace(SMALL, offerings=(*SMALL.offerings, Offering("b", "spot", 0.03)))
    found = planned(cluster(*crowd(3, cpu=2000), types=(reserved(1, like=spot),)))

    assert how(found) == {"reserved": 1, "spot": 2}


def test_a_reservation_with_nothing_left_is_not_used() -> None:
    assert how(planned(cluster(*crowd(1), types=(reserved(0),)))) == {"on-demand": 1}


def test_two_machines_that_draw_from_one_reservation_share_its_count() -> None:
    twin = replace(SMALL, name="twin")
    found = planned(cluster(*crowd(3, cpu=2000), types=(reserved(1), reserved(1, like=twin))))

    assert how(found) == {"on-demand": 2, "reserved": 1}
    assert may_draw(found) <= 1


def test_two_reservations_each_have_their_own_count() -> None:
    types = (reserved(1), reserved(1, name="cr-2", like=replace(SMALL, name="twin")))

    assert how(planned(cluster(*crowd(3, cpu=2000), types=types))) == {
        "on-demand": 1,
        "reserved": 2,
    }


def test_a_reservation_in_a_zone_that_a_pod_cannot_use_is_left_alone() -> None:
    found = planned(cluster(pod("web-0", **only(zone("b"))), types=(reserved(5, "a"),)))

    assert how(found) == {"on-demand": 1}


def test_a_pod_that_insists_on_demand_gets_it() -> None:
    found = planned(cluster(pod("web-0", **only(ON_DEMAND)), types=(reserved(5),)))

    assert how(found) == {"on-demand": 1}


def test_a_pool_that_does_not_allow_reserved_capacity_uses_none() -> None:
    pool = NodePool("default", requirements=demand(CAPACITY_TYPE, "NotIn", "reserved"))

    assert how(planned(cluster(*crowd(1), pools=(pool,), types=(reserved(5),)))) == {"on-demand": 1}


def test_a_pod_that_insists_on_reserved_capacity_stays_out_when_none_is_left() -> None:
    waiting = crowd(3, cpu=2000, **only(demand(CAPACITY_TYPE, "In", "reserved")))
    found = planned(cluster(*waiting, types=(reserved(2),)))

    assert how(found) == {"reserved": 2}
    assert len(found.left) == 1


def test_two_pools_share_the_count_of_a_reservation() -> None:
    pools = (NodePool("one", weight=9, limits={"nodes": 1}), NodePool("two"))
    found = planned(cluster(*crowd(3, cpu=2000), pools=pools, types=(reserved(2),)))

    assert how(found) == {"on-demand": 1, "reserved": 2}


def test_a_node_planned_as_bought_cannot_draw_from_a_reservation_that_is_spoken_for() -> None:
    waiting = crowd(4, cpu=100, apart=(term(HOSTNAME),))
    found = planned(cluster(*waiting, types=(reserved(3),)))

    assert how(found) == {"on-demand": 1, "reserved": 3}
    assert may_draw(found) <= 3


def test_a_machine_without_a_limit_of_its_reservation_is_used_for_all() -> None:
    endless = replace(
        SMALL, offerings=(Offering("a", "reserved", NEARLY_NOTHING, reservation="cr-9"),)
    )

    assert how(planned(cluster(*crowd(3, cpu=2000), types=(endless,)))) == {"reserved": 3}


def test_what_is_reserved_but_not_available_is_not_used() -> None:
    held = Offering("a", "reserved", NEARLY_NOTHING, available=False, reservation="cr", count=9)
    off = replace(SMALL, offerings=(held, *SMALL.offerings))

    assert how(planned(cluster(*crowd(1), types=(off,)))) == {"on-demand": 1}
