"""What a node may be launched as: every combination that its claim allows would do."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodescaler.core.bins import Item
from nodescaler.core.columns import Ints, Mask
from nodescaler.core.groups import Groups
from nodescaler.core.labels import CAPACITY_TYPE, INSTANCE_TYPE, ZONE, Requirement, Requirements
from nodescaler.core.limits import limits_of
from nodescaler.core.lots import Bought
from nodescaler.core.model import InstanceType, NodePool, Offering, Snapshot
from nodescaler.core.offers import Offers
from nodescaler.core.options import Choice, Options, asked
from nodescaler.core.settings import PackSettings
from tests.nodescaler.core.builders import machine
from tests.nodescaler.core.selling import sold

NAMES = ("cpu",)
CPU_LIMIT = NodePool("p", limits={"cpu": 8000})


@dataclass(frozen=True)
class Case:
    """Offers, a node that was planned with one of them, and what it holds."""

    offers: Offers
    items: list[Item]
    node: Bought
    options: Options

    def would_do(self, row: int) -> bool:
        """Whether the node's pods go onto an offer, limits apart."""
        need = sum(int(self.items[n].need[0]) * count for n, count in self.node.counts)
        accepted = all(bool(self.items[n].offers[row]) for n, _ in self.node.counts)
        return accepted and int(self.offers.free[row, 0]) >= need


@st.composite
def machines(draw: st.DrawFn) -> tuple[InstanceType, ...]:
    out = []
    for n in range(draw(st.integers(1, 4))):
        places = [(zone, kind) for zone in "ab" for kind in ("spot", "on-demand")]
        sold_in = draw(st.lists(st.sampled_from(places), min_size=1, unique=True))
        cpu = draw(st.integers(1, 4))
        offerings = tuple(
            Offering(zone, kind, draw(st.integers(1, 6)) / 10) for zone, kind in sold_in
        )
        out.append(replace(machine(f"t{n}", cpu, 4, 1.0), offerings=offerings))
    return tuple(out)


def no_groups(offers: Offers) -> Groups:
    none, wide = np.zeros((0, 0), np.int64), np.zeros((0, len(offers)), np.int64)
    return Groups([], [], none, none, wide, wide)


def options_of(
    offers: Offers, items: list[Item], rows: Ints | None = None, most_types: int = 60
) -> Options:
    chosen = np.arange(len(offers)) if rows is None else rows
    limits, settings = limits_of(offers, {}), PackSettings(most_types=most_types)
    return Options(items, offers, chosen, limits, no_groups(offers), settings)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    pools = (draw(st.sampled_from([NodePool("p"), CPU_LIMIT])), NodePool("q"))
    kinds = draw(machines())
    settings = PackSettings(performance={"t0": draw(st.sampled_from([1.0, 2.0]))})
    offers = sold(Snapshot(pools, {"p": kinds, "q": kinds}), NAMES, settings)
    items = [
        Item(
            ((n, 1),),
            9,
            np.array([1000]),
            np.array(draw(st.lists(st.booleans(), min_size=len(offers), max_size=len(offers)))),
        )
        for n in range(2)
    ]
    counts = tuple((n, draw(st.integers(1, 2))) for n in range(draw(st.integers(1, 2))))
    node = Bought(draw(st.integers(0, len(offers) - 1)), counts)
    items = [replace(each, offers=_with(each.offers, node.offer)) for each in items]
    return Case(offers, items, node, options_of(offers, items))


def _with(mask: Mask, row: int) -> Mask:
    """An offer that was planned with is accepted."""
    out = mask.copy()
    out[row] = True
    return out


def combinations(case: Case, choice: Choice) -> list[int]:
    """Every offer that a cloud may launch for what the claim asks for."""
    template = case.offers.goods.template
    return [
        row
        for row in range(len(case.offers))
        if template[row] == template[choice.offer]
        and case.offers.type(row).name in choice.types
        and case.offers.offering(row).zone in choice.zones
        and case.offers.offering(row).capacity_type in choice.capacities
    ]


