"""Every requirement operator, bounds, undefined and well-known labels, old names of labels."""

from __future__ import annotations

import pytest

from nodescaler.core.labels import (
    ARCH,
    CAPACITY_TYPE,
    INSTANCE_TYPE,
    NODE_POOL,
    ZONE,
    Requirements,
)
from nodescaler.core.model import NodePool
from tests.nodescaler.core.constraints.made import (
    SMALL,
    cluster,
    crowd,
    demand,
    machine,
    node,
    only,
    planned,
    pod,
)

CPU = "karpenter.k8s.aws/instance-cpu"
NVME = "karpenter.k8s.aws/instance-local-nvme"
TYPES = (
    machine("two", 2, 4, 0.1, labels={CPU: "2"}),
    machine("four", 4, 8, 0.2, labels={CPU: "4", NVME: "100"}),
    machine("eight", 8, 16, 0.4, labels={CPU: "8", NVME: "900"}),
)

CASES = [
    pytest.param(demand(CPU, "In", "4"), {"four"}, id="In takes what it lists"),
    pytest.param(demand(CPU, "In", "2", "8"), {"two", "eight"}, id="In takes any of its list"),
    pytest.param(demand(CPU, "NotIn", "2"), {"four", "eight"}, id="NotIn takes the others"),
    pytest.param(demand(CPU, "Exists"), {"two", "four", "eight"}, id="Exists takes all with it"),
    pytest.param(demand(CPU, "DoesNotExist"), set(), id="DoesNotExist takes none with it"),
    pytest.param(demand(CPU, "Gt", "2"), {"four", "eight"}, id="Gt leaves its bound out"),
    pytest.param(demand(CPU, "Gte", "4"), {"four", "eight"}, id="Gte has its bound in"),
    pytest.param(demand(CPU, "Lt", "8"), {"two", "four"}, id="Lt leaves its bound out"),
    pytest.param(demand(CPU, "Lte", "4"), {"two", "four"}, id="Lte has its bound in"),
    pytest.param(
        demand(CPU, "Gt", "2") & demand(CPU, "Lt", "8"), {"four"}, id="two bounds enclose a range"
    ),
    pytest.param(
        demand(CPU, "Gte", "2") & demand(CPU, "NotIn", "4"),
        {"two", "eight"},
        id="a bound and an exclusion hold together",
    ),
    pytest.param(demand(CPU, "Gt", "8"), set(), id="a bound above every machine takes none"),
    pytest.param(
        demand(CPU, "Gt", "4") & demand(CPU, "Lt", "5"),
        set(),
        id="two bounds without an integer between them take none",
    ),
    pytest.param(demand(CPU, "In", "04"), set(), id="In compares text, not numbers"),
    pytest.param(demand(NVME, "Exists"), {"four", "eight"}, id="Exists refuses what lacks it"),
    pytest.param(demand(NVME, "DoesNotExist"), {"two"}, id="DoesNotExist takes what lacks it"),
    pytest.param(demand(NVME, "NotIn", "100"), {"two", "eight"}, id="NotIn takes what lacks it"),
    pytest.param(demand(NVME, "Gt", "100"), {"eight"}, id="Gt refuses what lacks the label"),
    pytest.param(demand(NVME, "Lt", "500"), {"four"}, id="Lt refuses what lacks the label"),
]


@pytest.mark.parametrize(("asked", "kinds"), CASES)
def test_a_pod_goes_onto_the_types_it_asks_for(asked: Requirements, kinds: set[str]) -> None:
    found = planned(cluster(pod("web-0", **only(asked)), types=TYPES))

    assert {name for each in found.plan.new_nodes for name in each.instance_types} == kinds
    assert found.left == ([] if kinds else ["web-0"])


@pytest.mark.parametrize(("asked", "kinds"), CASES)
def test_a_pool_makes_the_types_it_asks_for(asked: Requirements, kinds: set[str]) -> None:
    pool = NodePool("default", requirements=asked)
    found = planned(cluster(pod("web-0"), pools=(pool,), types=TYPES))

    assert {name for each in found.plan.new_nodes for name in each.instance_types} == kinds
    assert found.left == ([] if kinds else ["web-0"])


