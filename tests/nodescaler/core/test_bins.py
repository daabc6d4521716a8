"""Bins: what fits is what may be put one after the other; undo and forks leave no trace."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nodescaler.core.bins import Bins, Item, Stand, stands_of
from nodescaler.core.demands import PodTerm, Spread
from nodescaler.core.groups import Group, Kind, Rule
from nodescaler.core.labels import HOSTNAME, ZONE, Requirements

RESOURCES = 3  # the last is the limit of volumes
ATTACHED = RESOURCES - 1
HANDLES = ("u", "v", "w")
MOST_TRIED = 12


# ---------------------------------------------------------------- what may be put, in plain words


@dataclass
class Plain:
    """One bin as plain values."""

    free: list[int]
    count: list[int]
    owners: list[int]
    handles: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, bins: Bins, n: int) -> Plain:
        handles = set(bins.handles[n]) if bins.handles else set[str]()
        free, count = bins.free[n].tolist(), bins.count[:, n].tolist()
        return cls(free, count, bins.owners[:, n].tolist(), handles)

    def takes(self, item: Item) -> bool:
        """Whether one more of *item* may go here."""
        return self._has_room(item) and all(self._allows(stand) for stand in item.stands)

    def _has_room(self, item: Item) -> bool:
        need = item.need.tolist()
        for handle, column in item.shared:
            need[column] += handle not in self.handles
        return all(asked <= free for asked, free in zip(need, self.free, strict=True) if asked)

    def _allows(self, stand: Stand) -> bool:
        count, owners = self.count[stand.column], self.owners[stand.column]
        if stand.kind is Kind.BESIDE:
            return not stand.own or stand.first or count > 0
        if stand.kind is Kind.APART:
            among_themselves = stand.own and stand.seen > 1
            return not ((stand.own and count) or (stand.seen and owners) or among_themselves)
        heeds = stand.own or owners > 0
        return not heeds or count + stand.seen <= stand.most

    def put(self, item: Item) -> None:
        for column, asked in enumerate(item.need.tolist()):
            self.free[column] -= asked
        for handle, column in item.shared:
            self.free[column] -= handle not in self.handles
            self.handles.add(handle)
        for stand in item.stands:
            self.count[stand.column] += stand.seen
            self.owners[stand.column] += stand.own


def most(bins: Bins, n: int, item: Item) -> int:
    """How many of *item* go into a bin one after the other."""
    plain = Plain.of(bins, n)
    for number in range(MOST_TRIED):
        if not plain.takes(item):
            return number
        plain.put(item)
    return MOST_TRIED


# ---------------------------------------------------------------- generated bins and items

KINDS = st.sampled_from(Kind)


@st.composite
def rules(draw: st.DrawFn) -> list[tuple[Kind, int]]:
    """The kind of each hostname rule, and how many pods a spread allows on a node."""
    return draw(st.lists(st.tuples(KINDS, st.integers(1, 3)), max_size=3))


@st.composite
def items(draw: st.DrawFn, chosen: list[tuple[Kind, int]], *, share: bool = True) -> Item:
    stands = []
    for column, (kind, allowed) in enumerate(chosen):
        own, seen = draw(st.booleans()), draw(st.integers(0, 2))
        if own or seen:
            first = kind is Kind.BESIDE and draw(st.booleans())
            stands.append(Stand(column, kind, own, seen, allowed, first))
    handles = draw(st.frozensets(st.sampled_from(HANDLES), max_size=2)) if share else ()
    return Item(
        members=((draw(st.integers(0, 3)), 1),),
        count=draw(st.integers(1, 9)),
        need=np.array(draw(st.lists(st.integers(0, 3), min_size=3, max_size=3)), np.int64),
        stands=tuple(stands),
        shared=tuple((handle, ATTACHED) for handle in sorted(handles)),
    )


@st.composite
def stages(draw: st.DrawFn) -> tuple[Bins, list[Item]]:
    """Some bins that are partly used, and items to put into them."""
    chosen = draw(rules())
    size = draw(st.integers(0, 4))

    def table(low: int, high: int, *shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
        number = int(np.prod(shape))
        cells = st.lists(st.integers(low, high), min_size=number, max_size=number)
        return np.array(draw(cells), np.int64).reshape(shape)

    handles = [set(draw(st.frozensets(st.sampled_from(HANDLES)))) for _ in range(size)]
    bins = Bins(
        table(-1, 9, size, RESOURCES),
        table(0, 2, len(chosen), size),
        table(0, 1, len(chosen), size),
        handles,
        size=size,
    )
    return bins, draw(st.lists(items(chosen), max_size=6))


def state(bins: Bins) -> object:
    size = bins.size
    arrays = (bins.free[:size], bins.count[:, :size], bins.owners[:, :size])
    return ([each.tobytes() for each in arrays], [set(each) for each in bins.handles],
            len(bins.steps), size)  # fmt: skip


# ---------------------------------------------------------------- laws


@given(stages())
def test_as_many_fit_as_may_be_put_one_after_the_other(stage: tuple[Bins, list[Item]]) -> None:
    bins, waiting = stage
    for item in waiting:
        fits = np.minimum(bins.fits(item), MOST_TRIED).tolist()
        assert fits == [most(bins, n, item) for n in range(bins.size)]
        bins.fill(item, bins.fits(item), item.count)


@given(stages())
def test_putting_does_what_it_does_in_plain_words(stage: tuple[Bins, list[Item]]) -> None:
    bins, waiting = stage
    for item in waiting:
        plain = [Plain.of(bins, n) for n in range(bins.size)]
        for n, taken in enumerate(bins.fill(item, bins.fits(item), item.count).tolist()):
            for _ in range(taken):
                plain[n].put(item)
        assert plain == [Plain.of(bins, n) for n in range(bins.size)]


@given(stages(), st.integers(0, 9), st.integers(0, 4))
def test_the_first_bins_are_filled_first(
    stage: tuple[Bins, list[Item]], number: int, start: int
) -> None:
    bins, waiting = stage
    start = min(start, bins.size)
    for item in waiting:
        fits = bins.fits(item, start).tolist()
        taken = bins.fill(item, bins.fits(item, start), number, start).tolist()
        assert sum(taken) == min(number, sum(fits))
        last = max((n for n, each in enumerate(taken) if each), default=0)
        assert taken[:last] == fits[:last]


@given(stages(), st.data())
def test_undo_restores_every_bit(stage: tuple[Bins, list[Item]], data: st.DataObject) -> None:
    bins, waiting = stage
    marks = [(bins.mark(), state(bins))]
    for item in waiting:
        bins.fill(item, bins.fits(item), item.count)
        if data.draw(st.booleans()):
            marks.append((bins.mark(), state(bins)))
        if data.draw(st.booleans()):
            mark, before = marks[data.draw(st.integers(0, len(marks) - 1))]
            bins.undo(mark)
            assert state(bins) == before
            marks = [each for each in marks if each[0] <= mark]
    bins.undo(marks[0][0])
    assert state(bins) == marks[0][1]


@given(stages())
def test_a_fork_knows_nothing_of_what_becomes_of_the_other(stage: tuple[Bins, list[Item]]) -> None:
    bins, waiting = stage
    before = state(bins)
    fork = bins.forked()
    for item in waiting:
        fork.fill(item, fork.fits(item), item.count)
    assert state(bins) == before
    after = state(fork)
    for item in reversed(waiting):
        bins.fill(item, bins.fits(item), item.count)
    bins.undo(0)
    assert state(fork) == after


@given(stages())
def test_contents_are_what_was_put(stage: tuple[Bins, list[Item]]) -> None:
    bins, waiting = stage
    put: dict[int, int] = {}
    for item in waiting:
        taken = int(bins.fill(item, bins.fits(item), item.count).sum())
        ((row, _),) = item.members
        put[row] = put.get(row, 0) + taken
    held: dict[int, int] = {}
    for each in bins.contents():
        for row, number in each.items():
            held[row] = held.get(row, 0) + number

    assert held == {row: number for row, number in put.items() if number}


@given(st.lists(st.integers(1, 40), min_size=1, max_size=4))
def test_bins_that_are_opened_one_after_the_other_are_kept(numbers: list[int]) -> None:
    bins = Bins.empty(resources=1, rules=1)
    for n, number in enumerate(numbers):
        bins.open(np.array([n]), number, np.array([n + 1]), np.array([n + 2]))

    expected = [n for n, number in enumerate(numbers) for _ in range(number)]
    assert bins.free[: bins.size, 0].tolist() == expected
    assert bins.count[0, : bins.size].tolist() == [n + 1 for n in expected]
    assert bins.owners[0, : bins.size].tolist() == [n + 2 for n in expected]


# ---------------------------------------------------------------- how a bundle stands to the rules

WEB = PodTerm(HOSTNAME, Requirements.labels({"app": "web"}), frozenset({"shop"}))
NOWHERE = np.zeros(0, bool)


def group(rule: Rule, column: int) -> Group:
    return Group(rule, NOWHERE, NOWHERE, column=column)


def test_a_bundle_stands_to_a_rule_as_all_of_its_members_do() -> None:
    apart = group(Rule(Kind.APART, HOSTNAME, (WEB,)), 0)
    spread = Spread(HOSTNAME, 2, WEB.selector)
    even = group(Rule(Kind.SPREAD, HOSTNAME, spread=spread, namespace="shop"), 1)
    zonal = group(Rule(Kind.APART, ZONE, (replace(WEB, topology_key=ZONE),)), -1)
    found = stands_of([apart, even, zonal], [(0, 1), (1, 3)], own=[[0, 2], []], seen=[[1], [1, 2]])

    assert found == (
        Stand(0, Kind.APART, own=True, seen=0),
        Stand(1, Kind.SPREAD, own=False, seen=4, most=2),
    )


def test_the_wish_of_others_keeps_nobody_away() -> None:
    wish = group(Rule(Kind.APART, HOSTNAME, (WEB,), is_wish=True), 0)

    assert stands_of([wish], [(0, 1)], own=[[]], seen=[[0]]) == ()
    assert stands_of([wish], [(0, 1)], own=[[0]], seen=[[]]) != ()
