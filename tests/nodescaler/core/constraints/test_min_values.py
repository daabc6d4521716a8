"""``minValues``: how much choice must be left to the cloud, strictly or as far as possible."""

from __future__ import annotations

from nodescaler.core.labels import INSTANCE_TYPE
from nodescaler.core.model import NodePool
from nodescaler.core.settings import MinValuesPolicy, PackSettings
from tests.nodescaler.core.constraints.made import (
    MEDIUM,
    SMALL,
    Outcome,
    cluster,
    crowd,
    demand,
    machine,
    only,
    planned,
    pod,
)

FAMILY = "karpenter.k8s.aws/instance-family"
BEST_EFFORT = PackSettings(min_values=MinValuesPolicy.BEST_EFFORT)
FAMILIES = (
    machine("m5.s", 2, 4, 0.10, labels={FAMILY: "m5"}),
    machine("m5.m", 4, 8, 0.20, labels={FAMILY: "m5"}),
    machine("m6.s", 2, 4, 0.30, labels={FAMILY: "m6"}),
    machine("m7.s", 2, 4, 0.40, labels={FAMILY: "m7"}),
)


def at_least(count: int, key: str = INSTANCE_TYPE) -> NodePool:
    return NodePool("default", requirements=demand(key, "Exists", least=count))


def families(found: Outcome, name: str = "web-0") -> set[str]:
    return {each.split(".")[0] for each in found.node(name).instance_types}


def test_enough_types_are_left() -> None:
    found = planned(cluster(*crowd(1), pools=(at_least(3),)))

    assert len(found.node("web-0").instance_types) == 3
    assert not found.node("web-0").min_values_relaxed


def test_too_few_types_leave_the_pod_out_when_strict() -> None:
    found = planned(cluster(*crowd(1), pools=(at_least(3),), types=(SMALL, MEDIUM)))

    assert found.left == ["web-0"]
    assert "minValues" in found.reason("web-0")


def test_too_few_types_are_used_and_marked_with_best_effort() -> None:
    found = planned(cluster(*crowd(1), pools=(at_least(3),), types=(SMALL, MEDIUM)), BEST_EFFORT)

    assert found.left == []
    assert found.node("web-0").min_values_relaxed


def test_best_effort_marks_nothing_where_there_is_enough() -> None:
    found = planned(cluster(*crowd(1), pools=(at_least(2),)), BEST_EFFORT)

    assert not found.node("web-0").min_values_relaxed


def test_what_a_pod_excludes_does_not_count() -> None:
    waiting = pod("web-0", **only(demand(INSTANCE_TYPE, "In", "small")))

    assert planned(cluster(waiting, pools=(at_least(2),))).left == ["web-0"]


def test_a_node_is_not_filled_until_too_few_types_are_left() -> None:
    """Eight pods on one large node would leave one type; four on each leave two."""
    found = planned(cluster(*crowd(8, cpu=1000), pools=(at_least(2),)))

    assert found.left == []
    assert max(found.sizes) <= 4
    assert all(len(each.instance_types) >= 2 for each in found.plan.new_nodes)


def test_pods_that_only_the_largest_holds_stay_out_when_strict() -> None:
    found = planned(cluster(pod("big", 6000), *crowd(1), pools=(at_least(2),)))

    assert found.left == ["big"]


def test_values_are_counted_not_types() -> None:
    """Three families are asked for; the second size of one adds none."""
    found = planned(cluster(*crowd(1), pools=(at_least(3, FAMILY),), types=FAMILIES))
    fewer = planned(cluster(*crowd(1), pools=(at_least(3, FAMILY),), types=FAMILIES[:3]))

    assert families(found) == {"m5", "m6", "m7"}
    assert fewer.left == ["web-0"]


def test_a_list_of_values_counts_those_that_are_left() -> None:
    either = NodePool("default", requirements=demand(FAMILY, "In", "m5", "m6", "m9", least=2))
    more = NodePool("default", requirements=demand(FAMILY, "In", "m5", "m6", "m9", least=3))

    assert families(planned(cluster(*crowd(1), pools=(either,), types=FAMILIES))) == {"m5", "m6"}
    assert planned(cluster(*crowd(1), pools=(more,), types=FAMILIES)).left == ["web-0"]


def test_the_cut_of_the_list_keeps_enough_families() -> None:
    """The two cheapest types are of one family; the list has room for two."""
    found = planned(
        cluster(*crowd(1), pools=(at_least(2, FAMILY),), types=FAMILIES), PackSettings(most_types=2)
    )

    assert len(families(found)) == 2
    assert len(found.node("web-0").instance_types) == 2


def test_two_requirements_with_min_values_hold_together() -> None:
    both = NodePool(
        "default",
        requirements=demand(FAMILY, "Exists", least=2) & demand(INSTANCE_TYPE, "Exists", least=4),
    )

    assert len(planned(cluster(*crowd(1), pools=(both,), types=FAMILIES)).new) == 1
    assert planned(cluster(*crowd(1), pools=(both,), types=FAMILIES[:3])).left == ["web-0"]


def test_a_limit_does_not_take_the_choice_away_unseen() -> None:
    """Under 2 cpu only the small machine may be listed, which is too little choice."""
    pool = NodePool(
        "default", requirements=demand(INSTANCE_TYPE, "Exists", least=2), limits={"cpu": 2000}
    )

    assert planned(cluster(*crowd(1), pools=(pool,))).left == ["web-0"]


def test_the_next_pool_takes_what_the_first_has_too_little_choice_for() -> None:
    strict = NodePool("strict", weight=9, requirements=demand(INSTANCE_TYPE, "Exists", least=9))
    found = planned(cluster(*crowd(1), pools=(strict, NodePool("easy"))))

    assert found.node("web-0").pool == "easy"
