"""Node selectors and node affinity, required and preferred, one sentence a case."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from nodescaler.core.labels import ARCH, HOSTNAME, ZONE, Requirements
from nodescaler.core.model import NodePool, PodSpec
from nodescaler.decode import PodObject, pod_spec
from tests.nodescaler.core.constraints.made import (
    LARGE,
    MEDIUM,
    ON_DEMAND,
    SMALL,
    SPOT,
    cluster,
    crowd,
    demand,
    machine,
    node,
    only,
    planned,
    pod,
    prefer,
    zone,
)

ARM = machine("arm", 2, 4, 0.5, labels={ARCH: "arm64"})
BOTH = machine("both", 2, 4, 0.1, how=("on-demand", "spot"))


def from_manifest(name: str, spec: dict[str, Any]) -> PodSpec:
    doc = {"metadata": {"name": name, "namespace": "shop"}, "spec": spec}
    return replace(pod_spec(msgspec.convert(doc, PodObject)), requests={"cpu": 500, "pods": 1})


@pytest.mark.parametrize(
    ("alternatives", "zones"),
    [
        pytest.param((zone("b"),), {"b"}, id="a node selector decides the zone"),
        pytest.param((zone("b", "c"),), {"b", "c"}, id="either of two values will do"),
        pytest.param((demand(ZONE, "NotIn", "a", "b"),), {"c"}, id="NotIn leaves the others"),
        pytest.param((zone("z"), zone("b")), {"b"}, id="an OR-term that no offer meets is skipped"),
        pytest.param((zone("a"), zone("c")), {"a", "c"}, id="any of the OR-terms will do"),
    ],
)
def test_a_pod_lands_only_where_a_term_allows_it(
    alternatives: tuple[Requirements, ...], zones: set[str]
) -> None:
    found = planned(cluster(pod("web-0", alternatives=alternatives)))

    assert found.left == []
    assert found.labels("web-0", ZONE) <= zones


def test_no_term_that_can_be_met_leaves_the_pod_out() -> None:
    found = planned(cluster(pod("web-0", alternatives=(zone("z"), demand(ARCH, "In", "vax")))))

    assert found.left == ["web-0"]


def test_a_claim_never_allows_a_mix_of_two_terms() -> None:
    """Zone a on spot or zone b on demand: neither zone b on spot nor zone a on demand."""
    either = (zone("a") & SPOT, zone("b") & ON_DEMAND)
    found = planned(cluster(pod("web-0", alternatives=either), types=(BOTH,)))

    assert (found.zone("web-0"), found.node("web-0").capacity_type) == ("a", "spot")


def test_pods_of_different_zones_never_share_a_node() -> None:
    found = planned(cluster(pod("in-a", **only(zone("a"))), pod("in-b", **only(zone("b")))))

    assert (found.zone("in-a"), found.zone("in-b")) == ("a", "b")


def test_a_pod_that_excludes_another_pods_only_zone_does_not_join_it() -> None:
    anywhere_but_a = demand(ZONE, "NotIn", "a")
    found = planned(cluster(pod("in-a", **only(zone("a"))), pod("not-a", **only(anywhere_but_a))))

    assert found.zone("in-a") == "a"
    assert found.labels("not-a", ZONE) <= {"b", "c"}


def test_an_architecture_is_honoured_though_it_costs_more() -> None:
    found = planned(cluster(pod("web-0", **only(demand(ARCH, "In", "arm64"))), types=(SMALL, ARM)))

    assert found.kinds == {"arm": 1}


def test_a_node_selector_holds_on_nodes_that_are_there() -> None:
    nodes = (node("in-a", "a", 4000), node("in-b", "b", 4000))
    found = planned(cluster(*crowd(2, **only(zone("b"))), nodes=nodes))

    assert found.old == {"in-b": ["web-0", "web-1"]}


# ---------------------------------------------------------------- one certain node

TWO_NODES = (node("n1", cpu=600), node("n2", cpu=8000))
FIELDS = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n1"]}]}
NOT_FIELDS = {"matchFields": [{"key": "metadata.name", "operator": "NotIn", "values": ["n1"]}]}


def of_node_affinity(name: str, term: dict[str, Any]) -> PodSpec:
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
    return from_manifest(name, {"affinity": {"nodeAffinity": required}})


def test_match_fields_send_a_pod_to_the_node_they_name() -> None:
    found = planned(cluster(of_node_affinity("web-0", FIELDS), nodes=TWO_NODES))

    assert found.old == {"n1": ["web-0"]}


def test_match_fields_that_exclude_a_node_send_the_pod_elsewhere() -> None:
    found = planned(cluster(of_node_affinity("web-0", NOT_FIELDS), nodes=TWO_NODES))

    assert found.old == {"n2": ["web-0"]}


def test_a_full_named_node_is_not_replaced_by_a_new_one() -> None:
    named = crowd(2, **only(demand(HOSTNAME, "In", "n1")))
    found = planned(cluster(*named, nodes=TWO_NODES))

    assert found.old == {"n1": ["web-0"]}
    assert found.left == ["web-1"]


def test_a_host_that_is_not_there_is_on_no_new_node() -> None:
    assert planned(cluster(pod("web-0", **only(demand(HOSTNAME, "In", "n9"))))).left == ["web-0"]


def test_a_host_that_is_not_wanted_leaves_every_new_node() -> None:
    found = planned(cluster(pod("web-0", **only(demand(HOSTNAME, "NotIn", "n1")))))

    assert len(found.new) == 1


def test_a_term_that_demands_nothing_matches_no_node() -> None:
    found = planned(cluster(of_node_affinity("web-0", {}), nodes=TWO_NODES))

    assert found.left == ["web-0"]


# ---------------------------------------------------------------- preferred


def test_a_preference_that_costs_nothing_is_honoured() -> None:
    found = planned(cluster(pod("web-0", preferences=(prefer(1, zone("c")),))))

    assert found.zone("web-0") == "c"
    assert found.plan.relaxed == ()


def test_a_preference_is_honoured_though_it_costs_more() -> None:
    """As with Karpenter: it is a requirement until it makes the pod impossible to place."""
    dear = machine("dear", 2, 4, 0.3, labels={"disk": "fast"})
    found = planned(
        cluster(
            pod("web-0", preferences=(prefer(1, demand("disk", "In", "fast")),)),
            types=(SMALL, dear),
        )
    )

    assert found.kinds == {"dear": 1}


def test_a_preference_that_cannot_be_met_is_given_up_and_reported() -> None:
    found = planned(cluster(pod("web-0", preferences=(prefer(1, zone("z")),))))

    assert found.left == []
    assert "web-0" in found.relaxed
    assert ZONE in found.relaxed


def test_the_heavier_of_two_preferences_that_exclude_each_other_wins() -> None:
    wishes = (prefer(1, zone("a")), prefer(10, zone("b")))
    found = planned(cluster(pod("web-0", preferences=wishes)))

    assert found.zone("web-0") == "b"


def test_the_lighter_preference_is_honoured_when_the_heavier_cannot_be() -> None:
    wishes = (prefer(10, zone("z")), prefer(1, zone("b")))
    found = planned(cluster(pod("web-0", preferences=wishes)))

    assert found.zone("web-0") == "b"


def test_a_preference_never_overrides_a_requirement() -> None:
    found = planned(cluster(pod("web-0", **only(zone("a")), preferences=(prefer(9, zone("b")),))))

    assert found.zone("web-0") == "a"


def test_a_preference_never_leaves_a_pod_out_when_its_limit_is_reached() -> None:
    """The wish needs the large machine; only small ones are within the limit."""
    wishes = (prefer(1, demand("node.kubernetes.io/instance-type", "In", "large")),)
    pool = NodePool("default", limits={"cpu": 4000})
    found = planned(
        cluster(*crowd(2, preferences=wishes), pools=(pool,), types=(SMALL, MEDIUM, LARGE))
    )

    assert found.left == []


def test_a_preference_chooses_among_nodes_that_are_there() -> None:
    nodes = (node("in-a", "a", 4000), node("in-b", "b", 4000))
    found = planned(cluster(pod("web-0", preferences=(prefer(1, zone("b")),)), nodes=nodes))

    assert found.old == {"in-b": ["web-0"]}
