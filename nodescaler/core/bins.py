"""Nodes as bins: how many pods of a kind fit on each, placing them, and taking that back.

The only hot loop of planning. All bins of a set are asked at once; pods go to the first bins that
have room, in order. Every step is logged, so that a try can be undone exactly; amounts are whole
numbers, so undoing leaves no trace.

    >>> bins = Bins.empty(resources=1, rules=0)
    >>> bins.open(np.array([10]), number=2)
    >>> pod = Item(members=((0, 1),), count=5, need=np.array([4]))
    >>> before = bins.mark()
    >>> bins.fill(pod, bins.fits(pod), 3).tolist()
    [2, 1]
    >>> bins.undo(before)
    >>> bins.free[: bins.size].tolist()
    [[10], [10]]

Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from nodescaler.core.columns import Ints, Mask
from nodescaler.core.groups import Group, Kind

MOST = 2**40


@dataclass(frozen=True, slots=True)
class Stand:
    """How an item stands to one rule about the hostname.

    Attributes:
        column: of the rule, in `Bins.count` and `Bins.owners`.
        own: whether it owns the rule.
        seen: how many of its pods the rule looks at.
        most: of a SPREAD, how many pods looked at an owner's node may have.
        first: for BESIDE, whether it may be the first of its kind in the cluster.
    """

    column: int
    kind: Kind
    own: bool
    seen: int
    most: int = 0
    first: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """Equal pods, or equal bundles of pods that must share a node.

    Attributes:
        members: rows of the batch and how many pods of each are in one bundle; mostly one of one.
        need: int64[resources], of one bundle.
        offers: the offers that take all of its members; None for all.
        priority: higher first when limits bind.
        shared: volumes that are attached once to a node however many of its pods mount them, with
            the column of their driver's limit.
    """

    members: tuple[tuple[int, int], ...]
    count: int
    need: Ints
    offers: Mask = field(default_factory=lambda: np.zeros(0, bool))
    stands: tuple[Stand, ...] = ()
    priority: int = 0
    shared: tuple[tuple[str, int], ...] = ()
    place: str = ""


def stands_of(
    groups: Sequence[Group], members: Sequence[tuple[int, int]], own: Sequence[Sequence[int]],
    seen: Sequence[Sequence[int]],
) -> tuple[Stand, ...]:  # fmt: skip
    """How a bundle stands to the rules about the hostname.

    Args:
        groups: all rules.
        members: rows and numbers of the bundle.
        own: for each member, positions of the rules it owns.
        seen: for each member, positions of the rules that look at it.
    """
    owned = {g for each in own for g in each if groups[g].is_host}
    looked: dict[int, int] = {}
    for (_, number), each in zip(members, seen, strict=True):
        for g in each:
            if groups[g].is_host:
                looked[g] = looked.get(g, 0) + number
    out = []
    for g in sorted(owned | set(looked)):
        rule = groups[g].rule
        if rule.is_wish and g not in owned and rule.kind is not Kind.BESIDE:
            continue  # a wish of others is no reason for this one to stay away
        most = rule.spread.max_skew if rule.spread is not None else 0
        out.append(
            Stand(groups[g].column, rule.kind, own=g in owned, seen=looked.get(g, 0), most=most)
        )
    return tuple(out)


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """What one `fill` did."""

    item: Item
    bins: Ints
    taken: Ints
    attached: tuple[tuple[int, str, int], ...] = ()


@dataclass(slots=True, eq=False)
class Bins:
    """Nodes side by side.

    Attributes:
        free: int64[bins, resources].
        count, owners: int64[rules, bins]: pods looked at, and owners, of each hostname rule.
        handles: volumes attached to each bin, where some are shared.
        steps: all that was placed, in order.
    """

    free: Ints
    count: Ints
    owners: Ints
    handles: list[set[str]] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    size: int = 0

    @classmethod
    def empty(cls, resources: int, rules: int) -> Bins:
        return cls(
            np.zeros((0, resources), np.int64),
            np.zeros((rules, 0), np.int64),
            np.zeros((rules, 0), np.int64),
        )

    def forked(self) -> Bins:
        """An independent copy."""
        return Bins(
            self.free.copy(),
            self.count.copy(),
            self.owners.copy(),
            [set(each) for each in self.handles],
            list(self.steps),
            self.size,
        )

    def open(
        self, free: Ints, number: int, count: Ints | None = None, owners: Ints | None = None
    ) -> None:
        """Append *number* equal bins, with what daemons mean to the hostname rules."""
        self._reserve(self.size + number)
        new = slice(self.size, self.size + number)
        self.free[new] = free
        self.count[:, new] = 0 if count is None else count[:, None]
        self.owners[:, new] = 0 if owners is None else owners[:, None]
        self.size += number

    def _reserve(self, size: int) -> None:
        have = len(self.free)
        if size <= have:
            return
        more = max(size - have, have, 16)
        self.free = np.concatenate([self.free, np.zeros((more, self.free.shape[1]), np.int64)])
        wide = np.zeros((len(self.count), more), np.int64)
        self.count = np.concatenate([self.count, wide], axis=1)
        self.owners = np.concatenate([self.owners, wide], axis=1)

    # -------------------------------------------------------------- how many fit

    def fits(self, item: Item, start: int = 0) -> Ints:
        """How many of *item* each bin from *start* on takes, by room and by company."""
        free = self.free[start : self.size]
        asked = np.flatnonzero(item.need)
        if len(asked):
            most: Ints = (free[:, asked] // item.need[asked]).min(axis=1)
            np.maximum(most, 0, out=most)
        else:
            most = np.full(self.size - start, MOST)
        for stand in item.stands:
            self._limit(most, stand, start)
        if item.shared and self.handles:
            self._limit_attached(most, item, start)
        return most

    def _limit(self, most: Ints, stand: Stand, start: int) -> None:
        count = self.count[stand.column, start : self.size]
        if stand.kind is Kind.BESIDE:
            if stand.own and not stand.first:
                most[count == 0] = 0
            return
        owners = self.owners[stand.column, start : self.size]
        if stand.kind is Kind.APART:
            if stand.own:
                most[count > 0] = 0
            if stand.seen:
                most[owners > 0] = 0
            if stand.own and stand.seen:
                np.minimum(most, 1 if stand.seen == 1 else 0, out=most)
            return
        bound = stand.most - count
        if stand.seen:
            np.floor_divide(bound, stand.seen, out=bound)
            np.maximum(bound, 0, out=bound)
            np.minimum(most, bound if stand.own else np.where(owners > 0, bound, MOST), out=most)
        else:
            most[bound < 0] = 0

    def _limit_attached(self, most: Ints, item: Item, start: int) -> None:
        """A bin must have room for those of the shared volumes that it does not have yet."""
        for n in np.flatnonzero(most).tolist():
            wanted: dict[int, int] = {}
            for handle, column in item.shared:
                if handle not in self.handles[start + n]:
                    wanted[column] = wanted.get(column, 0) + 1
            for column, number in wanted.items():
                left = self.free[start + n, column] - number
                each = int(item.need[column])
                most[n] = min(most[n], 0 if left < 0 else left // each if each else most[n])

    # -------------------------------------------------------------- placing

    def fill(self, item: Item, fits: Ints, number: int, start: int = 0) -> Ints:
        """Place up to *number* into the first bins that take some; how many each took."""
        before = np.cumsum(fits) - fits
        taken: Ints = np.minimum(np.maximum(number - before, 0), fits)
        used = np.flatnonzero(taken)
        if len(used):
            self.put(item, used + start, taken[used])
        return taken

    def put(self, item: Item, bins: Ints, taken: Ints) -> None:
        """Place *taken* of *item* into *bins*, without asking whether they fit."""
        attached = self._attach(item, bins)
        self._add(item, bins, taken)
        self.steps.append(Step(item, bins, taken, attached))

    def _add(self, item: Item, bins: Ints, taken: Ints) -> None:
        self.free[bins] -= taken[:, None] * item.need
        self.count_only(item.stands, bins, taken)

    def count_only(self, stands: Sequence[Stand], bins: Ints, taken: Ints) -> None:
        """Tell the rules of pods in *bins*, as if they had been placed there now."""
        for stand in stands:
            if stand.seen:
                self.count[stand.column, bins] += taken * stand.seen
            if stand.own:
                self.owners[stand.column, bins] += taken

    def _attach(self, item: Item, bins: Ints) -> tuple[tuple[int, str, int], ...]:
        if not (item.shared and self.handles):
            return ()
        new = [
            (n, handle, column)
            for n in bins.tolist()
            for handle, column in item.shared
            if handle not in self.handles[n]
        ]
        for n, handle, column in new:
            self.handles[n].add(handle)
            self.free[n, column] -= 1
        return tuple(new)

    # -------------------------------------------------------------- taking back

    def mark(self) -> int:
        """Where `undo` may come back to."""
        return len(self.steps)

    def undo(self, mark: int) -> None:
        """Take back every placement since *mark*, the last first."""
        while len(self.steps) > mark:
            step = self.steps.pop()
            self._add(step.item, step.bins, -step.taken)
            for n, handle, column in step.attached:
                self.handles[n].discard(handle)
                self.free[n, column] += 1

    def contents(self) -> list[dict[int, int]]:
        """For each bin, how many pods of each row are in it."""
        out: list[dict[int, int]] = [{} for _ in range(self.size)]
        for step in self.steps:
            for n, taken in zip(step.bins.tolist(), step.taken.tolist(), strict=True):
                for row, number in step.item.members:
                    out[n][row] = out[n].get(row, 0) + taken * number
        return out
