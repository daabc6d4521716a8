"""What an operator may choose: objective, how many types, how much work, when to stop."""

from __future__ import annotations

import pytest

from nodescaler.clouds.catalogue import builtin
from nodescaler.core.model import Snapshot
from nodescaler.core.packing import pack
from nodescaler.core.settings import PackSettings
from tests.nodescaler.core.constraints.made import (
    LARGE,
    SMALL,
    cluster,
    crowd,
    machine,
    node,
    planned,
)

FAMILY = "karpenter.k8s.aws/instance-family"
M5 = machine("m5.large", 2, 8, 0.10, labels={FAMILY: "m5"})
M7 = machine("m7.large", 2, 8, 0.12, labels={FAMILY: "m7"})
CENT = 1e-9


def mixed(count: int) -> Snapshot:
    """So many pods of six sizes for the built-in catalogue."""
    sizes = (250, 500, 900, 1700, 3300, 6100)
    each = count // len(sizes)
    waiting = [p for cpu in sizes for p in crowd(each, f"of-{cpu}", cpu, more={"memory": 2**31})]
    return cluster(*waiting, types=builtin())


# ---------------------------------------------------------------- the objective


def test_by_default_the_price_decides() -> None:
    assert planned(cluster(*crowd(2), types=(M5, M7))).kinds == {"m5.large": 1}


def test_a_family_that_does_more_for_its_money_is_chosen() -> None:
    faster = PackSettings(performance={"m7": 1.5})
    found = planned(cluster(*crowd(2), types=(M5, M7)), faster)

    assert found.kinds == {"m7.large": 1}
    assert found.plan.usd_per_hour == pytest.approx(0.12)


def test_a_family_that_does_little_more_is_not() -> None:
    little = PackSettings(performance={"m7": 1.1})

    assert planned(cluster(*crowd(2), types=(M5, M7)), little).kinds == {"m5.large": 1}


def test_a_family_that_does_less_for_its_money_is_avoided() -> None:
    slower = PackSettings(performance={"m5": 0.5})

    assert planned(cluster(*crowd(2), types=(M5, M7)), slower).kinds == {"m7.large": 1}


def test_a_cost_for_each_node_makes_fewer_larger_ones() -> None:
    big = machine("big", 8, 16, 0.44)
    waiting = cluster(*crowd(8, cpu=1000), types=(SMALL, big))

    assert planned(waiting).kinds == {"small": 4}
    assert planned(waiting, PackSettings(usd_per_node=0.05)).kinds == {"big": 1}


def test_the_price_of_a_plan_is_what_the_bill_says() -> None:
    found = planned(cluster(*crowd(8, cpu=1000)), PackSettings(usd_per_node=0.05))

    assert found.plan.usd_per_hour == pytest.approx(0.4)


def test_a_cost_for_each_node_does_not_bring_empty_room_into_use_later() -> None:
    """Space that is there still comes first."""
    found = planned(
        cluster(*crowd(2, cpu=1000), nodes=(node("old", cpu=1000),)), PackSettings(usd_per_node=9)
    )

    assert [len(names) for names in found.old.values()] == [1]


# ---------------------------------------------------------------- launch flexibility


def test_a_node_lists_every_type_that_would_do_the_cheapest_first() -> None:
    found = planned(cluster(*crowd(1), types=(LARGE, SMALL)))

    assert found.node("web-0").instance_types == ("small", "large")
    assert found.node("web-0").instance_type == "small"


@pytest.mark.parametrize("most", [1, 5, 60])
def test_no_node_lists_more_types_than_allowed(most: int) -> None:
    nodes = pack(mixed(60), PackSettings(most_types=most)).new_nodes

    assert max(len(each.instance_types) for each in nodes) <= most
    assert all(each.instance_types[0] == each.instance_type for each in nodes)


# ---------------------------------------------------------------- how much work


@pytest.mark.parametrize("budget_s", [0.0, 0.2])
def test_a_plan_lies_between_the_bound_and_first_fit(budget_s: float) -> None:
    plan = pack(mixed(300), PackSettings(budget_s=budget_s))

    assert 0 < plan.lower_bound_per_hour <= plan.usd_per_hour + CENT
    assert plan.usd_per_hour <= plan.first_fit_per_hour + CENT


@pytest.mark.parametrize(
    "chosen",
    [PackSettings(usd_per_node=0.1), PackSettings(performance={"m7a": 2.0})],
    ids=["a cost per node", "a factor"],
)
def test_bound_and_first_fit_are_of_the_bill_whatever_plans_weigh(chosen: PackSettings) -> None:
    usual, weighed = pack(mixed(300)), pack(mixed(300), chosen)

    assert weighed.lower_bound_per_hour == pytest.approx(usual.lower_bound_per_hour)
    assert weighed.first_fit_per_hour >= usual.lower_bound_per_hour


def test_more_work_never_makes_a_plan_dearer() -> None:
    fast = pack(mixed(300))
    slow = pack(mixed(300), PackSettings(budget_s=0.2))

    assert slow.usd_per_hour <= fast.usd_per_hour + CENT


@pytest.mark.parametrize("budget_s", [0.0, 0.2])
def test_the_same_input_gives_the_same_plan(budget_s: float) -> None:
    chosen = PackSettings(budget_s=budget_s)

    assert repr(pack(mixed(120), chosen)) == repr(pack(mixed(120), chosen))


def test_a_plan_for_nothing_costs_nothing() -> None:
    plan = pack(Snapshot())

    assert (plan.new_nodes, plan.existing, plan.unschedulable) == ((), (), ())
    assert (plan.usd_per_hour, plan.lower_bound_per_hour, plan.first_fit_per_hour) == (0, 0, 0)


# ---------------------------------------------------------------- the deadline


def test_a_plan_in_time_is_whole() -> None:
    assert not pack(mixed(60), None, lambda: False).is_partial


def test_a_plan_without_time_is_partial_and_loses_no_pod() -> None:
    """What is not placed has a reason, and waits for the next plan; all of it has a place."""
    snapshot = mixed(600)
    plan = pack(snapshot, None, lambda: True)
    groups = [*(n.pods for n in plan.new_nodes), *(n.pods for n in plan.existing)]
    placed = [each.key for group in groups for each in group]

    assert plan.is_partial == bool(plan.unschedulable)
    assert sorted([*placed, *(each.pod.key for each in plan.unschedulable)]) == sorted(
        p.key for p in snapshot.pods
    )
    assert all(each.reason for each in plan.unschedulable)
