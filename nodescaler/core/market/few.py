"""A better bound where a plan is a handful of nodes.

The divisible programme buys a hundredth of the largest node, which nobody can. But whoever knows a
plan also knows that a cheaper one has no node as dear as that plan; and that if it has four nodes
or more, none is dearer than the plan less three times the cheapest node. So: all plans of one, two
and three nodes are looked at (by what they hold together), and for those of more the programme is
asked without the offers that are too dear for them.

It also has a whole node for the pods that are hardest to house: for each node that this may be, the
programme is asked what the rest costs when that one is there.

Pure.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nodescaler.core.market.bound import relaxed
from nodescaler.core.market.model import Floats, Ints
from nodescaler.core.market.reduce import Core
from nodescaler.core.market.tariffs import SAFE
from nodescaler.core.market.work import Meter

MOST_OFFERS = 160  # of which all triples are looked at
LOOKED_AT = 3  # nodes of a plan that is looked at as a whole
TRIPLE_S = 2e-8
MOST_HOMES = 40  # nodes that the hardest pods may have, each of which is one more programme
MATTERS = 0.1  # of the price of a plan, from which on one node is worth that


def bound_by_plan(core: Core, bought: Floats, price: float, meter: Meter) -> float:
    """No plan is cheaper than this, USD per hour; 0 if nothing better than the programme is known.

    Args:
        core: the market.
        bought: float64[O]: what the programme buys when it may buy anything.
        price: of a plan that places all pods.
        meter: where work is counted.
    """
    most = price - LOOKED_AT * float(core.price.min())
    offers = np.flatnonzero(core.price < most)
    dear = core.price >= most
    if len(offers) > MOST_OFFERS or not bought[dear].any():
        return 0.0
    small = min(price, _small_plans(core, price))
    meter.spend(TRIPLE_S * np.count_nonzero(core.price < price) ** 3)
    if not core.fits[:, offers].any(axis=1).all():
        return small * (1 - SAFE)
    found = relaxed(core, core.count, offers, core.room)
    meter.spend(found.work_s)
    return min(small * (1 - SAFE), found.tariffs.value)


def bound_by_home(core: Core, price: float, meter: Meter) -> float:
    """The same, by the whole node that pods of the class with the dearest cheapest node need.

    Args:
        core: a market without limits.
        price: of a plan that places all pods.
        meter: where work is counted.
    """
    hardest = int(core.price[core.fits.argmax(axis=1)].argmax())
    homes = np.flatnonzero(core.fits[hardest] & (core.price < price)).tolist()
    if not homes:
        return price * (1 - SAFE)
    if len(homes) > MOST_HOMES or core.price[homes[0]] < MATTERS * price:
        return 0.0
    best = price
    for home in homes:
        if core.price[home] >= best:  # offers stand by price
            break
        best = min(best, float(core.price[home]) + _rest_beside(core, home, meter))
    return best * (1 - SAFE)


def _rest_beside(core: Core, home: int, meter: Meter) -> float:
    """What all other nodes cost at least when one of *home* is there: one for nothing, no more."""
    usage = np.zeros((1, len(core.price) + 1), dtype=np.int64)
    usage[0, 0] = 1
    gift = replace(
        core,
        free=np.concatenate([core.free[[home]], core.free]),
        price=np.concatenate([[0.0], core.price]),
        fits=np.concatenate([core.fits[:, [home]], core.fits], axis=1),
        usage=usage,
        room=np.ones(1, dtype=np.int64),
    )
    found = relaxed(gift, core.count, np.arange(len(gift.price)), gift.room)
    meter.spend(found.work_s)
    return found.tariffs.value


def _small_plans(core: Core, price: float) -> float:
    """The least price of one, two or three nodes with room for everything, below *price*."""
    demand = core.count @ core.need
    usable = np.flatnonzero(core.price < price)
    free, cost = core.free[usable], core.price[usable]
    best = _cheapest(cost, free, demand, price)
    two, pair = _pairs(cost, free)
    best = min(best, _cheapest(two, pair, demand, price))
    for first in range(len(cost)):
        if 3 * cost[first] >= best:  # offers stand by price: the others are as dear or dearer
            break
        best = min(best, cost[first] + _cheapest(two, pair, demand - free[first], price))
    return best


def _pairs(cost: Floats, free: Ints) -> tuple[Floats, Ints]:
    first, second = np.triu_indices(len(cost))
    return cost[first] + cost[second], free[first] + free[second]


def _cheapest(cost: Floats, free: Ints, demand: Ints, price: float) -> float:
    enough = np.ones(len(cost), dtype=np.bool_)
    for r, amount in enumerate(demand.tolist()):
        enough &= free[:, r] >= amount
    return float(cost[enough].min(initial=price))
