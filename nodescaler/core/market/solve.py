"""The cheapest plan of those tried: first-fit and the rounded programme.

Pure.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nodescaler.core.market.bound import Study, studied
from nodescaler.core.market.firstfit import first_fit, first_fit_of
from nodescaler.core.market.model import Bools, Ints, Market, Solution
from nodescaler.core.market.nodes import loads
from nodescaler.core.market.rounding import Packed, guide_of, rounded


def never() -> bool:
    return False


def solve(
    market: Market,
    budget_s: float = 0.0,  # noqa: ARG001 - work on top of this comes with the next change
    stop: Callable[[], bool] = never,
) -> Solution:
    """The cheapest solution found; never above `first_fit` when both place as much.

    Args:
        market: the market.
        budget_s: work to spend on something better, in about seconds, counted and not clocked.
        stop: asked now and then; once it says yes, the best so far is returned.

    >>> from nodescaler.core.market.examples import small
    >>> solve(small()).loads
    (Load(offer=0, counts=((0, 1), (1, 2)), copies=2),)
    """
    active: Bools | None = None
    while not stop():
        study = studied(market, active)
        found = _best(market, study)
        broken = (usage_of(market, found) > market.room) & ~study.limits
        if not broken.any():
            return found
        active = study.limits | broken
    return first_fit(market)


def usage_of(market: Market, solution: Solution) -> Ints:
    """int64[L]: what the bought nodes take of each limit."""
    out = np.zeros(len(market.room), dtype=np.int64)
    for load in solution.loads:
        out += market.usage[:, load.offer] * load.copies
    return out


def _best(market: Market, study: Study) -> Solution:
    core = study.core
    best = first_fit_of(core, market.count)
    if not len(core.count):
        return best
    found = _solution(market, rounded(study, guide_of(study)), "lp")
    return min(best, found, key=lambda solution: quality(market, solution))


def quality(market: Market, solution: Solution) -> tuple[tuple[int, ...], float]:
    """Sorts before: fewer pods left of the highest priority, then of the next; then cheaper."""
    levels = np.unique(market.priority)[::-1]
    left = tuple(int(solution.left[market.priority == level].sum()) for level in levels)
    return left, solution.price


def _solution(market: Market, packed: Packed, method: str) -> Solution:
    core = packed.nodes.core
    left = market.count.copy()
    left[core.classes] = packed.left
    there = loads(core, packed.offer, packed.nodes.pods.table())
    return Solution(there, left, packed.price, method)
