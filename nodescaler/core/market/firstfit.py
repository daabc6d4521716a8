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

import numpy as np

from nodescaler.core.market.model import Bools, Ints, Market, Solution
from nodescaler.core.market.nodes import (
    PLENTY,
    Pods,
    cheapest,
    in_order,
    loads,
    room_for,
    sufficient,
)
from nodescaler.core.market.reduce import Core, reduced, roomiest


def first_fit(market: Market) -> Solution:
    """Pack by Karpenter's rule.

    >>> from nodescaler.core.market.examples import small
    >>> first_fit(small()).loads
    (Load(offer=1, counts=((0, 2), (1, 4)), copies=1),)
    """
    return first_fit_of(reduced(market), market.count)


def first_fit_of(core: Core, count: Ints, bound: float = 0.0) -> Solution:
    """The same for a market already reduced; *count* is of all its classes."""
    nodes = _Growing(core)
    left = count.copy()
    for c in range(len(core.count)):
        wanted = int(core.count[c])
        wanted -= nodes.join(c, wanted)
        wanted -= nodes.grow(c, wanted)
        left[core.classes[c]] = wanted
    offer = cheapest(nodes.open)  # each node has pods, and an offer that holds them
    price = float(core.price[offer].sum())
    return Solution(loads(core, offer, nodes.pods.table()), left, price, "first-fit", bound)


class _Growing:
    """Nodes that may still become any of several offers."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.pods = Pods(core)
        self.roomy = roomiest(core)
        self.used = np.zeros((0, core.need.shape[1]), dtype=np.int64)
        self.total = np.zeros(0, dtype=np.int64)
        self.open = np.zeros((0, len(core.price)), dtype=np.bool_)
        self.budget = core.room.copy()

    def join(self, c: int, wanted: int) -> int:
        """Deal pods of class *c* to the open nodes, fewest pods first; how many found a place."""
        capacity = np.zeros(len(self.total), dtype=np.int64)
        for offer in self.roomy[self.core.fits[c, self.roomy]]:
            able = room_for(self.core.free[offer] - self.used, self.core.need[c])
            np.maximum(capacity, np.where(self.open[:, offer], able, 0), out=capacity)
        capacity = np.minimum(self.pods.hindered(c, capacity), wanted)
        counts = levelled(wanted, self.total, capacity)
        return self._put(c, np.arange(len(self.total)), counts)

    def grow(self, c: int, wanted: int) -> int:
        """Open nodes for pods of class *c* until all have a place or the limits forbid it."""
        placed = 0
        while placed < wanted:
            able = self.core.fits[c] & (self.core.usage <= self.budget[:, None]).all(axis=0)
            if not able.any():
                break
            placed += self._open(c, wanted - placed, able)
        return placed

    def _open(self, c: int, wanted: int, able: Bools) -> int:
        core = self.core
        size = int(room_for(core.free[able], core.need[c]).max())
        size = min(size, 1 if core.lonely[c] else PLENTY, wanted)
        charge = core.usage[:, able].max(axis=1)
        taken = charge > 0
        copies = int((self.budget[taken] // charge[taken]).min(initial=PLENTY))
        copies = min(copies, -(-wanted // size))
        self.budget = self.budget - charge * copies
        rows = np.arange(len(self.total), len(self.total) + copies)
        self.used = np.pad(self.used, ((0, copies), (0, 0)))
        self.total = np.pad(self.total, (0, copies))
        self.open = np.concatenate([self.open, np.broadcast_to(able, (copies, len(able)))])
        return self._put(c, rows, in_order(wanted, np.full(copies, size), np.arange(copies)))

    def _put(self, c: int, rows: Ints, counts: Ints) -> int:
        got = counts > 0
        rows, counts = rows[got], counts[got]
        if len(rows):
            self.pods.put(c, rows, counts)
            self.used[rows] += counts[:, None] * self.core.need[c]
            self.total[rows] += counts
            still = self.open[rows] & self.core.fits[c]
            self.open[rows] = sufficient(self.core, self.used[rows], still)
        return int(counts.sum())


def levelled(wanted: int, total: Ints, capacity: Ints) -> Ints:
    """Deal pods one by one to the node with the fewest, the first of equals, all at once.

    >>> levelled(4, np.array([5, 0, 2]), np.array([9, 9, 9]))
    array([0, 3, 1])
    """
    if int(capacity.sum()) <= wanted:
        return capacity
    low, high = int(total.min()), int(total.max()) + wanted  # the level: reached, not reached
    while high - low > 1:
        level = (low + high) // 2
        reached = int(np.clip(level - total, 0, capacity).sum()) <= wanted
        low, high = (level, high) if reached else (low, level)
    out = np.clip(low - total, 0, capacity)
    next_in_line = np.flatnonzero((total + out <= low) & (out < capacity))
    out[next_in_line[: wanted - int(out.sum())]] += 1
    return out
