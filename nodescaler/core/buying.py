"""Nodes for the pods that no node has room for: the cheapest of several plans.

First-fit-decreasing is always one of the plans compared, so no plan is dearer than that. How to
fill which offers is the optimiser's business (`core.market`); here its answer becomes nodes, and
nodes that would leave a strict ``minValues`` too few types are taken back.

Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from nodescaler.core.bins import Item
from nodescaler.core.columns import Ints, Mask
from nodescaler.core.groups import Groups
from nodescaler.core.limits import Limits
from nodescaler.core.lots import Bought, Dealt, Lot, lots_of, market_of
from nodescaler.core.market import Compared, Solution, compared
from nodescaler.core.offers import Floats, Offers
from nodescaler.core.options import Options, min_values
from nodescaler.core.settings import MinValuesPolicy, PackSettings

Stop = Callable[[], bool]
Quality = tuple[tuple[int, ...], float]


@dataclass(frozen=True, slots=True, eq=False)
class Shop:
    """What is needed to buy.

    Attributes:
        items: what is left to place.
        rows: the offers that may be opened.
        free: int64[rows, resources], how far each of them may be filled.
        listed: all offers of the pools whose turn it is, which a claim may list.
    """

    items: Sequence[Item]
    offers: Offers
    rows: Ints
    free: Ints
    listed: Ints
    limits: Limits
    groups: Groups
    settings: PackSettings
    stop: Stop


@dataclass(frozen=True, slots=True, eq=False)
class Draft:
    """One way of buying: each node with the offer that it was planned with; pods by item."""

    nodes: tuple[Bought, ...]
    left: Ints
    limits: Limits
    method: str


@dataclass(frozen=True, slots=True, eq=False)
class Purchase:
    """The best draft.

    Attributes:
        first_fit_usd: what first-fit-decreasing is billed an hour; None where it places fewer pods.
        options: answers what each of its nodes may be launched as.
    """

    draft: Draft
    first_fit_usd: float | None
    options: Options


def buy(shop: Shop) -> Purchase:
    """The best way to buy nodes for the items of *shop*."""
    options = Options(shop.items, shop.offers, shop.listed, shop.limits, shop.groups, shop.settings)
    lots = lots_of(shop.items, range(len(shop.items)))
    market = market_of(lots, shop.offers, (shop.rows, shop.free), shop.limits)
    found = compared(market, shop.settings.budget_s, shop.stop)
    if _is_plain(shop):
        return _plainly(shop, lots, found, options)
    first = _kept(_draft(shop, lots, found.first), options, shop)
    best = _kept(_draft(shop, lots, found.best), options, shop)
    first_quality, quality = _quality(first, options, shop), _quality(best, options, shop)
    if first_quality < quality:
        best, quality = first, first_quality
    same = first_quality[0] == quality[0]
    return Purchase(best, _sum(first, options, shop.offers.usd) if same else None, options)


def _is_plain(shop: Shop) -> bool:
    """Whether nodes are launched as the market has them, at the prices that it compares."""
    prices = shop.offers.effective[shop.rows] == shop.offers.usd[shop.rows]
    return bool(prices.all()) and not any(min_values(pool) for pool in shop.offers.pools)


def _plainly(shop: Shop, lots: Sequence[Lot], found: Compared, options: Options) -> Purchase:
    """The same without asking of every node what it would be launched as."""
    first, best = _promised(shop, lots, found.first), _promised(shop, lots, found.best)
    chosen, quality = (found.first, first) if first < best else (found.best, best)
    usd = first[1] if first[0] == quality[0] else None
    return Purchase(_draft(shop, lots, chosen), usd, options)


def _promised(shop: Shop, lots: Sequence[Lot], solution: Solution) -> Quality:
    left = dict[int, int]()
    for lot, rest in zip(lots, solution.left.tolist(), strict=True):
        left[-lot.sample.priority] = left.get(-lot.sample.priority, 0) + rest
    usd = shop.offers.usd[shop.rows]
    price = sum(float(usd[load.offer]) * load.copies for load in solution.loads)
    return tuple(left[priority] for priority in sorted(left)), round(price, 9)


def _kept(draft: Draft, options: Options, shop: Shop) -> Draft:
    """The draft without nodes that leave too few types for a strict ``minValues``."""
    strict = shop.settings.min_values is MinValuesPolicy.STRICT
    if not (strict and any(min_values(pool) for pool in shop.offers.pools)):
        return draft
    kept, left, limits = list[Bought](), draft.left.copy(), draft.limits.copy()
    for node in draft.nodes:
        if not options.choice(node).short:
            kept.append(node)
            continue
        limits.charge(node.offer, -node.copies)
        for item, number in node.counts:
            left[item] += number * node.copies
    return Draft(tuple(kept), left, limits, draft.method)


def _draft(shop: Shop, lots: Sequence[Lot], solution: Solution) -> Draft:
    """A solution of the market of *lots* in terms of items and offers."""
    left = np.array([item.count for item in shop.items], np.int64)
    limits = shop.limits.copy()
    nodes = tuple(_nodes(shop, lots, solution))
    for node in nodes:
        limits.charge(node.offer, node.copies)
        for item, number in node.counts:
            left[item] -= number * node.copies
    return Draft(nodes, left, limits, solution.method)


def _nodes(shop: Shop, lots: Sequence[Lot], solution: Solution) -> Iterator[Bought]:
    dealt = Dealt(lots, shop.items)
    for load in solution.loads:
        offer = int(shop.rows[load.offer])
        if all(len(lots[lot].items) == 1 for lot, _ in load.counts):
            counts = tuple(sorted((lots[lot].items[0], number) for lot, number in load.counts))
            yield Bought(offer, counts, load.copies)
            continue
        for _ in range(load.copies):
            held = [part for lot, number in load.counts for part in dealt.take(lot, number)]
            yield Bought(offer, tuple(sorted(held)))


def _quality(draft: Draft, options: Options, shop: Shop) -> Quality:
    """Sorts before: fewer pods left of the highest priority, then of the next; then cheaper."""
    priority = np.array([item.priority for item in shop.items], np.int64)
    left = tuple(int(draft.left[priority == p].sum()) for p in np.unique(priority)[::-1])
    return left, round(_sum(draft, options, shop.offers.effective), 9)


def _sum(draft: Draft, options: Options, prices: Floats) -> float:
    """What its nodes cost an hour when each is launched as its cheapest."""
    return sum(float(prices[options.cheapest(node)]) * node.copies for node in draft.nodes)


def flexible(offers: Offers, rows: Ints) -> tuple[Mask, Ints]:
    """Which of *rows* may be opened, and how far each may be filled: bool[rows], int64[rows, R].

    For a pool with ``minValues``, a node may only be filled so far that types of as many values as
    that hold what is on it: its own type and those that come nearest to its room.
    """
    keep, free = np.ones(len(rows), bool), offers.free[rows]
    goods = offers.goods
    reserved = np.array([each.reservation for each in goods.offerings] or [""])[goods.offering]
    for template in np.unique(goods.template[rows]).tolist():
        wanted = min_values(goods.templates[template].pool)
        of_pool = goods.template[rows] == template
        for reservation in np.unique(reserved[rows[of_pool]]).tolist() if wanted else ():
            own = np.flatnonzero(of_pool & (reserved[rows] == reservation))
            for key, number in wanted.items():
                keep[own] &= _held_by(offers, rows[own], key, number, free, own)
    return keep, free


def _held_by(offers: Offers, rows: Ints, key: str, number: int, free: Ints, own: Ints) -> Mask:
    """Lower *free* to what types of *number* values hold; whether there are so many."""
    kinds, first, inverse = np.unique(
        offers.goods.type[rows], return_index=True, return_inverse=True
    )
    room, codes = offers.free[rows[first]], offers.columns.column(key).codes[rows[first]]
    good = np.zeros(len(kinds), bool)
    least = room.copy()
    for n in range(len(kinds)):
        part = np.minimum(room, room[n]) / np.maximum(room[n], 1)
        nearest = np.lexsort((np.arange(len(kinds)), -part.min(axis=1, initial=1.0)))
        nearest = np.concatenate([[n], nearest[nearest != n]])
        _, of_value = np.unique(codes[nearest], return_index=True)
        chosen = nearest[np.sort(of_value)[:number]]
        good[n] = len(chosen) >= number
        least[n] = room[chosen].min(axis=0)
    free[own] = np.minimum(free[own], least[inverse])
    return good[inverse]
