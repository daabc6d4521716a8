"""What the new nodes of a plan must cost at least: a bound over every plan for the same pods.

The weights of pools, their limits and the zones that were chosen are left aside, so the bound holds
for plans that choose otherwise. Of the rules about company those count that make each pod need a
slot of a node.

Pure.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nodescaler.core.bins import Item, stands_of
from nodescaler.core.limits import Limits
from nodescaler.core.lots import lots_of, market_of
from nodescaler.core.market import lower_bound
from nodescaler.core.outcome import Outcome, World


def bound_of(world: World, outcome: Outcome, usd: float) -> float:
    """In USD per hour, for the pods that are on new nodes, which cost *usd*."""
    on_new = [row.count - left for row, left in zip(outcome.rows, outcome.left, strict=True)]
    for held in outcome.existing.values():
        for number, count in held.items():
            on_new[number] -= count
    exclusive = _exclusive(outcome)
    items = [
        _item(outcome, number, count, exclusive) for number, count in enumerate(on_new) if count
    ]
    if not items:
        return 0.0
    every = np.arange(len(world.offers))
    none = Limits((), np.zeros((0, len(every)), np.int64), np.zeros(0, np.int64))
    lots = lots_of(items, range(len(items)))
    billed = replace(world.offers, effective=world.offers.usd)  # whatever else plans weigh
    market = market_of(lots, billed, (every, billed.free), none)
    return min(lower_bound(market, usd).usd_per_hour, usd)


def _item(outcome: Outcome, number: int, count: int, exclusive: set[int]) -> Item:
    """A row without its zone, with the rules that make each of its pods need a slot."""
    members = ((number, 1),)
    groups = outcome.groups
    relations = groups.relations[number]
    both = [g for g in relations.own if g in exclusive and g in relations.seen]
    stands = stands_of(groups.groups, members, [both], [both]) if both else ()
    return Item(members, count, outcome.need[number], outcome.static[number], stands)


def _exclusive(outcome: Outcome) -> set[int]:
    """The rules that look at nobody but their owners."""
    odd = {g for each in outcome.groups.relations for g in set(each.seen) - set(each.own)}
    return set(range(len(outcome.groups.groups))) - odd
