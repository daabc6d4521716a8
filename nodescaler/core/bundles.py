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
    follows = _follows({part.row for part in parts}, groups)
    led = {row for each in follows.values() for row in each}
    out = [
        Bundle(((part.row, 1),), part.place, part.count)
        for part in parts
        if part.row not in led and not _is_following(part.row, groups)
    ]
    for component in _components(follows):
        mine = [part for part in parts if part.row in component]
        leaders = sorted(component - set(follows))
        out += _led(mine, leaders, holds) if leaders else _all_in_one(mine, groups, holds)
    return [each for each in out if each.copies]


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


def _is_following(row: int, groups: Groups) -> bool:
    return any(_ties(groups, g) for g in groups.relations[row].own)


def _ties(groups: Groups, g: int) -> bool:
    return groups.groups[g].is_host and groups.groups[g].rule.kind is Kind.BESIDE


def _follows(rows: set[int], groups: Groups) -> dict[int, set[int]]:
    """For each row that follows some: the rows with whose pods it may go, itself included.

    A row whose company is nobody stays out, and so does who follows only such rows.
    """
    alive = set(rows)
    while True:
        follows = {row: _company(row, alive, groups) for row in alive if _is_following(row, groups)}
        lost = {row for row, company in follows.items() if not company}
        if not lost:
            return follows
        alive -= lost


def _company(row: int, rows: set[int], groups: Groups) -> set[int]:
    out: set[int] = set()
    for g in groups.relations[row].own:
        if _ties(groups, g):
            found = {other for other in rows if g in groups.relations[other].seen}
            if not found:
                return set()
            out |= found
    return out


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


def _all_in_one(parts: Sequence[Part], groups: Groups, holds: Holds) -> list[Bundle]:
    """One bundle for everybody, if nobody of their kind is anywhere yet."""
    for row in {part.row for part in parts}:
        for g in groups.relations[row].own:
            group = groups.groups[g]
            taken = groups.host_count[group.column].any() if _ties(groups, g) else False
            if taken or (_ties(groups, g) and g not in groups.relations[row].seen):
                return []
    place = min(part.place for part in parts)
    members: dict[int, int] = {}
    for part in parts:
        if part.place == place:
            number = _most(members, part, holds)
            if number:
                members[part.row] = members.get(part.row, 0) + number
    return [Bundle(tuple(sorted(members.items())), place, 1)] if members else []


def _most(members: Mapping[int, int], part: Part, holds: Holds) -> int:
    """How many of *part* can join, by halving."""
    low, high = 0, part.count
    while low < high:
        middle = (low + high + 1) // 2
        tried = {**members, part.row: members.get(part.row, 0) + middle}
        low, high = (middle, high) if holds(tuple(sorted(tried.items()))) else (low, middle - 1)
    return low


def _led(parts: Sequence[Part], leaders: Sequence[int], holds: Holds) -> list[Bundle]:
    """Bundles of one pod of each leader with a share of the followers, place by place."""
    out: list[Bundle] = []
    left = {(part.row, part.place): part.count for part in parts}
    followers = sorted({part.row for part in parts} - set(leaders))
    places = sorted({part.place for part in parts if part.row in leaders})
    for n, place in enumerate(places):
        heads = {row: left.get((row, place), 0) or left.get((row, ""), 0) for row in leaders}
        number = min(heads.values())
        share = {
            row: left.get((row, place), 0)
            + (left.get((row, ""), 0) // (len(places) - n) if place else 0)
            for row in followers
        }
        number = min(number, max([1, *share.values()]))
        bundles = _shared_out(leaders, share, number, place, holds)
        out += bundles
        _take(left, bundles, place)
    out += [Bundle(((row, 1),), place, count) for (row, place), count in sorted(left.items())
            if row in leaders]  # fmt: skip
    return out


def _shared_out(
    leaders: Sequence[int], share: Mapping[int, int], number: int, place: str, holds: Holds
) -> list[Bundle]:
    """*number* bundles, the first ones with one follower more, each no larger than an offer."""
    if number <= 0:
        return []
    marks = sorted({0, number, *(count % number for count in share.values())})
    out = []
    for low, high in pairwise(marks):
        members = dict.fromkeys(leaders, 1)
        for row, count in share.items():
            wanted = count // number + (low < count % number)
            part = Part(row, place, wanted)
            members[row] = _most(members, part, holds) if wanted else 0
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
