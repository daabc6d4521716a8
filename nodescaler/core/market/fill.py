"""Filling one empty node of every offer at once, and opening the one that sells most for its price.

Three orders are tried for each offer: largest pods first; those first that pay this offer best;
and all classes in even proportion, topped up by the largest. The fill that is worth most per
dollar wins, and is opened as often as the pods last. Each time it is also noted what it would cost
to end here, with one node for all that is left; the cheapest ending is kept.

Pure. Ties go to the cheaper offer, then the earlier order.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from nodescaler.core.market.model import Feuds, Floats, Ints
from nodescaler.core.market.nodes import PLENTY, Nodes, room_for
from nodescaler.core.market.reduce import Core, part_of
from nodescaler.core.market.work import Meter, fill_s

ROUND = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Guide:
    """What the programme says that helps to choose.

    Attributes:
        worth: float64[C]: of one pod.
        tariff: float64[O, R]: what each offer charges for one unit of each of the core's resources.
        covered: float64[O]: above 1 as far as an offer is too dear to pay.
        sizes: int64[C]: classes, largest worth first.
        meter: where work is counted.
    """

    worth: Floats
    tariff: Floats
    covered: Floats
    sizes: Ints
    meter: Meter


def fills(core: Core, left: Ints, offers: Ints, order: Ints, start: Ints | None = None) -> Ints:
    """int64[K, C]: pods on one empty node of each of the K offers, taken greedily in an order.

    Args:
        core: the market.
        left: int64[C] or, for each offer its own, int64[K, C]: pods to choose from.
        offers: int64[K].
        order: int64[C'] for all offers alike, or int64[K, C'] for each its own.
        start: int64[K, C]: pods that are on already.
    """
    pool = np.broadcast_to(left, (len(offers), left.shape[-1]))
    out = np.zeros(pool.shape, dtype=np.int64) if start is None else start.copy()
    room = core.free[offers] - out @ core.need
    rows = np.arange(len(offers))
    hermits = bool(core.lonely.any())
    barred = None if core.feuds is None else _Barred(core.feuds, out)
    for rank in range(order.shape[-1]):
        c = order[..., rank]
        taken = np.minimum(_able(room, core.need[c]), pool[rows, c] - out[rows, c])
        taken *= core.fits[c, offers]
        if hermits:
            taken = np.where(core.lonely[c], np.minimum(taken, 1 - out[rows, c]), taken)
        if barred is not None:
            barred.clear(c, taken)
        np.maximum(taken, 0, out=taken)
        out[rows, c] += taken
        room -= taken[:, None] * core.need[c]
        if barred is not None:
            barred.note(c, taken)
    return out


def _able(room: Ints, need: Ints) -> Ints:
    """How many pods of one need, or of each node's own, fit the rooms."""
    if need.ndim == 1:
        return room_for(room, need)
    most: Ints = np.where(need > 0, room // np.maximum(need, 1), PLENTY).min(axis=1)
    return most


class _Barred:
    """What the pods on each node keep off it."""

    def __init__(self, feuds: Feuds, out: Ints) -> None:
        self.feuds = feuds
        self.flags = np.zeros((len(out), feuds.has.shape[1]), dtype=np.uint64)
        for c in np.flatnonzero(out.any(axis=0)).tolist():
            self.note(np.array(c), out[:, c])

    def clear(self, c: Ints, taken: Ints) -> None:
        """Nothing of class *c*, one for all nodes or each node's own, where it is kept off."""
        taken[(self.flags & self.feuds.bars[c]).any(axis=1)] = 0

    def note(self, c: Ints, taken: Ints) -> None:
        """Pods of class *c*, one for all nodes or each node's own, were put on the nodes."""
        self.flags |= np.where(taken[:, None] > 0, self.feuds.has[c], np.uint64(0))


def best_fills(core: Core, left: Ints, offers: Ints, guide: Guide) -> tuple[Ints, Floats]:
    """The most valuable of the tried fills for each offer, and its worth."""
    sizes = guide.sizes[left[guide.sizes] > 0]
    tried = [fills(core, left, offers, sizes)]
    need = core.need[sizes].astype(float)
    pays = guide.worth[sizes] / np.maximum(need @ guide.tariff[offers].T, ROUND).T
    own = sizes[np.argsort(-pays.round(9), axis=1, kind="stable")]
    tried.append(fills(core, left, offers, own))
    if core.feuds is None:
        tried.append(fills(core, left, offers, sizes, _even(core, left, offers)))
    guide.meter.spend(fill_s(len(tried) * len(sizes), len(offers)))
    worth = np.array([fill @ guide.worth for fill in tried])
    best = worth.argmax(axis=0)
    rows = np.arange(len(offers))
    return np.array(tried)[best, rows], worth[best, rows]


def _even(core: Core, left: Ints, offers: Ints) -> Ints:
    """Of all that fits the offer the same part, rounded down."""
    pool = np.where(core.fits[:, offers].T, left, 0)
    demand = pool @ core.need
    with np.errstate(divide="ignore", invalid="ignore"):
        part = np.where(demand > 0, core.free[offers] / demand, np.inf).min(axis=1)
    return np.asarray(np.floor(pool * np.clip(part, 0, 1)[:, None] * (1 - ROUND)), dtype=np.int64)


def finish(nodes: Nodes, left: Ints, guide: Guide) -> Ints:
    """Open nodes for the pods that are left; those that the limits leave over are returned."""
    rows = np.flatnonzero(left)
    core, guide = part_of(nodes.core, rows), _part_of(guide, rows)
    buying = _Buying(core, left[rows], nodes.budget)
    while buying.goes_on() and not guide.meter.ended():
        offers = _open_to(core, buying.left, buying.budget)
        if not len(offers):
            break
        fill, worth = best_fills(core, buying.left, offers, guide)
        buying.look_at_endings(offers, fill)
        rate = worth / np.maximum(core.price[offers], ROUND)
        pick = int(rate.round(12).argmax())
        buying.buy(int(offers[pick]), fill[pick])
    for offer, copies, chosen in buying.cheapest():
        spread = np.zeros_like(left)
        spread[rows] = chosen
        left = left - nodes.fill(offer, copies, spread)
    return left


def _part_of(guide: Guide, rows: Ints) -> Guide:
    """The guide for the classes *rows* only, ascending, in their new numbers."""
    position = np.full(len(guide.worth), -1, dtype=np.int64)
    position[rows] = np.arange(len(rows))
    sizes = position[guide.sizes]
    return replace(guide, worth=guide.worth[rows], sizes=sizes[sizes >= 0])


def _open_to(core: Core, left: Ints, budget: Ints) -> Ints:
    """The offers that the limits still allow and that hold a pod of what is left."""
    usable = core.fits[left > 0].any(axis=0)
    usable &= (core.usage <= budget[:, None]).all(axis=0)
    return np.flatnonzero(usable)


Purchase = tuple[int, int, Ints]  # offer, copies, pods on each


class _Buying:
    """Nodes bought one kind after another, and the cheapest way to have ended it."""

    def __init__(self, core: Core, left: Ints, budget: Ints) -> None:
        self.core, self.left, self.budget = core, left.copy(), budget
        self.bought: list[Purchase] = []
        self.spent = 0.0
        self.ending: tuple[float, list[Purchase]] | None = None

    def goes_on(self) -> bool:
        """Pods are left, and it is not dearer already than an ending would have been."""
        return bool(self.left.any()) and (self.ending is None or self.spent < self.ending[0])

    def look_at_endings(self, offers: Ints, fill: Ints) -> None:
        """Note the cheapest single node for all that is left."""
        whole = np.flatnonzero((fill == self.left).all(axis=1))
        if len(whole):
            first = int(whole[0])  # offers stand by price
            total = self.spent + float(self.core.price[offers[first]])
            if self.ending is None or total < self.ending[0] * (1 - ROUND):
                self.ending = (total, [*self.bought, (int(offers[first]), 1, fill[first])])

    def buy(self, offer: int, chosen: Ints) -> None:
        """As many as the pods last for and the limits allow."""
        there = chosen > 0
        usage = self.core.usage[:, offer]
        taken = usage > 0
        allowed = int((self.budget[taken] // usage[taken]).min(initial=PLENTY))
        copies = min(int((self.left[there] // chosen[there]).min()), allowed)
        self.bought.append((offer, copies, chosen))
        self.left -= chosen * copies
        self.spent += copies * float(self.core.price[offer])
        self.budget = self.budget - usage * copies

    def cheapest(self) -> list[Purchase]:
        if self.ending is None or (not self.left.any() and self.spent <= self.ending[0]):
            return self.bought
        return self.ending[1]