@given(cases())
def test_every_combination_of_what_is_listed_would_do(case: Case) -> None:
    if not case.would_do(case.node.offer):
        return
    choice = case.options.choice(case.node)
    rows = combinations(case, choice)

    assert rows == sorted(choice.listed.tolist())
    assert all(case.would_do(row) for row in rows)


@given(cases())
def test_the_cheapest_that_would_do_is_always_listed(case: Case) -> None:
    if not case.would_do(case.node.offer):
        return
    choice = case.options.choice(case.node)
    good = case.options.sufficient(case.node).tolist()
    effective, usd = case.offers.effective, case.offers.usd

    assert choice.offer == case.options.cheapest(case.node) == good[0]
    assert choice.offer in choice.listed
    assert choice.types[0] == case.offers.type(choice.offer).name
    assert effective[choice.offer] == min(effective[good])
    assert usd[choice.offer] == min(usd[choice.listed])  # what the cloud would launch is that


@given(cases())
def test_sufficient_is_what_holds_the_pods_within_the_limits(case: Case) -> None:
    is_limited = bool(case.offers.pools[0].limits)

    def charged(row: int) -> int:
        pool = case.offers.template(row).pool.name
        return case.offers.type(row).capacity["cpu"] if is_limited and pool == "p" else 0

    allowed = charged(case.node.offer)
    expected = [
        row for row in range(len(case.offers)) if case.would_do(row) and charged(row) <= allowed
    ]
    assert sorted(case.options.sufficient(case.node).tolist()) == expected


@given(cases())
def test_what_the_limits_still_spare_allows_more(case: Case) -> None:
    spare = limits_of(case.offers, {}).room
    few = set(case.options.sufficient(case.node).tolist())
    more = set(case.options.sufficient(case.node, spare).tolist())

    assert few <= more
    assert all(case.would_do(row) for row in more)


@given(cases())
def test_a_claim_asks_for_what_is_listed(case: Case) -> None:
    choice = case.options.choice(case.node)
    pool = NodePool("p", requirements=Requirements.of(Requirement(ZONE, "In", ("a", "b", "c"))))
    claim = asked(pool, choice)

    assert claim[INSTANCE_TYPE].values == set(choice.types)
    assert claim[ZONE].values == set(choice.zones)
    assert claim[CAPACITY_TYPE].values == set(choice.capacities)


# ---------------------------------------------------------------- how many types

SIZES = tuple(
    replace(
        machine(f"t{n}", 2, 4, n / 10, family="xy"[n > 3]),
        offerings=(Offering("a", "spot", n / 10),),
    )
    for n in range(1, 7)
)


def listed(pool: NodePool, most: int) -> Choice:
    offers = sold(Snapshot((pool,), {"p": SIZES}), NAMES)
    item = Item(((0, 1),), 1, np.array([1000]), np.ones(len(offers), bool))
    return options_of(offers, [item], most_types=most).choice(Bought(0, ((0, 1),)))


@pytest.mark.parametrize("most", [1, 2, 6, 60])
def test_no_more_types_than_allowed_the_cheapest_first(most: int) -> None:
    assert listed(NodePool("p"), most).types == tuple(f"t{n}" for n in range(1, 7))[:most]


def families(least: int) -> NodePool:
    return NodePool("p", requirements=Requirements.of(Requirement("family", "Exists", (), least)))


def test_a_list_that_is_cut_keeps_the_values_that_the_pool_wants() -> None:
    """The cheapest type of each, however few are allowed."""
    assert listed(families(2), 1).types == ("t1", "t4")
    assert listed(families(2), 3).types == ("t1", "t2", "t4")
    assert listed(families(2), 3).short == ()


def test_too_few_values_are_told() -> None:
    assert listed(families(3), 60).short == ("family has 2 of 3 values",)
