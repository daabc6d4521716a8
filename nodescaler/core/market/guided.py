"""First-fit along the programme's prices, in one pass: for thousands of classes that feud.

Where rules about company tell pods apart, there are nearly as many classes as pods, and looking
again and again at all of them takes long. Here every class is looked at once. Those of which a node
takes one pod come first and open the nodes that the programme puts them on; the others follow,
those worth most first. A pod goes to the fullest node with room; if there is none, the node grows
whose next larger offer costs least, or a new one is opened where that is cheaper.

Pure. Ties go to the node opened first.
"""

from __future__ import annotations

import numpy as np

from nodescaler.core.market.fill import Guide
from nodescaler.core.market.model import Ints
from nodescaler.core.market.nodes import PLENTY, Nodes, Pods, asked, in_order
from nodescaler.core.market.reduce import distinct
from nodescaler.core.market.rounding import Packed, settled
from nodescaler.core.market.study import Study
from nodescaler.core.market.tariffs import charged

RUNGS = 3  # larger offers that a node is compared with
DEAR = 1.03  # asked for what it holds: above that, no node grows into the offer
NEW = 2.0  # what a new node is taken to cost for its price, since more of it stays empty


def guided(study: Study, guide: Guide) -> Packed:
    """All pods of a market without limits; when somebody says stop, the rest is left."""
    core = study.core
    sites, targets = _Sites(guide, study), _Targets(study)
    left = core.count.copy()
    lonely = core.lonely[guide.sizes]
    for c in np.concatenate([guide.sizes[lonely], guide.sizes[~lonely]]).tolist():
        if guide.meter.ended():
            break
        wanted = int(left[c])
        wanted -= sites.join(c, wanted)
        while wanted and not core.lonely[c] and (grown := sites.grow(c, wanted)):
            wanted -= grown
            wanted -= sites.join(c, wanted) if wanted else 0
        while wanted:
            offer, pods = targets.next(c, wanted)
            wanted -= sites.open(c, offer, pods)
        left[c] = 0
    return settled(sites.nodes(), left)


class _Targets:
    """Where the programme has each class; what a class got elsewhere, the next ones make up for."""

    def __init__(self, study: Study) -> None:
        self._core, shares = study.core, study.relaxed.plan.shares
        self._owed: dict[int, float] = {}
        self._parts: dict[int, list[tuple[int, float]]] = {}
        of_class = np.bincount(shares.classes, shares.pods, len(self._core.count))
        parts = shares.pods / np.maximum(of_class[shares.classes], 1e-12)
        every = (shares.classes.tolist(), shares.offers.tolist(), parts.tolist())
        for c, offer, part in sorted(zip(*every, strict=True)):
            self._parts.setdefault(c, []).append((offer, part))

    def next(self, c: int, wanted: int) -> tuple[int, int]:
        """The offer that is owed most of *wanted* pods of class *c*, and how many it gets."""
        parts = self._parts.get(c) or [(int(self._core.fits[c].argmax()), 1.0)]
        owed = {offer: self._owed.get(offer, 0.0) + part * wanted for offer, part in parts}
        best = max(owed, key=lambda offer: owed[offer])
        size = _room(self._core.free[best], self._core.need[c])
        if self._core.lonely[c]:
            pods = min(wanted, max(int(owed[best] + 0.5), 1))
        else:
            pods = min(wanted, size)
        for offer, part in parts:
            self._owed[offer] = self._owed.get(offer, 0.0) + part * pods
        self._owed[best] -= pods
        return best, pods


