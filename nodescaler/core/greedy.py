"""Open one kind of node after another, each time the one that sells the most worth per dollar.

For each offer, two ways to fill it are tried: classes in order (largest pods first), and all
classes in even proportion, topped up in order. The fill that is worth most per dollar of its
price is opened as often as the pods last. A node that would cost more than its pods on a node
each is not opened, so the plan never costs more than that.

What a pod is worth comes from `core.bound` first. Classes that then end up on dear, half-empty
nodes were worth more than that; so the worth is moved towards what each class really cost, and
the pool is packed again, a few times. The cheapest plan is kept.

Pure. Ties are broken by price, then name, so the same input gives the same plan.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from nodescaler.core.bound import holds, undominated
from nodescaler.core.offers import Offer, Vector, within_limits
from nodescaler.core.resources import NODES

EPSILON = 1e-9
MOST_MERGED = 40

Counts = dict[int, int]


@dataclass(frozen=True, slots=True)
class Problem:
    """The classes by position.

    Attributes:
        needs: of one pod, in the order of the resource names.
        conflicts: for each class, a bit for every class it cannot share a node with; its own bit
            when at most one of its pods may be on a node.
        worth: of one pod.
    """

    needs: tuple[Vector, ...]
    conflicts: tuple[int, ...]
    worth: tuple[float, ...]

    def load(self, counts: Mapping[int, int]) -> Vector:
        """What so many pods need together."""
        width = len(self.needs[0])
        return tuple(sum(self.needs[c][r] * n for c, n in counts.items()) for r in range(width))

    def may_share(self, counts: Mapping[int, int]) -> bool:
        """Whether such pods may be on one node."""
        held = bits(counts)
        alone = all(n == 1 for c, n in counts.items() if self.conflicts[c] >> c & 1)
        return alone and not any(self.conflicts[c] & held & ~(1 << c) for c in counts)


@dataclass(frozen=True, slots=True)
class Load:
    """So many equal nodes with so many pods of each class on each."""

    offer: Offer
    counts: tuple[tuple[int, int], ...]
    copies: int = 1


@dataclass(frozen=True, slots=True)
class Packed:
    loads: tuple[Load, ...]
    left: Counts

    @property
    def price(self) -> float:
        return sum(load.offer.price * load.copies for load in self.loads)


def bits(positions: Iterable[int]) -> int:
    out = 0
    for position in positions:
        out |= 1 << position
    return out


def pack_pool(
    problem: Problem,
    counts: Mapping[int, int],
    offers: Sequence[Offer],
    room: Mapping[str, int],
    rounds: int = 0,
) -> Packed:
    """Place as many pods as the pool can take; the cheapest of ``1 + rounds`` tries.

    Args:
        problem: the classes.
        counts: how many pods of each class wait.
        offers: of one pool, cheapest first.
        room: what the pool's limits leave; empty without limits.
        rounds: how often to learn what pods are worth and try again.
    """
    front = _front(offers, sorted(set(room) - {NODES}))
    best = tried = _pack_once(problem, counts, (offers, front), room)
    for _ in range(rounds if len(counts) > 1 else 0):
        problem = _learned(problem, tried)
        tried = _pack_once(problem, counts, (offers, front), room)
        best = min((best, tried), key=_quality)
    return best


def _front(offers: Sequence[Offer], limited: Sequence[str]) -> list[Offer]:
    """The offers worth opening; where resources are limited, having less of them counts too."""
    if not limited:
        return undominated(offers)
    seen = [
        replace(o, free=(*o.free, *(-o.type.capacity.get(name, 0) for name in limited)))
        for o in offers
    ]
    return [replace(o, free=o.free[: -len(limited)]) for o in undominated(seen)]


def _quality(packed: Packed) -> tuple[int, float]:
    """Few pods left over, then a low price."""
    return (sum(packed.left.values()), round(packed.price, 9))


def _learned(problem: Problem, packed: Packed) -> Problem:
    """Move each worth half-way to what the class's pods cost in *packed*."""
    paid = [0.0] * len(problem.worth)
    count = [0] * len(problem.worth)
    for load in packed.loads:
        whole = sum(problem.worth[c] * n for c, n in load.counts) or 1.0
        for c, n in load.counts:
            paid[c] += load.copies * load.offer.price * problem.worth[c] * n / whole
            count[c] += load.copies * n
    worth = (
        (was + cost / n) / 2 if n else was
        for was, cost, n in zip(problem.worth, paid, count, strict=True)
    )
    return replace(problem, worth=tuple(worth))


def _pack_once(
    problem: Problem,
    counts: Mapping[int, int],
    every: tuple[Sequence[Offer], Sequence[Offer]],
    room: Mapping[str, int],
) -> Packed:
    """One greedy pass with the worths as they are; *every* is all offers, and those to open."""
    offers, front = every
    left = {c: n for c, n in counts.items() if n > 0}
    alone = _prices_alone(problem, left, front)
    loads: list[Load] = []
    spare = dict(room)
    while left:
        best = _best(problem, left, [o for o in front if within_limits(o.type, spare)], alone)
        if best is None:
            break
        load = _repeated(best, left, spare)
        loads.append(load)
        left = _without(left, load)
        spare = charged(spare, load)
    return Packed(_merged(problem, loads, offers, limited=bool(room)), left)


def charged(spare: Mapping[str, int], load: Load) -> dict[str, int]:
    """What the limits leave after these nodes."""
    one = {**load.offer.type.capacity, NODES: 1}
    return {name: value - one.get(name, 0) * load.copies for name, value in spare.items()}


