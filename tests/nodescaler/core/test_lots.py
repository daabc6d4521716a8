"""Items as a market of numbers, and its answer dealt back to them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nodescaler.core.bins import Item, Stand
from nodescaler.core.groups import Kind
from nodescaler.core.guided import largest_of, targets_of
from nodescaler.core.limits import limits_of
from nodescaler.core.lots import Dealt, Lot, awkward, lots_of, market_of
from nodescaler.core.market import Bound, Shares
from nodescaler.core.model import NodePool, Snapshot
from nodescaler.core.offers import Offers
from tests.nodescaler.core.builders import LARGE, SMALL
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
    conflicts = market_of(lots, OFFERS, ALL, limits_of(OFFERS, {})).conflicts
    foes = [set[int]() for _ in lots] if conflicts is None else [set(c.tolist()) for c in conflicts]

    for one, lot in enumerate(lots):
        for other, its in enumerate(lots):
            a, b = _apart(lot), _apart(its)
            clash = (a.own and b.seen) or (b.own and a.seen)
            assert (other in foes[one]) == (one in foes[other]) == bool(clash)


def _apart(lot: Lot) -> Stand:
    nothing = Stand(0, Kind.APART, own=False, seen=0)
    return next((s for s in lot.sample.stands if s.kind is Kind.APART), nothing)


@given(items())
def test_a_market_says_of_the_plain_items_what_they_say(waiting: list[Item]) -> None:
    odd = awkward(waiting)
    lots = lots_of(waiting, [n for n in range(len(waiting)) if n not in odd])
    market = market_of(lots, OFFERS, ALL, limits_of(OFFERS, {}))
    spread = any(s.kind is Kind.SPREAD for lot in lots for s in lot.sample.stands)

    assert market.need.shape[1] == market.free.shape[1] == 2 + spread
    for n, lot in enumerate(lots):
        assert market.need[n, :2].tolist() == lot.sample.need.tolist()
        assert market.accepts[n].tolist() == lot.sample.offers.tolist()
        heeds = [s.seen for s in lot.sample.stands if s.kind is Kind.SPREAD]
        if spread:
            assert market.need[n, 2] == sum(heeds)
    if spread:
        assert (market.free[:, 2] == 2).all()
    assert market.usage.tolist() == [(OFFERS.pool == 0).astype(int).tolist()]
    assert market.room.tolist() == [2]


@given(items())
def test_the_awkward_are_those_whose_spread_counts_pods_that_it_does_not_bind(
    waiting: list[Item],
) -> None:
    """Or more pods of one bundle than one."""
    spreads = [s for each in waiting for s in each.stands if s.kind is Kind.SPREAD]
    is_odd = any(s.own != bool(s.seen) for s in spreads)
    for n, each in enumerate(waiting):
        several = any(s.seen > 1 for s in each.stands if s.kind is not Kind.BESIDE)
        concerned = is_odd and any(s.kind is Kind.SPREAD for s in each.stands)
        assert (n in awkward(waiting)) == (several or concerned)


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


# ---------------------------------------------------------------- which pods for which offer


@given(items(), st.data())
def test_the_pods_meant_for_offers_are_the_programmes_shares_in_whole_pods(
    waiting: list[Item], data: st.DataObject
) -> None:
    lots = lots_of(waiting, range(len(waiting)))
    rows = ALL[::2]
    shares: list[tuple[int, int, float]] = []
    for n, lot in enumerate(lots):
        parts = data.draw(st.lists(st.integers(0, 4), min_size=len(rows), max_size=len(rows)))
        whole = sum(parts)
        shares += [(n, o, lot.count * p / whole) for o, p in enumerate(parts) if p and lot.count]
    mixed = data.draw(st.permutations(shares))
    targets = targets_of(waiting, lots, _bound(mixed), rows)

    for n, lot in enumerate(lots):
        meant = [share for each, _, share in shares if each == n]
        dealt = [(offer, number) for item in lot.items for offer, number in targets[item]]
        for item in lot.items:
            all_of_it = waiting[item].count if meant else 0
            assert sum(number for _, number in targets[item]) == all_of_it
        for offer, row in enumerate(rows.tolist()):
            exact = sum(share for each, o, share in shares if (each, o) == (n, offer))
            assert abs(sum(number for o, number in dealt if o == row) - exact) <= 1


def _bound(shares: list[tuple[int, int, float]]) -> Bound:
    classes, offers, pods = zip(*shares, strict=True) if shares else ((), (), ())
    found = Shares(np.array(classes, np.int64), np.array(offers, np.int64), np.array(pods, float))
    return Bound(0.0, np.zeros(0), np.zeros(0), found)


@given(items())
def test_first_fit_means_each_item_for_the_offer_that_holds_most_of_it(waiting: list[Item]) -> None:
    targets = largest_of(waiting, range(len(waiting)), OFFERS, ALL)
    for item, target in zip(waiting, targets, strict=True):
        ((offer, count),) = target
        assert count == item.count
        assert item.offers[offer]
        held = [_held(OFFERS, row, item) for row in ALL.tolist() if item.offers[row]]
        assert _held(OFFERS, offer, item) == max(held)


def _held(offers: Offers, row: int, item: Item) -> int:
    return int(offers.free[row, 0] // item.need[0])
