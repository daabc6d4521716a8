"""The packer: laws over generated clusters first, then what each constraint does, in sentences."""

from __future__ import annotations

import random
import sys
from dataclasses import replace
from time import process_time
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodescaler.clouds.catalogue import builtin
from nodescaler.core.labels import (
    CAPACITY_TYPE,
    INSTANCE_TYPE,
    ZONE,
    Requirements,
)
from nodescaler.core.model import (
    Apart,
    HostPort,
    NodePool,
    NodeState,
    Plan,
    PodSpec,
    Preference,
    Snapshot,
)
from nodescaler.core.packing import PackSettings, pack
from nodescaler.core.taints import UNREGISTERED, Taint
from tests.nodescaler.core.builders import (
    GIB,
    LIKE,
    SMALL,
    demand,
    kinds,
    machine,
    pods,
    reason,
    snapshot_of,
    where,
)
from tests.nodescaler.core.strategies import DAEMON, snapshots
from tests.nodescaler.core.validator import faults

CENT = 1e-9
T = TypeVar("T")


def mixed(items: tuple[T, ...], rng: random.Random) -> tuple[T, ...]:
    return tuple(rng.sample(items, len(items)))


def alone(pod: PodSpec, snapshot: Snapshot) -> Plan:
    return pack(replace(snapshot, pods=(pod,), nodes=()))


@given(snapshots())
@settings(max_examples=150, deadline=None)
def test_every_plan_is_one_that_the_scheduler_would_accept(snapshot: Snapshot) -> None:
    """No pod is lost, no node is overfull, and every launch that a claim allows would do."""
    assert faults(snapshot, pack(snapshot)) == []


