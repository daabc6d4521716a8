"""The restated rule opens as many nodes as Karpenter publishes, and does by hand what it should."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from nodescaler.core.demands import PodTerm, Spread
from nodescaler.core.labels import HOSTNAME, ZONE, Requirements
from nodescaler.core.model import InstanceType, NodePool, Offering, PodSpec
from nodescaler.core.resources import CPU
from tests.bench.karpenter_rule import solve
from tests.bench.markets import Market, daemons, fake
from tests.bench.mix import diverse

PUBLISHED = {1: 1, 100: 20, 500: 100, 1_000: 200, 1_500: 300, 2_000: 400}
ALL = Requirements()


def market(*types: tuple[str, int, float], zones: str = "a") -> Market:
    """Types by name, cpu and price, sold on demand in each zone."""
    made = tuple(
        InstanceType(
            name, {}, {CPU: cpu}, {}, tuple(Offering(zone, "on-demand", price) for zone in zones)
        )
        for name, cpu, price in types
    )
    return Market("by hand", NodePool("p"), made)


def pods(*cpus: int, spec: PodSpec | None = None) -> list[PodSpec]:
    sample = spec or PodSpec("d", "")
    return [
        replace(sample, name=f"p{n}", uid=f"p{n}", requests={CPU: cpu})
        for n, cpu in enumerate(cpus)
    ]


@pytest.mark.parametrize(("count", "nodes"), PUBLISHED.items())
def test_it_opens_as_many_nodes_as_published(count: int, nodes: int) -> None:
    plan = solve(fake(), diverse(count))

    assert len(plan.new_nodes) == nodes
    assert plan.unschedulable == ()
    assert Counter(pod.uid for node in plan.new_nodes for pod in node.pods).total() == count


def test_a_claim_grows_while_any_type_is_large_enough() -> None:
    """The dear large type is taken although two small ones would cost a fifth of it."""
    plan = solve(market(("small", 1000, 1.0), ("large", 2000, 10.0)), pods(1000, 1000))

    assert [(node.instance_type, len(node.pods)) for node in plan.new_nodes] == [("large", 2)]


def test_the_largest_come_first_and_the_emptiest_claim_takes_the_next() -> None:
    plan = solve(market(("only", 1000, 1.0)), pods(100, 600, 700, 100, 250))

    assert [[pod.name for pod in node.pods] for node in plan.new_nodes] == [
        ["p2", "p4"],
        ["p1", "p0", "p3"],
    ]


def test_the_daemons_are_paid_for_on_each_claim() -> None:
    alone = market(("small", 1000, 1.0), ("large", 2000, 10.0))

    plan = solve(replace(alone, daemons=daemons()[:1]), pods(1000))

    assert [node.instance_type for node in plan.new_nodes] == ["large"]


def test_a_pod_larger_than_every_type_stays_out() -> None:
    plan = solve(market(("only", 1000, 1.0)), pods(1000, 1001))

    assert [each.pod.name for each in plan.unschedulable] == ["p1"]


def test_a_spread_takes_the_emptiest_zone() -> None:
    sample = PodSpec("d", "", spreads=(Spread(ZONE, 1, ALL),))

    plan = solve(market(("only", 1000, 1.0), zones="abc"), pods(*[1000] * 7, spec=sample))

    assert Counter(node.zone for node in plan.new_nodes) == {"a": 3, "b": 2, "c": 2}


def test_hosts_hold_as_many_as_the_skew_allows() -> None:
    sample = PodSpec("d", "", spreads=(Spread(HOSTNAME, 2, ALL),))

    plan = solve(market(("only", 9000, 1.0)), pods(*[100] * 5, spec=sample))

    assert sorted(len(node.pods) for node in plan.new_nodes) == [1, 2, 2]


def test_affinity_keeps_to_the_zone_of_the_first() -> None:
    term = PodTerm(ZONE, ALL, frozenset({"d"}))
    sample = PodSpec("d", "", beside=(term,))

    plan = solve(market(("only", 1000, 1.0), zones="ab"), pods(1000, 1000, spec=sample))

    assert [node.zone for node in plan.new_nodes] == ["a", "a"]


def test_anti_affinity_holds_against_those_that_do_not_ask_for_it() -> None:
    lonely = PodSpec("d", "", apart=(PodTerm(HOSTNAME, ALL, frozenset({"d"})),))
    first, second = pods(200, spec=lonely)[0], pods(100, 100)[1]

    plan = solve(market(("only", 9000, 1.0)), [first, second])

    assert len(plan.new_nodes) == 2


def test_a_constraint_it_does_not_know_is_refused() -> None:
    sample = PodSpec("d", "", apart=(PodTerm(ZONE, ALL, frozenset({"d"})),))

    with pytest.raises(ValueError, match="not in the restated rule"):
        solve(market(("only", 1000, 1.0)), pods(1, spec=sample))
