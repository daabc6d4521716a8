"""In which zone each pod goes, before anybody asks on which node.

Rules about company over a label other than the hostname (zones, capacity types, racks) concern the
whole cluster, so they are settled first: a row that some rule concerns is divided over *cells*, the
combinations of those labels' values that it could have. What a rule demands must hold when all pods
are in their places; then there is also an order in which the scheduler admits them. Spread rows
level the counts; rows that others look at are levelled too, so that no zone is closed to others.

    levelled([5, 0, 1], [inf, inf, inf], 7)  ->  [0, 4, 3]

Pure. Ties go to existing room, then the lower price, then the name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf

from nodescaler.core.columns import Mask
from nodescaler.core.groups import Group, Groups, Kind

MOST_LISTED = 4


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """One combination of label values, and where it is to be had.

    Attributes:
        values: of each label that some rule is about.
        nodes, offers: the places of the row in question that have these values.
    """

    values: dict[str, str | None]
    nodes: Mask
    offers: Mask
    name: str = field(init=False)

    def __post_init__(self) -> None:
        texts = (f"{key} {value}" for key, value in sorted(self.values.items()))
        object.__setattr__(self, "name", ", ".join(texts))  # asked for again and again

    def __str__(self) -> str:
        return self.name


def listed(cells: Sequence[Cell]) -> str:
    """The first few cells in words; the values alone where there is one label."""
    first, more = cells[:MOST_LISTED], len(cells) > MOST_LISTED
    keys = {key for cell in first for key in cell.values}
    if len(keys) != 1:
        return "; ".join([*map(str, first), *(["..."] if more else [])])
    (key,) = keys
    values = [str(cell.values[key]) for cell in first]
    return f"{key} {', '.join([*values, *(['...'] if more else [])])}"


@dataclass(frozen=True, slots=True)
class Chance:
    """What a cell has for a row.

    Attributes:
        room: pods that fit on nodes that exist.
        most: pods that may be put on new nodes.
        usd: what a pod pays on a new node an hour; infinite where none can be bought.
    """

    room: int
    most: int
    usd: float

    @property
    def space(self) -> int:
        """How many pods it takes in all."""
        return self.room + (self.most if self.usd < inf else 0)


def concerned(groups: Groups, row: int) -> list[tuple[Group, bool, bool]]:
    """The rules beyond the hostname that concern a row: whether it owns each, and is looked at."""
    relations = groups.relations[row]
    rules = [
        (groups.groups[g], g in relations.own, g in relations.seen)
        for g in sorted({*relations.own, *relations.seen})
        if not groups.groups[g].is_host
    ]
    return [(group, own, seen) for group, own, seen in rules if own or not _is_others_wish(group)]


def _is_others_wish(group: Group) -> bool:
    """Whether the rule keeps nobody but its owners away."""
    return group.rule.is_wish and group.rule.kind is Kind.APART


def share(
    rules: Sequence[tuple[Group, bool, bool]],
    cells: Sequence[Cell],
    chances: Sequence[Chance],
    count: int,
) -> list[int]:
    """How many of *count* pods go to each cell; the rest has no place. The rules are told."""
    for group, own, _ in rules:
        if own and group.rule.kind is Kind.SPREAD:
            values = {
                cell.values[group.rule.key]
                for cell, chance in zip(cells, chances, strict=True)
                if chance.space
            }
            group.places |= {value for value in values if value is not None}
    sharing = _Sharing(rules, cells, chances)
    quick = sharing.level(count) if not any(chance.room for chance in chances) else None
    if quick is not None:
        return quick
    while count and (best := sharing.best()) is not None:
        number = sharing.at_once(best, count)
        sharing.put(best, number)
        count -= number
    return sharing.taken


def levelled(counts: Sequence[int], most: Sequence[float], number: int) -> list[int]:
    """Raise the lowest of *counts* by *number* in all, each by *most* at most.

    >>> levelled([5, 0, 1], [inf, inf, inf], 7), levelled([0, 0], [1, inf], 5)
    ([0, 4, 3], [1, 4])
    """
    added = [0] * len(counts)
    while number:
        open_ = [n for n in range(len(counts)) if added[n] < most[n]]
        if not open_:
            break
        low = min(counts[n] + added[n] for n in open_)
        lowest = [n for n in open_ if counts[n] + added[n] == low]
        higher = [counts[n] + added[n] for n in open_ if counts[n] + added[n] > low]
        rise = min([h - low for h in higher] + [most[n] - added[n] for n in lowest] + [number])
        each = max(min(int(rise), number // len(lowest)), 1)
        for n in lowest[:number]:
            added[n] += each
            number -= each
    return added


class _Sharing:
    """One row being divided."""

    def __init__(
        self,
        rules: Sequence[tuple[Group, bool, bool]],
        cells: Sequence[Cell],
        chances: Sequence[Chance],
    ) -> None:
        self._rules = rules
        self._where = [[_value(cell, group, own=own) for cell in cells] for group, own, _ in rules]
        self._chances = chances
        self._room = [chance.room for chance in chances]
        self.taken = [0] * len(cells)

    # -------------------------------------------------------------- one at a time

    def best(self) -> int | None:
        """The cell for the next pod."""
        free = [z for z in range(len(self.taken)) if self._has_space(z) and self._allowed(z)]
        return min(free, key=self._score, default=None)

    def _has_space(self, z: int) -> bool:
        return self.taken[z] < self._chances[z].space

    def _allowed(self, z: int) -> bool:
        return all(
            _may_own(group, where[z], seen=seen) if own else _may_be_seen(group, where[z])
            for (group, own, seen), where in zip(self._rules, self._where, strict=True)
        ) and all(
            _may_be_seen(group, where[z])
            for (group, own, seen), where in zip(self._rules, self._where, strict=True)
            if own and seen
        )

    def _score(self, z: int) -> tuple[int, int, int, int, float, int]:
        spoils, together, level = 0, 0, 0
        for (group, own, seen), where in zip(self._rules, self._where, strict=True):
            value = where[z] or ""
            if group.rule.kind is Kind.APART:
                together += own and not seen and not group.owners.get(value, 0)
            elif seen:
                level += group.count.get(value, 0)
                spoils += not own and _is_full(group, value)
        no_room = self._room[z] <= self.taken[z]
        return (spoils, no_room, together, level or self.taken[z], self._chances[z].usd, z)

    def at_once(self, z: int, count: int) -> int:
        """How many may go to the chosen cell before another look."""
        if len(self.taken) > 1 and any(
            group.rule.kind is not Kind.BESIDE for group, _, _ in self._rules
        ):
            return 1
        if any(own and group.rule.kind is not Kind.BESIDE for group, own, _ in self._rules):
            return 1
        others = [o for o in range(len(self.taken)) if o != z and self._may_follow(o)]
        return min(count, self._chances[z].space - self.taken[z]) if not others else 1

    def _may_follow(self, z: int) -> bool:
        """Whether a cell could still be used once a pod has gone somewhere else."""
        return all(
            not own or group.count.get(where[z] or "", 0)
            for (group, own, _), where in zip(self._rules, self._where, strict=True)
        )

    def put(self, z: int, number: int) -> None:
        self.taken[z] += number
        for (group, own, seen), where in zip(self._rules, self._where, strict=True):
            value = where[z]
            if value is not None:
                group.count[value] += number if seen else 0
                group.owners[value] += number if own else 0
                group.both[value] += number if own and seen else 0

    # -------------------------------------------------------------- all at once

    def level(self, count: int) -> list[int] | None:
        """Level in one step where no rule over one label asks for more than that; else None."""
        keys = {group.rule.key for group, _, _ in self._rules}
        plain = all(
            group.rule.kind is Kind.SPREAD or (group.rule.kind is Kind.BESIDE and not own)
            for group, own, _ in self._rules
        )
        if len(keys) != 1 or not plain:
            return None
        where, *others = {tuple(values) for values in self._where}
        if others or len(set(where)) != len(where) or None in where:
            return None
        order = [z for z in range(len(where)) if self._chances[z].space]
        order.sort(key=lambda z: (self._chances[z].usd, z))
        counts = [
            sum(g.count.get(where[z] or "", 0) for g, _, s in self._rules if s) for z in order
        ]
        reach = [where[z] for z in order]
        most = [min([self._chances[z].space, *self._caps(where[z] or "", reach)]) for z in order]
        added = dict(zip(order, levelled(counts, most, count), strict=True))
        if not all(_in_bounds(g, where, added) for g, own, seen in self._rules if own and seen):
            return None
        for z, number in added.items():
            self.put(z, number)
        return self.taken

    def _caps(self, value: str, where: Sequence[str | None]) -> list[float]:
        """How many more each owned rule allows at *value*, given the places beyond reach."""
        out: list[float] = []
        for group, own, seen in self._rules:
            if own:
                outside = {p: group.count.get(p, 0) for p in group.places if p not in where}
                if not seen:
                    out.append(0 if _is_over(group, value) else inf)
                elif outside or _lacks_places(group):
                    least = 0 if _lacks_places(group) else min(outside.values())
                    out.append(max(least + _skew(group) - group.count.get(value, 0), 0))
        return out


def _value(cell: Cell, group: Group, *, own: bool) -> str | None:
    """The place of a cell as the rule sees it; None where the rule does not count."""
    everywhere = own or group.rule.kind is not Kind.SPREAD or group.is_everywhere
    if everywhere or (cell.offers & group.offers).any() or (cell.nodes & group.nodes).any():
        return cell.values[group.rule.key]
    return None


def counted(rules: Sequence[tuple[Group, bool, bool]], cells: Sequence[Cell]) -> list[Cell]:
    """The cells, without the offers of each that a spread would not count while it counts others.

    So that it is known which pods count, whichever of its offers a node is bought as.
    """
    out = list(cells)
    for group, own, _ in rules:
        if own or group.rule.kind is not Kind.SPREAD or group.is_everywhere:
            continue
        for n, cell in enumerate(out):
            inside = cell.offers & group.offers
            if inside.any() and (inside != cell.offers).any():
                out[n] = Cell(cell.values, cell.nodes, inside)
    return out


def is_kept(group: Group, without: Mapping[str, int], fewer: Mapping[str, int]) -> bool:
    """Whether planned owners of a rule are still content when some pods found no node after all.

    Args:
        group: as it was told of all pods.
        without: how many pods looked at are missing, by the value of the label.
        fewer: how many owners.
    """
    counts = {p: n - without.get(p, 0) for p, n in group.count.items()}
    there = [p for p, n in group.owners.items() if n - fewer.get(p, 0) > 0]
    if group.rule.kind is Kind.BESIDE:
        others = {p: n - group.both.get(p, 0) + min(without.get(p, 0), fewer.get(p, 0))
                  for p, n in counts.items()}  # fmt: skip
        here = [p for p in there if others.get(p, 0) <= 0]  # nobody there but owners themselves
        alone = sum(counts.values()) == sum(counts.get(p, 0) for p in here)
        return not here or (alone and len(here) == 1 and counts.get(here[0], 0) > 0)
    if group.rule.kind is not Kind.SPREAD:
        return True
    low = 0 if _lacks_places(group) else min((counts.get(p, 0) for p in group.places), default=0)
    return all(counts.get(p, 0) <= low + _skew(group) for p in there)


def _skew(group: Group) -> int:
    return group.rule.spread.max_skew if group.rule.spread is not None else 0


def _lacks_places(group: Group) -> bool:
    spread = group.rule.spread
    return spread is not None and len(group.places) < spread.min_domains


def least(group: Group) -> int:
    """The global minimum of a spread, as the scheduler takes it."""
    if _lacks_places(group):
        return 0
    return min((group.count.get(place, 0) for place in group.places), default=0)


def _in_bounds(group: Group, where: Sequence[str | None], added: Mapping[int, int]) -> bool:
    """Whether a spread holds once so many of its pods have been added to each cell."""
    after = {where[z] or "": number for z, number in added.items()}
    counts = {p: group.count.get(p, 0) + after.get(p, 0) for p in group.places}
    low = 0 if _lacks_places(group) else min(counts.values(), default=0)
    return all(counts.get(p, 0) <= low + _skew(group) for p, number in after.items() if number)


def _is_full(group: Group, value: str) -> bool:
    """Whether one more pod there would put planned owners out of bounds."""
    if group.rule.kind is not Kind.SPREAD or not group.owners.get(value, 0):
        return False
    return group.count.get(value, 0) + 1 > least(group) + _skew(group)


def _is_over(group: Group, value: str) -> bool:
    return group.count.get(value, 0) > least(group) + _skew(group)


def _may_own(group: Group, value: str | None, *, seen: bool) -> bool:
    """Whether one more owner may go where the label has *value*."""
    if group.rule.kind is Kind.APART:
        return value is None or not group.count.get(value, 0)
    if value is None:
        return False
    if group.rule.kind is Kind.SPREAD:
        return group.count.get(value, 0) + seen <= least(group) + _skew(group)
    return bool(group.count.get(value, 0)) or (seen and not any(group.count.values()))


def _may_be_seen(group: Group, value: str | None) -> bool:
    """Whether a pod that the rule looks at may go where the label has *value*."""
    return group.rule.kind is not Kind.APART or value is None or not group.owners.get(value, 0)
