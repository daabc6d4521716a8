"""What the new nodes must cost at least, and what one pod of each class is worth.

Let every resource r have a share a(r) of each node's price, all shares summing to one. A node of
price p with room cap(r) then sells one unit of r for a(r)·p/cap(r), and a pod is worth what its
cheapest offer would charge for it. Filled to the brim, no node sells more than its price, so the
worth of all pods together is a lower bound for any set of shares (weak duality of the linear
programme with divisible pods); the best shares are searched for. With all of the price on one
resource this is the plain "demand times cheapest unit price".

    >>> offers = [Rate(price=4.0, free=(4, 8), accepts=1), Rate(price=9.0, free=(8, 32), accepts=1)]
    >>> worth([Demand(0, (1, 1), 8)], offers, (1.0, 0.0))  # 8 pods, a quarter of 4 dollars each
    {0: 1.0}

Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

Vector = tuple[int, ...]
Shares = tuple[float, ...]

STEPS = (0.5, 0.25, 0.125, 0.0625, 0.03125)


class Rated(Protocol):
    """An offer as the bound sees it; *accepts* has a bit for each class."""

    @property
    def price(self) -> float: ...
    @property
    def free(self) -> Vector: ...
    @property
    def accepts(self) -> int: ...


R = TypeVar("R", bound=Rated)


@dataclass(frozen=True, slots=True)
class Rate:
    """The plainest offer."""

    price: float
    free: Vector
    accepts: int


@dataclass(frozen=True, slots=True)
class Demand:
    """One class: its position, what a pod needs, how many there are, one at most on a node?"""

    position: int
    need: Vector
    count: int
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Bound:
    """The bound, and for each class the worth of a pod (by position)."""

    usd_per_hour: float
    worth: dict[int, float]


def lower_bound(demands: Sequence[Demand], offers: Iterable[Rated], width: int) -> Bound:
    """The best bound found for pods that all have a place; *width* resources."""
    front = undominated(offers)
    served = [demand for demand in demands if _served(demand, front)]
    if not served or not width:
        return Bound(0.0, {})
    best, pods_worth = _best_shares(served, front, width)
    return Bound(max(best, _whole_nodes(served, front)), pods_worth)


def worth(demands: Iterable[Demand], offers: Sequence[Rated], shares: Shares) -> dict[int, float]:
    """What one pod of each class is worth when resources have these shares of the price."""
    out: dict[int, float] = {}
    unit = [
        tuple(s * o.price / have if have else 0.0 for s, have in zip(shares, o.free, strict=True))
        for o in offers
    ]
    for demand in demands:
        bit = 1 << demand.position
        out[demand.position] = min(
            sum(need * usd for need, usd in zip(demand.need, rate, strict=True))
            for offer, rate in zip(offers, unit, strict=True)
            if offer.accepts & bit and holds(offer.free, demand.need)
        )
    return out


def holds(free: Vector, need: Vector) -> bool:
    """Whether one pod fits into an empty node."""
    for want, have in zip(need, free, strict=True):  # noqa: SIM110 -- the innermost loop, twice as fast
        if want > have:
            return False
    return True


def _served(demand: Demand, offers: Iterable[Rated]) -> bool:
    bit = 1 << demand.position
    return demand.count > 0 and any(o.accepts & bit and holds(o.free, demand.need) for o in offers)


def _best_shares(
    demands: Sequence[Demand], offers: Sequence[Rated], width: int
) -> tuple[float, dict[int, float]]:
    """Climb from the best single resource: move ever smaller shares between two resources."""

    def value(shares: Shares) -> tuple[float, dict[int, float]]:
        each = worth(demands, offers, shares)
        return sum(demand.count * each[demand.position] for demand in demands), each

    corners = [tuple(float(i == j) for j in range(width)) for i in range(width)]
    tried = [(*value(corner), corner) for corner in corners]
    best, each, shares = max(tried, key=lambda found: found[0])
    for step in STEPS:
        for moved in _moves(shares, step):
            total, values = value(moved)
            if total > best:
                best, each, shares = total, values, moved
    return best, each


def _moves(shares: Shares, step: float) -> list[Shares]:
    """Every way to move *step* of the price from one resource to another."""
    return [
        tuple(s - step * (k == i) + step * (k == j) for k, s in enumerate(shares))
        for i in range(len(shares))
        for j in range(len(shares))
        if i != j and shares[i] >= step
    ]


def _whole_nodes(demands: Iterable[Demand], offers: Sequence[Rated]) -> float:
    """Nodes are indivisible: the dearest pod needs a node, and pods that stand alone one each."""
    bounds = []
    for demand in demands:
        bit = 1 << demand.position
        cheapest = min(o.price for o in offers if o.accepts & bit and holds(o.free, demand.need))
        bounds.append(cheapest * (demand.count if demand.alone else 1))
    return max(bounds)


def undominated(offers: Iterable[R]) -> list[R]:
    """Without the offers that another one beats in price, room and the classes it accepts."""
    dearest_first = sorted(offers, key=_best_first, reverse=True)
    cheapest = {(offer.free, offer.accepts): offer for offer in dearest_first}
    front: list[R] = []
    for offer in sorted(cheapest.values(), key=_best_first):
        if not any(_beats(better, offer) for better in front):
            front.append(offer)
    return front


def _best_first(offer: Rated) -> tuple[float, list[int], int]:
    return (offer.price, [-have for have in offer.free], -offer.accepts)


def _beats(one: Rated, other: Rated) -> bool:
    wider = one.accepts | other.accepts == one.accepts
    return wider and one.price <= other.price and holds(one.free, other.free)
