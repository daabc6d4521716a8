"""The rows of an attempt: where each may go at all, and in which order they are placed.

What depends on labels, taints and sizes alone is found here once for all rows that ask the same.

Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

import numpy as np

from nodescaler.core.asks import Ask
from nodescaler.core.bins import MOST
from nodescaler.core.classes import PodClass
from nodescaler.core.columns import Ints, Mask
from nodescaler.core.domains import Cell
from nodescaler.core.groups import Groups, Kind
from nodescaler.core.labels import Requirements
from nodescaler.core.nodes import Nodes
from nodescaler.core.offers import ATTACH, Floats, Offers
from nodescaler.core.taints import Toleration

FAR = 1e6  # USD per hour, more than any machine costs
LARGEST = 2**52  # of an amount; larger than any machine, and sums of them still fit


@dataclass(frozen=True, slots=True)
class Row:
    """Pods of one class that ask for the same.

    Attributes:
        position: of the class in the batch.
        level: how many wishes have been given up.
    """

    position: int
    each: PodClass
    ask: Ask
    level: int
    count: int


class Places:
    """Where rows may go, remembered by what they ask."""

    def __init__(self, nodes: Nodes, offers: Offers, groups: Groups) -> None:
        self._nodes, self._offers, self._groups = nodes, offers, groups
        self._behind = _behind(offers)
        self._static: dict[object, tuple[Mask, Mask]] = {}
        self._fits: dict[bytes, Ints] = {}
        self._units: dict[tuple[int, bytes], float] = {}
        self._whole: dict[tuple[object, ...], tuple[Mask, Mask]] = {}
        self._codes: dict[tuple[str, ...], _Codes] = {}
        self._cells: dict[
            tuple[int, int, tuple[str, ...]], tuple[Mask, Mask, tuple[Cell, ...]]
        ] = {}

    def of(self, number: int, row: Row, need: Ints) -> tuple[Mask, Mask]:
        """The nodes and the offers that take a pod of the row, size included for offers."""
        ask = row.ask
        asked = (ask.alternatives, ask.tolerations, ask.hard_only)
        company = self._groups.relations[number] if self._groups.with_daemons else None
        key = (*asked, need.tobytes(), company)
        if key not in self._whole:
            nodes, offers = self.labelled(*asked)
            offers = offers & (self.fits(need) > 0)
            if company is not None:
                offers = offers & self._beside_daemons(number)
            self._whole[key] = (nodes, offers)
        return self._whole[key]

    def labelled(
        self, alternatives: tuple[Requirements, ...], tolerations: tuple[Toleration, ...],
        hard_only: bool,  # noqa: FBT001 - a key, not a switch
    ) -> tuple[Mask, Mask]:  # fmt: skip
        """By labels and taints alone."""
        key = (alternatives, tolerations, hard_only)
        if key not in self._static:
            nodes, offers = self._nodes, self._offers
            self._static[key] = (
                nodes.usable
                & nodes.columns.any_of(alternatives)
                & nodes.suits(tolerations, hard_only=hard_only),
                offers.columns.any_of(alternatives)
                & offers.suits(tolerations, hard_only=hard_only),
            )
        return self._static[key]

    def _beside_daemons(self, number: int) -> Mask:
        """The offers on which no daemon and no pod of the row keep apart."""
        groups, relations = self._groups, self._groups.relations[number]
        good = np.ones(len(self._offers), bool)
        for side, rules in enumerate((relations.own, relations.seen)):
            for g in rules:
                if g in groups.with_daemons:
                    good &= ~groups.with_daemons[g][side]
        return good

    def fits(self, need: Ints) -> Ints:
        """How many pods of this size an empty node of each offer holds."""
        key = need.tobytes()
        if key not in self._fits:
            asked = np.flatnonzero(need)
            free = self._offers.free[:, asked]
            if len(asked):
                self._fits[key] = np.maximum((free // need[asked]).min(axis=1), 0)
            else:
                self._fits[key] = np.full(len(self._offers), MOST)
        return self._fits[key]

    def cells(self, nodes: Mask, offers: Mask, keys: tuple[str, ...]) -> tuple[Cell, ...]:
        """The combinations of values of *keys* over these nodes and offers, by their names."""
        key = (id(nodes), id(offers), keys)  # both are kept, so that no other gets their identity
        if key not in self._cells:
            if keys not in self._codes:
                self._codes[keys] = _Codes(keys, self._nodes, self._offers)
            self._cells[key] = (nodes, offers, self._codes[keys].cells(nodes, offers))
        return self._cells[key][2]

    def unit_usd(self, cell: Cell, need: Ints) -> float:
        """The least that a pod of this size pays on a full new node of the cell.

        Cells that only lighter pools sell come after all others, whatever they cost.
        """
        key = (id(cell), need.tobytes())
        if key not in self._units:
            rows = np.flatnonzero(cell.offers)
            fits = self.fits(need)[rows]
            price: Floats = self._offers.effective[rows] / np.maximum(fits, 1) + self._behind[rows]
            self._units[key] = float(price.min()) if len(rows) else float("inf")
        return self._units[key]


def _behind(offers: Offers) -> Floats:
    """What puts the offers of lighter pools behind those of heavier ones."""
    weights = sorted({pool.weight for pool in offers.pools}, reverse=True)
    rank = [weights.index(pool.weight) * FAR for pool in offers.pools] or [0.0]
    return np.array(rank)[offers.pool]


class _Codes:
    """Each combination of some labels' values as one number, the same for nodes and offers."""

    def __init__(self, keys: tuple[str, ...], nodes: Nodes, offers: Offers) -> None:
        self._keys = keys
        self._known: dict[tuple[str | None, ...], int] = {}
        self._nodes = self._coded(nodes)
        self._offers = self._coded(offers)
        self._values = list(self._known)

    def _coded(self, places: Nodes | Offers) -> Ints:
        columns = [places.columns.column(key) for key in self._keys]
        combined = np.zeros(places.columns.size, np.int64)
        for column in columns:
            combined = combined * len(column.values) + column.codes
        _, first, inverse = np.unique(combined, return_index=True, return_inverse=True)
        combos = zip(*(column.codes[first].tolist() for column in columns), strict=True)
        codes = [
            self._known.setdefault(
                tuple(column.values[code] for column, code in zip(columns, combo, strict=True)),
                len(self._known),
            )
            for combo in combos
        ]
        return np.array(codes, np.int64)[inverse]

    def cells(self, nodes: Mask, offers: Mask) -> tuple[Cell, ...]:
        codes = {*np.unique(self._nodes[nodes]).tolist(), *np.unique(self._offers[offers]).tolist()}
        ordered = sorted(codes, key=lambda code: tuple(v or "" for v in self._values[code]))
        return tuple(
            Cell(
                dict(zip(self._keys, self._values[code], strict=True)),
                nodes & (self._nodes == code),
                offers & (self._offers == code),
            )
            for code in ordered
        )


