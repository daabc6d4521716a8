"""Who gets which shard: balance, few moves, and the same answer everywhere."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube.values.shards import View, assigned, shard_of

NAMES = "abcdefg"
SHARDS = 12


@st.composite
def divisions(draw: st.DrawFn, most: int = SHARDS) -> tuple[dict[int, str], frozenset[str], int]:
    """Holders, of whom some are gone, members of whom some are new, and how many shards."""
    shards = draw(st.integers(1, most))
    members = draw(st.frozensets(st.sampled_from(NAMES), min_size=1))
    held = st.dictionaries(st.integers(0, shards - 1), st.sampled_from(NAMES))
    return draw(held), members, shards


@given(divisions())
def test_every_shard_has_one_member_and_loads_differ_by_one(
    division: tuple[dict[int, str], frozenset[str], int],
) -> None:
    holders, members, shards = division
    found = assigned(holders, members, shards)
    loads = Counter(dict.fromkeys(members, 0)) + Counter(found.values())
    counts = [loads[member] for member in members]

    assert set(found) == set(range(shards))
    assert set(found.values()) <= members
    assert max(counts) - min(counts) <= 1


@given(divisions(most=5))
def test_no_balanced_assignment_moves_fewer(
    division: tuple[dict[int, str], frozenset[str], int],
) -> None:
    """Against all assignments there are."""
    holders, members, shards = division
    most = -(-shards // len(members))
    least = shards // len(members)

    def moves(found: dict[int, str]) -> int:
        return sum(holders.get(shard) != member for shard, member in found.items())

    def balanced(each: tuple[str, ...]) -> bool:
        return all(least <= each.count(member) <= most for member in members)

    every = filter(balanced, itertools.product(sorted(members), repeat=shards))
    fewest = min(moves(dict(enumerate(each))) for each in every)

    assert moves(assigned(holders, members, shards)) == fewest


@given(divisions())
def test_an_assignment_that_came_about_stays(
    division: tuple[dict[int, str], frozenset[str], int],
) -> None:
    holders, members, shards = division
    found = assigned(holders, members, shards)

    assert assigned(found, members, shards) == found


@given(divisions())
def test_letting_go_one_by_one_moves_no_more(
    division: tuple[dict[int, str], frozenset[str], int],
) -> None:
    """Each works the plan out anew when another has let go; nobody lets go of more for that."""
    holders, members, shards = division
    held = {shard: who for shard, who in holders.items() if who in members}
    wanted = assigned(held, members, shards)
    fewest = sum(wanted[shard] != who for shard, who in held.items())
    gone = 0
    while surplus := [shard for shard, who in held.items() if wanted[shard] != who]:
        del held[surplus[0]]
        gone += 1
        wanted = assigned(held, members, shards)

    assert gone == fewest


def test_nobody_gets_anything_where_nobody_is() -> None:
    assert assigned({0: "a"}, [], 3) == {}


def test_objects_spread_evenly_over_shards() -> None:
    loads = Counter(shard_of(f"team-{n % 20}/queue-{n}", 8) for n in range(10_000))

    assert len(loads) == 8
    assert max(loads.values()) < 1.1 * 10_000 / 8


@pytest.mark.parametrize(
    ("view", "share", "admitted"),
    [
        pytest.param(View(), set(), False, id="no leader yet"),
        pytest.param(View(shards=2), {0, 1}, True, id="alone"),
        pytest.param(View(shards=2, members=frozenset("ab")), {0}, True, id="with another"),
        pytest.param(View(shards=4), set(), False, id="the leader divides otherwise"),
        pytest.param(View(shards=2, odd=frozenset({3})), {0, 1}, False, id="somebody still does"),
    ],
)
def test_others_are_waited_for(view: View, share: set[int], admitted: bool) -> None:
    assert view.share("a", 2) == share
    assert view.admits(2) is admitted