def test_a_bound_on_a_label_that_is_no_integer_takes_none() -> None:
    types = (machine("odd", 2, 4, 0.1, labels={CPU: "many"}),)

    assert planned(cluster(pod("p", **only(demand(CPU, "Gt", "0"))), types=types)).left == ["p"]


def test_the_demands_of_pool_and_pod_hold_together() -> None:
    pool = NodePool("default", requirements=demand(CPU, "Lt", "8"))
    found = planned(
        cluster(pod("web-0", **only(demand(CPU, "Gt", "2"))), pools=(pool,), types=TYPES)
    )

    assert found.kinds == {"four": 1}


# ---------------------------------------------------------------- labels that a pool leaves open

NONE = NodePool("default")
LABEL = NodePool("default", labels={"team": "a"})
EITHER = NodePool("default", requirements=demand("team", "In", "a", "b"))
OPEN = NodePool("default", requirements=demand("team", "Exists"))
NOT_X = NodePool("default", requirements=demand("team", "NotIn", "x"))
FORBIDDEN = NodePool("default", requirements=demand("team", "DoesNotExist"))
TIERS = NodePool("default", requirements=demand("team", "Gt", "3"))


@pytest.mark.parametrize(
    ("pool", "asked", "placed"),
    [
        pytest.param(NONE, demand("team", "In", "a"), False, id="In of an undefined key: denied"),
        pytest.param(NONE, demand("team", "Exists"), False, id="Exists of an undefined: denied"),
        pytest.param(NONE, demand("team", "Gt", "1"), False, id="Gt of an undefined key: denied"),
        pytest.param(NONE, demand("team", "Lt", "9"), False, id="Lt of an undefined key: denied"),
        pytest.param(NONE, demand("team", "NotIn", "a"), True, id="NotIn of an undefined: allowed"),
        pytest.param(NONE, demand("team", "DoesNotExist"), True, id="DoesNotExist of it: allowed"),
        pytest.param(LABEL, demand("team", "In", "a"), True, id="a pool's label: In it"),
        pytest.param(LABEL, demand("team", "In", "b"), False, id="a pool's label: In another"),
        pytest.param(LABEL, demand("team", "Exists"), True, id="a pool's label: Exists"),
        pytest.param(LABEL, demand("team", "NotIn", "a"), False, id="a pool's label: NotIn it"),
        pytest.param(LABEL, demand("team", "DoesNotExist"), False, id="a pool's label: not there"),
        pytest.param(EITHER, demand("team", "In", "b", "c"), True, id="a choice: In meets it"),
        pytest.param(EITHER, demand("team", "In", "c"), False, id="a choice: In misses it"),
        pytest.param(EITHER, demand("team", "NotIn", "a"), True, id="a choice: NotIn leaves one"),
        pytest.param(EITHER, demand("team", "NotIn", "a", "b"), False, id="a choice: none left"),
        pytest.param(EITHER, demand("team", "DoesNotExist"), False, id="a choice: must be there"),
        pytest.param(OPEN, demand("team", "In", "x"), True, id="Exists: any value is decided"),
        pytest.param(OPEN, demand("team", "Exists"), True, id="Exists: and a free one too"),
        pytest.param(OPEN, demand("team", "DoesNotExist"), False, id="Exists: cannot be missing"),
        pytest.param(NOT_X, demand("team", "In", "y"), True, id="NotIn defines the key"),
        pytest.param(NOT_X, demand("team", "In", "x"), False, id="NotIn excludes the value"),
        pytest.param(FORBIDDEN, demand("team", "In", "x"), False, id="DoesNotExist: denied"),
        pytest.param(FORBIDDEN, demand("team", "NotIn", "x"), True, id="DoesNotExist: may miss"),
        pytest.param(TIERS, demand("team", "In", "5"), True, id="a pool's bound: above it"),
        pytest.param(TIERS, demand("team", "In", "3"), False, id="a pool's bound: at it"),
        pytest.param(TIERS, demand("team", "Lt", "5"), True, id="a pool's bound: one between"),
        pytest.param(TIERS, demand("team", "Lt", "4"), False, id="a pool's bound: none between"),
    ],
)
def test_a_label_of_ones_own(pool: NodePool, asked: Requirements, placed: bool) -> None:
    found = planned(cluster(pod("web-0", **only(asked)), pools=(pool,)))

    assert found.left == ([] if placed else ["web-0"])
    if placed:
        assert found.label("web-0", "team") in asked["team"]


