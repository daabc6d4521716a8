"""Attempt after attempt until nothing stands in the way that could give way.

    settled   spreads count every place where the plan has nodes
    relaxed   pods that found no place give up one wish, those of a class that need to
    sound     who would be left without the company it needs gives up a wish, or stays out
    capped    a zone that sold out is asked for no more than it has

Each of these changes what the next attempt is told, never its answer. There is no backtracking.

Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from nodescaler.core.asks import Wishes, ask_of
from nodescaler.core.attempt import attempt
from nodescaler.core.batch import Row
from nodescaler.core.classes import PodClass
from nodescaler.core.columns import Mask
from nodescaler.core.groups import Group, Kind, Rule
from nodescaler.core.market.work import never
from nodescaler.core.outcome import Extra, Outcome, World

MOST_ROUNDS = 32
MOST_CAPPED = 6  # attempts at zones that have too little to sell
MOST_PLACES = 3  # attempts at spreads whose places turn out to be more than was thought


@dataclass(slots=True, eq=False)
class State:
    """What has been learned so far.

    Attributes:
        levels: for each class, how many of its pods have given up how many wishes.
        excluded: classes of incomplete gangs, and why.
        extra: places that spreads must count.
        dropped: rows (class and level) whose company would not be there, and why.
    """

    levels: list[dict[int, int]]
    excluded: dict[int, str] = field(default_factory=dict)
    extra: dict[Rule, frozenset[str]] = field(default_factory=dict)
    dropped: dict[tuple[int, int], str] = field(default_factory=dict)

    def copy(self) -> State:
        return State(
            [dict(each) for each in self.levels],
            dict(self.excluded),
            dict(self.extra),
            dict(self.dropped),
        )


Found = tuple[State, Outcome]


class Rounds:
    """All attempts of one plan.

    Once the deadline has come, wishes are given up no more; what an attempt under way had to leave
    out waits for the next plan. Attempts that only keep the plan right are made all the same.

    Args:
        world: what there is.
        classes: of the pods; those with a fault are never tried.
        wishes: of each class.
    """

    def __init__(self, world: World, classes: Sequence[PodClass], wishes: Sequence[Wishes]) -> None:
        self._world = world
        self._late = replace(world, stop=never, settings=replace(world.settings, budget_s=0.0))
        self._classes = classes
        self._wishes = wishes
        self._started = False

    def settled(self, state: State) -> Found:
        """Attempts until no wish stands in the way and every spread counts what there is."""
        state, outcome = self._relaxed(state)
        for _ in range(MOST_PLACES):
            found = _uncounted(outcome, self._world)
            if not found:
                break
            state = state.copy()
            for rule, places in found.items():
                state.extra[rule] = state.extra.get(rule, frozenset()) | places
            state, outcome = self._relaxed(state)
        return state, outcome

    def _relaxed(self, state: State) -> Found:
        found = self._sound(state)
        for _ in range(MOST_ROUNDS):
            given = self._given_up(*found)
            if given is None or self._world.stop():
                break
            again = self._sound(given)
            if self._world.stop():  # it may have been cut short: the one before is whole
                break
            found = again
        return found

    def _sound(self, state: State) -> Found:
        """Place everything; who would be left without the company it needs stays out."""
        state = state.copy()
        outcome = self._capped(state)
        while broken := outcome.broken:
            for number in sorted(broken):
                self._let_go(state, outcome, number)
            outcome = self._capped(state)
        return state, outcome

    def _let_go(self, state: State, outcome: Outcome, number: int) -> None:
        """One wish less for a row whose rules do not hold; without wishes it stays out."""
        row = outcome.rows[number]
        if row.level < len(self._wishes[row.position]):
            levels = state.levels[row.position]
            levels[row.level + 1] = levels.get(row.level + 1, 0) + levels.pop(row.level)
            return
        rules = outcome.groups.relations[number].own
        words = ", ".join(str(outcome.groups.groups[g].rule) for g in rules)
        state.dropped[row.position, row.level] = f"{words}: others found no place that keeps it"

    def _capped(self, state: State) -> Outcome:
        """Place everything; again where a zone turned out to have too little to sell."""
        rows = list(self._rows(state))
        caps: dict[tuple[int, int, str], int] = {}
        world = self._late if self._started and self._world.stop() else self._world
        self._started = True
        outcome = best = attempt(world, rows, state.extra, caps)
        for _ in range(MOST_CAPPED):
            known = dict(caps)
            for (number, place), short in outcome.short.items():
                if short and place:
                    row = rows[number]
                    caps[row.position, row.level, place] = outcome.bought[number, place]
            if caps == known or self._world.stop():
                break
            outcome = attempt(world, rows, state.extra, caps)
            best = min((best, outcome), key=_placed_for_good)
        return best

    def _rows(self, state: State) -> Iterator[Row]:
        for position, levels in enumerate(state.levels):
            if position in state.excluded or fault_of(self._classes[position]):
                continue
            for level, count in sorted(levels.items()):
                if count and (position, level) not in state.dropped:
                    yield self._row(position, level, count)

    def _row(self, position: int, level: int, count: int) -> Row:
        each = self._classes[position]
        ask = ask_of(each, self._wishes[position].without(level))
        return Row(position, each, ask, level, count)

    def _given_up(self, state: State, outcome: Outcome) -> State | None:
        """One wish less for the pods that found no place; None where none has one left."""
        given: State | None = None
        for row, left in zip(outcome.rows, outcome.left, strict=True):
            if left and row.level < len(self._wishes[row.position]):
                given = given or state.copy()
                levels = given.levels[row.position]
                levels[row.level] -= left
                levels[row.level + 1] = levels.get(row.level + 1, 0) + left
        return given


def _placed_for_good(outcome: Outcome) -> tuple[int, bool]:
    """Sorts before: fewer pods that have no place, or will lose it to the rules that are broken."""
    broken = outcome.broken
    pairs = zip(outcome.rows, outcome.left, strict=True)
    lost = sum(row.count if n in broken else left for n, (row, left) in enumerate(pairs))
    return lost, bool(broken)


def fault_of(each: PodClass) -> str:
    """Why no plan can place such pods at all; empty when one could."""
    faults = [volume.fault for volume in each.volumes if volume.fault]
    return each.sample.unplannable or (faults[0] if faults else "")


def _uncounted(outcome: Outcome, world: World) -> Extra:
    """Places of new nodes that a spread with planned owners has to count and did not."""
    out: dict[Rule, frozenset[str]] = {}
    chosen = {
        turn.purchase.options.cheapest(node)
        for turn in outcome.turns
        for node in turn.purchase.draft.nodes
    }
    offers = sorted(chosen)
    for group in _planned_spreads(outcome):
        column = world.offers.columns.column(group.rule.key)
        there = {column.values[int(column.codes[n])] for n in offers if group.offers[n]}
        new = frozenset(value for value in there if value is not None) - group.places
        if new:
            out[group.rule] = new
    return out


def new_places(outcome: Outcome, world: World) -> Mask:
    """Offers in places that some spread with planned owners does not count."""
    out = np.zeros(len(world.offers), bool)
    for group in _planned_spreads(outcome):
        column = world.offers.columns.column(group.rule.key)
        new = [value is not None and value not in group.places for value in column.values]
        out |= group.offers & np.array(new, bool)[column.codes]
    return out


def _planned_spreads(outcome: Outcome) -> Iterator[Group]:
    for group in outcome.groups.groups:
        is_spread = group.rule.kind is Kind.SPREAD and not group.is_host
        if is_spread and any(group.owners.values()):
            yield group
