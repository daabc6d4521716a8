"""The packer: laws over generated clusters first, then what each constraint does, in sentences."""

from __future__ import annotations

import random
import sys
from collections import Counter
from dataclasses import replace
from time import process_time
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodescaler.clouds.catalogue import builtin
from nodescaler.core.labels import (
    ARCH,
    CAPACITY_TYPE,
    HOSTNAME,
    INSTANCE_TYPE,
    ZONE,
    Requirement,
    Requirements,
)
from nodescaler.core.model import (
    Apart,
    HostPort,
    InstanceType,
    NodePool,
    NodeState,
    Offering,
    Plan,
    PodSpec,
    Preference,
    Snapshot,
)
from nodescaler.core.packing import PackSettings, pack
from nodescaler.core.taints import UNREGISTERED, Taint, Toleration
from tests.nodescaler.core.strategies import DAEMON, snapshots
from tests.nodescaler.core.validator import faults

GIB = 2**30
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


def machine(name: str, cpu: int, gib: int, usd: float, **labels: str) -> InstanceType:
    return InstanceType(
        name=name,
        labels={ARCH: "amd64", **labels},
        capacity={"cpu": cpu * 1000, "memory": gib * GIB, "pods": 100},
        overhead={},
        offerings=(
            Offering("a", "on-demand", usd),
            Offering("b", "on-demand", usd),
            Offering("a", "spot", usd / 2),
        ),
    )


SMALL, LARGE = machine("small", 2, 4, 0.1), machine("large", 8, 16, 0.4)
POOL = NodePool("default")


LIKE = PodSpec("shop", "p")


def pods(count: int, cpu: int = 1000, gib: int = 1, like: PodSpec = LIKE) -> tuple[PodSpec, ...]:
    requests = {"cpu": cpu, "memory": gib * GIB, "pods": 1}
    return tuple(replace(like, name=f"p-{n:02d}", requests=requests) for n in range(count))


def where(*alternatives: Requirements) -> PodSpec:
    return replace(LIKE, alternatives=alternatives)


def snapshot_of(
    waiting: tuple[PodSpec, ...],
    *pools: NodePool,
    types: tuple[InstanceType, ...] = (SMALL, LARGE),
    nodes: tuple[NodeState, ...] = (),
) -> Snapshot:
    chosen = pools or (POOL,)
    return Snapshot(chosen, {pool.name: types for pool in chosen}, nodes, waiting)


def demand(key: str, operator: str, *values: str) -> Requirements:
    return Requirements.of(Requirement(key, operator, values))


def kinds(plan: Plan) -> dict[str, int]:
    return dict(Counter(node.instance_type for node in plan.new_nodes))


def reason(plan: Plan) -> str:
    return plan.unschedulable[0].reason


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


TAINTED = NodePool("default", taints=(Taint("team", "a"),))
LIMITED = NodePool("default", limits={"cpu": 1000})


@pytest.mark.parametrize(
    ("waiting", "pool", "said"),
    [
        pytest.param(
            pods(1, cpu=9000),
            POOL,
            "needs 9 cpu; the largest offer of pool default has 8",
            id="too large",
        ),
        pytest.param(
            pods(1, cpu=9000, like=where(demand(ZONE, "In", "b"))),
            POOL,
            "needs 9 cpu; the largest offer of pool default in zone b has 8",
            id="too large for its zone",
        ),
        pytest.param(
            pods(1, cpu=8000, gib=32),
            POOL,
            "needs 32Gi memory; the largest offer of pool default has 16Gi",
            id="too much memory",
        ),
        pytest.param(
            pods(1, like=where(demand("teem", "In", "a"))),
            NodePool("default", labels={"team": "a"}),
            "label teem in (a) is on no node of pool default; did you mean 'team'?",
            id="a typo in a label",
        ),
        pytest.param(
            pods(1, like=where(demand(ZONE, "In", "z"))),
            POOL,
            "label topology.kubernetes.io/zone in (z): pool default offers a, b",
            id="a zone that is not there",
        ),
        pytest.param(
            pods(1, like=where(demand(HOSTNAME, "In", "n1"))),
            POOL,
            "label kubernetes.io/hostname in (n1): a new node cannot have it",
            id="one certain host",
        ),
        pytest.param(
            pods(1, like=where(Requirements.labels({ZONE: "b", CAPACITY_TYPE: "spot"}))),
            POOL,
            "pool default has each of these, but on no one node: "
            "karpenter.sh/capacity-type in (spot); topology.kubernetes.io/zone in (b)",
            id="each, but not both",
        ),
        pytest.param(
            pods(1, like=replace(LIKE, tolerations=(Toleration("team", value="b"),))),
            TAINTED,
            "does not tolerate the taint team=a:NoSchedule of pool default",
            id="a taint",
        ),
        pytest.param(
            pods(1),
            LIMITED,
            "limit of pool default: 1 cpu of 1 cpu left; "
            "the cheapest sufficient node (small) has 2 cpu",
            id="a limit",
        ),
        pytest.param(
            pods(1),
            NodePool("default", limits={"nodes": 0}),
            "limit of pool default: 0 nodes of 0 nodes left; "
            "the cheapest sufficient node (small) has 1 nodes",
            id="a limit of nodes",
        ),
        pytest.param(
            pods(1),
            NodePool("default", requirements=demand(ARCH, "In", "riscv")),
            "pool default allows none of the instance types on offer",
            id="a pool without types",
        ),
    ],
)
def test_why_a_pod_stays_out(waiting: tuple[PodSpec, ...], pool: NodePool, said: str) -> None:
    plan = pack(snapshot_of(waiting, pool))

    assert plan.new_nodes == ()
    assert reason(plan) == said


def test_no_one_machine_has_all_of_it() -> None:
    wide, deep = machine("wide", 16, 4, 1.0), machine("deep", 2, 64, 1.0)
    plan = pack(snapshot_of(pods(1, cpu=8000, gib=32), types=(wide, deep)))

    assert reason(plan) == (
        "needs 8 cpu, 32Gi memory, 1 pods at once; no one offer of pool default has all of it"
    )


def test_no_types_at_all_and_the_pool_that_came_nearest_speaks() -> None:
    assert reason(pack(snapshot_of(pods(1), types=()))) == (
        "pool default has no instance types to choose from"
    )
    big, tainted = pods(1, cpu=9000), NodePool("other", taints=(Taint("x"),))
    assert reason(pack(snapshot_of(big, tainted, POOL))).startswith("needs 9 cpu")


def test_many_offered_values_are_cut_short() -> None:
    types = tuple(machine(f"m-{n}", 2, 4, 0.1, size=f"s{n}") for n in range(6))
    plan = pack(snapshot_of(pods(1, like=where(demand("size", "In", "xl"))), types=types))

    assert reason(plan) == "label size in (xl): pool default offers s0, s1, s2, s3, ..."


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
