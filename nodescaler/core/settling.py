"""The part of an attempt before any pool is asked: rows into zones, onto nodes, into bundles.

Pods that were planned before go back to their node first. Then each row in its turn is divided over
the zones, if a rule asks for that, and fills the nodes that are there; a row that found no place
because its company was not there yet, or a zone was ahead, is looked at again.

Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf

import numpy as np

from nodescaler.core.asks import NO_WISHES, ask_of
from nodescaler.core.batch import Places, Row, in_order, need_of, shared_of
from nodescaler.core.bins import Bins, Item, Stand, stands_of
from nodescaler.core.bundles import Bundle, Members, Part, at_peace, bundled
from nodescaler.core.columns import Ints, Mask
from nodescaler.core.domains import Cell, Chance, concerned, counted, listed, share
from nodescaler.core.groups import Group, Groups, Kind, Relations
from nodescaler.core.limits import limits_of
from nodescaler.core.outcome import Caps, Outcome, Rules, World

MOST_CHOICE = 2**30


@dataclass(frozen=True, slots=True, eq=False)
class _Want:
    """A row with all that does not change while others are placed."""

    item: Item
    nodes: Mask
    rules: list[tuple[Group, bool, bool]]
    cells: tuple[Cell, ...]
    choice: int

    @property
    def looked_at(self) -> set[int]:
        """The columns of the hostname rules that look at the row."""
        return {stand.column for stand in self.item.stands if stand.seen}


class Settling:
    """One attempt's; `settle_all`, then `items`."""

    def __init__(self, world: World, rows: Sequence[Row], groups: Groups, caps: Caps) -> None:
        nodes = world.nodes
        self._world, self._rows, self._groups = world, rows, groups
        self._caps = caps
        self._places = Places(nodes, world.offers, groups)
        self._parts: dict[tuple[int, str], int] = {}
        self._masks: dict[tuple[int, str], Mask] = {}
        self._wanted: list[_Want] = []
        self._ranks: list[int] = []
        self._known: dict[tuple[tuple[Relations, int], ...], tuple[Stand, ...]] = {}
        self.bins = Bins(
            nodes.forked().free, groups.host_count, groups.host_owners,
            [set(each) for each in nodes.handles], size=len(nodes),
        )  # fmt: skip
        limits = limits_of(world.offers, world.snapshot.usage)
        self.outcome = Outcome(rows, groups, limits, [row.count for row in rows])

    # -------------------------------------------------------------- rows

    def settle_all(self) -> None:
        """Every row in its turn; those that wait for company or a turn of a spread once more."""
        needs = [need_of(row, self._world.names) for row in self._rows]
        self._wanted = [
            self._want(number, row, need)
            for number, (row, need) in enumerate(zip(self._rows, needs, strict=True))
        ]
        self._ranks = _ranks(self._rows, self._groups)
        waiting = in_order(self._rows, self._groups, [each.choice for each in self._wanted])
        promised = [dict(held) for held in self._world.promised]
        counts = {n: self._kept(n, promised[self._rows[n].position]) for n in waiting}
        while waiting and not self._world.stop():
            waiting = [number for number in waiting if counts[number]]
            rest = {number: self._settle(number, counts[number]) for number in waiting}
            if sum(rest.values()) == sum(counts[number] for number in waiting):
                return
            waiting, counts = [number for number in waiting if rest[number]], rest

    def _kept(self, number: int, promised: dict[int, int]) -> int:
        """Place the pods that were planned for some node before there; how many are left.

        Wishes do not count: they were heeded, or given up, when the pods were planned.
        """
        row = self._rows[number]
        if not promised:
            return row.count
        item, nodes, rules = self._bare(number)
        wished = set(self._today(number).stands) - set(item.stands)
        most = np.zeros(len(nodes), np.int64)
        most[list(promised)] = list(promised.values())
        fits = np.where(nodes, np.minimum(self.bins.fits(item), most), 0)
        if any(stand.first for stand in item.stands):  # nobody of them is anywhere yet
            fits = np.where(np.arange(len(fits)) == int(fits.argmax()), fits, 0)
        rest = row.count
        for where, count in self._divided(item, nodes, rules, fits, rest):
            taken = self.bins.fill(item, np.where(where, fits, 0), count)
            used = np.flatnonzero(taken)
            self.bins.count_only(tuple(wished), used, taken[used])
            for n in used.tolist():
                promised[n] -= int(taken[n])
            rest -= int(taken.sum())
        self.outcome.left[number] -= row.count - rest
        self.outcome.kept[number] = row.count - rest
        return rest

    def _bare(self, number: int) -> tuple[Item, Mask, Rules]:
        """The row without its wishes: its item, its nodes and the rules about zones."""
        bare = ask_of(self._rows[number].each, NO_WISHES)
        nodes, _ = self._places.labelled(bare.alternatives, bare.tolerations, bare.hard_only)
        item = self._today(number)
        groups = self._groups.groups
        wished = {group.column for group in groups if group.is_host and group.rule.is_wish}
        stands = tuple(stand for stand in item.stands if stand.column not in wished)
        rules = [
            (g, own, seen) for g, own, seen in self._wanted[number].rules if not g.rule.is_wish
        ]
        return replace(item, stands=stands), nodes, rules

    def _divided(
        self, item: Item, nodes: Mask, rules: Rules, fits: Ints, count: int
    ) -> list[tuple[Mask, int]]:
        """How many pods may go to which of *nodes*, zone by zone where rules ask for that."""
        if not rules:
            return [(nodes, count)]
        keys = tuple(sorted({group.rule.key for group, _, _ in rules}))
        cells = self._places.cells(nodes, item.offers, keys)
        chances = [Chance(int(fits[cell.nodes].sum()), 0, inf) for cell in cells]
        shares = share(rules, cells, chances, min(count, int(fits.sum())))
        return [(cell.nodes, each) for cell, each in zip(cells, shares, strict=True)]

    def _want(self, number: int, row: Row, need: Ints) -> _Want:
        nodes, offers = self._places.of(number, row, need)
        self.outcome.need[number], self.outcome.static[number] = need, offers
        item = self._item(number, need, offers)
        rules = concerned(self._groups, number)
        if not rules:
            choice = MOST_CHOICE if offers.any() else 0
            return _Want(item, nodes, rules, (), choice)
        keys = tuple(sorted({group.rule.key for group, _, _ in rules}))
        cells = tuple(counted(rules, self._places.cells(nodes, offers, keys)))
        return _Want(item, nodes, rules, cells, len(cells) if offers.any() else 0)

    def _settle(self, number: int, count: int) -> int:
        """Divide a row over its cells, and fill the nodes that are there; how many are left."""
        want = self._wanted[number]
        if not want.rules:
            self._put(number, count, (want.nodes, want.item.offers), "")
            return 0
        led, item = self._led(number, want), self._today(number)
        chances = [self._chance(number, item, cell, led) for cell in want.cells]
        taken = share(want.rules, want.cells, chances, count)
        for cell, each in zip(want.cells, taken, strict=True):
            if each:
                self.outcome.where[cell.name] = cell.values
                self._put(number, each, (cell.nodes, cell.offers), cell.name)
        rest = count - sum(taken)
        self.outcome.why.pop(number, None)
        if rest:
            self.outcome.why[number] = _hindrance(want.rules, want.cells)
        return rest

    def _item(self, number: int, need: Ints, offers: Mask) -> Item:
        row, members = self._rows[number], ((number, 1),)
        return Item(
            members,
            row.count,
            need,
            offers,
            self._stands(members),
            row.each.sample.priority,
            shared_of(row, self._world.names),
        )

    def _stands(self, members: Members) -> tuple[Stand, ...]:
        relations = [self._groups.relations[row] for row, _ in members]
        if not any(each.own or each.seen for each in relations):
            return ()
        key = tuple((each, n) for each, (_, n) in zip(relations, members, strict=True))
        if key not in self._known:
            own, seen = [each.own for each in relations], [each.seen for each in relations]
            self._known[key] = stands_of(self._groups.groups, members, own, seen)
        return self._known[key]

    def _led(self, number: int, want: _Want) -> set[str]:
        """The cells where the company waits that a row must share a node with; else all of them."""
        cells = {cell.name for cell in want.cells}
        ties = {s.column for s in want.item.stands if s.kind is Kind.BESIDE and s.own}
        if not ties:
            return cells
        leaders = {row for row, each in enumerate(self._wanted) if each.looked_at & ties}
        led = {place for row, place in self._parts if row in leaders and row != number}
        return (led & cells) or cells

    def _chance(self, number: int, item: Item, cell: Cell, led: set[str]) -> Chance:
        row, room = self._rows[number], 0
        if len(self._world.nodes) and cell.nodes.any():
            room = int(np.minimum(self.bins.fits(item), item.count)[cell.nodes].sum())
        most = self._caps.get((row.position, row.level, cell.name), MOST_CHOICE)
        most = most - self._parts.get((number, cell.name), 0) if cell.name in led else 0
        return Chance(room, max(most, 0), self._places.unit_usd(cell, item.need))

    def _put(self, number: int, count: int, where: tuple[Mask, Mask], place: str) -> None:
        """Fill existing nodes; what is left waits for new ones."""
        nodes, offers = where
        rest = count - self._existing(self._today(number), nodes, count)
        self.outcome.left[number] -= count - rest
        if rest and offers.any():
            self._parts[number, place] = self._parts.get((number, place), 0) + rest
            self._masks[number, place] = offers

    def _today(self, number: int) -> Item:
        """The row's item; it may be the first of its kind somewhere if nobody is there yet."""
        item = self._wanted[number].item
        if not any(stand.kind is Kind.BESIDE and self._is_first(stand) for stand in item.stands):
            return item
        stands = [replace(stand, first=self._is_first(stand)) for stand in item.stands]
        return replace(item, stands=tuple(stands))

    def _existing(self, item: Item, nodes: Mask, count: int) -> int:
        if not len(nodes) or not nodes.any():
            return 0
        fits = np.where(nodes, self.bins.fits(item), 0)
        if any(stand.first for stand in item.stands):  # all on one node, or on a larger new one
            best = int(fits.argmax())
            if fits[best] < min(count, int(self._places.fits(item.need).max(initial=0))):
                return 0
            fits = np.where(np.arange(len(fits)) == best, fits, 0)
        return int(self.bins.fill(item, fits, count).sum())

    def _is_first(self, stand: Stand) -> bool:
        """Whether it may come to a place where none of its company is, since it is nowhere."""
        here = stand.kind is Kind.BESIDE and stand.own and bool(stand.seen)
        return here and not self.bins.count[stand.column].any()

    # -------------------------------------------------------------- what new nodes must hold

    def items(self) -> list[Item]:
        parts = [Part(row, place, n) for (row, place), n in sorted(self._parts.items())]
        bundles = bundled(parts, self._groups, self._holds)
        lost = dict(self._parts)
        for each in bundles:
            for row, number in each.members:
                place = each.place if (row, each.place) in lost else ""
                lost[row, place] -= number * each.copies
        for key, count in lost.items():  # tied to company that is not there
            self.outcome.short[key] = count
            self.outcome.bought[key] = 0
        return [self._bundle(each) for each in bundles]

    def _bundle(self, each: Bundle) -> Item:
        need = self._need(each.members)
        priority = max(self._ranks[row] for row, _ in each.members)
        stands = self._stands_of(each.members)
        offers = self._accepting(each.members, each.place)
        return Item(each.members, each.copies, need, offers, stands, priority, place=each.place)

    def _stands_of(self, members: Members) -> tuple[Stand, ...]:
        """What a bundle still asks of its node: not the company that it brings along."""
        row, number = members[0]
        is_pod = len(members) == 1 and number == 1
        stands = self._wanted[row].item.stands if is_pod else self._stands(members)
        return tuple(s for s in stands if s.kind is not Kind.BESIDE) if stands else stands

    def _need(self, members: Members) -> Ints:
        """What a bundle takes; a shared volume as if each of its pods attached it."""
        if len(members) == 1 and members[0][1] == 1 and not self._wanted[members[0][0]].item.shared:
            return self._wanted[members[0][0]].item.need
        out = np.zeros(len(self._world.names), np.int64)
        for row, number in members:
            item = self._wanted[row].item
            out += item.need * number
            for _, column in item.shared:
                out[column] += number
        return out

    def _accepting(self, members: Members, place: str) -> Mask:
        masks = [
            self._masks[row, place] if (row, place) in self._masks else self._masks[row, ""]
            for row, _ in members
        ]
        return masks[0] if len(masks) == 1 else np.logical_and.reduce(masks)

    def _holds(self, members: Members) -> bool:
        """Whether some offer holds such a bundle, wherever, and its pods bear each other."""
        if not at_peace(members, self._groups):
            return False
        need = self._need(members)
        masks = [self.outcome.static[row] for row, _ in members]
        good = np.logical_and.reduce(masks) & (self._world.offers.free >= need).all(axis=1)
        return bool(good.any())


def _ranks(rows: Sequence[Row], groups: Groups) -> list[int]:
    """The priority of each row, or of those who cannot run without it if that is higher."""
    ranks = [row.each.sample.priority for row in rows]
    needed: dict[int, int] = {}
    for rank, relations in zip(ranks, groups.relations, strict=True):
        for g in relations.own:
            rule = groups.groups[g].rule
            if rule.kind is Kind.BESIDE and not rule.is_wish:
                needed[g] = max(rank, needed.get(g, rank))
    return [
        max([rank, *(needed[g] for g in relations.seen if g in needed)])
        for rank, relations in zip(ranks, groups.relations, strict=True)
    ]


def _hindrance(rules: Sequence[tuple[Group, bool, bool]], cells: Sequence[Cell]) -> str:
    owned = [str(group.rule) for group, own, _ in rules if own]
    others = [f"{group.rule} of another pod" for group, own, _ in rules if not own]
    nearest = f"; all else would allow {listed(cells)}" if cells else ""
    return f"{', '.join(owned or others)} leaves no place{nearest}"
