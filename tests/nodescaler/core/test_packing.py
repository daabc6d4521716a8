"""What a plan's nodes are, in sentences: which size, what a claim may ask for, how fast, how cheap.

The laws of every plan are in `test_plans`, what each constraint does in `constraints/`.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from time import process_time

from hypothesis import given, settings

from nodescaler.clouds.catalogue import builtin
from nodescaler.core.labels import CAPACITY_TYPE, INSTANCE_TYPE, ZONE, Requirements
from nodescaler.core.model import Plan, PodSpec, Snapshot
from nodescaler.core.packing import pack
from nodescaler.core.settings import PackSettings
from tests.nodescaler.core.builders import (
    GIB,
    SMALL,
    kinds,
    machine,
    pods,
    snapshot_of,
    where,
)
from tests.nodescaler.core.strategies import DAEMON, snapshots

CENT = 1e-9


def alone(pod: PodSpec, snapshot: Snapshot) -> Plan:
    return pack(replace(snapshot, pods=(pod,), nodes=()))


@given(snapshots())
@settings(max_examples=60)
def test_no_node_costs_more_than_one_node_for_each_of_its_pods(snapshot: Snapshot) -> None:
    """A limit may use the cheapest type up, so this is for pools without limits."""
    limited = {pool.name for pool in snapshot.pools if pool.limits}

    for node in (each for each in pack(snapshot).new_nodes if each.pool not in limited):
        turn = replace(snapshot, pools=tuple(p for p in snapshot.pools if p.name == node.pool))
        each = [alone(pod, turn) for pod in node.pods]
        assert node.usd_per_hour <= sum(single.usd_per_hour for single in each) + CENT


# ---------------------------------------------------------------- which size


def test_the_size_with_the_lowest_price_for_the_pods_is_taken() -> None:
    cheap_large = machine("cheap", 8, 16, 0.2)

    assert kinds(pack(snapshot_of(pods(8), types=(SMALL, cheap_large)))) == {"cheap": 1}
    assert kinds(pack(snapshot_of(pods(1), types=(SMALL, cheap_large)))) == {"small": 1}


def test_the_last_node_is_the_cheapest_that_suffices() -> None:
    plan = pack(snapshot_of(pods(9), types=(SMALL, machine("cheap", 8, 16, 0.2))))

    assert kinds(plan) == {"cheap": 1, "small": 1}


# ---------------------------------------------------------------- what a claim asks for


def test_all_sufficient_types_zones_and_capacity_types_are_kept() -> None:
    (node,) = pack(snapshot_of(pods(1))).new_nodes

    assert node.instance_types == ("small", "large")
    assert (node.zone, node.capacity_type, node.usd_per_hour) == ("a", "spot", 0.05)
    assert node.requirements[ZONE].values == {"a", "b"}
    assert node.requirements[CAPACITY_TYPE].values == {"on-demand", "spot"}
    assert node.requests == {"cpu": 1000, "memory": GIB, "pods": 1}


def test_where_the_list_of_types_is_cut_the_claim_asks_for_no_other() -> None:
    (node,) = pack(snapshot_of(pods(1)), PackSettings(most_types=1)).new_nodes

    assert node.instance_types == ("small",)
    assert node.requirements[INSTANCE_TYPE].only == "small"


def test_a_claim_never_asks_for_a_combination_that_would_not_do() -> None:
    either = (
        Requirements.labels({ZONE: "a", CAPACITY_TYPE: "spot"}),
        Requirements.labels({ZONE: "b"}),
    )
    (node,) = pack(snapshot_of(pods(1, like=where(*either)))).new_nodes

    assert (node.zone, node.capacity_type) == ("a", "spot")
    assert node.requirements[ZONE].only == "a"
    assert node.requirements[CAPACITY_TYPE].only == "spot"


def test_a_claim_asks_for_its_daemons_too() -> None:
    snapshot = replace(snapshot_of(pods(4), types=(SMALL,)), daemons=(DAEMON,))
    plan = pack(snapshot)

    assert [len(node.pods) for node in plan.new_nodes] == [1, 1, 1, 1]
    assert plan.new_nodes[0].requests["cpu"] == 1100


# ---------------------------------------------------------------- how fast, how cheap


def test_twenty_thousand_pods_in_a_few_classes_take_less_than_a_second() -> None:
    """Of processor time, so that a loaded machine says the same; measuring coverage costs more."""
    allowed_s = 1 if sys.gettrace() is None else 20
    sizes = [(250, 1), (500, 2), (1000, 1), (1500, 4), (4000, 8)]
    waiting = tuple(
        replace(pod, name=f"{pod.name}-{n}-{cpu}")
        for cpu, gib in sizes
        for n in range(40)
        for pod in pods(100, cpu, gib)
    )
    began = process_time()
    plan = pack(snapshot_of(waiting, types=builtin()))

    assert len(waiting) == 20_000
    assert not plan.unschedulable
    assert process_time() - began < allowed_s


def test_a_large_batch_is_close_to_the_bound() -> None:
    steady = tuple(each for each in builtin() if not each.name.startswith("t"))
    waiting = tuple(
        replace(pod, name=f"{pod.name}-{cpu}")
        for cpu, gib in [(500, 1), (1000, 4), (2000, 16)]
        for pod in pods(200, cpu, gib)
    )
    plan = pack(snapshot_of(waiting, types=steady))

    assert plan.usd_per_hour <= 1.05 * plan.lower_bound_per_hour
