"""Karpenter's rule, a class at a time: the plan that every other plan has to beat.

Pods come in the order of the classes. A pod joins the open node with the fewest pods on which it
fits as long as any offer could still hold the node; when there is none, a new node is opened. In
the end each node becomes its cheapest sufficient offer. Equal pods are dealt at once: they raise
the emptiest nodes to one level, which is what one after another comes to.

With limits, a new node charges the most that any of its offers would take, as Karpenter does, so
the limits hold whatever it becomes.

Pure. Source: sigs.k8s.io/karpenter pkg/controllers/provisioning/scheduling/scheduler.go
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nodescaler.core.market.model import Bools, Ints, Market, Solution
from nodescaler.core.market.nodes import (
    PLENTY,
    Pods,
    accepted,
    asked,
    cheapest,
    in_order,
    loads,
    sufficient,
)
from nodescaler.core.market.reduce import Core, distinct, reduced, roomiest
from nodescaler.core.market.work import never

FEW = 2  # pods for each node that takes some, up to which they are dealt in rounds


def first_fit(market: Market) -> Solution:
    """Pack by Karpenter's rule.

    >>> from nodescaler.core.market.examples import small
    >>> first_fit(small()).loads
    (Load(offer=1, counts=((0, 2), (1, 4)), copies=1),)
    """
    return first_fit_of(reduced(market), market.count)


def first_fit_of(core: Core, count: Ints, stop: Callable[[], bool] = never) -> Solution:
    """The same for a market already reduced; *count* is of all its classes.

    Once *stop* says yes, the classes that come later are left.
    """
    nodes = _Growing(core)
    left = count.copy()
    for c, wanted in enumerate(core.count.tolist()):
        if stop():
            break
        rest = wanted - nodes.join(c, wanted)
        left[core.classes[c]] = rest - nodes.grow(c, rest)
    offer = nodes.cheapest()
    price = float(core.price[offer].sum())
    return Solution(loads(core, offer, nodes.pods.table()), left, price, "first-fit")


class _Growing:
    """Nodes that may still become any of several offers.

    Only the roomiest offers are looked at while nodes grow: what holds a node is held by one of
    them that takes all that it takes.
    """

    def __init__(self, core: Core) -> None:
        self.core = core
        self.pods = Pods(core)
        self.roomy = roomiest(core)
        self.size = 0
        self.total = np.zeros(64, dtype=np.int64)
        self.open = np.zeros((len(self.roomy), 64), dtype=np.bool_)
        self.born: list[tuple[int, Bools]] = []  # copies, and what these may become at most
        self.budget = core.room.copy()
        self._asked = asked(core.need)
        self._fits = core.fits[:, self.roomy]
        first, self._kind = distinct(core.free[self.roomy])
        self._free = core.free[self.roomy[first]]  # [K, R]: of the roomiest, each once
        self.room = np.repeat(self._free[:, :, None], 64, axis=2)  # [K, R, N]: what is left

    def join(self, c: int, wanted: int) -> int:
        """Deal pods of class *c* to the open nodes, fewest pods first; how many found a place."""
        if not self.size:
            return 0
        capacity = self.pods.hindered(c, self._capacity(c))
        rows = capacity.nonzero()[0]
        if not len(rows):
            return 0
        if wanted == 1:
            return self._put_one(c, int(rows[self.total[rows].argmin()]))
        counts = levelled(wanted, self.total[rows], np.minimum(capacity[rows], wanted))
        return self._put(c, rows, counts)

    def _capacity(self, c: int) -> Ints:
        """int64[N]: how many pods of class *c* each node takes if it becomes as roomy as it can."""
        best = np.zeros(self.size, dtype=np.int64)
        for k, room in enumerate(self.room):
            may = self.open[self._fits[c] & (self._kind == k), : self.size]
            most: Ints = np.where(may[0] if len(may) == 1 else may.any(axis=0), PLENTY, 0)
            for r, amount in self._asked[c]:
                able = room[r, : self.size]
                np.minimum(most, able if amount == 1 else able // amount, out=most)
            np.maximum(best, most, out=best)
        return best

    def grow(self, c: int, wanted: int) -> int:
        """Open nodes for pods of class *c* until all have a place or the limits forbid it."""
        placed = 0
        while placed < wanted:
            able = self.core.fits[c]
            if len(self.budget):
                able = able & (self.core.usage <= self.budget[:, None]).all(axis=0)
                if not able.any():
                    break
            placed += self._open(c, wanted - placed, able)
        return placed

    def _open(self, c: int, wanted: int, able: Bools) -> int:
        core, taken = self.core, self.core.need[c].nonzero()[0]
        free = core.free[self.roomy[able[self.roomy]]][:, taken]
        size = int((free // core.need[c, taken]).min(axis=1, initial=PLENTY).max())
        size = min(size, 1 if core.lonely[c] else PLENTY, wanted)
        copies = min(self._affordable(able), -(-wanted // size))
        if len(self.budget):
            self.budget = self.budget - core.usage[:, able].max(axis=1) * copies
        rows = np.arange(self.size, self.size + copies)
        self._reserve(self.size + copies)
        self.open[:, rows] = able[self.roomy][:, None]
        self.born.append((copies, able))
        self.size += copies
        return self._put(c, rows, in_order(wanted, np.full(copies, size), np.arange(copies)))

    def _affordable(self, able: Bools) -> int:
        """How many nodes the limits allow, whichever of these they become."""
        if not len(self.budget):
            return PLENTY
        charge = self.core.usage[:, able].max(axis=1)
        taken = charge > 0
        return int((self.budget[taken] // charge[taken]).min(initial=PLENTY))

    def _put_one(self, c: int, row: int) -> int:
        self.pods.put_one(c, row)
        for r, amount in self._asked[c]:
            self.room[:, r, row] -= amount
        self.total[row] += 1
        if len(self.roomy) > 1:
            self._narrow(c, np.array([row]))
        return 1

    def _put(self, c: int, rows: Ints, counts: Ints) -> int:
        got = counts.nonzero()[0]
        rows, counts = rows[got], counts[got]
        if len(rows):
            self.pods.put(c, rows, counts)
            for r, amount in self._asked[c]:
                self.room[:, r, rows] -= counts * amount
            self.total[rows] += counts
            if len(self.roomy) > 1:
                self._narrow(c, rows)
        return int(counts.sum())

    def _narrow(self, c: int, rows: Ints) -> None:
        """What the nodes *rows* may still become, now that a pod of class *c* came to each."""
        still = self.open[:, rows] & self._fits[c][:, None]
        if len(self.room) > 1:
            held = np.asarray((self.room[:, :, rows] >= 0).all(axis=1))
            still &= held[self._kind]
        self.open[:, rows] = still

    def _reserve(self, size: int) -> None:
        have = len(self.total)
        if size > have:
            more = max(size - have, have)
            fresh = np.repeat(self._free[:, :, None], more, axis=2)
            self.room = np.concatenate([self.room, fresh], axis=2)
            self.total = np.pad(self.total, (0, more))
            self.open = np.pad(self.open, ((0, 0), (0, more)))

    def cheapest(self) -> Ints:
        """int64[N]: the cheapest offer of those that each node may become."""
        if not self.size:
            return np.zeros(0, dtype=np.int64)
        core = self.core
        node, kind, _ = self.pods.table()
        allowed = accepted(core, node, kind, self.size)
        if len(self.budget) and self.born:
            able = np.array([each for _, each in self.born])
            allowed &= np.repeat(able, [copies for copies, _ in self.born], axis=0)
        used = (self._free[0][:, None] - self.room[0, :, : self.size]).T
        return cheapest(sufficient(core, used, allowed))


def levelled(wanted: int, total: Ints, capacity: Ints) -> Ints:
    """Deal pods one by one to the node with the fewest, the first of equals, all at once.

    >>> levelled(4, np.array([5, 0, 2]), np.array([9, 9, 9]))
    array([0, 3, 1])
    """
    if int(capacity.sum()) <= wanted:
        return capacity
    if wanted <= FEW * len(total):
        return _in_rounds(wanted, total, capacity)
    low, high = int(total.min()), int(total.max()) + wanted  # the level: reached, not reached
    while high - low > 1:
        level = (low + high) // 2
        reached = int(np.clip(level - total, 0, capacity).sum()) <= wanted
        low, high = (level, high) if reached else (low, level)
    out = np.clip(low - total, 0, capacity)
    next_in_line = np.flatnonzero((total + out <= low) & (out < capacity))
    out[next_in_line[: wanted - int(out.sum())]] += 1
    return out


def _in_rounds(wanted: int, total: Ints, capacity: Ints) -> Ints:
    """The same, a level at a time: quicker where few pods meet many nodes."""
    out = np.zeros_like(capacity)
    level = np.where(capacity > 0, total, PLENTY)
    while wanted:
        lowest = np.flatnonzero(level == level.min())[:wanted]
        out[lowest] += 1
        level[lowest] += 1
        level[lowest[out[lowest] >= capacity[lowest]]] = PLENTY
        wanted -= len(lowest)
    return out