def test_each_value_of_an_open_label_gets_its_own_node() -> None:
    waiting = [pod(f"in-{v}", **only(demand("team", "In", v))) for v in ("a", "b")]
    found = planned(cluster(*waiting, pools=(EITHER,)))

    assert [found.label(name, "team") for name in ("in-a", "in-b")] == ["a", "b"]


def test_a_pod_that_does_not_mind_joins_the_one_that_does() -> None:
    found = planned(
        cluster(pod("any"), pod("in-b", **only(demand("team", "In", "b"))), pools=(EITHER,))
    )

    assert found.host("any") == found.host("in-b")


def test_an_undefined_label_is_judged_by_what_an_existing_node_has() -> None:
    there = node("with", cpu=600, labels={"team": "a"})
    waiting = (pod("wants", **only(demand("team", "In", "a"))),)

    assert planned(cluster(*waiting, nodes=(there,))).old == {"with": ["wants"]}
    assert planned(cluster(*waiting, nodes=(node("without", cpu=600),))).left == ["wants"]


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param(demand(ZONE, "In", "b"), id="the zone"),
        pytest.param(demand(ARCH, "In", "amd64"), id="the architecture"),
        pytest.param(demand(CAPACITY_TYPE, "In", "on-demand"), id="the capacity type"),
        pytest.param(demand(INSTANCE_TYPE, "In", "two"), id="the instance type"),
        pytest.param(demand(CPU, "In", "4"), id="what the cloud knows of the machine"),
        pytest.param(demand(NODE_POOL, "In", "default"), id="the pool's name"),
    ],
)
def test_a_well_known_label_is_open_though_no_pool_mentions_it(asked: Requirements) -> None:
    assert planned(cluster(pod("web-0", **only(asked)), types=TYPES)).left == []


@pytest.mark.parametrize(
    ("key", "value", "normal"),
    [
        ("beta.kubernetes.io/arch", "arm64", ARCH),
        ("beta.kubernetes.io/instance-type", "arm", INSTANCE_TYPE),
        ("failure-domain.beta.kubernetes.io/zone", "b", ZONE),
        ("topology.ebs.csi.aws.com/zone", "b", ZONE),
    ],
)
def test_an_old_name_of_a_label_means_the_label(key: str, value: str, normal: str) -> None:
    arm = machine("arm", 2, 4, 0.3, labels={ARCH: "arm64"})
    found = planned(cluster(pod("web-0", **only(demand(key, "In", value))), types=(SMALL, arm)))

    assert found.label("web-0", normal) == value


# ---------------------------------------------------------------- which pool


def test_a_pod_may_name_its_pool() -> None:
    pools = (NodePool("cheap"), NodePool("mine"))
    types = {"cheap": (SMALL,), "mine": (machine("dear", 2, 4, 9.0),)}
    found = planned(
        cluster(pod("web-0", **only(demand(NODE_POOL, "In", "mine"))), pools=pools, types=types)
    )

    assert found.node("web-0").pool == "mine"


def test_the_name_of_the_old_pool_label_is_understood() -> None:
    pools = (NodePool("one"), NodePool("mine"))
    asked = demand("karpenter.sh/provisioner-name", "In", "mine")

    assert planned(cluster(pod("p", **only(asked)), pools=pools)).node("p").pool == "mine"


def test_a_pod_that_wants_no_pool_gets_no_new_node() -> None:
    asked = demand(NODE_POOL, "DoesNotExist")
    foreign, ours = node("foreign", cpu=600), node("ours", cpu=600, labels={NODE_POOL: "default"})

    assert planned(cluster(pod("p", **only(asked)))).left == ["p"]
    assert planned(cluster(pod("p", **only(asked)), nodes=(ours,))).left == ["p"]
    assert planned(cluster(pod("p", **only(asked)), nodes=(foreign,))).old == {"foreign": ["p"]}


def test_a_new_node_has_the_label_of_its_pool() -> None:
    found = planned(cluster(*crowd(1), pools=(NodePool("mine"),)))

    assert found.node("web-0").pool == "mine"
