"""Pods that must share a node are placed as one: bundles.

Required pod affinity over the hostname ties a pod to a node on which the company already is. Pods
that are looked at lead; each bundle has one pod of every leader and an even share of the followers.
Where everybody follows everybody (a class that wants its own kind), all of them are one bundle, as
many as some offer can hold.

Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from nodescaler.core.groups import Groups, Kind

Members = tuple[tuple[int, int], ...]
Holds = Callable[[Members], bool]


@dataclass(frozen=True, slots=True)
class Part:
    """Pods of one row that are bound for one place (a cell's name; empty for any)."""

    row: int
    place: str
    count: int


@dataclass(frozen=True, slots=True)
class Bundle:
    """*copies* bundles of so many pods of each row; of one pod of one row where nothing ties it."""

    members: Members
    place: str
    copies: int


def bundled(parts: Sequence[Part], groups: Groups, holds: Holds) -> list[Bundle]:
    """The bundles of *parts*; pods that no bundle takes are missing in the answer.

    Args:
        parts: what is left for new nodes.
        groups: the rules.
        holds: whether some offer holds such a bundle.
    """
    rows = {part.row for part in parts}
    follows = {row: _followed(row, rows, groups) for row in rows if _ties(row, groups)}
    tied = set(follows).union(*follows.values())
    out = [
        Bundle(((part.row, 1),), part.place, part.count) for part in parts if part.row not in tied
    ]
    for component in _components(follows):
        mine = [part for part in parts if part.row in component]
        leaders = sorted(component - set(follows))
        out += _led(mine, leaders, groups, holds) if leaders else _all_in_one(mine, groups, holds)
    return [each for each in out if each.members and each.copies]


def at_peace(members: Members, groups: Groups) -> bool:
    """Whether the pods of a bundle may share a node, its size apart."""
    seen: dict[int, int] = {}
    for row, number in members:
        for g in groups.relations[row].seen:
            seen[g] = seen.get(g, 0) + number
    for row, _ in members:
        relations = groups.relations[row]
        for g in relations.own:
            group = groups.groups[g]
            itself = g in relations.seen
            if group.is_host and group.rule.kind is Kind.APART and seen.get(g, 0) > itself:
                return False
            spread = group.rule.spread
            if group.is_host and spread is not None and seen.get(g, 0) > spread.max_skew:
                return False
    return True


def _ties(row: int, groups: Groups) -> list[int]:
    """The rules that tie a row to a node on which its company is."""
    return [
        g
        for g in groups.relations[row].own
        if groups.groups[g].is_host and groups.groups[g].rule.kind is Kind.BESIDE
    ]


def _followed(row: int, rows: Iterable[int], groups: Groups) -> set[int]:
    """The rows with whose pods this one may go, itself included."""
    ties = set(_ties(row, groups))
    return {other for other in rows if ties & {*groups.relations[other].seen}}


def _components(follows: Mapping[int, set[int]]) -> list[set[int]]:
    out: list[set[int]] = []
    for row in sorted(follows):
        joined = {row, *follows[row]}
        apart = [each for each in out if not each & joined]
        for each in out:
            if each & joined:
                joined |= each
        out = [*apart, joined]
    return sorted(out, key=min)


# ---------------------------------------------------------------- who may be in how many bundles


def _reach(
    leaders: Sequence[int], counts: Mapping[int, int], number: int, groups: Groups, *, begin: bool
) -> dict[int, int]:
    """In how many of *number* bundles each row finds all that it follows; in the order of joining.

    The first of a kind that wants its own kind may go where nobody is, if nobody of that kind is
    anywhere: in one bundle, and only if nobody was told to *begin* before.
    """
    found = dict.fromkeys(leaders, number)
    while True:
        more: dict[int, int] = {}
        for row, count in counts.items():
            limits = [
                max([int(begin and _may_begin(row, g, groups)), *_with(g, row, found, groups)])
                for g in _ties(row, groups)
            ]
            most = min([number, count, *limits])
            if most > found.get(row, 0):
                more[row] = most
        if not more:
            return found
        found |= more


def _with(g: int, row: int, found: Mapping[int, int], groups: Groups) -> list[int]:
    """In how many bundles each other row is that a rule looks at."""
    return [n for other, n in found.items() if other != row and g in groups.relations[other].seen]


def _may_begin(row: int, g: int, groups: Groups) -> bool:
    taken = bool(groups.host_count[groups.groups[g].column].any())
    return g in groups.relations[row].seen and not taken


def _without_lonely(
    bundle: Bundle, leaders: Sequence[int], groups: Groups, *, begin: bool
) -> Bundle:
    """Without those whose company did not fit in."""
    counts = {row: number for row, number in bundle.members if row not in leaders}
    kept = _reach(leaders, counts, 1, groups, begin=begin)
    return Bundle(tuple(m for m in bundle.members if m[0] in kept), bundle.place, bundle.copies)


def _all_in_one(parts: Sequence[Part], groups: Groups, holds: Holds) -> list[Bundle]:
    """One bundle for everybody, which a kind that wants its own kind begins."""
    place = min(part.place for part in parts)
    counts = {part.row: part.count for part in parts if part.place == place}
    reach = _reach((), counts, 1, groups, begin=True)
    bundles = _shared_out(reach, counts, place, holds)
    return [_without_lonely(each, (), groups, begin=True) for each in bundles]


def _most(members: Mapping[int, int], part: Part, holds: Holds) -> int:
    """How many of *part* can join, by halving."""
    low, high = 0, part.count
    while low < high:
        middle = (low + high + 1) // 2
        tried = {**members, part.row: members.get(part.row, 0) + middle}
        low, high = (middle, high) if holds(tuple(sorted(tried.items()))) else (low, middle - 1)
    return low


def _led(
    parts: Sequence[Part], leaders: Sequence[int], groups: Groups, holds: Holds
) -> list[Bundle]:
    """Bundles of one pod of each leader with a share of the followers, place by place.

    Leaders that do not bear each other lead no bundle together: the first ones do.
    """
    every = leaders
    out: list[Bundle] = []
    left = {(part.row, part.place): part.count for part in parts}
    followers = sorted({part.row for part in parts} - set(every))
    leaders = _together(every, followers, holds)
    places = sorted({part.place for part in parts if part.row in leaders}) if leaders else []
    for n, place in enumerate(places):
        heads = {row: left.get((row, place), 0) or left.get((row, ""), 0) for row in leaders}
        number = min(heads.values())
        share = {
            row: left.get((row, place), 0)
            + (left.get((row, ""), 0) // (len(places) - n) if place else 0)
            for row in followers
        }
        number = min(number, max([1, *share.values()]))
        reach = _reach(leaders, share, number, groups, begin=n == 0)
        bundles = [
            _without_lonely(each, leaders, groups, begin=n == at == 0)
            for at, each in enumerate(_shared_out(reach, share, place, holds))
        ]
        out += bundles
        _take(left, bundles, place)
    out += [Bundle(((row, 1),), place, count) for (row, place), count in sorted(left.items())
            if row in every]  # fmt: skip
    return out


def _together(leaders: Sequence[int], followers: Sequence[int], holds: Holds) -> list[int]:
    """Leaders of one bundle; those that bear their followers if there are any such."""
    kind = [
        row for row in leaders if all(holds(tuple(sorted([(row, 1), (f, 1)]))) for f in followers)
    ]
    out: list[int] = []
    for row in kind or leaders:
        if holds(tuple((each, 1) for each in sorted([*out, row]))):
            out.append(row)
    return out


def _shared_out(
    reach: Mapping[int, int], counts: Mapping[int, int], place: str, holds: Holds
) -> list[Bundle]:
    """Bundles of one pod of each leader and shares of *counts*, each no larger than an offer.

    The first ones have one follower more, and all of those that cannot be in every bundle.
    """
    dealt = {row: counts[row] for row in reach if row in counts}
    marks = sorted({0, *reach.values(), *(count % reach[row] for row, count in dealt.items())})
    out = []
    for low, high in pairwise(marks):
        members: dict[int, int] = {}
        for row, most in reach.items():
            if row not in dealt:
                members[row] = 1
            elif low < most:
                wanted = dealt[row] // most + (low < dealt[row] % most)
                members[row] = _most(members, Part(row, place, wanted), holds)
        kept = tuple((row, n) for row, n in sorted(members.items()) if n)
        out.append(Bundle(kept, place, high - low))
    return out


def _take(left: dict[tuple[int, str], int], bundles: Iterable[Bundle], place: str) -> None:
    for bundle in bundles:
        for row, number in bundle.members:
            count = number * bundle.copies
            here = min(left.get((row, place), 0), count)
            if here:
                left[row, place] -= here
            if count > here:
                left[row, ""] -= count - here