@given(snapshots(), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_the_order_of_the_input_does_not_matter(snapshot: Snapshot, rng: random.Random) -> None:
    shuffled = replace(
        snapshot,
        pods=mixed(snapshot.pods, rng),
        nodes=mixed(snapshot.nodes, rng),
        pools=mixed(snapshot.pools, rng),
        types={name: mixed(types, rng) for name, types in snapshot.types.items()},
    )

    assert pack(shuffled) == pack(snapshot)


@given(snapshots())
@settings(max_examples=60, deadline=None)
def test_the_price_lies_between_the_bound_and_one_node_per_pod(snapshot: Snapshot) -> None:
    """A limit may use the cheapest type up, so the upper end is for pools without limits."""
    plan = pack(snapshot)
    limited = {pool.name for pool in snapshot.pools if pool.limits}

    assert plan.lower_bound_per_hour <= plan.usd_per_hour + CENT
    for node in (each for each in plan.new_nodes if each.pool not in limited):
        turn = replace(snapshot, pools=tuple(p for p in snapshot.pools if p.name == node.pool))
        each = [alone(pod, turn) for pod in node.pods]
        assert node.usd_per_hour <= sum(single.usd_per_hour for single in each) + CENT


@given(snapshots())
@settings(max_examples=60, deadline=None)
def test_a_pod_stays_out_only_where_it_could_not_have_a_node_of_its_own(snapshot: Snapshot) -> None:
    """Limits apart, for which order matters."""
    for each in pack(snapshot).unschedulable:
        if not any(pool.limits for pool in snapshot.pools):
            assert alone(each.pod, snapshot).unschedulable
        assert each.reason


# ---------------------------------------------------------------- what each constraint does


def test_nothing_to_do_is_an_empty_plan() -> None:
    assert pack(Snapshot()) == Plan(method="greedy")


def test_the_size_with_the_lowest_price_for_the_pods_is_taken() -> None:
    cheap_large = machine("cheap", 8, 16, 0.2)

    assert kinds(pack(snapshot_of(pods(8), types=(SMALL, cheap_large)))) == {"cheap": 1}
    assert kinds(pack(snapshot_of(pods(1), types=(SMALL, cheap_large)))) == {"small": 1}


def test_the_last_node_is_the_cheapest_that_suffices() -> None:
    plan = pack(snapshot_of(pods(9), types=(SMALL, machine("cheap", 8, 16, 0.2))))

    assert kinds(plan) == {"cheap": 1, "small": 1}


def test_all_sufficient_types_are_kept_cheapest_first() -> None:
    (node,) = pack(snapshot_of(pods(1))).new_nodes

    assert node.instance_types == ("small", "large")
    assert (node.zone, node.capacity_type, node.usd_per_hour) == ("a", "spot", 0.05)
    assert node.requirements[ZONE].values == {"a", "b"}
    assert node.requirements[CAPACITY_TYPE].values == {"on-demand", "spot"}
    assert node.requests == {"cpu": 1000, "memory": GIB, "pods": 1}


def test_the_list_of_types_has_a_limit() -> None:
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


def test_space_that_is_there_comes_first() -> None:
    node = NodeState("old", allocatable={"cpu": 3000, "memory": 8 * GIB, "pods": 10})
    plan = pack(snapshot_of(pods(4), nodes=(node,)))

    assert [len(placement.pods) for placement in plan.existing] == [3]
    assert sum(len(new.pods) for new in plan.new_nodes) == 1


ROOM = NodeState("old", allocatable={"cpu": 3000, "memory": 8 * GIB, "pods": 10})


@pytest.mark.parametrize(
    "node",
    [
        pytest.param(replace(ROOM, deleting=True), id="a node that leaves"),
        pytest.param(replace(ROOM, unschedulable=True), id="a cordoned node"),
        pytest.param(replace(ROOM, taints=(Taint("x"),)), id="a tainted node"),
        pytest.param(replace(ROOM, taints=(UNREGISTERED,)), id="a broken initialised node"),
        pytest.param(replace(ROOM, reserved={"cpu": 2500}), id="a node whose space is spoken for"),
    ],
)
def test_nodes_that_take_no_pod(node: NodeState) -> None:
    assert pack(snapshot_of(pods(1), nodes=(node,))).existing == ()


def test_a_coming_node_is_used_as_it_will_be() -> None:
    coming = NodeState(
        "coming",
        taints=(UNREGISTERED, Taint("warming"), Taint("readiness.k8s.io/x")),
        startup_taints=(Taint("warming"),),
        allocatable={"cpu": 1500, "memory": 8 * GIB, "pods": 10},
        initialised=False,
    )
    snapshot = replace(snapshot_of(pods(2), nodes=(coming,)), daemons=(DAEMON,))

    assert [len(placement.pods) for placement in pack(snapshot).existing] == [1]


def test_daemons_take_their_part_of_every_new_node() -> None:
    snapshot = replace(snapshot_of(pods(4), types=(SMALL,)), daemons=(DAEMON,))
    plan = pack(snapshot)

    assert [len(node.pods) for node in plan.new_nodes] == [1, 1, 1, 1]
    assert plan.new_nodes[0].requests["cpu"] == 1100


def test_pods_that_keep_apart_get_a_node_each() -> None:
    term = Apart(Requirements.labels({"app": "edge"}), frozenset({"shop"}))
    edge = pods(3, cpu=100, like=replace(LIKE, labels={"app": "edge"}, apart=(term,)))

    assert len(pack(snapshot_of(edge)).new_nodes) == 3


def test_anti_affinity_also_holds_against_pods_that_run_already() -> None:
    term = Apart(Requirements.labels({"app": "web"}))
    guard = PodSpec("shop", "guard", apart=(term,))
    room = {"cpu": 4000, "memory": 8 * GIB, "pods": 10}
    node = NodeState("old", allocatable=room, pods=(guard,))
    plan = pack(snapshot_of(pods(1, like=replace(LIKE, labels={"app": "web"})), nodes=(node,)))

    assert plan.existing == ()
    assert len(plan.new_nodes) == 1


def test_one_host_port_one_node() -> None:
    assert (
        len(
            pack(
                snapshot_of(pods(2, cpu=100, like=replace(LIKE, host_ports=(HostPort(80),))))
            ).new_nodes
        )
        == 2
    )


def test_the_heavier_pool_comes_first_and_the_other_takes_the_rest() -> None:
    heavy = NodePool("heavy", weight=5, limits={"nodes": 1})
    plan = pack(snapshot_of(pods(4), heavy, NodePool("light"), types=(SMALL,)))

    assert [node.pool for node in plan.new_nodes] == ["heavy", "light"]


def test_static_and_leaving_pools_make_no_nodes() -> None:
    plan = pack(snapshot_of(pods(1), NodePool("s", replicas=1), NodePool("d", deleting=True)))

    assert reason(plan) == "no NodePool or Provisioner may make nodes"


def test_a_label_that_the_pool_leaves_open_is_decided_for_each_node() -> None:
    open_pool = NodePool("open", requirements=demand("team", "In", "a", "b"))
    waiting = (
        *pods(1, like=where(demand("team", "In", "a"))),
        *(replace(p, name="other") for p in pods(1, like=where(demand("team", "In", "b")))),
    )
    plan = pack(snapshot_of(waiting, open_pool))

    assert sorted(node.labels["team"] for node in plan.new_nodes) == ["a", "b"]


def test_pods_of_higher_priority_come_first_when_limits_bite() -> None:
    low, high = pods(2), tuple(replace(p, name=f"h{p.name}", priority=9) for p in pods(2))
    plan = pack(snapshot_of((*low, *high), NodePool("l", limits={"cpu": 2000}), types=(SMALL,)))

    assert [pod.name for node in plan.new_nodes for pod in node.pods] == ["hp-00", "hp-01"]


def test_what_is_not_planned_yet_is_said() -> None:
    wish = Preference(1, Requirements.labels({ZONE: "b"}))
    hard = ("topology spread over zone",)
    spread = pods(2, like=replace(LIKE, unmodelled=hard, preferences=(wish,)))

    assert pack(snapshot_of(spread)).notes == (
        "shop/p-00 and 1 more: preferred node affinity is not planned; placed by resources",
        "shop/p-00 and 1 more: topology spread over zone is not planned; placed by resources",
    )


def test_a_limit_on_what_no_machine_has_limits_nothing() -> None:
    pool = NodePool("default", limits={"nvidia.com/gpu": 4})
    free = tuple(replace(pod, requests={"cpu": 0, "memory": GIB}) for pod in pods(2))
    busy = tuple(replace(pod, name=f"b{pod.name}") for pod in pods(2))

    assert not pack(snapshot_of((*free, *busy), pool)).unschedulable


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
