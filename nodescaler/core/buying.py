"""Nodes for the pods that no node has room for: the cheapest of several plans.

First-fit-decreasing is always one of the plans compared, so no plan is dearer than that. Items that
the optimiser's numbers can describe are its business (`core.market`), the others are placed by
`core.guided`; both share the limits.

Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from nodescaler.core.bins import Item
from nodescaler.core.columns import Ints, Mask
from nodescaler.core.groups import Groups
from nodescaler.core.guided import Guided, Targets, largest_of, targets_of
from nodescaler.core.limits import Limits
from nodescaler.core.lots import Bought, Dealt, awkward, lots_of, market_of
from nodescaler.core.market import Market, Solution, first_fit, lower_bound, solve
from nodescaler.core.model import NodePool
from nodescaler.core.offers import Offers
from nodescaler.core.options import Options
from nodescaler.core.settings import MinValuesPolicy, PackSettings

Stop = Callable[[], bool]
Solver = Callable[[Market], Solution]
Quality = tuple[tuple[int, ...], float]


@dataclass(frozen=True, slots=True, eq=False)
class Shop:
    """What is needed to buy.

    Attributes:
        items: what is left to place.
        rows: the offers that may be opened.
        listed: all offers of the pools whose turn it is, which a claim may list.
    """

    items: Sequence[Item]
    offers: Offers
    rows: Ints
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
        first_fit_usd: what first-fit-decreasing costs an hour; None where it places fewer pods.
        options: answers what each of its nodes may be launched as.
    """

    draft: Draft
    first_fit_usd: float | None
    options: Options


def buy(shop: Shop) -> Purchase:
    """The best way to buy nodes for the items of *shop*."""
    options = Options(shop.items, shop.offers, shop.listed, shop.limits, shop.groups, shop.settings)
    odd = awkward(shop.items)
    plain = [n for n, item in enumerate(shop.items) if item.count and n not in odd]
    special = [n for n, item in enumerate(shop.items) if item.count and n in odd]
    first = best = _kept(_first_fit(shop, special, plain), options, shop)
    first_quality = quality = _quality(first, options, shop)
    for attempt in _drafts(shop, special, plain):
        draft = _kept(attempt, options, shop)
        if (found := _quality(draft, options, shop)) < quality:
            best, quality = draft, found
    same = first_quality[0] == quality[0]
    return Purchase(best, first_quality[1] if same else None, options)


def _kept(draft: Draft, options: Options, shop: Shop) -> Draft:
    """The draft without nodes that leave too few types for a strict ``minValues``."""
    strict = shop.settings.min_values is MinValuesPolicy.STRICT
    if not (strict and any(_min_values(pool) for pool in shop.offers.pools)):
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


def _min_values(pool: NodePool) -> dict[str, int]:
    return {k: a.min_values for k, a in pool.requirements.items() if a.min_values}


def _first_fit(shop: Shop, special: Sequence[int], plain: Sequence[int]) -> Draft:
    nowhere: Targets = [[] for _ in shop.items]
    if special:
        nowhere = largest_of(shop.items, special, shop.offers, shop.rows)
    return _joined(shop, (special, nowhere), plain, first_fit)


def _drafts(shop: Shop, special: Sequence[int], plain: Sequence[int]) -> Iterator[Draft]:
    def solved(market: Market) -> Solution:
        return solve(market, shop.settings.budget_s, shop.stop)

    if not special:
        yield _joined(shop, ((), []), plain, solved)
        return
    yield _joined(shop, (special, _targets(shop, special)), plain, solved)
    if plain:
        every = sorted([*special, *plain])
        yield _joined(shop, (every, _targets(shop, every)), (), solved)


def _targets(shop: Shop, chosen: Sequence[int]) -> Targets:
    lots = lots_of(shop.items, chosen)
    bound = lower_bound(market_of(lots, shop.offers, shop.rows, shop.limits))
    return targets_of(shop.items, lots, bound, shop.rows)


def _joined(
    shop: Shop, special: tuple[Sequence[int], Targets], plain: Sequence[int], solver: Solver
) -> Draft:
    """The special items guided to their targets, then the plain ones by *solver*."""
    numbers, targets = special
    left = np.array([item.count for item in shop.items], np.int64)
    limits, nodes, method = shop.limits.copy(), list[Bought](), "guided"
    if numbers:
        guided = Guided(shop.items, shop.offers, shop.rows, limits, shop.groups, shop.stop)
        nodes += guided.run(numbers, targets)
        left[list(numbers)] = guided.left[list(numbers)]
    if plain:
        found, solution = _plain(shop, limits, plain, solver)
        nodes += found
        method = solution.method if not numbers else f"{method}, {solution.method}"
        for node in found:
            limits.charge(node.offer, node.copies)
            for item, number in node.counts:
                left[item] -= number * node.copies
    return Draft(tuple(nodes), left, limits, method)


def _plain(
    shop: Shop, limits: Limits, plain: Sequence[int], solver: Solver
) -> tuple[list[Bought], Solution]:
    lots = lots_of(shop.items, plain)
    solution = solver(market_of(lots, shop.offers, shop.rows, limits))
    dealt = Dealt(lots, shop.items)
    single = [len(lot.items) == 1 for lot in lots]
    out: list[Bought] = []
    for load in solution.loads:
        offer = int(shop.rows[load.offer])
        if all(single[lot] for lot, _ in load.counts):
            counts = tuple((lots[lot].items[0], number) for lot, number in load.counts)
            out.append(Bought(offer, tuple(sorted(counts)), load.copies))
            continue
        for _ in range(load.copies):
            held = [part for lot, number in load.counts for part in dealt.take(lot, number)]
            out.append(Bought(offer, tuple(sorted(held))))
    return out, solution


def _quality(draft: Draft, options: Options, shop: Shop) -> Quality:
    """Sorts before: fewer pods left of the highest priority, then of the next; then cheaper."""
    priority = np.array([item.priority for item in shop.items], np.int64)
    left = tuple(int(draft.left[priority == p].sum()) for p in np.unique(priority)[::-1])
    price = sum(
        float(shop.offers.effective[options.cheapest(node)]) * node.copies for node in draft.nodes
    )
    return left, round(price, 9)


def flexible(offers: Offers, rows: Ints) -> Mask:
    """Which of *rows* may be opened: those that enough others could stand in for.

    For a pool with ``minValues``, an offer is open when as many values as that have a type with at
    least its room, so that whatever it is filled with, the claim can list enough types.
    """
    keep = np.ones(len(rows), bool)
    goods = offers.goods
    for template in np.unique(goods.template[rows]).tolist():
        wanted = _min_values(goods.templates[template].pool)
        if wanted:
            own = np.flatnonzero(goods.template[rows] == template)
            for key, number in wanted.items():
                keep[own] &= _has_values(offers, rows[own], key, number)
    return keep


def _has_values(offers: Offers, rows: Ints, key: str, number: int) -> Mask:
    kinds, first, inverse = np.unique(
        offers.goods.type[rows], return_index=True, return_inverse=True
    )
    free, codes = offers.free[rows[first]], offers.columns.column(key).codes[rows[first]]
    good = np.zeros(len(kinds), bool)
    for n in range(len(kinds)):
        holding = codes[(free >= free[n]).all(axis=1)]
        good[n] = len(np.unique(holding)) >= number
    return good[inverse]