def _prices_alone(problem: Problem, counts: Counts, offers: Sequence[Offer]) -> dict[int, float]:
    """The cheapest node for one pod of each class that has one; offers are cheapest first."""
    out: dict[int, float] = {}
    for offer in offers:
        for c in counts:
            if c not in out and offer.accepts >> c & 1 and holds(offer.free, problem.needs[c]):
                out[c] = offer.price
    return out


def _best(
    problem: Problem, left: Counts, offers: Iterable[Offer], alone: Mapping[int, float]
) -> Load | None:
    """The fill with the most worth per dollar."""
    best: Load | None = None
    best_score = (False, 0.0)
    for offer in offers:
        for counts in _fills(problem, offer, left):
            saves = offer.price <= sum(alone[c] * n for c, n in counts.items()) + EPSILON
            gain = sum(problem.worth[c] * n for c, n in counts.items())
            score = (saves, gain / max(offer.price, EPSILON))
            if best is None or score > (best_score[0], best_score[1] + EPSILON):
                best, best_score = Load(offer, tuple(sorted(counts.items()))), score
    return best


def _fills(problem: Problem, offer: Offer, left: Counts) -> list[Counts]:
    wanted = {c: n for c, n in left.items() if offer.accepts >> c & 1}
    in_order = _fill(problem, offer.free, wanted, {})
    even = _fill(problem, offer.free, wanted, _even_share(problem, offer.free, wanted))
    return [each for each in ([in_order] if in_order == even else [in_order, even]) if each]


def _even_share(problem: Problem, free: Vector, wanted: Counts) -> Counts:
    """The same part of every class that has no conflicts, rounded down."""
    mixed = {c: n for c, n in wanted.items() if not problem.conflicts[c]}
    if not mixed:
        return {}
    need = problem.load(mixed)
    part = min([1.0, *(have / want for have, want in zip(free, need, strict=True) if want)])
    return {c: int(n * part) for c, n in mixed.items() if int(n * part)}


def _fill(problem: Problem, free: Vector, wanted: Counts, start: Counts) -> Counts:
    """Top *start* up with as many pods as go in, in the order of the classes."""
    taken = dict(start)
    held = bits(start)
    room = list(free)
    for c, n in start.items():
        room = [have - n * want for have, want in zip(room, problem.needs[c], strict=True)]
    for c in sorted(wanted):
        if problem.conflicts[c] & held:
            continue
        most = 1 if problem.conflicts[c] >> c & 1 else wanted[c] - start.get(c, 0)
        more = _most(problem.needs[c], room, most)
        if more > 0:
            taken[c] = taken.get(c, 0) + more
            held |= 1 << c
            room = [have - more * want for have, want in zip(room, problem.needs[c], strict=True)]
    return taken


def _most(need: Vector, room: Sequence[int], most: int) -> int:
    for have, want in zip(room, need, strict=True):
        if want:
            most = min(most, have // want)
    return most


def _repeated(load: Load, left: Counts, spare: Mapping[str, int]) -> Load:
    """As often as pods and limits last."""
    copies = min(left[c] // n for c, n in load.counts)
    one = {**load.offer.type.capacity, NODES: 1}
    for name, value in spare.items():
        if one.get(name, 0) > 0:
            copies = min(copies, value // one[name])
    return Load(load.offer, load.counts, copies)


def _without(left: Counts, load: Load) -> Counts:
    taken = {c: n * load.copies for c, n in load.counts}
    rest = {c: n - taken.get(c, 0) for c, n in left.items()}
    return {c: n for c, n in rest.items() if n > 0}


def _merged(
    problem: Problem, loads: Sequence[Load], offers: Sequence[Offer], *, limited: bool
) -> tuple[Load, ...]:
    """Put two of the last, odd nodes together where one node for both is cheaper."""
    odd = [position for position, load in enumerate(loads) if load.copies == 1][-MOST_MERGED:]
    single = [loads[position] for position in odd]
    kept = [load for position, load in enumerate(loads) if position not in odd]
    while not limited:
        pair = _cheaper_pair(problem, single, offers)
        if pair is None:
            break
        one, other, both = pair
        single = [*(load for load in single if load is not one and load is not other), both]
    return (*kept, *single)


def _cheaper_pair(
    problem: Problem, loads: Sequence[Load], offers: Sequence[Offer]
) -> tuple[Load, Load, Load] | None:
    for i, one in enumerate(loads):
        for other in loads[i + 1 :]:
            counts = dict(one.counts)
            for c, n in other.counts:
                counts[c] = counts.get(c, 0) + n
            if not problem.may_share(counts):
                continue
            offer = cheapest(problem, counts, offers)
            if offer is not None and offer.price < one.offer.price + other.offer.price - EPSILON:
                return one, other, Load(offer, tuple(sorted(counts.items())))
    return None


def cheapest(problem: Problem, counts: Mapping[int, int], offers: Iterable[Offer]) -> Offer | None:
    """The first of *offers*, which are cheapest first, that holds these pods."""
    return next(sufficient(problem, counts, offers), None)


def sufficient(
    problem: Problem, counts: Mapping[int, int], offers: Iterable[Offer]
) -> Iterator[Offer]:
    """All of *offers* that hold these pods."""
    need, accepted = problem.load(counts), bits(counts)
    return (o for o in offers if o.accepts & accepted == accepted and holds(o.free, need))
