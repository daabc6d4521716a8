"""The cheapest plan that the work allows, never dearer than Karpenter's rule.

Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from nodescaler.core.market.firstfit import first_fit_of
from nodescaler.core.market.model import Bools, Ints, Market, Solution
from nodescaler.core.market.nodes import loads
from nodescaler.core.market.reduce import reduced
from nodescaler.core.market.rounding import Packed
from nodescaler.core.market.search import Search
from nodescaler.core.market.study import Study, studied
from nodescaler.core.market.work import never


@dataclass(frozen=True, slots=True)
class Compared:
    """What Karpenter's rule buys, and the cheapest that was found."""

    first: Solution
    best: Solution


def solve(market: Market, budget_s: float = 0.0, stop: Callable[[], bool] = never) -> Solution:
    """The cheapest solution found; never above `first_fit` when both place as much.

    When limits leave pods over, those of earlier classes (after those of higher priority) are
    placed first: solutions are compared by what they leave of the first class, then of the next,
    and by price only when that is the same.

    Args:
        market: the market.
        budget_s: work to spend on something better, in about seconds, counted and not clocked:
            the same input gives the same answer.
        stop: asked now and then; once it says yes, the best so far is returned.

    >>> from nodescaler.core.market.examples import small
    >>> solve(small()).loads
    (Load(offer=0, counts=((0, 1), (1, 2)), copies=2),)
    """
    return compared(market, budget_s, stop).best


def compared(market: Market, budget_s: float = 0.0, stop: Callable[[], bool] = never) -> Compared:
    """The same, and beside it what `first_fit` finds, which is one of the solutions compared."""
    core = reduced(market)
    first = best = first_fit_of(core, market.count, stop)
    active: Bools | None = None
    while len(core.count) and not stop():
        study = studied(market, active, core, hurry=True)
        plain = first if study.core is core else first_fit_of(study.core, market.count, stop)
        best = _best(market, study, replace(plain, bound=study.floor), budget_s, stop)
        if study.is_rough and budget_s > 0:
            best = _best(market, studied(market, active, core), best, budget_s, stop)
        broken = (usage_of(market, best) > market.room) & ~study.limits
        if not broken.any():
            return Compared(first, best)
        active, best = study.limits | broken, first
    return Compared(first, best)


def usage_of(market: Market, solution: Solution) -> Ints:
    """int64[L]: what the bought nodes take of each limit."""
    out = np.zeros(len(market.room), dtype=np.int64)
    for load in solution.loads:
        out += market.usage[:, load.offer] * load.copies
    return out


def _best(
    market: Market, study: Study, plain: Solution, budget_s: float, stop: Callable[[], bool]
) -> Solution:
    core = study.core
    if not len(core.count) or stop():
        return plain
    search = Search(study, stop)
    if not study.is_rough:
        search.fast()
        if budget_s > 0:
            search.slow(budget_s)
        search.prove()
    found = solution_of(market, search.best, search.method, search.floor)
    return min(found, plain, key=lambda solution: (_left(solution, core.classes), solution.price))


def _left(solution: Solution, classes: Ints) -> tuple[int, ...]:
    return tuple(solution.left[classes].tolist())


def solution_of(market: Market, packed: Packed, method: str, bound: float) -> Solution:
    """Packed nodes in the numbers of the market."""
    core = packed.nodes.core
    left = market.count.copy()
    left[core.classes] = packed.left
    there = loads(core, packed.offer, packed.nodes.pods.table())
    return Solution(there, left, packed.price, method, bound)
