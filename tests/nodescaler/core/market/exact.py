"""The true optimum of a market of a few pods, by trying every way to put them together."""

from __future__ import annotations

from functools import cache

import numpy as np

from nodescaler.core.market import Market
from tests.nodescaler.core.market.markets import foes, homeless


def optimum(market: Market) -> float:
    """USD per hour of the cheapest nodes for all pods that fit any; without limits."""
    alone = homeless(market)
    pods = [c for c, n in enumerate(market.count.tolist()) if not alone[c] for _ in range(n)]

    @cache
    def node(members: frozenset[int]) -> float:
        """The cheapest offer for these pods on one node."""
        counts = np.bincount([pods[p] for p in members], minlength=len(market.count))
        if _hostile(market, counts):
            return np.inf
        enough = (counts @ market.need <= market.free).all(axis=1)
        enough &= market.accepts[counts > 0].all(axis=0)
        return float(market.price[enough].min(initial=np.inf))

    @cache
    def best(rest: frozenset[int]) -> float:
        if not rest:
            return 0.0
        first, *others = sorted(rest)
        return min(
            node(chosen | {first}) + best(rest - chosen - {first})
            for chosen in _subsets(others)
            if node(chosen | {first}) < np.inf
        )

    return best(frozenset(range(len(pods))))


def _subsets(items: list[int]) -> list[frozenset[int]]:
    out = [frozenset[int]()]
    for item in items:
        out += [chosen | {item} for chosen in out]
    return out


def _hostile(market: Market, counts: np.typing.NDArray[np.int64]) -> bool:
    for c in np.flatnonzero(counts).tolist():
        for foe in foes(market, c):
            if counts[foe] > (1 if foe == c else 0):
                return True
    return False
