"""What a planned node may be launched as: every offer that holds its pods, cheapest first.

A NodeClaim asks for types, zones and capacity types each on their own, so every combination of
what it lists must do; among the ways to keep that so, the one with the most offers is taken. A
``minValues`` is met by listing the cheapest type of as many values as it takes.

Pure.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nodescaler.core.bins import Item
from nodescaler.core.columns import Ints, Mask
from nodescaler.core.groups import Groups
from nodescaler.core.labels import CAPACITY_TYPE, INSTANCE_TYPE, ZONE, Allowed, Requirements
from nodescaler.core.limits import Limits
from nodescaler.core.lots import Bought
from nodescaler.core.model import NodePool, Offering
from nodescaler.core.offers import Offers
from nodescaler.core.settings import PackSettings


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """The offers of one variant of a pool as types by places (zone and capacity type).

    Attributes:
        rows: which offers they are; *kind* and *place* locate each.
        there: bool[types, places].
        zone, capacity: of each place.
    """

    rows: Ints
    kind: Ints
    place: Ints
    there: Mask
    zone: Ints
    capacity: Ints


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """What to ask a cloud for.

    Attributes:
        offer: the cheapest.
        types: by name, cheapest first.
        listed: the offers that this allows.
        short: whether some ``minValues`` is not met.
    """

    offer: int
    types: tuple[str, ...]
    zones: tuple[str, ...]
    capacities: tuple[str, ...]
    listed: Ints
    short: tuple[str, ...] = ()


class Options:
    """Answers for the nodes of one plan."""

    def __init__(
        self,
        items: Sequence[Item],
        offers: Offers,
        rows: Ints,
        limits: Limits,
        groups: Groups,
        settings: PackSettings,
    ) -> None:
        self._items = items
        self._offers = offers
        self._limits = limits
        self._settings = settings
        self._is_choosy = any(min_values(pool) for pool in offers.pools)
        self._rows = rows[np.argsort(offers.effective[rows], kind="stable")]
        self._free = np.ascontiguousarray(offers.free[self._rows].T)  # [R, offers]
        self._alike = [t for t in (groups.host_offer, groups.host_offer_owners) if t.any()]
        self._good: dict[object, Ints] = {}
        self._choices: dict[tuple[bytes, bytes], Choice] = {}
        self._masks: dict[frozenset[int], Mask] = {}
        self._grids: dict[tuple[int, int], Grid] = {}
        self._reservation = _coded([o.reservation for o in offers.goods.offerings], offers)
        self._place = _coded([(o.zone, o.capacity_type) for o in offers.goods.offerings], offers)

    def sufficient(self, node: Bought, spare: Ints | None = None) -> Ints:
        """The offers that hold the node's pods within the limits, cheapest first.

        Args:
            node: planned with an offer, for which the limits were charged.
            spare: how much more than that each limit allows this node; nothing without it.
        """
        if not len(self._limits.room):
            return self._remembered(node.counts, node)
        usage = self._limits.usage
        allowed = usage[:, node.offer] if spare is None else usage[:, node.offer] + spare
        good = self._remembered((node.offer, node.counts), node)
        return good[(usage[:, good] <= allowed[:, None]).all(axis=0)]

    def _remembered(self, key: object, node: Bought) -> Ints:
        if key not in self._good:
            self._good[key] = self._sufficient(node)
        return self._good[key]

    def _sufficient(self, node: Bought) -> Ints:
        need = sum(self._items[n].need * count for n, count in node.counts)
        good = self._accepting(node)
        for free, amount in zip(self._free, np.broadcast_to(need, len(self._free)), strict=True):
            good &= free >= amount
        for table in self._alike:
            good &= (table[:, self._rows] == table[:, [node.offer]]).all(axis=0)
        return self._rows[good]

    def _accepting(self, node: Bought) -> Mask:
        """The rows that every item of the node takes."""
        masks = {id(self._items[n].offers): self._items[n].offers for n, _ in node.counts}
        key = frozenset(masks)
        if key not in self._masks:
            self._masks[key] = np.logical_and.reduce([m[self._rows] for m in masks.values()])
        return self._masks[key].copy()

    def cheapest(self, node: Bought) -> int:
        """The offer to launch; the one that was planned with if, oddly, no other is left."""
        if self._is_choosy:
            return self.choice(node).offer
        good = self.sufficient(node)
        return int(good[0]) if len(good) else node.offer

    # -------------------------------------------------------------- the claim

    def choice(self, node: Bought, spare: Ints | None = None, avoid: Mask | None = None) -> Choice:
        """What to list in the claim.

        Args:
            node: planned with an offer.
            spare: as in `sufficient`.
            avoid: offers that had better not be listed beside the cheapest.
        """
        own, wide = self.sufficient(node), self.sufficient(node, spare)
        own = own if len(own) else np.array([node.offer], np.int64)
        if avoid is not None:
            wide = wide[~avoid[wide]]
        key = (own.tobytes(), wide.tobytes())
        if key not in self._choices:
            self._choices[key] = self._widest(own, wide)
        return self._choices[key]

    def _widest(self, own: Ints, wide: Ints) -> Choice:
        """Of one reservation, led by the cheapest of *own* that leaves ``minValues`` met."""
        _, first = np.unique(self._reservation[own], return_index=True)
        choices = (self._with(int(own[n]), wide) for n in np.sort(first).tolist())
        found = next(choices)
        while found.short and (other := next(choices, None)) is not None:
            found = found if other.short else other
        return found

    def _with(self, best: int, good: Ints) -> Choice:
        """The widest choice with *best* as its cheapest, of its pool and its reservation."""
        good = np.concatenate([[best], good[good != best]])  # the others are cheapest first
        same = self._offers.goods.template[good] == self._offers.goods.template[best]
        same &= self._reservation[good] == self._reservation[best]
        same &= self._offers.usd[good] >= self._offers.usd[best]
        good = good[same]
        grid = self._grid(best)
        where = np.searchsorted(grid.rows, good)
        fits = np.zeros(grid.there.shape, bool)
        fits[grid.kind[where], grid.place[where]] = True
        at = int(np.searchsorted(grid.rows, best))
        kinds, places = _closed(grid, fits, int(grid.kind[at]), int(grid.place[at]))
        listed = good[kinds[grid.kind[where]] & places[grid.place[where]]]
        return self._listed(best, listed)

    def _grid(self, offer: int) -> Grid:
        """The variant's offers, but for those of other reservations than the offer's own."""
        template = int(self._offers.goods.template[offer])
        reservation = int(self._reservation[offer])
        key = (template, reservation)
        if key not in self._grids:
            own = (self._offers.goods.template == template) & (self._reservation == reservation)
            self._grids[key] = _grid_of(self._offers, np.flatnonzero(own))
        return self._grids[key]

    def _listed(self, best: int, listed: Ints) -> Choice:
        offers, goods = self._offers, self._offers.goods
        kinds, first = np.unique(goods.type[listed], return_index=True)
        types = kinds[np.argsort(first)]  # in the order of their cheapest offers
        wanted = min_values(offers.template(best).pool)
        kept, short = types[: self._settings.most_types], tuple[str, ...]()
        if wanted:
            kept, short = _with_values(wanted, types, listed, offers, self._settings.most_types)
        listed = listed[np.isin(goods.type[listed], kept)]
        places = {(each.zone, each.capacity_type) for each in self._places(listed)}
        return Choice(
            best,
            tuple(goods.types[n].name for n in kept.tolist()),
            tuple(sorted({zone for zone, _ in places})),
            tuple(sorted({capacity for _, capacity in places})),
            listed,
            short,
        )

    def _places(self, listed: Ints) -> list[Offering]:
        """One offering for each zone and capacity type among *listed*."""
        _, first = np.unique(self._place[listed], return_index=True)
        return [self._offers.offering(n) for n in listed[first].tolist()]


def _coded(values: Sequence[Hashable], offers: Offers) -> Ints:
    """A number for each distinct value of the offerings, row by row."""
    known: dict[Hashable, int] = {}
    codes = [known.setdefault(value, len(known)) for value in values]
    return np.array(codes or [0], np.int64)[offers.goods.offering]


def _grid_of(offers: Offers, rows: Ints) -> Grid:
    goods = offers.goods
    names = [goods.types[n].name for n in goods.type[rows].tolist()]
    places = [(offers.offering(n).zone, offers.offering(n).capacity_type) for n in rows.tolist()]
    by_name = {name: n for n, name in enumerate(sorted(set(names)))}
    by_place = {place: n for n, place in enumerate(sorted(set(places)))}
    kind = np.array([by_name[name] for name in names], np.int64)
    place = np.array([by_place[each] for each in places], np.int64)
    there = np.zeros((len(by_name), len(by_place)), bool)
    there[kind, place] = True
    zones = sorted({zone for zone, _ in by_place})
    capacities = sorted({each for _, each in by_place})
    return Grid(
        rows,
        kind,
        place,
        there,
        np.array([zones.index(zone) for zone, _ in by_place], np.int64),
        np.array([capacities.index(each) for _, each in by_place], np.int64),
    )


def _closed(grid: Grid, fits: Mask, kind: int, place: int) -> tuple[Mask, Mask]:
    """Types and places such that each of their combinations that exists would do; the widest."""
    some = np.asarray(fits.any(axis=0))
    same_zone = some & (grid.zone == grid.zone[place])
    same_capacity = some & (grid.capacity == grid.capacity[place])
    wide = np.isin(grid.zone, grid.zone[some]) & np.isin(grid.capacity, grid.capacity[some])
    best: tuple[Mask, Mask] = (np.zeros(len(fits), bool), some & False)
    most, every = 0, int(fits.sum())
    for places in (wide, same_capacity, same_zone, same_zone & same_capacity):
        bad = np.asarray((grid.there & ~fits)[:, places].any(axis=1))
        kinds = np.asarray(~bad & fits[:, places].any(axis=1))
        number = int(fits[np.ix_(kinds, places)].sum())
        if kinds[kind] and number > most:
            best, most = (kinds, places), number
        if most == every:
            break
    return best


def min_values(pool: NodePool) -> dict[str, int]:
    """How many values of each label the pool's claims must leave open."""
    return {key: a.min_values for key, a in pool.requirements.items() if a.min_values}


