"""One attempt to place a batch: rows in order, existing space first, then what the pools sell.

    for each row, in `core.batch`'s order
        divide it over zones if a rule asks for that          core.domains
        fill nodes that exist or are on their way             core.bins
    tie together what must share a node                       core.bundles
    for each weight of pools, the heaviest first, buy         core.buying

Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from nodescaler.core.batch import Row
from nodescaler.core.bins import Item
from nodescaler.core.buying import Shop, buy, flexible
from nodescaler.core.groups import groups_of
from nodescaler.core.outcome import Caps, Extra, Outcome, Turn, World
from nodescaler.core.settings import MinValuesPolicy
from nodescaler.core.settling import Settling


def attempt(world: World, rows: Sequence[Row], extra: Extra, caps: Caps) -> Outcome:
    """Place *rows*.

    Args:
        world: what there is.
        rows: classes at their level of wishes.
        extra: places that spreads must count though no node is there yet.
        caps: how many pods of a row may wait for new nodes of a cell, where that is known.
    """
    daemons = [daemon.pod for daemon in world.snapshot.daemons]
    asked = [(row.each, row.ask) for row in rows]
    groups = groups_of(asked, world.nodes, world.offers, daemons, world.snapshot.namespaces)
    for group in groups.groups:
        group.places |= extra.get(group.rule, frozenset())
    settling = Settling(world, rows, groups, caps)
    settling.settle_all()
    items = settling.items()
    settling.outcome.existing = {n: held for n, held in enumerate(settling.bins.contents()) if held}
    _buy(world, items, settling.outcome)
    return settling.outcome


def _buy(world: World, items: Sequence[Item], outcome: Outcome) -> None:
    """The pools in turn."""
    offers, left = world.offers, np.array([item.count for item in items], np.int64)
    weights = np.array([pool.weight for pool in offers.pools] or [0], np.int64)
    strict = world.settings.min_values is MinValuesPolicy.STRICT
    for weight in sorted(set(weights.tolist()), reverse=True):
        sold = np.flatnonzero(weights[offers.pool] == weight)
        rows, free = sold, offers.free[sold]
        if strict:
            keep, free = flexible(offers, sold)
            rows, free = sold[keep], free[keep]
        turn = tuple(
            item if item.count == n else replace(item, count=n)
            for item, n in zip(items, left.tolist(), strict=True)
            if n
        )
        if not len(rows) or not turn:
            continue
        shop = Shop(
            turn,
            offers,
            rows,
            free,
            sold,
            outcome.limits,
            outcome.groups,
            world.settings,
            world.stop,
        )
        purchase = buy(shop)
        outcome.turns.append(Turn(turn, purchase))
        outcome.limits = purchase.draft.limits
        left[left > 0] = purchase.draft.left
        for item, rest in zip(turn, purchase.draft.left.tolist(), strict=True):
            for row, number in item.members:
                outcome.left[row] -= (item.count - rest) * number
    for item, rest in zip(items, left.tolist(), strict=True):
        for row, number in item.members:
            key = (row, item.place)
            outcome.bought[key] = outcome.bought.get(key, 0) + (item.count - rest) * number
            outcome.short[key] = outcome.short.get(key, 0) + rest * number
