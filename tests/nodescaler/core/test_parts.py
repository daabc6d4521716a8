"""The small parts of the core: taints, resources, pools, and what a plan costs."""

from __future__ import annotations

import pytest

from nodescaler.clouds.catalogue import builtin
from nodescaler.core.labels import INSTANCE_TYPE, Requirement, Requirements
from nodescaler.core.model import NodePool, Plan, PlannedNode
from nodescaler.core.pools import allowed_types, nothing_allowed
from nodescaler.core.resources import amount_text, missing, times
from nodescaler.core.taints import Taint, lasting


def test_a_taint_in_words() -> None:
    assert [str(Taint("a", "b")), str(Taint("a"))] == ["a=b:NoSchedule", "a:NoSchedule"]


def test_only_lasting_taints_count_until_a_node_is_initialised() -> None:
    taints = (Taint("team"), Taint("warming"), Taint("node.kubernetes.io/not-ready"))

    assert lasting(taints, [Taint("warming", "yes")]) == (Taint("team"),)
    assert lasting(taints, initialised=True) == taints


def test_amounts_in_words() -> None:
    assert amount_text("ephemeral-storage", 2**41) == "2Ti ephemeral-storage"
    assert missing({"b": 2, "a": 1, "c": 0}, {"b": 1}) == ("a", "b")
    assert times({"cpu": 2}, 3) == {"cpu": 6}


def test_a_pool_that_allows_no_instance_type_says_which_line_it_is() -> None:
    typo = Requirement(INSTANCE_TYPE, "In", ("m5.larg",))
    pool = NodePool("default", kind="Provisioner", requirements=Requirements.of(typo))
    message = nothing_allowed(pool, builtin()) or ""

    assert message.startswith("Provisioner default allows none of the 264 instance types on offer")
    assert message.endswith("...; did you mean 'm5.large'?")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (Requirement(INSTANCE_TYPE, "NotIn", ("t3.micro",)), None),
        (Requirement(INSTANCE_TYPE, "Exists"), None),
        (Requirement("karpenter.k8s.aws/instance-gpu-count", "Gt", ("0",)), "(no such label)"),
        (Requirement(INSTANCE_TYPE, "DoesNotExist"), "on offer: c5.12xlarge"),
        (Requirement(INSTANCE_TYPE, "In", ("zzz",)), "on offer: c5.12xlarge"),
    ],
)
def test_what_is_on_offer_instead(line: Requirement, said: str | None) -> None:
    message = nothing_allowed(NodePool("p", requirements=Requirements.of(line)), builtin())

    assert (message is None) == (said is None)
    assert said is None or said in (message or "")


def test_lines_that_exclude_each_other() -> None:
    lines = Requirements.labels({INSTANCE_TYPE: "m5.large", "kubernetes.io/arch": "arm64"})
    pool = NodePool("p", requirements=lines)

    assert (nothing_allowed(pool, builtin()) or "").endswith(f"no type meets all of {lines}")
    assert nothing_allowed(pool, ()) == "NodePool p: its node class offers no instance types"


def test_a_label_of_the_pools_own_is_not_what_excludes_all_types() -> None:
    typo = Requirement(INSTANCE_TYPE, "In", ("m5.larg",))
    own = Requirement("a.example/team", "In", ("red", "blue"))
    pool = NodePool("p", requirements=Requirements.of(own, typo))

    assert (nothing_allowed(pool, builtin()) or "").endswith("did you mean 'm5.large'?")
    assert nothing_allowed(NodePool("p", requirements=Requirements.of(own)), builtin()) is None


def test_a_pool_allows_what_its_requirements_accept() -> None:
    asked = Requirements.of(Requirement(INSTANCE_TYPE, "In", ("t3.micro", "m5.large")))
    found = allowed_types(NodePool("p", requirements=asked), builtin())

    assert [each.name for each in found] == ["m5.large", "t3.micro"]


def test_a_plan_costs_what_its_nodes_cost() -> None:
    node = PlannedNode("n", "p", "t", "z", "spot", 0.25, ("t",), ())

    assert Plan(new_nodes=(node, node)).usd_per_hour == 0.5