def need_of(row: Row, names: Sequence[str]) -> Ints:
    """What one pod takes, with the volumes that it alone attaches."""
    requests = row.each.sample.requests
    need = np.array([min(requests.get(name, 0), LARGEST) for name in names], np.int64)
    for volume in row.each.volumes:
        if volume.driver and volume.handle not in row.each.shared:
            need[names.index(ATTACH + volume.driver)] += 1
    return need


def shared_of(row: Row, names: Sequence[str]) -> tuple[tuple[str, int], ...]:
    """The volumes that other pods mount too, with the column of their driver."""
    found = {v.handle: v.driver for v in row.each.volumes if v.handle in row.each.shared}
    return tuple((handle, names.index(ATTACH + found[handle])) for handle in sorted(found))


def resource_names(classes: Sequence[PodClass]) -> tuple[str, ...]:
    """Every resource that some pod asks for, and the drivers of its volumes."""
    names = {n for each in classes for n, v in each.sample.requests.items() if v > 0}
    drivers = {ATTACH + v.driver for each in classes for v in each.volumes if v.driver}
    return (*sorted(names), *sorted(drivers))


def in_order(rows: Sequence[Row], groups: Groups, choice: Sequence[int]) -> list[int]:
    """The rows in the order in which they are placed.

    By priority; then those with less choice first, and those that keep others away before them;
    then as they are given (by size). But a pod that wants company comes after the company, and one
    that only counts for a spread over zones before those that heed it. Where that goes round in
    circles, company counts for more than a spread, and then it is broken at the first.

    Args:
        rows: of the attempt.
        groups: their rules.
        choice: for each row, how many places it could have; large for "as many as there are".
    """
    before = _Before(_keys(rows, groups, choice))
    owners = _by_rule([relations.own for relations in groups.relations])
    seen = _by_rule([relations.seen for relations in groups.relations])
    followed: dict[int, set[int]] = {}
    for g, owning in owners.items():
        if groups.groups[g].rule.kind is Kind.BESIDE:
            before.put(_without(seen.get(g, ()), owning), owning)
            for number in owning:
                followed.setdefault(number, set()).update(seen.get(g, ()))
    for g, owning in owners.items():
        group = groups.groups[g]
        if group.rule.kind is Kind.SPREAD and not group.is_host:
            behind = [n for n, company in followed.items() if company & set(owning)]
            before.put(_without(seen.get(g, ()), [*owning, *behind]), owning)
    return before.order()


