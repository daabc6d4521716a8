"""What an attempt starts from and what comes of it: values of `core.attempt`.

Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from nodescaler.core.batch import Row
from nodescaler.core.bins import Item
from nodescaler.core.buying import Purchase
from nodescaler.core.columns import Ints, Mask
from nodescaler.core.domains import is_kept
from nodescaler.core.groups import Group, Groups, Rule
from nodescaler.core.limits import Limits
from nodescaler.core.model import Snapshot
from nodescaler.core.nodes import Nodes
from nodescaler.core.offers import Offers
from nodescaler.core.settings import PackSettings

Extra = Mapping[Rule, frozenset[str]]
Caps = Mapping[tuple[int, int, str], int]  # class, level, cell
Rules = Sequence[tuple[Group, bool, bool]]  # and whether a row owns it, and is looked at


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """What stays the same over all attempts of a plan.

    Attributes:
        names: the resources, in the order of all vectors.
        promised: for each class, how many of its pods were planned for which node before.
    """

    snapshot: Snapshot
    settings: PackSettings
    names: tuple[str, ...]
    nodes: Nodes
    offers: Offers
    promised: tuple[Mapping[int, int], ...]
    stop: Callable[[], bool]


@dataclass(frozen=True, slots=True, eq=False)
class Turn:
    """What the pools of one weight bought, for the items as they were on their turn."""

    items: tuple[Item, ...]
    purchase: Purchase


@dataclass(slots=True, eq=False)
class Outcome:
    """Where the rows' pods are.

    Attributes:
        existing: for each node that takes some, pods by row.
        left: pods of each row that have no place.
        why: for rows with such pods, what stood in the way, where it is known already.
        need, static: what one pod of each row takes, and the offers that its own demands allow.
        kept: pods of each row that stay where they were planned before.
        bought, short: pods of a row and a cell that got a new node, and that did not.
        limits: what they leave after all turns.
        where: the labels of each cell, by its name.
    """

    rows: Sequence[Row]
    groups: Groups
    limits: Limits
    left: list[int]
    existing: dict[int, dict[int, int]] = field(default_factory=dict)
    turns: list[Turn] = field(default_factory=list)
    why: dict[int, str] = field(default_factory=dict)
    need: dict[int, Ints] = field(default_factory=dict)
    static: dict[int, Mask] = field(default_factory=dict)
    kept: dict[int, int] = field(default_factory=dict)
    bought: dict[tuple[int, str], int] = field(default_factory=dict)
    short: dict[tuple[int, str], int] = field(default_factory=dict)
    where: dict[str, dict[str, str | None]] = field(default_factory=dict)

    @property
    def broken(self) -> set[int]:
        """Rows whose rules do not hold now that all is placed, or found no new node after all."""
        without: dict[int, dict[str, int]] = {}
        fewer: dict[int, dict[str, int]] = {}
        for (row, place), short in self.short.items():
            if short and place:
                relations, values = self.groups.relations[row], self.where[place]
                self._missing(without, relations.seen, values, short)
                self._missing(fewer, relations.own, values, short)
        rules = {
            g
            for g, group in enumerate(self.groups.groups)
            if not group.is_host and not is_kept(group, without.get(g, {}), fewer.get(g, {}))
        }
        return {n for n, each in enumerate(self.groups.relations) if rules & set(each.own)}

    def _missing(
        self,
        found: dict[int, dict[str, int]],
        rules: Sequence[int],
        values: Mapping[str, str | None],
        short: int,
    ) -> None:
        for g in rules:
            value = values.get(self.groups.groups[g].rule.key)
            if value is not None:
                missing = found.setdefault(g, {})
                missing[value] = missing.get(value, 0) + short
