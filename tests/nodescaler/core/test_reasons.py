"""Why a pod stays out: the constraint and the nearest miss, one sentence a case."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nodescaler.core.labels import ARCH, CAPACITY_TYPE, HOSTNAME, ZONE, Requirements
from nodescaler.core.model import NodePool, PodSpec
from nodescaler.core.packing import pack
from nodescaler.core.taints import Taint, Toleration
from tests.nodescaler.core.builders import (
    LIKE,
    POOL,
    demand,
    machine,
    pods,
    reason,
    snapshot_of,
    where,
)

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
