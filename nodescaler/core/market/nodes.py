"""Nodes being filled: what room each has left, and which classes it holds.

These are the mutable things of the packer, made and thrown away inside a call. Rows are nodes.

Pure.
"""

from __future__ import annotations

import numpy as np

from nodescaler.core.market.model import Bools, Ints, Load
from nodescaler.core.market.reduce import Core, distinct

PLENTY = 2**40  # pods that take nothing: more than anybody has, far from overflow
ONE = np.ones(1, dtype=np.int64)
Table = tuple[Ints, Ints, Ints]  # node, class, pods, side by side

CHUNK = 2_000_000  # cells of nodes times offers looked at together


class Pods:
    """Which classes are on which nodes: triples in the order in which they were put."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self._put: list[tuple[Ints, int, Ints]] = []
        words = 0 if core.feuds is None else core.feuds.has.shape[1]
        self._flags = np.zeros((words, 0), dtype=np.uint64)

    def copy(self) -> Pods:
        out = Pods(self.core)
        out._put = self._put.copy()
        out._flags = self._flags.copy()
        return out

    def put(self, c: int, rows: Ints, counts: Ints) -> None:
        """Note pods of class *c* on the nodes *rows* (each once, counts above zero)."""
        self._put.append((rows, c, counts))
        if self.core.feuds is not None:
            self._reserve(int(rows.max()) + 1)
            for word, has in enumerate(self.core.feuds.has[c].tolist()):
                if has:
                    self._flags[word, rows] |= np.uint64(has)

    def put_one(self, c: int, row: int) -> None:
        """Note one pod of class *c* on the node *row*."""
        self._put.append((np.array([row]), c, ONE))
        if self.core.feuds is not None:
            self._reserve(row + 1)
            for word, has in enumerate(self.core.feuds.has[c].tolist()):
                if has:
                    self._flags[word, row] |= np.uint64(has)

    def hindered(self, c: int, capacity: Ints) -> Ints:
        """*capacity*, int64[N] for each node, where no feud with what is there forbids it."""
        if self.core.feuds is None:
            return capacity
        self._reserve(len(capacity))
        if self.core.lonely[c]:
            capacity = np.minimum(capacity, 1)
        for word, bars in enumerate(self.core.feuds.bars[c].tolist()):
            if bars:
                capacity[(self._flags[word, : len(capacity)] & np.uint64(bars)) != 0] = 0
        return capacity

    def _reserve(self, nodes: int) -> None:
        have = self._flags.shape[1]
        if nodes > have:
            more = max(nodes - have, have, 16)
            self._flags = np.pad(self._flags, ((0, 0), (0, more)))

    def table(self) -> Table:
        """Ascending by node, then class, each pair once."""
        if not self._put:
            none = np.zeros(0, dtype=np.int64)
            return none, none, none
        node = np.concatenate([rows for rows, _, _ in self._put])
        kind = np.concatenate([np.full(len(rows), c) for rows, c, _ in self._put])
        pods = np.concatenate([counts for _, _, counts in self._put])
        key, inverse = np.unique(node * len(self.core.count) + kind, return_inverse=True)
        total = np.bincount(inverse, weights=pods).astype(np.int64)
        return key // len(self.core.count), key % len(self.core.count), total


class Nodes:
    """Open nodes of a `Core`, each of one offer."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.offer = np.zeros(0, dtype=np.int64)
        self.room = np.zeros((0, core.need.shape[1]), dtype=np.int64)
        self.budget = core.room.copy()
        self.pods = Pods(core)

    def copy(self) -> Nodes:
        """A copy that can go another way."""
        out = Nodes(self.core)
        out.offer, out.room, out.budget = self.offer, self.room.copy(), self.budget
        out.pods = self.pods.copy()
        return out

    def affordable(self, offer: int) -> int:
        """How many nodes of the offer the limits still allow."""
        usage = self.core.usage[:, offer]
        taken = usage > 0
        return max(int((self.budget[taken] // usage[taken]).min(initial=PLENTY)), 0)

    def open(self, offer: int, copies: int) -> Ints:
        """Open so many empty nodes; their rows."""
        self.budget = self.budget - self.core.usage[:, offer] * copies
        first = len(self.offer)
        self.offer = np.concatenate([self.offer, np.full(copies, offer)])
        room = np.broadcast_to(self.core.free[offer], (copies, self.room.shape[1]))
        self.room = np.concatenate([self.room, room])
        return np.arange(first, first + copies)

    def fill(self, offer: int, copies: int, chosen: Ints) -> Ints:
        """Open so many nodes with the pods int64[C] on each; how many pods that were of each."""
        rows = self.open(offer, copies)
        for c in np.flatnonzero(chosen).tolist():
            self.put(c, rows, np.full(copies, chosen[c]))
        return chosen * copies

    def capacity(self, c: int) -> Ints:
        """int64[N]: how many more pods of class *c* each node can take."""
        out = room_for(self.room, self.core.need[c])
        out[~self.core.fits[c, self.offer]] = 0
        return self.pods.hindered(c, out)

    def put(self, c: int, rows: Ints, counts: Ints) -> int:
        """Put pods of class *c* on the nodes, unchecked; how many that were."""
        used = counts > 0
        rows, counts = rows[used], counts[used]
        if len(rows):
            self.room[rows] -= counts[:, None] * self.core.need[c]
            self.pods.put(c, rows, counts)
        return int(counts.sum())


def room_for(room: Ints, need: Ints) -> Ints:
    """int64[N]: how many pods that need so much fit into each of the rooms int64[N, R]."""
    taken = np.flatnonzero(need)
    if not len(taken):
        return np.full(len(room), PLENTY, dtype=np.int64)
    out: Ints = room[:, taken[0]] // need[taken[0]]
    for r in taken[1:]:
        np.minimum(out, room[:, r] // need[r], out=out)
    return np.maximum(out, 0)


def asked(need: Ints) -> list[list[tuple[int, int]]]:
    """For each class the resources that a pod takes, and how much of each.

    >>> asked(np.array([[2, 0], [1, 3]]))
    [[(0, 2)], [(0, 1), (1, 3)]]
    """
    first, which = distinct(need)
    rows = [[(r, n) for r, n in enumerate(row) if n] for row in need[first].tolist()]
    return [rows[k] for k in which.tolist()]


def in_order(wanted: int, capacity: Ints, order: Ints) -> Ints:
    """Give *wanted* pods to the nodes, in this order as many as each can take."""
    out = np.zeros(len(capacity), dtype=np.int64)
    sorted_capacity = np.minimum(capacity[order], wanted)
    before = np.cumsum(sorted_capacity) - sorted_capacity
    out[order] = np.clip(wanted - before, 0, sorted_capacity)
    return out


def accepted(core: Core, node: Ints, kind: Ints, nodes: int) -> Bools:
    """bool[nodes, O]: the offers on which all classes of a node may run; ascending by node."""
    bits = np.packbits(core.fits, axis=1)
    out = np.full((nodes, bits.shape[1]), 255, dtype=np.uint8)
    step = max(CHUNK // max(bits.shape[1], 1), 1)
    for start in range(0, len(node), step):
        part = slice(start, start + step)
        first = np.flatnonzero(np.diff(node[part], prepend=-1))
        rows = node[part][first]
        out[rows] &= np.bitwise_and.reduceat(bits[kind[part]], first, axis=0)
    return np.unpackbits(out, axis=1, count=len(core.price)).view(np.bool_)


def sufficient(core: Core, used: Ints, allowed: Bools) -> Bools:
    """bool[N, O]: the allowed offers with room for what is used, int64[N, R]."""
    out = allowed.copy()
    if not out.size:
        return out
    least = core.free.min(axis=0)
    for r in np.flatnonzero((used > least).any(axis=0)):
        out &= used[:, r][:, None] <= core.free[:, r][None, :]
    return out


def cheapest(enough: Bools) -> Ints:
    """The cheapest offer that is enough for each node, of bool[N, O] with one at least in a row."""
    if not len(enough):
        return np.zeros(0, dtype=np.int64)
    first: Ints = enough.argmax(axis=1)  # a core's offers stand cheapest first
    return first


def loads(core: Core, offer: Ints, table: Table) -> tuple[Load, ...]:
    """Equal nodes together, in the numbers of the market; nodes without pods are left out."""
    node, kind, pods = table
    ends = np.flatnonzero(np.diff(node, append=-1)) + 1
    kinds, amounts = core.classes[kind].tolist(), pods.tolist()
    seen: dict[tuple[int, tuple[tuple[int, int], ...]], int] = {}
    start = 0
    for end in ends.tolist():
        counts = tuple(sorted(zip(kinds[start:end], amounts[start:end], strict=True)))
        key = (int(core.offers[offer[node[start]]]), counts)
        seen[key] = seen.get(key, 0) + 1
        start = end
    return tuple(Load(o, counts, copies) for (o, counts), copies in sorted(seen.items()))
