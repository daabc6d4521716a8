"""The validator finds what is wrong with a plan: one right plan, and each way to spoil it.

What it says of a pod on a node is held against the real scheduler in `test_real_scheduler`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from nodescaler.core.demands import Gang, HostPort, PodTerm, Spread, Volume
from nodescaler.core.labels import (
    CAPACITY_TYPE,
    INSTANCE_TYPE,
    ZONE,
    Allowed,
    Requirements,
)
from nodescaler.core.model import (
    NodePool,
    NodeState,
    Offering,
    Placement,
    Plan,
    PlannedNode,
    PodSpec,
    Snapshot,
    Unschedulable,
)
from nodescaler.core.settings import MinValuesPolicy, PackSettings
from nodescaler.core.taints import Taint
from tests.nodescaler.core.builders import GIB, SMALL, pods, snapshot_of
from tests.nodescaler.core.missed import missed
from tests.nodescaler.core.validator import faults

WEB = PodSpec("shop", "p", labels={"app": "web"})
SELF = Requirements.labels({"app": "web"})
ON_ZONE = PodTerm(ZONE, SELF, frozenset({"shop"}))
EVEN = Spread(ZONE, 1, SELF)
TIGHT = Requirements(
    {
        INSTANCE_TYPE: Allowed.one_of("small"),
        ZONE: Allowed.one_of("a"),
        CAPACITY_TYPE: Allowed.one_of("on-demand"),
    }
)


def node_for(name: str, *guests: PodSpec, zone: str = "a") -> PlannedNode:
    """A small machine in one zone, on demand."""
    return PlannedNode(
        name=name,
        pool="default",
        instance_type="small",
        zone=zone,
        capacity_type="on-demand",
        usd_per_hour=0.1,
        instance_types=("small",),
        pods=guests,
        requirements=Requirements({**TIGHT, ZONE: Allowed.one_of(zone)}),
        requests={"cpu": 1000 * len(guests), "memory": GIB * len(guests), "pods": len(guests)},
        allocatable=SMALL.allocatable,
    )


def two(like: PodSpec = WEB, **world: object) -> tuple[Snapshot, Plan]:
    """Two pods on two nodes in two zones."""
    one, other = pods(2, like=like)
    snapshot = replace(snapshot_of((one, other)), **world)  # type: ignore[arg-type] # fields
    return snapshot, Plan((node_for("n-1", one), node_for("n-2", other, zone="b")))


def spoilt(**changes: object) -> tuple[Snapshot, Plan]:
    """The first node is not what it ought to be."""
    snapshot, plan = two()
    first = replace(plan.new_nodes[0], **changes)  # type: ignore[arg-type] # fields
    return snapshot, replace(plan, new_nodes=(first, *plan.new_nodes[1:]))


def together(like: PodSpec, **world: object) -> tuple[Snapshot, Plan]:
    """Both pods on the first node."""
    snapshot, _ = two(like, **world)
    return snapshot, Plan((node_for("n-1", *snapshot.pods),))


def lost() -> tuple[Snapshot, Plan]:
    snapshot, plan = two()
    return snapshot, replace(plan, new_nodes=plan.new_nodes[:1])


def without_reason() -> tuple[Snapshot, Plan]:
    snapshot, plan = two()
    out = Unschedulable(snapshot.pods[1], " ")
    return snapshot, replace(plan, new_nodes=plan.new_nodes[:1], unschedulable=(out,))


def overfull() -> tuple[Snapshot, Plan]:
    snapshot = snapshot_of(pods(3, like=WEB))
    return snapshot, Plan((node_for("n-1", *snapshot.pods),))


def in_some_zone() -> tuple[Snapshot, Plan]:
    """Pods that share no zone, one on a node that may come up in the zone of the other."""
    snapshot, plan = two(replace(WEB, apart=(ON_ZONE,)))
    anywhere = Requirements({**TIGHT, ZONE: Allowed.one_of("a", "b")})
    first = replace(plan.new_nodes[0], requirements=anywhere)
    return snapshot, replace(plan, new_nodes=(first, *plan.new_nodes[1:]))


def reserved_twice() -> tuple[Snapshot, Plan]:
    offer = Offering("a", "reserved", 0.1, reservation="cr-1", count=1)
    machine = replace(SMALL, offerings=(offer,))
    snapshot, _ = two(types={"default": (machine,)})
    kind = Requirements({**TIGHT, CAPACITY_TYPE: Allowed.one_of("reserved")})
    nodes = [node_for(f"n-{n}", pod) for n, pod in enumerate(snapshot.pods)]
    return snapshot, Plan(
        tuple(replace(n, requirements=kind, capacity_type="reserved") for n in nodes)
    )


def on_a_leaving_node() -> tuple[Snapshot, Plan]:
    room = {"cpu": 4000, "memory": 8 * GIB, "pods": 10}
    node = NodeState("old", labels={ZONE: "a"}, allocatable=room, deleting=True)
    snapshot, plan = two(nodes=(node,))
    return snapshot, Plan((plan.new_nodes[0],), (Placement("old", plan.new_nodes[1].pods),))


def pool_with(**changes: object) -> Callable[[], tuple[Snapshot, Plan]]:
    return lambda: two(pools=(replace(NodePool("default"), **changes),))  # type: ignore[arg-type] # fields


def test_a_right_plan_has_no_fault() -> None:
    assert faults(*two()) == []
    assert faults(*two(replace(WEB, spreads=(EVEN,), apart=(ON_ZONE,)))) == []
    assert faults(*together(replace(WEB, beside=(ON_ZONE,)))) == []


MANY = Requirements({INSTANCE_TYPE: Allowed(complement=True, min_values=2)})
ELSEWHERE = Volume((Requirements.labels({ZONE: "b"}),))
MOUNTING = replace(WEB, volumes=("shop/data",))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        pytest.param(lost, "1 times in the snapshot and 0 times in the plan", id="a lost pod"),
        pytest.param(without_reason, "stays out without a reason", id="no reason given"),
        pytest.param(overfull, "needs 3000 cpu and has 2000", id="an overfull node"),
        pytest.param(on_a_leaving_node, "no such node", id="a node that is being deleted"),
        pytest.param(in_some_zone, "if n-1 becomes ('b',)", id="a zone that would not do"),
        pytest.param(reserved_twice, "2 nodes may draw on reservation cr-1", id="a reservation"),
        pytest.param(
            lambda: spoilt(usd_per_hour=0.05), "admits a machine for 0.1", id="a wrong price"
        ),
        pytest.param(
            lambda: spoilt(instance_types=("small", "large")), "lists", id="a type too many"
        ),
        pytest.param(
            lambda: spoilt(requirements=Requirements()), "admits a machine for", id="an open claim"
        ),
        pytest.param(lambda: spoilt(requests={}), "its pods and daemons need", id="its requests"),
        pytest.param(lambda: spoilt(allocatable={}), "is said to have", id="its allocatable"),
        pytest.param(lambda: spoilt(pool="gone"), "no such pool", id="an unknown pool"),
        pytest.param(pool_with(replicas=2), "no such pool", id="a static pool"),
        pytest.param(pool_with(limits={"nodes": 1}), "may use 2 nodes of at most 1", id="limits"),
        pytest.param(pool_with(taints=(Taint("x"),)), "the taints of its pool", id="taints"),
        pytest.param(pool_with(labels={"x": "y"}), "the labels of its pool", id="labels"),
        pytest.param(pool_with(requirements=MANY), "minValues is 2", id="minValues"),
        pytest.param(
            lambda: together(replace(WEB, apart=(ON_ZONE,))), "keeps it away", id="anti-affinity"
        ),
        pytest.param(lambda: two(replace(WEB, beside=(ON_ZONE,))), "no such pod", id="affinity"),
        pytest.param(
            lambda: together(replace(WEB, host_ports=(HostPort(80),))), "port 80", id="a host port"
        ),
        pytest.param(
            lambda: two(replace(WEB, gang=Gang("shop/g", 3))), "of at least 3", id="half a gang"
        ),
        pytest.param(
            lambda: two(MOUNTING, volumes={"shop/data": ELSEWHERE}), "elsewhere", id="a volume"
        ),
        pytest.param(lambda: two(MOUNTING), "cannot be used", id="a volume that is not there"),
        pytest.param(
            lambda: two(replace(WEB, unplannable="odd")), "unplannable", id="an unplannable pod"
        ),
    ],
)
def test_a_fault_is_found(make: Callable[[], tuple[Snapshot, Plan]], says: str) -> None:
    assert says in "\n".join(faults(*make()))


def test_prices_lie_between_the_bound_and_first_fit() -> None:
    snapshot, plan = two()

    assert faults(snapshot, replace(plan, first_fit_per_hour=0.2, lower_bound_per_hour=0.2)) == []
    assert "more than first-fit's" in faults(snapshot, replace(plan, first_fit_per_hour=0.1))[0]
    assert "its lower bound" in faults(snapshot, replace(plan, lower_bound_per_hour=0.3))[0]


def test_min_values_may_be_relaxed_where_the_operator_says_so() -> None:
    snapshot, plan = pool_with(requirements=MANY)()
    relaxed = tuple(replace(node, min_values_relaxed=True) for node in plan.new_nodes)
    best_effort = PackSettings(min_values=MinValuesPolicy.BEST_EFFORT)

    assert faults(snapshot, replace(plan, new_nodes=relaxed), best_effort) == []
    assert faults(snapshot, replace(plan, new_nodes=relaxed)) != []


def left_out(pod: PodSpec, *nodes: NodeState, **world: object) -> list[str]:
    snapshot = replace(snapshot_of((pod,), nodes=nodes), **world)  # type: ignore[arg-type] # fields
    return missed(snapshot, Plan(unschedulable=(Unschedulable(pod, "because"),)))


def test_a_pod_that_could_go_somewhere_is_missed() -> None:
    room = {"cpu": 4000, "memory": 8 * GIB, "pods": 10}
    (pod,) = pods(1, cpu=3000, like=WEB)

    assert "would do on old" in left_out(pod, NodeState("old", allocatable=room))[0]
    assert "a new node of default: ('large', 'a')" in left_out(pod)[0]
    assert left_out(pod, pools=(NodePool("default", limits={"cpu": 4000}),)) == []
    assert left_out(replace(pod, requests={"cpu": 9000})) == []


def test_the_one_that_matters_more_is_not_left_out() -> None:
    low, high = pods(2, like=WEB)
    snapshot = snapshot_of((low, replace(high, priority=1)))
    out = Unschedulable(snapshot.pods[1], "limits")
    plan = Plan((node_for("n-1", low),), unschedulable=(out,))

    assert any("of lower priority is placed" in each for each in missed(snapshot, plan))
