"""Domains: pods divided over zones as the rules demand, and no fewer than could be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from itertools import product
from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodescaler.core.demands import PodTerm, Spread
from nodescaler.core.domains import Cell, Chance, concerned, least, levelled, share
from nodescaler.core.groups import Group, Groups, Kind, Relations, Rule
from nodescaler.core.labels import HOSTNAME, ZONE, Requirements

WEB = Requirements.labels({"app": "web"})
TERM = PodTerm(ZONE, WEB, frozenset({"shop"}))
NOWHERE = np.zeros(0, bool)
ZONES = ("a", "b", "c")

# ---------------------------------------------------------------- levelling

COUNTS = st.lists(st.tuples(st.integers(0, 4), st.sampled_from([0, 1, 2, inf])), max_size=4)


@given(COUNTS, st.integers(0, 5))
def test_levelled_is_the_flattest_way_there_is(pairs: list[tuple[int, float]], number: int) -> None:
    counts, most = [count for count, _ in pairs], [top for _, top in pairs]
    added = levelled(counts, most, number)

    assert sum(added) == min(number, sum(most))
    assert all(0 <= each <= top for each, top in zip(added, most, strict=True))
    ways = product(*(range(int(min(top, number)) + 1) for top in most))
    flattest = min(_steepness(counts, way) for way in ways if sum(way) == sum(added))
    assert _steepness(counts, added) == flattest


def _steepness(counts: Sequence[int], added: Sequence[int]) -> int:
    """Least where the sums are as equal as can be."""
    return sum((count + more) ** 2 for count, more in zip(counts, added, strict=True))


@given(COUNTS, st.integers(0, 10**6))
def test_a_million_pods_are_levelled_at_once(pairs: list[tuple[int, float]], number: int) -> None:
    counts, most = [count for count, _ in pairs], [top for _, top in pairs]

    assert sum(levelled(counts, most, number)) == min(number, sum(most))


# ---------------------------------------------------------------- dividing a row

Rules = list[tuple[Group, bool, bool]]


@dataclass
class Case:
    """A row to divide, and how the counts are before that."""

    rules: Rules
    cells: list[Cell]
    chances: list[Chance]
    count: int

    def ways(self) -> Iterator[tuple[int, ...]]:
        """Every way to divide it by what there is room for, whatever the rules say."""
        tops = [min(chance.space, self.count) for chance in self.chances]
        for way in product(*(range(top + 1) for top in tops)):
            if sum(way) <= self.count:
                yield way


def rule(kind: Kind, skew: int = 1, domains: int = 1) -> Rule:
    if kind is not Kind.SPREAD:
        return Rule(kind, ZONE, (TERM,))
    spread = Spread(ZONE, skew, WEB, min_domains=domains)
    return Rule(kind, ZONE, spread=spread, namespace="shop", keys=(ZONE,))


@st.composite
def groups(draw: st.DrawFn, kind: Kind) -> Group:
    found = Group(rule(kind, draw(st.integers(1, 2)), draw(st.integers(1, 4))), NOWHERE, NOWHERE)
    for value in ZONES:
        if count := draw(st.sampled_from([0, 0, 1, 2])):
            found.count[value] = count
        if kind is Kind.APART and draw(st.booleans()):
            found.owners[value] = 1
    found.places |= draw(st.frozensets(st.sampled_from(ZONES)))
    return found


@st.composite
def cases(draw: st.DrawFn, most_rules: int = 3) -> Case:
    sides = st.sampled_from([(True, True), (True, False), (False, True)])
    kinds = draw(st.lists(st.sampled_from(Kind), min_size=1, max_size=most_rules))
    rules = [(draw(groups(kind)), *draw(sides)) for kind in kinds]
    chances = [
        Chance(
            draw(st.sampled_from([0, 0, 1, 3])),
            draw(st.sampled_from([9, 9, 2])),
            draw(st.sampled_from([1.0, 2.0, inf])),
        )
        for _ in range(draw(st.integers(0, 3)))
    ]
    values = [*ZONES[: len(chances)]]
    cells = [
        Cell({ZONE: value}, np.array([chance.room > 0]), np.array([chance.usd < inf]))
        for value, chance in zip(values, chances, strict=True)
    ]
    return Case(rules, cells, chances, draw(st.integers(0, 5)))


def holds(before: Rules, cells: Sequence[Cell], taken: Sequence[int]) -> bool:
    """Whether every rule holds once the pods are in their places."""
    added = {str(c.values[ZONE]): n for c, n in zip(cells, taken, strict=True) if n}
    return all(_holds(group, added, own, seen) for group, own, seen in before)


def _holds(group: Group, added: dict[str, int], own: bool, seen: bool) -> bool:
    there = {value: group.count.get(value, 0) for value in {*ZONES, *group.places}}
    after = {value: n + (added.get(value, 0) if seen else 0) for value, n in there.items()}
    if group.rule.kind is Kind.APART:
        return all(
            not (own and there[value])
            and not (seen and group.owners.get(value, 0))
            and not (own and seen and number > 1)
            for value, number in added.items()
        )
    if not own:
        return True
    if group.rule.kind is Kind.BESIDE:
        starts = seen and not any(there.values()) and len(added) <= 1
        return starts or all(there[value] for value in added)
    spread = group.rule.spread
    assert spread is not None
    enough = len(group.places) >= spread.min_domains
    low = min((after[p] for p in group.places), default=0) if enough else 0
    return all(after[value] - low <= spread.max_skew for value in added)


@given(cases())
@settings(max_examples=300)
def test_a_row_is_divided_as_every_rule_demands(case: Case) -> None:
    before = deepcopy(case.rules)
    taken = share(case.rules, case.cells, case.chances, case.count)
    for (old, _, _), (new, _, _) in zip(before, case.rules, strict=True):
        old.places |= new.places

    assert tuple(taken) in set(case.ways())
    assert holds(before, case.cells, taken)


@given(cases(most_rules=1))
@settings(max_examples=300)
def test_under_one_rule_no_pod_stays_out_that_could_have_a_place(case: Case) -> None:
    """But the first of its kind may begin in a zone that has no room for all."""
    before = deepcopy(case.rules)
    taken = share(case.rules, case.cells, case.chances, case.count)
    for (old, _, _), (new, _, _) in zip(before, case.rules, strict=True):
        old.places |= new.places
    if before[0][0].rule.kind is Kind.BESIDE and any(c.space < 9 for c in case.chances):
        return

    most = max(sum(way) for way in case.ways() if holds(before, case.cells, way))
    assert sum(taken) == most


@given(cases())
def test_the_rules_are_told_what_was_taken(case: Case) -> None:
    before = deepcopy(case.rules)
    taken = share(case.rules, case.cells, case.chances, case.count)
    for (old, own, seen), (new, _, _) in zip(before, case.rules, strict=True):
        for cell, number in zip(case.cells, taken, strict=True):
            value = str(cell.values[ZONE])
            assert new.count.get(value, 0) == old.count.get(value, 0) + number * seen
            assert new.owners.get(value, 0) == old.owners.get(value, 0) + number * own


@given(cases())
def test_the_same_row_is_divided_the_same_way(case: Case) -> None:
    again = deepcopy(case)

    assert share(case.rules, case.cells, case.chances, case.count) == share(
        again.rules, again.cells, again.chances, again.count
    )


def cells(*values: str | None) -> list[Cell]:
    return [Cell({ZONE: value}, np.array([False]), np.array([True])) for value in values]


def test_room_that_is_there_comes_first_then_the_lower_price() -> None:
    nobody = Group(rule(Kind.APART), NOWHERE, NOWHERE)
    chances = [Chance(0, 9, 1.0), Chance(0, 9, 0.5), Chance(2, 9, 9.0)]

    assert share([(nobody, False, True)], cells(*ZONES), chances, 1) == [0, 0, 1]
    assert share([(nobody, False, True)], cells("a", "b"), chances[:2], 1) == [0, 1]


def test_a_place_without_the_label_is_no_place_for_a_spread_and_no_company() -> None:
    for kind, own, most in [(Kind.SPREAD, True, 0), (Kind.BESIDE, True, 0), (Kind.APART, True, 3)]:
        found = Group(rule(kind), NOWHERE, NOWHERE)
        assert share([(found, own, True)], cells(None), [Chance(0, 9, 1.0)], 3) == [most]


# ---------------------------------------------------------------- which rules concern a row


@pytest.mark.parametrize(
    ("places", "domains", "low"),
    [
        pytest.param({"a", "b"}, 1, 1, id="the least of all places"),
        pytest.param({"a", "b", "c"}, 1, 0, id="one where nobody is"),
        pytest.param({"a", "b"}, 3, 0, id="too few places count as an empty one"),
        pytest.param(set(), 1, 0, id="no place at all"),
    ],
)
def test_the_least_that_a_spread_measures_from(places: set[str], domains: int, low: int) -> None:
    found = Group(rule(Kind.SPREAD, 1, domains), NOWHERE, NOWHERE, {"a": 2, "b": 1}, places=places)

    assert least(found) == low


def test_rules_about_the_host_and_distance_that_others_wish_for_do_not_concern_a_row() -> None:
    host = Group(Rule(Kind.APART, HOSTNAME, (TERM,)), NOWHERE, NOWHERE)
    wish = Group(Rule(Kind.APART, ZONE, (TERM,), is_wish=True), NOWHERE, NOWHERE)
    apart = Group(rule(Kind.APART), NOWHERE, NOWHERE)
    none = np.zeros((0, 0), np.int64)
    relations = [Relations(own=(1,), seen=(0, 2)), Relations(own=(0,), seen=(1,))]
    found = Groups([host, wish, apart], relations, none, none, none, none)

    assert concerned(found, 0) == [(wish, True, False), (apart, False, True)]
    assert concerned(found, 1) == []
