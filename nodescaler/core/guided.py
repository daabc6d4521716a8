"""First-fit with a plan in mind: pods go to the kind of node that the linear programme bought.

For items whose rules cannot be said in numbers (`core.lots.awkward`). The programme says on which
offers each lot is best put; items are placed one after the other into nodes opened for that offer,
with every rule about the hostname checked exactly, and a node never outgrows its offer. What the
programme has no place for opens the node on which a pod costs least; without a programme, this is
first-fit on the largest nodes.

Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from nodescaler.core.bins import Bins, Item
from nodescaler.core.columns import Ints
from nodescaler.core.groups import Groups
from nodescaler.core.limits import Limits
from nodescaler.core.lots import Bought, Lot
from nodescaler.core.market import Bound
from nodescaler.core.offers import Offers

Targets = list[list[tuple[int, int]]]


class Guided:
    """One pass; `run` may be called once."""

    def __init__(
        self,
        items: Sequence[Item],
        offers: Offers,
        rows: Ints,
        limits: Limits,
        groups: Groups,
        stop: Callable[[], bool],
    ) -> None:
        self._items = items
        self._offers = offers
        self._rows = rows
        self._limits = limits
        self._groups = groups
        self._stop = stop
        self._bins: dict[int, Bins] = {}
        self._fits: dict[bytes, Ints] = {}
        self._number = {id(item): n for n, item in enumerate(items)}
        self.left = np.array([item.count for item in items], np.int64)

    def run(
        self, order: Sequence[int], targets: Sequence[Sequence[tuple[int, int]]]
    ) -> list[Bought]:
        """Place the items in *order*.

        Args:
            order: positions of items.
            targets: for each item, offers and how many of its pods are meant for each.
        """
        for number in order:
            if self._stop():
                break
            for offer, meant in targets[number]:
                self._place(number, offer, min(meant, int(self.left[number])))
            if self.left[number]:
                self._elsewhere(number)
        return self._bought()

    def _place(self, number: int, offer: int, count: int) -> None:
        """Up to *count* onto nodes of *offer*: open ones first, then new ones."""
        item = self._items[number]
        bins = self._bins.get(offer)
        if bins is not None and bins.size and count:
            count -= self._fill(number, bins, item, count)
        if count:
            self._open(number, offer, count)

    def _fill(self, number: int, bins: Bins, item: Item, count: int, start: int = 0) -> int:
        taken = int(bins.fill(item, bins.fits(item, start), count, start).sum())
        self.left[number] -= taken
        return taken

    def _open(self, number: int, offer: int, count: int) -> None:
        item = self._items[number]
        each = self._on_empty(item, offer)
        allowed = self._limits.most(offer)
        if not each or not allowed:
            return
        bins = self._bins.setdefault(offer, Bins.empty(self._offers.free.shape[1], self._rules))
        new = min(-(-count // each), allowed)
        start = bins.size
        daemons, owners = self._groups.host_offer, self._groups.host_offer_owners
        bins.open(self._offers.free[offer], new, daemons[:, offer], owners[:, offer])
        self._limits.charge(offer, new)
        self._fill(number, bins, item, count, start)

    @property
    def _rules(self) -> int:
        return len(self._groups.host_offer)

    def _on_empty(self, item: Item, offer: int) -> int:
        """How many of *item* an empty node of *offer* takes."""
        one = Bins.empty(self._offers.free.shape[1], self._rules)
        daemons, owners = self._groups.host_offer, self._groups.host_offer_owners
        one.open(self._offers.free[offer], 1, daemons[:, offer], owners[:, offer])
        return int(one.fits(item)[0])

    def _elsewhere(self, number: int) -> None:
        """What its targets did not take: into any open node that would do, then the cheapest."""
        item = self._items[number]
        for offer in sorted(self._bins):
            if self.left[number] and item.offers[offer]:
                self._fill(number, self._bins[offer], item, int(self.left[number]))
        while self.left[number] and (best := self._cheapest(number)) is not None:
            before = int(self.left[number])
            self._open(number, best, before)
            if self.left[number] == before:
                break

    def _cheapest(self, number: int) -> int | None:
        """The offer on which a pod of what is left costs least, within the limits."""
        item = self._items[number]
        rows = self._rows[item.offers[self._rows]]
        if len(self._limits.room):
            usage = self._limits.usage[:, rows]
            rows = rows[((usage <= self._limits.room[:, None]) | (usage == 0)).all(axis=0)]
        if not len(rows):
            return None
        fits = np.minimum(self._room(item)[rows], self._alone(item, int(self.left[number])))
        price = self._offers.effective[rows] / np.maximum(fits, 1)
        price[fits == 0] = np.inf
        best = int(price.argmin())
        return int(rows[best]) if np.isfinite(price[best]) else None

    def _alone(self, item: Item, count: int) -> int:
        """The most that company allows on one node, whatever its size."""
        one = Bins.empty(0, self._rules)
        one.open(np.zeros(0, np.int64), 1)
        bare = Item(item.members, item.count, np.zeros(0, np.int64), stands=item.stands)
        return min(int(one.fits(bare)[0]), count)

    def _room(self, item: Item) -> Ints:
        key = item.need.tobytes()
        if key not in self._fits:
            asked = np.flatnonzero(item.need)
            free = self._offers.free[:, asked] // item.need[asked]
            self._fits[key] = (
                np.maximum(free.min(axis=1), 0) if len(asked) else free.sum(axis=1) + 1
            )
        return self._fits[key]

    def _bought(self) -> list[Bought]:
        out: list[Bought] = []
        for offer in sorted(self._bins):
            bins = self._bins[offer]
            found: list[dict[int, int]] = [{} for _ in range(bins.size)]
            for step in bins.steps:
                number = self._number[id(step.item)]
                for n, taken in zip(step.bins.tolist(), step.taken.tolist(), strict=True):
                    found[n][number] = found[n].get(number, 0) + taken
            out += [Bought(offer, tuple(sorted(each.items()))) for each in found if each]
        return out


def targets_of(items: Sequence[Item], lots: Sequence[Lot], bound: Bound, rows: Ints) -> Targets:
    """For each item, the offers its pods are meant for, after the programme's shares of its lot.

    Shares are fractions; a lot's items take whole pods of them in turn, so that the sums are right.
    """
    out: Targets = [[] for _ in items]
    shares = bound.shares
    order = np.lexsort((shares.offers, shares.classes))
    starts = np.searchsorted(shares.classes[order], np.arange(len(lots) + 1))
    for n, lot in enumerate(lots):
        part = order[starts[n] : starts[n + 1]]
        ends = np.floor(np.cumsum(shares.pods[part]) + 0.5).astype(np.int64)  # pods served so far
        offers = rows[shares.offers[part]].tolist()
        _deal(items, lot, offers, ends.tolist(), out)
    return out


def _deal(
    items: Sequence[Item],
    lot: Lot,
    offers: Sequence[int],
    ends: Sequence[int],
    out: Targets,
) -> None:
    """Walk the lot's items and its shares side by side."""
    at, share = 0, 0
    for number in lot.items:
        left = items[number].count
        while left and share < len(offers):
            taken = min(left, max(ends[share] - at, 0))
            if taken:
                out[number].append((offers[share], taken))
            at, left = at + taken, left - taken
            if at >= ends[share]:
                share += 1


def largest_of(items: Sequence[Item], chosen: Sequence[int], offers: Offers, rows: Ints) -> Targets:
    """For each chosen item, the offer that holds most of it: what first-fit lets a node become."""
    out: Targets = [[] for _ in items]
    best: dict[tuple[bytes, int], int | None] = {}
    for number in chosen:
        item = items[number]
        key = (item.need.tobytes(), id(item.offers))
        if key not in best:
            best[key] = _largest(item, offers, rows[item.offers[rows]])
        offer = best[key]
        if offer is not None:
            out[number].append((offer, item.count))
    return out


def _largest(item: Item, offers: Offers, rows: Ints) -> int | None:
    asked = np.flatnonzero(item.need)
    if not len(rows):
        return None
    if not len(asked):
        return int(rows[0])
    fits = (offers.free[np.ix_(rows, asked)] // item.need[asked]).min(axis=1)
    return int(rows[int(fits.argmax())]) if fits.max() > 0 else None
