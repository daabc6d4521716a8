"""Items as a market of numbers, and its answer dealt back to them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nodescaler.core.bins import Item, Stand
from nodescaler.core.groups import Kind
from nodescaler.core.limits import limits_of
from nodescaler.core.lots import Dealt, Lot, lots_of, market_of
from nodescaler.core.model import NodePool, Snapshot
from tests.nodescaler.core.builders import LARGE, SMALL
from tests.nodescaler.core.market.markets import foes
from tests.nodescaler.core.selling import sold

POOLS = (NodePool("p", limits={"nodes": 2}), NodePool("q"))
OFFERS = sold(Snapshot(POOLS, {pool.name: (SMALL, LARGE) for pool in POOLS}), ("cpu", "memory"))
ALL = np.arange(len(OFFERS))
MASKS = tuple(np.isin(OFFERS.pool, pools) for pools in ((0, 1), (0,), (1,)))
KINDS = (Kind.APART, Kind.SPREAD, Kind.BESIDE)  # of the hostname rules 0, 1 and 2


@st.composite
def items(draw: st.DrawFn) -> list[Item]:
    out = []
    for n in range(draw(st.integers(0, 6))):
        stands = []
        for column, kind in enumerate(KINDS):
            own, seen = draw(st.booleans()), draw(st.sampled_from([0, 0, 1, 1, 2]))
            if own or seen:
                stands.append(Stand(column, kind, own, seen, most=2 * (kind is Kind.SPREAD)))
        need = np.array([draw(st.sampled_from([500, 1000])), 0], np.int64)
        out.append(
            Item(
                ((n, 1),),
                draw(st.integers(0, 5)),
                need,
                draw(st.sampled_from(MASKS)),
                tuple(stands),
                draw(st.sampled_from([0, 7])),
            )
        )
    return out


def alike(one: Item, other: Item) -> bool:
    same = (one.need == other.need).all() and one.offers is other.offers
    return bool(same) and (one.stands, one.priority) == (other.stands, other.priority)


@given(items(), st.data())
def test_items_that_nothing_tells_apart_are_one_lot(
    waiting: list[Item], data: st.DataObject
) -> None:
    chosen = sorted(data.draw(st.frozensets(st.sampled_from(range(len(waiting)))))
                    if waiting else ())  # fmt: skip
    lots = lots_of(waiting, chosen)

    assert sorted(n for lot in lots for n in lot.items) == chosen
    assert all(list(lot.items) == sorted(lot.items) for lot in lots)
    assert all(lot.count == sum(waiting[n].count for n in lot.items) for lot in lots)
    where = {n: number for number, lot in enumerate(lots) for n in lot.items}
    for one in chosen:
        for other in chosen:
            assert (where[one] == where[other]) == alike(waiting[one], waiting[other])


@given(items())
def test_whoever_must_not_share_a_node_says_so_of_each_other(waiting: list[Item]) -> None:
    lots = lots_of(waiting, range(len(waiting)))
    market = market_of(lots, OFFERS, (ALL, OFFERS.free), limits_of(OFFERS, {}))
    among = [foes(market, n) for n in range(len(lots))]

    for one, lot in enumerate(lots):
        for other, its in enumerate(lots):
            clash = _clash(lot, its) or _clash(its, lot)
            assert (other in among[one]) == (one in among[other]) == clash


def _clash(owner: Lot, seen: Lot) -> bool:
    """Whether a rule of the first keeps the second away; a spread: if it is not bound itself."""
    rules = {stand.column: stand for stand in seen.sample.stands}
    return any(
        stand.own
        and stand.kind is not Kind.BESIDE
        and stand.column in rules
        and bool(rules[stand.column].seen)
        and (stand.kind is Kind.APART or not rules[stand.column].own)
        for stand in owner.sample.stands
    )


@given(items())
def test_a_market_says_of_the_lots_what_their_items_say(waiting: list[Item]) -> None:
    lots = lots_of(waiting, range(len(waiting)))
    market = market_of(lots, OFFERS, (ALL, OFFERS.free), limits_of(OFFERS, {}))
    spreads = [[s for s in lot.sample.stands if s.kind is Kind.SPREAD] for lot in lots]
    slots = any(s.own and s.seen for each in spreads for s in each)

    assert market.need.shape[1] == market.free.shape[1] == 2 + slots
    for n, (lot, own) in enumerate(zip(lots, spreads, strict=True)):
        assert market.need[n, :2].tolist() == lot.sample.need.tolist()
        assert market.need[n, 2:].tolist() == [sum(s.seen for s in own if s.own)] * slots
        assert market.accepts[n].tolist() == lot.sample.offers.tolist()
    assert (market.free[:, 2:] == 2).all()
    assert market.usage.tolist() == [(OFFERS.pool == 0).astype(int).tolist()]
    assert market.room.tolist() == [2]


@given(items(), st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4)), max_size=8))
def test_a_lots_pods_are_dealt_to_its_items_in_order(
    waiting: list[Item], takes: list[tuple[int, int]]
) -> None:
    lots = lots_of(waiting, range(len(waiting)))
    dealt = Dealt(lots, waiting)
    got: dict[int, list[tuple[int, int]]] = {}
    for lot, number in ((lot, number) for lot, number in takes if lot < len(lots)):
        asked = sum(n for _, n in got.get(lot, ())) + number
        got.setdefault(lot, []).extend(dealt.take(lot, number))
        assert sum(n for _, n in got[lot]) == min(asked, lots[lot].count)
    for lot, parts in got.items():
        order = [lots[lot].items.index(item) for item, _ in parts]
        assert order == sorted(order)
        for item in lots[lot].items:
            assert sum(n for each, n in parts if each == item) <= waiting[item].count