def _with_values(
    wanted: Mapping[str, int], types: Ints, listed: Ints, offers: Offers, most: int
) -> tuple[Ints, tuple[str, ...]]:
    """At most so many types, the cheapest, but enough of them for each ``minValues``."""
    values = {key: _values(key, listed, offers) for key in wanted}
    kept: list[int] = []
    for key, number in wanted.items():
        seen = {values[key][kind] for kind in kept}
        for kind in types.tolist():
            if len(seen) < number and values[key][kind] not in seen:
                seen.add(values[key][kind])
                kept += [kind] if kind not in kept else []
    full = {*[*kept, *(k for k in types.tolist() if k not in kept)][: max(most, len(kept))]}
    found = types[[kind in full for kind in types.tolist()]]
    counts = {key: len({values[key][kind] for kind in found.tolist()}) for key in wanted}
    short = tuple(
        f"{key} has {counts[key]} of {number} values"
        for key, number in wanted.items()
        if counts[key] < number
    )
    return found, short


def _values(key: str, listed: Ints, offers: Offers) -> dict[int, str | None]:
    """The label's value for each type among *listed*."""
    column = offers.columns.column(key)
    kinds = offers.goods.type[listed].tolist()
    return {
        kind: column.values[code]
        for kind, code in zip(kinds, column.codes[listed].tolist(), strict=True)
    }


def asked(pool: NodePool, choice: Choice) -> Requirements:
    """What the claim asks for: the pool's requirements, narrowed to the choice."""
    return pool.requirements & Requirements(
        {
            INSTANCE_TYPE: Allowed.one_of(*choice.types),
            ZONE: Allowed.one_of(*choice.zones),
            CAPACITY_TYPE: Allowed.one_of(*choice.capacities),
        }
    )
