"""Topology spread constraints: skew, domains, policies, wishes, several at once.

A place is counted as kube-scheduler counts it: by the nodes there that the pod's node affinity
accepts. Where a case depends on an empty place, a full node stands in it, so that the place exists
for kube-scheduler as well as for Karpenter, which takes its places from the pools.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from nodescaler.core.labels import CAPACITY_TYPE, HOSTNAME, ZONE, Requirements
from nodescaler.core.model import NodePool, NodeState, PodSpec
from nodescaler.core.settings import PackSettings, PreferencePolicy
from nodescaler.core.taints import Taint
from tests.nodescaler.core.constraints.made import (
    RACKS,
    SMALL,
    cluster,
    crowd,
    machine,
    node,
    only,
    planned,
    pod,
    spread,
    zone,
)

BOTH = machine("both", 2, 4, 0.1, how=("on-demand", "spot"))


def standing(app: str = "web", /, **counts: int) -> tuple[NodeState, ...]:
    """Full nodes, one in each zone named, with so many pods of the app."""
    return tuple(
        node(f"in-{where}", where, pods=tuple(pod(f"old-{where}-{n}", app=app) for n in range(c)))
        for where, c in counts.items()
    )


def spread_crowd(count: int, **fields: Any) -> tuple[PodSpec, ...]:
    """Pods that spread as *fields* says, over zones with a skew of one by default."""
    other = {k: fields.pop(k) for k in ("cpu", "alternatives") if k in fields}
    return crowd(count, spreads=(spread(**fields),), **other)


# ---------------------------------------------------------------- skew


@pytest.mark.parametrize(
    ("count", "skew", "most"),
    [
        pytest.param(6, 1, 2, id="six over three zones are two each"),
        pytest.param(1, 1, 1, id="one goes anywhere"),
        pytest.param(7, 1, 3, id="one zone takes the seventh"),
        pytest.param(100, 1, 34, id="a hundred differ by one at most"),
    ],
)
def test_pods_spread_over_zones(count: int, skew: int, most: int) -> None:
    found = planned(cluster(*spread_crowd(count, skew=skew), nodes=standing(a=0, b=0, c=0)))

    counts = found.count(ZONE) if count > 1 else {"any": 1}
    assert found.left == []
    assert sum(counts.values()) == count
    assert max(counts.values()) == most
    assert count == 1 or max(counts.values()) - min(counts.values()) <= skew
    assert count < 3 or len(counts) == 3


@pytest.mark.parametrize(
    ("there", "placed"),
    [
        pytest.param({"a": 1, "b": 0, "c": 0}, True, id="a skew of two allows two more"),
        pytest.param({"a": 2, "b": 0, "c": 0}, False, id="and not three"),
        pytest.param({"a": 2, "b": 1, "c": 1}, True, id="what all have does not count"),
    ],
)
def test_a_skew_of_two(there: dict[str, int], placed: bool) -> None:
    """The pod can go to zone a alone, but all zones are compared."""
    tied = spread_crowd(1, skew=2, honours_affinity=False, alternatives=(zone("a"),))
    found = planned(cluster(*tied, nodes=standing(**there)))

    assert found.left == ([] if placed else ["web-0"])


def test_those_that_run_already_are_evened_out() -> None:
    found = planned(cluster(*spread_crowd(4), nodes=standing(a=3, b=1, c=1)))

    assert found.count(ZONE) == {"b": 2, "c": 2}


def test_space_in_a_zone_that_is_ahead_is_not_used() -> None:
    ahead = replace(standing(a=2)[0], allocatable={"cpu": 64_000, "memory": 2**40, "pods": 99})
    found = planned(cluster(*spread_crowd(4), nodes=(ahead, *standing(b=0, c=0))))

    assert found.old == {}
    assert found.count(ZONE) == {"b": 2, "c": 2}


def test_space_that_is_there_is_used_as_far_as_the_skew_allows() -> None:
    found = planned(cluster(*spread_crowd(6), nodes=(node("in-a", "a", 8000),)))

    assert found.left == []
    assert len(found.old["in-a"]) == 2
    assert found.count(ZONE) == {"a": 2, "b": 2, "c": 2}


def test_two_sizes_of_one_app_are_counted_together() -> None:
    big = crowd(3, "web-big", 1500, app="web", spreads=(spread(),))
    small = crowd(3, "web-small", 100, app="web", spreads=(spread(),))
    found = planned(cluster(*big, *small))

    assert found.count(ZONE) == {"a": 2, "b": 2, "c": 2}


def test_pods_that_do_not_match_their_own_selector_avoid_where_the_others_are_many() -> None:
    """They do not change the counts, so all of them may go where there are few."""
    there = standing("db", a=2, b=0, c=0)
    found = planned(cluster(*spread_crowd(5, app="db"), nodes=there))

    assert found.left == []
    assert found.may(ZONE) <= {"b", "c"}


def test_pods_that_do_not_match_their_own_selector_may_share_where_none_is() -> None:
    found = planned(cluster(*spread_crowd(5, app="db"), nodes=standing("db", a=1, b=0, c=0)))

    assert found.left == []


def test_pods_of_another_namespace_are_not_counted() -> None:
    alien = node("in-a", "a", pods=(pod("alien", namespace="data"), pod("b", namespace="data")))
    found = planned(cluster(*spread_crowd(3), nodes=(alien, *standing(b=0, c=0))))

    assert found.count(ZONE) == {"a": 1, "b": 1, "c": 1}


def test_what_the_selector_leaves_out_is_not_counted() -> None:
    """As matchLabelKeys ask: an older revision of the same app does not count."""
    old = node("in-a", "a", pods=(pod("x", labels={"rev": "1"}), pod("y", labels={"rev": "1"})))
    mine = replace(spread(), selector=Requirements.labels({"app": "web", "rev": "2"}))
    waiting = crowd(3, labels={"rev": "2"}, spreads=(mine,))
    found = planned(cluster(*waiting, nodes=(old, *standing(b=0, c=0))))

    assert found.count(ZONE) == {"a": 1, "b": 1, "c": 1}


def test_pods_that_are_being_deleted_are_not_counted() -> None:
    ending = pod("ending", deletes_at=datetime(2026, 1, 1, tzinfo=UTC))
    there = node("in-a", "a", pods=(ending, replace(ending, name="too", uid="too")))
    found = planned(cluster(*spread_crowd(3), nodes=(there, *standing(b=0, c=0))))

    assert found.count(ZONE) == {"a": 1, "b": 1, "c": 1}


def test_an_empty_selector_counts_nothing() -> None:
    """As with kube-scheduler, where a spread without a selector spreads nothing."""
    everything = replace(spread(), selector=Requirements())
    tied = crowd(6, spreads=(everything,), **only(zone("a")))
    found = planned(cluster(*tied, nodes=standing(a=3, b=0, c=0)))

    assert found.left == []


# ---------------------------------------------------------------- how many domains there must be


def test_with_too_few_domains_the_least_count_is_zero() -> None:
    found = planned(cluster(*spread_crowd(5, min_domains=4), nodes=standing(a=0, b=0, c=0)))

    assert found.count(ZONE) == {"a": 1, "b": 1, "c": 1}
    assert len(found.left) == 2


def test_with_enough_domains_min_domains_changes_nothing() -> None:
    found = planned(cluster(*spread_crowd(6, min_domains=3), nodes=standing(a=0, b=0, c=0)))

    assert found.count(ZONE) == {"a": 2, "b": 2, "c": 2}


def test_min_domains_is_part_of_what_tells_two_constraints_apart() -> None:
    """Karpenter counts both as one; here each pod is judged by its own."""
    strict = pod("web-strict", 700, spreads=(spread(min_domains=4),))
    plain = crowd(3, "web-plain", app="web", spreads=(spread(),))
    found = planned(cluster(strict, *plain, nodes=standing(a=1, b=1, c=1)))

    assert found.left == ["web-strict"]
    assert found.count(ZONE) == {"a": 1, "b": 1, "c": 1}


# ---------------------------------------------------------------- which places count


@pytest.mark.parametrize(
    ("honours", "placed"),
    [
        pytest.param(True, 4, id="Honor: a zone that its affinity excludes is no place"),
        pytest.param(False, 2, id="Ignore: an empty zone holds the others down though excluded"),
    ],
)
def test_node_affinity_policy(honours: bool, placed: int) -> None:
    tied = spread_crowd(4, honours_affinity=honours, alternatives=(zone("a", "b"),))
    found = planned(cluster(*tied, nodes=standing(a=0, b=0, c=0)))

    assert found.count(ZONE) == {"a": placed // 2, "b": placed // 2}
    assert len(found.left) == 4 - placed


@pytest.mark.parametrize(
    ("honours", "placed"),
    [
        pytest.param(True, 4, id="Honor: a zone of tainted nodes is no place"),
        pytest.param(False, 2, id="Ignore: an empty zone of tainted nodes holds the others down"),
    ],
)
def test_node_taints_policy(honours: bool, placed: int) -> None:
    pool = NodePool("default", requirements=zone("a", "b"))
    tainted = node("in-c", "c", taints=(Taint("team"),))
    waiting = spread_crowd(4, honours_taints=honours)
    found = planned(cluster(*waiting, pools=(pool,), nodes=(*standing(a=0, b=0), tainted)))

    assert found.count(ZONE) == {"a": placed // 2, "b": placed // 2}
    assert len(found.left) == 4 - placed


def test_a_zone_that_no_pool_offers_is_no_place() -> None:
    pool = NodePool("default", requirements=zone("a", "b"))
    found = planned(cluster(*spread_crowd(4), pools=(pool,)))

    assert found.count(ZONE) == {"a": 2, "b": 2}


def test_a_zone_where_the_pod_does_not_fit_still_counts() -> None:
    """A full node in zone c, where only a machine too small for the pod is sold."""
    types = (machine("wide", 8, 16, 0.4, zones=("a", "b")), machine("tiny", 1, 2, 0.05))
    found = planned(cluster(*spread_crowd(4, cpu=1500), types=types, nodes=standing(c=0)))

    assert found.count(ZONE) == {"a": 1, "b": 1}
    assert len(found.left) == 2


def test_a_node_without_the_label_is_no_place() -> None:
    bare = replace(node("bare", cpu=8000), labels={HOSTNAME: "bare"})
    found = planned(cluster(*spread_crowd(3), nodes=(bare,)))

    assert found.old == {}
    assert found.count(ZONE) == {"a": 1, "b": 1, "c": 1}


def test_a_label_that_no_node_has_is_no_way_to_spread() -> None:
    assert planned(cluster(*spread_crowd(2, key="rack"))).left == ["web-0", "web-1"]


# ---------------------------------------------------------------- other keys


@pytest.mark.parametrize(
    ("skew", "sizes"),
    [
        pytest.param(1, [1, 1, 1, 1], id="one each"),
        pytest.param(2, [2, 2], id="two each"),
    ],
)
def test_over_hosts_no_node_has_more_than_the_skew(skew: int, sizes: list[int]) -> None:
    """An empty node is always possible, and a full one stands there without such a pod."""
    waiting = spread_crowd(4, key=HOSTNAME, skew=skew)
    found = planned(cluster(*waiting, nodes=standing(a=0)))

    assert found.sizes == sizes


def test_over_hosts_a_node_that_is_there_takes_its_share() -> None:
    waiting = spread_crowd(3, key=HOSTNAME)
    found = planned(cluster(*waiting, nodes=(*standing(a=0), node("old", cpu=8000))))

    assert [len(names) for names in found.old.values()] == [1]
    assert found.sizes == [1, 1]


def test_over_capacity_types_half_is_spot() -> None:
    found = planned(cluster(*spread_crowd(4, key=CAPACITY_TYPE), types=(BOTH,)))

    assert found.count(CAPACITY_TYPE) == {"spot": 2, "on-demand": 2}


def test_over_a_label_that_the_pool_leaves_open() -> None:
    found = planned(cluster(*spread_crowd(4, key="rack"), pools=(RACKS,)))

    assert found.count("rack") == {"r1": 2, "r2": 2}


# ---------------------------------------------------------------- two at once


def test_over_zones_and_hosts_at_once() -> None:
    waiting = crowd(6, spreads=(spread(), spread(HOSTNAME)))
    found = planned(cluster(*waiting, nodes=standing(a=0)))

    assert found.count(ZONE) == {"a": 2, "b": 2, "c": 2}
    assert found.sizes == [1] * 6


def test_over_zones_and_capacity_types_at_once() -> None:
    waiting = crowd(6, spreads=(spread(), spread(CAPACITY_TYPE)))
    found = planned(cluster(*waiting, types=(BOTH,)))

    assert found.count(ZONE) == {"a": 2, "b": 2, "c": 2}
    assert found.count(CAPACITY_TYPE) == {"spot": 3, "on-demand": 3}


def test_two_that_contradict_leave_pods_out() -> None:
    """Zone b has none of its own app and may take none, as two databases are there."""
    both = (spread(), spread(app="db"))
    there = (*standing(a=1, c=1), node("in-b", "b", pods=(*crowd(2, "db"),)))
    found = planned(cluster(*crowd(2, spreads=both), nodes=there))

    assert found.left == ["web-0", "web-1"]


# ---------------------------------------------------------------- ScheduleAnyway


def test_a_wish_to_spread_is_honoured_while_it_can_be() -> None:
    found = planned(cluster(*spread_crowd(6, hard=False)))

    assert found.count(ZONE) == {"a": 2, "b": 2, "c": 2}
    assert found.plan.relaxed == ()


def test_a_wish_to_spread_over_hosts_is_worth_three_nodes() -> None:
    assert planned(cluster(*spread_crowd(3, key=HOSTNAME, hard=False))).sizes == [1, 1, 1]


def test_a_wish_to_spread_that_cannot_be_met_is_given_up_and_reported() -> None:
    tied = spread_crowd(4, hard=False, honours_affinity=False, alternatives=(zone("a"),))
    found = planned(cluster(*tied, nodes=standing(a=0, b=0, c=0)))

    assert found.count(ZONE) == {"a": 4}
    assert ZONE in found.relaxed


def test_under_ignore_a_wish_to_spread_costs_nothing() -> None:
    ignore = PackSettings(preferences=PreferencePolicy.IGNORE)
    found = planned(cluster(*spread_crowd(4, key=HOSTNAME, hard=False), types=(SMALL,)), ignore)

    assert found.sizes == [4]


def test_under_ignore_a_hard_constraint_still_holds() -> None:
    ignore = PackSettings(preferences=PreferencePolicy.IGNORE)

    assert planned(cluster(*spread_crowd(6)), ignore).count(ZONE) == {"a": 2, "b": 2, "c": 2}


def test_spread_and_a_selector_of_one_zone_go_together() -> None:
    """Honor is the default: the zone it asks for is the only place, so the skew is nought."""
    found = planned(cluster(*crowd(4, spreads=(spread(),), **only(zone("b")))))

    assert found.count(ZONE) == {"b": 4}
