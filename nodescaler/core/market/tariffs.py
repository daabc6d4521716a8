"""From roughly right dual prices to a bound that no rounding error can make too high.

Let every offer charge for its resources so that a full node sells for no more than its price (and
the fines for the limits it uses). A pod is worth what its cheapest offer would charge for it. No
node then holds more worth than it costs, so the worth of all pods, less the fines for all the room
there is, is a lower bound: weak duality, for any tariffs at all. The linear programme only
suggests good ones; an offer that it did not look at takes over the tariff of another one, scaled
to its own price.

Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from nodescaler.core.market.model import Bools, Floats, Ints

SAFE = 1e-9  # part of a sum that float64 cannot get wrong by
LEAST = 1e-300


class Priced(Protocol):
    """The part of a programme that a bound is about."""

    @property
    def need(self) -> Floats: ...
    @property
    def count(self) -> Floats: ...
    @property
    def free(self) -> Floats: ...
    @property
    def price(self) -> Floats: ...
    @property
    def fits(self) -> Bools: ...
    @property
    def usage(self) -> Floats: ...
    @property
    def room(self) -> Floats: ...


@dataclass(frozen=True, slots=True, eq=False)
class Tariffs:
    """A certified bound and what it rests on.

    Attributes:
        value: the bound, USD per hour.
        worth: float64[C]: of one pod.
        tariff: float64[O, R]: USD for one unit of each resource.
        fines: float64[L]: USD for one unit of each limit.
        covered: float64[O]: the smallest part of the asked worth that the offer's tariff reaches
            over the classes that fit; below 1, the offer undercuts what was asked.
    """

    value: float
    worth: Floats
    tariff: Floats
    fines: Floats
    covered: Floats


def certified(market: Priced, tariff: Floats, asked: Floats, fines: Floats) -> Tariffs:
    """The bound by the tariffs of some offers, each offer taking the one that suits it best.

    Args:
        market: what the bound is for.
        tariff: float64[O, R], at least 0; rows of zeros are no suggestion.
        asked: float64[C]: what a pod should be worth.
        fines: float64[L], at least 0.
    """
    own = np.unique(tariff[tariff.sum(axis=1) > 0], axis=0)
    if not len(own):
        own = np.ones((1, tariff.shape[1]))
    budget = market.price + fines @ market.usage
    full = charged(np.maximum(market.free, 0), own)
    scale = np.where(full > 0, budget[:, None] / np.maximum(full, LEAST), 0.0)
    reach = charged(market.need, own) / np.where(asked > 0, asked, np.inf)[:, None]
    reach[asked <= 0] = np.inf
    patterns, group = _alike(market.fits)
    covered = np.zeros(len(budget))
    which = np.zeros(len(budget), dtype=np.int64)
    for g, pattern in enumerate(patterns):
        offers = np.flatnonzero(group == g)
        least = reach[pattern].min(axis=0, initial=1e9)
        part = scale[offers] * least
        which[offers] = part.argmax(axis=1)
        covered[offers] = part.max(axis=1)
    chosen = own[which] * scale[np.arange(len(budget)), which][:, None]
    return priced(market, chosen, fines, covered)


def charged(amounts: Floats | Ints, tariff: Floats) -> Floats:
    """float64[C, O]: amounts[C, R] by tariff[O, R].

    A product of matrices, but resource by resource: those are a handful, and threads that are
    started for so little take longer than the sums where others want the cores too.
    """
    out = np.zeros((len(amounts), len(tariff)))
    for r in np.flatnonzero(amounts.any(axis=0) & tariff.any(axis=0)):
        out += np.multiply.outer(amounts[:, r], tariff[:, r])
    return out


def priced(market: Priced, tariff: Floats, fines: Floats, covered: Floats) -> Tariffs:
    """The bound by tariffs that sell each full node at its price."""
    cost = np.where(market.fits, charged(market.need, tariff), np.inf)
    worth = cost.min(axis=1)
    value = float(market.count @ worth) * (1 - SAFE) - float(fines @ market.room) * (1 + SAFE)
    return Tariffs(max(value, 0.0), worth, tariff, fines, covered)


def _alike(fits: Bools) -> tuple[list[Bools], Ints]:
    """The distinct columns, and which of them each column is."""
    packed = np.packbits(fits, axis=0).T
    seen: dict[bytes, int] = {}
    group = np.array([seen.setdefault(row.tobytes(), len(seen)) for row in packed], dtype=np.int64)
    first = [int(np.flatnonzero(group == g)[0]) for g in range(len(seen))]
    return [fits[:, column] for column in first], group