class _Sites:
    """Nodes side by side, resources above each other; and how each of them could grow."""

    def __init__(self, guide: Guide, study: Study) -> None:
        self.core, self.guide = study.core, guide
        self.pods = Pods(self.core)
        self.size = 0
        self.offer = np.zeros(64, dtype=np.int64)
        self.room = np.zeros((self.core.need.shape[1], 64), dtype=np.int64)
        self.value = np.zeros(64)  # of the room, in dollars
        self._asked = asked(self.core.need)
        first, self._size = distinct(self.core.need)
        self._usd = charged(self.core.need[first], guide.tariff)  # of a pod of each size
        self._ladder = _Ladder(study, guide)

    def join(self, c: int, wanted: int) -> int:
        """Put pods of class *c* on the fullest nodes with room; how many found some."""
        capacity = np.where(self.core.fits[c][self.offer[: self.size]], wanted, 0)
        for r, amount in self._asked[c]:
            room = self.room[r, : self.size]
            np.minimum(capacity, room if amount == 1 else room // amount, out=capacity)
        capacity = self.pods.hindered(c, capacity)
        rows = capacity.nonzero()[0]
        if not len(rows):
            return 0
        if wanted == 1:
            return self._put_one(c, int(rows[self.value[rows].argmin()]))
        order = np.argsort(self.value[rows], kind="stable")
        return self._put(c, rows, in_order(wanted, capacity[rows], order))

    def grow(self, c: int, wanted: int) -> int:
        """Make the nodes larger where a pod of class *c* costs least; one more on each of them."""
        able = self.pods.hindered(c, np.ones(self.size, dtype=np.int64))
        most = NEW * float(self.core.price[self.core.fits[c].argmax()])
        rows = (able * (self._ladder.step[self.offer[: self.size], 0] < most)).nonzero()[0]
        offer = self.offer[rows]
        up, step = self._ladder.up[offer], self._ladder.step[offer]
        good = (step < most) & self.core.fits[c][up]
        for r, amount in self._asked[c]:
            good &= self.room[r, rows][:, None] + self._ladder.more[r][offer] >= amount
        found = good.any(axis=1).nonzero()[0]
        rung = good[found].argmax(axis=1)  # the cheapest that is enough
        order = np.argsort(step[found, rung], kind="stable")[:wanted]
        found, rung = found[order], rung[order]
        self._become(rows[found], up[found, rung])
        return self._put(c, rows[found], np.ones(len(found), dtype=np.int64))

    def _become(self, rows: Ints, offer: Ints) -> None:
        core = self.core
        self.room[:, rows] += (core.free[offer] - core.free[self.offer[rows]]).T
        self.offer[rows] = offer
        self._ladder.learn(offer)
        self.value[rows] = (self.room[:, rows].T * self.guide.tariff[offer]).sum(axis=1)

    def open(self, c: int, offer: int, pods: int) -> int:
        """Open nodes of the offer for so many pods of class *c*."""
        size = 1 if self.core.lonely[c] else _room(self.core.free[offer], self.core.need[c])
        copies = -(-pods // size)
        rows = np.arange(self.size, self.size + copies)
        self._reserve(self.size + copies)
        self.size += copies
        self.offer[rows] = offer
        self.room[:, rows] = self.core.free[offer][:, None]
        self.value[rows] = float(self.core.free[offer] @ self.guide.tariff[offer])
        self._ladder.learn(np.array([offer]))
        return self._put(c, rows, in_order(pods, np.full(copies, size), np.arange(copies)))

    def _put_one(self, c: int, row: int) -> int:
        for r, amount in self._asked[c]:
            self.room[r, row] -= amount
        self.value[row] -= self._usd[self._size[c], self.offer[row]]
        self.pods.put_one(c, row)
        return 1

    def _put(self, c: int, rows: Ints, counts: Ints) -> int:
        used = counts.nonzero()[0]
        rows, counts = rows[used], counts[used]
        if len(rows):
            for r, amount in self._asked[c]:
                self.room[r, rows] -= counts * amount
            self.value[rows] -= counts * self._usd[self._size[c], self.offer[rows]]
            self.pods.put(c, rows, counts)
        return int(counts.sum())

    def _reserve(self, size: int) -> None:
        have = len(self.offer)
        if size > have:
            more = max(size - have, have)
            self.offer = np.pad(self.offer, (0, more))
            self.value = np.pad(self.value, (0, more))
            self.room = np.pad(self.room, ((0, 0), (0, more)))

    def nodes(self) -> Nodes:
        out = Nodes(self.core)
        out.offer, out.pods = self.offer[: self.size], self.pods
        out.room = np.ascontiguousarray(self.room[:, : self.size].T)
        return out


class _Ladder:
    """For offers in use, the next larger ones that pay and take all that they take.

    Attributes:
        up: int64[O, RUNGS]: the larger offers, cheapest first.
        step: float64[O, RUNGS]: what they cost more; infinite where there is none.
        more: int64[R, O, RUNGS]: what they have more.
    """

    def __init__(self, study: Study, guide: Guide) -> None:
        core = self._core = study.core
        offers, resources = core.free.shape
        self.up = np.zeros((offers, RUNGS), dtype=np.int64)
        self.step = np.full((offers, RUNGS), np.inf)
        self.more = np.zeros((resources, offers, RUNGS), dtype=np.int64)
        self._known = np.zeros(offers, dtype=np.bool_)
        self._good = np.flatnonzero(guide.covered < DEAR)
        patterns = core.fits[distinct(np.packbits(core.fits, axis=1))[0]]
        self._bits = np.ascontiguousarray(np.packbits(patterns, axis=0).T)

    def learn(self, offers: Ints) -> None:
        for offer in np.unique(offers[~self._known[offers]]).tolist():
            self._known[offer] = True
            self._climb(offer)

    def _climb(self, offer: int) -> None:
        core = self._core
        better = self._good[core.price[self._good] > core.price[offer]]
        better = better[(core.free[better] >= core.free[offer]).all(axis=1)]
        refused = (self._bits[offer] & ~self._bits[better]).any(axis=1)
        found = better[~refused][:RUNGS]  # offers stand by price
        self.up[offer, : len(found)] = found
        self.step[offer, : len(found)] = core.price[found] - core.price[offer]
        self.more[:, offer, : len(found)] = (core.free[found] - core.free[offer]).T


def _room(free: Ints, need: Ints) -> int:
    """How many pods that need so much an empty node holds."""
    there = need.nonzero()[0]
    return int((free[there] // need[there]).min(initial=PLENTY))
