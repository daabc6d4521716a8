"""Bundles: pods that must share a node are placed as one, and no pod twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from nodescaler.core.bundles import Bundle, Members, Part, bundled
from nodescaler.core.demands import PodTerm
from nodescaler.core.groups import Group, Groups, Kind, Relations, Rule
from nodescaler.core.labels import HOSTNAME, Requirements

NOWHERE = np.zeros(0, bool)
NONE = np.zeros((0, 1), np.int64)


def ties(*relations: tuple[tuple[int, ...], tuple[int, ...]], running: int = 0) -> Groups:
    """Hostname affinity only: for each row, the rules it owns and those that look at it."""
    number = 1 + max((g for pair in relations for each in pair for g in each), default=-1)
    rules = [
        Rule(Kind.BESIDE, HOSTNAME, (PodTerm(HOSTNAME, Requirements.labels({"app": str(g)})),))
        for g in range(number)
    ]
    found = [Group(rule, NOWHERE, NOWHERE, column=g) for g, rule in enumerate(rules)]
    count = np.full((number, 1), running, np.int64)
    return Groups(found, [Relations(*each) for each in relations], count, count, NONE, NONE)


def up_to(most: int) -> Callable[[Members], bool]:
    return lambda members: sum(number for _, number in members) <= most


ANY_SIZE = up_to(10**9)
SUBSET = st.frozensets(st.integers(0, 2), max_size=2).map(lambda each: tuple(sorted(each)))
PLACES = ("", "zone a", "zone b")


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[Part], Groups]:
    rows = draw(st.integers(1, 4))
    groups = ties(*(draw(st.tuples(SUBSET, SUBSET)) for _ in range(rows)))
    counts = st.dictionaries(
        st.tuples(st.integers(0, rows - 1), st.sampled_from(PLACES)), st.integers(1, 7), max_size=6
    )
    parts = [Part(row, place, count) for (row, place), count in sorted(draw(counts).items())]
    return parts, groups


def taken(bundles: list[Bundle]) -> Counter[int]:
    out: Counter[int] = Counter()
    for each in bundles:
        for row, number in each.members:
            out[row] += number * each.copies
    return out


@given(cases(), st.integers(1, 12))
@settings(max_examples=300)
def test_no_pod_is_in_two_bundles(case: tuple[list[Part], Groups], most: int) -> None:
    parts, groups = case
    there: Counter[int] = Counter()
    for part in parts:
        there[part.row] += part.count

    found = taken(bundled(parts, groups, up_to(most)))
    assert all(found[row] <= there[row] for row in found)


@given(cases(), st.integers(1, 12))
@settings(max_examples=300)
def test_no_pod_is_taken_from_another_place_than_it_was_bound_for(
    case: tuple[list[Part], Groups], most: int
) -> None:
    """One that is bound for no place may go along to any."""
    parts, groups = case
    bundles = bundled(parts, groups, up_to(most))
    for row in {part.row for part in parts}:
        own = Counter({part.place: part.count for part in parts if part.row == row})
        beyond = sum(
            max(taken([b for b in bundles if b.place == place])[row] - own[place], 0)
            for place in PLACES
            if place
        )
        assert beyond + taken([b for b in bundles if not b.place])[row] <= own[""]


@given(cases(), st.integers(1, 12))
@settings(max_examples=300)
def test_whoever_follows_has_somebody_to_follow_in_its_bundle(
    case: tuple[list[Part], Groups], most: int
) -> None:
    parts, groups = case
    for bundle in bundled(parts, groups, up_to(most)):
        seen = {g for row, _ in bundle.members for g in groups.relations[row].seen}
        owned = {g for row, _ in bundle.members for g in groups.relations[row].own}
        assert owned <= seen


@given(cases())
def test_who_ties_nobody_and_is_tied_to_nobody_is_placed_alone(
    case: tuple[list[Part], Groups],
) -> None:
    parts, groups = case
    owned = {g for part in parts for g in groups.relations[part.row].own}
    free = [
        part
        for part in parts
        if not groups.relations[part.row].own and not owned & {*groups.relations[part.row].seen}
    ]
    found = bundled(parts, groups, ANY_SIZE)

    for part in free:
        assert Bundle(((part.row, 1),), part.place, part.count) in found


@given(st.integers(1, 6), st.integers(1, 40))
def test_the_followers_of_a_leader_are_dealt_evenly(leaders: int, followers: int) -> None:
    groups = ties(((), (0,)), ((0,), ()))
    found = bundled([Part(0, "", leaders), Part(1, "", followers)], groups, ANY_SIZE)
    sizes = [dict(each.members).get(1, 0) for each in found for _ in range(each.copies)]

    assert taken(found) == {0: leaders, 1: followers}
    assert len(sizes) == leaders
    assert max(sizes) - min(sizes) <= 1


@given(st.integers(1, 6), st.integers(1, 40), st.integers(2, 8))
def test_a_bundle_is_no_larger_than_what_can_be_bought(
    leaders: int, followers: int, most: int
) -> None:
    groups = ties(((), (0,)), ((0,), ()))
    parts = [Part(0, "", leaders), Part(1, "", followers)]
    found = bundled(parts, groups, up_to(most))

    assert all(up_to(most)(each.members) for each in found)
    assert taken(found)[1] == min(followers, leaders * (most - 1))


def test_a_kind_that_wants_its_own_kind_is_one_bundle() -> None:
    groups = ties(((0,), (0,)))

    assert bundled([Part(0, "", 5)], groups, ANY_SIZE) == [Bundle(((0, 5),), "", 1)]
    assert bundled([Part(0, "", 5)], groups, up_to(3)) == [Bundle(((0, 3),), "", 1)]


def test_unless_one_of_them_runs_somewhere_already() -> None:
    assert bundled([Part(0, "", 5)], ties(((0,), (0,)), running=1), ANY_SIZE) == []


def test_whoever_follows_nobody_that_is_there_is_left_out() -> None:
    groups = ties(((0,), ()), ((), ()))
    found = bundled([Part(0, "", 5), Part(1, "", 2)], groups, ANY_SIZE)

    assert found == [Bundle(((1, 1),), "", 2)]


def test_a_follower_goes_to_the_zone_of_its_leader() -> None:
    groups = ties(((), (0,)), ((0,), ()))
    found = bundled([Part(0, "zone b", 2), Part(1, "", 4)], groups, ANY_SIZE)

    assert found == [Bundle(((0, 1), (1, 2)), "zone b", 2)]


def test_others_follow_a_kind_that_wants_its_own_kind() -> None:
    groups = ties(((0,), ()), ((0,), (0,)))
    found = bundled([Part(0, "", 2), Part(1, "", 3)], groups, ANY_SIZE)

    assert found == [Bundle(((0, 2), (1, 3)), "", 1)]


def test_a_kind_that_wants_its_own_kind_begins_in_one_bundle_only() -> None:
    groups = ties(((), (0,)), ((0, 1), (1,)))
    found = bundled([Part(0, "", 2), Part(1, "", 4)], groups, ANY_SIZE)

    assert found == [Bundle(((0, 1), (1, 4)), "", 1), Bundle(((0, 1),), "", 1)]


def test_the_followers_of_a_follower_are_where_it_is() -> None:
    groups = ties(((), (0,)), ((0,), (1,)), ((1,), ()))
    found = bundled([Part(0, "", 2), Part(1, "", 1), Part(2, "", 4)], groups, ANY_SIZE)

    assert found == [Bundle(((0, 1), (1, 1), (2, 4)), "", 1), Bundle(((0, 1),), "", 1)]


def test_who_follows_in_circles_finds_no_beginning() -> None:
    groups = ties(((0,), (1,)), ((1,), (0,)))

    assert bundled([Part(0, "", 1), Part(1, "", 1)], groups, ANY_SIZE) == []
