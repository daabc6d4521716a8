"""In which order the ways of packing are tried, and when enough is enough.

The rounded programme comes first: it takes milliseconds and is within a few per cent. Then, for a
little work that costs no budget, fills of whole nodes where classes are few, and whole numbers of
nodes where nodes are few. A budget buys more of both, and polishing with what is left of it.

Pure.
"""

from __future__ import annotations

from collections.abc import Callable

from nodescaler.core.market.few import bound_by_plan
from nodescaler.core.market.guided import guided
from nodescaler.core.market.nodes import Nodes
from nodescaler.core.market.patterns import Master, dived, generated
from nodescaler.core.market.polish import polished
from nodescaler.core.market.pricing import Pricing
from nodescaler.core.market.rationing import rationed
from nodescaler.core.market.rounding import (
    Packed,
    buy_whole,
    completed,
    filled,
    guide_of,
    rounded,
)
from nodescaler.core.market.study import FEW_CLASSES, Study
from nodescaler.core.market.whole import Effort, whole_nodes
from nodescaler.core.market.work import Meter

FREE_S = 0.12  # of work on fills that costs no budget
GOOD = 0.01  # part of the bound within which that is not spent
FAIR = 0.02  # and within which whole numbers of nodes are not asked for
DONE = 5e-4  # and within which no budget is
FEW_NODES = 60  # where rounding nodes matters more than how they are filled
MANY_CLASSES = 400  # whose fills are too dear for any budget
HANDFUL = 12  # nodes: few enough to choose fills of in whole numbers
TREE = 60  # nodes of the tree of that search
LEAST = 1e-12
QUICK = Effort(slack=0.004)
EFFORTS = (
    QUICK,
    Effort(24, 3, 50, 0.004),
    Effort(24, 3, 50, 0.002),
    Effort(24, 3, 50, 0.008),
    Effort(24, 3, 50, 0.0),
)


class Search:
    """The best plan so far for one market, how it came about, and the best bound known."""

    def __init__(self, study: Study, stop: Callable[[], bool]) -> None:
        self.core = study.core
        self.meter = Meter(FREE_S, stop)
        self.guide = guide_of(study, self.meter)
        self.study = study
        self.floor = study.floor
        self.method = "guided" if study.is_rough else "lp"
        self.best = (guided if study.is_rough else rounded)(study, self.guide)

    @property
    def gap(self) -> float:
        """How far the plan is above the bound, as part of it."""
        return self.best.price / max(self.floor, LEAST) - 1

    def fast(self) -> None:
        """What costs no budget."""
        self.meter.start(FREE_S)
        if self.best.left.any():
            self._take(rationed(self.core, self.guide), "rationed")
            return
        if self.core.feuds is not None and not len(self.core.room):
            self._take(guided(self.study, self.guide), "guided")
        if self.gap > GOOD and len(self.core.count) <= FEW_CLASSES:
            self._patterns(rounds=12, tries=2)
        self.prove()
        if self.gap > FAIR and self._nodes < FEW_NODES and not self.meter.stopped:
            self._whole(QUICK)

    def prove(self) -> None:
        """Raise the bound by what the plan itself rules out."""
        if not self.best.left.any():
            bought = self.study.relaxed.plan.nodes
            found = bound_by_plan(self.core, bought, self.best.price, self.meter)
            self.floor = max(self.floor, found)

    def slow(self, budget_s: float) -> None:
        """What a budget buys."""
        self.meter.start(budget_s)
        if self.best.left.any():
            return  # what limits leave over is not a question of price
        if self.gap > DONE and len(self.core.count) <= MANY_CLASSES:
            self._patterns(rounds=80, tries=6)
        self.prove()
        for effort in EFFORTS if self._nodes < FEW_NODES else ():
            if self.gap <= DONE or self.meter.over():
                break
            self._whole(effort)
        found = polished(self.best, self.guide, self.floor * (1 + DONE))
        self._take(found, f"{self.method}, polished")

    @property
    def _nodes(self) -> float:
        return float(self.study.relaxed.plan.nodes.sum())

    def _take(self, found: Packed, method: str) -> None:
        if found.quality < self.best.quality:
            self.best, self.method = found, method

    def _patterns(self, rounds: int, tries: int) -> None:
        master = Master(self.core, self.meter)
        master.let_in(*filled(self.best))
        pricing = Pricing(self.study, self.guide)
        self.floor = max(self.floor, generated(master, pricing, rounds))
        if master.value < self.best.price * (1 - DONE):
            self._take(dived(self.guide, master, tries), "patterns")
        if self._nodes < HANDFUL and master.value < self.best.price * (1 - DONE):
            master.change(self.core.count, self.core.room)
            master.let_in(*filled(self.best))
            master.choose(TREE)
            self._take(dived(self.guide, master, 1), "patterns")

    def _whole(self, effort: Effort) -> None:
        nodes, left = Nodes(self.core), self.core.count
        plan = whole_nodes(nodes, left, self.guide, effort)
        left = left - buy_whole(nodes, left, plan, self.guide)
        self._take(completed(nodes, left, self.guide), "whole nodes")