def _by_rule(rules: Sequence[Sequence[int]]) -> dict[int, list[int]]:
    """The rows of each rule."""
    out: dict[int, list[int]] = {}
    for number, each in enumerate(rules):
        for g in each:
            out.setdefault(g, []).append(number)
    return out


def _without(rows: Sequence[int], others: Sequence[int]) -> list[int]:
    left_out = set(others)
    return [row for row in rows if row not in left_out]


def _keys(rows: Sequence[Row], groups: Groups, choice: Sequence[int]) -> list[tuple[int, ...]]:
    out: list[tuple[int, ...]] = []
    for number, (row, relations) in enumerate(zip(rows, groups.relations, strict=True)):
        keeps_away = any(
            groups.groups[g].rule.kind is Kind.APART and g not in relations.seen
            for g in relations.own
        )
        out.append((-row.each.sample.priority, choice[number], not keeps_away, number))
    return out


class _Before:
    """A topological order; a stop stands between those who come first and those who wait."""

    def __init__(self, keys: Sequence[tuple[int, ...]]) -> None:
        self._keys = keys
        self._rows = len(keys)
        self._waits = [0] * self._rows  # of each row: stops; behind them, of each stop: rows
        self._after: dict[int, list[int]] = {}
        self._ready: list[tuple[int, ...]] = []

    def put(self, first: Sequence[int], then: Sequence[int]) -> None:
        if not (first and then):
            return
        stop = len(self._waits)
        self._waits.append(len(first))
        self._after[stop] = list(then)
        for number in first:
            self._after.setdefault(number, []).append(stop)
        for number in then:
            self._waits[number] += 1

    def order(self) -> list[int]:
        ordered = sorted(self._keys)
        self._ready = [key for key in ordered if not self._waits[key[-1]]]
        out: list[int] = []
        done = [False] * self._rows
        first = 0
        while len(out) < self._rows:
            while done[ordered[first][-1]]:
                first += 1
            key = heappop(self._ready) if self._ready else ordered[first]
            if not done[key[-1]]:
                done[key[-1]] = True
                out.append(key[-1])
                self._release(key[-1])
        return out

    def _release(self, number: int) -> None:
        for following in self._after.get(number, ()):
            self._waits[following] -= 1
            if self._waits[following] == 0:
                if following < self._rows:
                    heappush(self._ready, self._keys[following])
                else:
                    self._release(following)
