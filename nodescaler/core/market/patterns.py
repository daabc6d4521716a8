"""Buying whole filled nodes: the programme whose columns are fills, and whole nodes out of it.

    minimise   sum of price·x         x(k): how often fill k is bought
    subject to each class is placed:  sum of fill(k, c)·x(k)  >=  count(c)
               limits:                sum of usage·x          <=  room

A fill is what fits on one node as it is, so this knows what the divisible programme does not: that
three pods of 5 cpu do not fit 16 well. Fills are let in while they are worth more than they cost
(`pricing`; Gilmore and Gomory 1961). Then fills are bought as often as the programme does, rounded
down, and the programme is asked again about the rest; each time it is also tried to leave the rest
to `rounding`. The cheapest is kept.

Pure.
"""

from __future__ import annotations

import highspy
import numpy as np
import numpy.typing as npt

from nodescaler.core.market.fill import Guide
from nodescaler.core.market.lp import OVER_LIMIT, quiet
from nodescaler.core.market.model import Ints
from nodescaler.core.market.nodes import Nodes
from nodescaler.core.market.pricing import Fills, Pricing
from nodescaler.core.market.reduce import Core
from nodescaler.core.market.rounding import FULL, Packed, completed, fill_gaps, least
from nodescaler.core.market.work import TREE_S, TREE_STEP_S, Meter, simplex_s

PAYS = 1 + 1e-6
LET_IN = 12  # fills a round
CLOSE = 5e-4  # of the value: near enough to the bound to stop


class Master:
    """The programme over the fills let in so far, kept warm in HiGHS."""

    def __init__(self, core: Core, meter: Meter) -> None:
        self.core, self.meter = core, meter
        self.offers: list[int] = []
        self.fills: list[Ints] = []
        self.value = 0.0
        self.worth, self.fines = np.zeros(len(core.count)), np.zeros(len(core.room))
        self.bought = np.zeros(0)
        self._seen: set[tuple[int, bytes]] = set()
        self._highs = quiet()
        self._highs.setOptionValue("presolve", "off")
        self._highs.setOptionValue("solver", "simplex")
        limits = len(core.room)
        lower = np.concatenate([core.count, np.full(limits, -highspy.kHighsInf)]).astype(float)
        upper = np.concatenate([np.full(len(core.count), highspy.kHighsInf), core.room])
        starts, none = np.zeros(len(lower), dtype=np.int32), np.zeros(0, dtype=np.int32)
        self._highs.addRows(len(lower), lower, upper, 0, starts, none, np.zeros(0))
        dearest = OVER_LIMIT * max(float(core.price.max()), 1.0)
        self._overdrafts = limits
        for limit in range(limits):
            row = np.array([len(core.count) + limit], dtype=np.int32)
            cost = dearest / max(float(core.usage[limit].max()), 1.0)
            self._highs.addCol(cost, 0.0, highspy.kHighsInf, 1, row, np.array([-1.0]))

    def let_in(self, offers: Ints, fills: Ints) -> int:
        """Let these fills be bought; how many were new."""
        new = 0
        for offer, fill in zip(offers.tolist(), fills, strict=True):
            key = (offer, fill.tobytes())
            if key not in self._seen and fill.any():
                self._seen.add(key)
                self._add(offer, fill)
                new += 1
        return new

    def _add(self, offer: int, fill: Ints) -> None:
        kinds = np.flatnonzero(fill)
        limits = np.flatnonzero(self.core.usage[:, offer])
        rows = np.concatenate([kinds, len(fill) + limits]).astype(np.int32)
        cells = np.concatenate([fill[kinds], self.core.usage[limits, offer]]).astype(float)
        price = float(self.core.price[offer])
        self._highs.addCol(price, 0.0, highspy.kHighsInf, len(rows), rows, cells)
        self.offers.append(offer)
        self.fills.append(fill)

    def ask(self) -> None:
        """Solve; leaves value, worth, fines and bought."""
        self._highs.run()
        solution, info = self._highs.getSolution(), self._highs.getInfo()
        dual = np.array(solution.row_dual)
        classes = len(self.core.count)
        self.value = info.objective_function_value
        self.worth = np.maximum(dual[:classes], 0)
        self.fines = np.maximum(-dual[classes:], 0)
        self.bought = np.maximum(np.array(solution.col_value)[self._overdrafts :], 0)
        self.meter.spend(simplex_s(max(info.simplex_iteration_count, 0), len(dual)))

    def choose(self, tree: int) -> None:
        """Solve with whole numbers, *tree* nodes of the search at most; leaves bought."""
        columns = np.arange(self._overdrafts, self._overdrafts + len(self.offers), dtype=np.int32)
        self._integral(columns, highspy.HighsVarType.kInteger)
        self._highs.setOptionValue("mip_max_nodes", tree)
        self._highs.setOptionValue("mip_rel_gap", CLOSE)
        self._highs.setOptionValue("presolve", "choose")
        self._highs.run()
        info = self._highs.getInfo()
        values = np.array(self._highs.getSolution().col_value)
        if info.primal_solution_status == highspy.kSolutionStatusFeasible:
            self.bought = np.maximum(values[self._overdrafts :], 0).round()
        self.meter.spend(TREE_S + TREE_STEP_S * max(info.simplex_iteration_count, 0))
        self._integral(columns, highspy.HighsVarType.kContinuous)
        self._highs.setOptionValue("presolve", "off")

    def _integral(self, columns: npt.NDArray[np.int32], kind: highspy.HighsVarType) -> None:
        kinds = np.full(len(columns), int(kind), dtype=np.uint8)
        self._highs.changeColsIntegrality(len(columns), columns, kinds)

    def change(self, left: Ints, budget: Ints) -> None:
        """Ask for so many pods and so much room from now on."""
        for row, pods in enumerate(left.tolist()):
            self._highs.changeRowBounds(row, float(pods), highspy.kHighsInf)
        for limit, room in enumerate(budget.tolist()):
            self._highs.changeRowBounds(len(left) + limit, -highspy.kHighsInf, float(room))

    def paying(self, found: Fills) -> tuple[Ints, Ints]:
        """The fills that are worth most for their price, of those that are worth more."""
        cost = self.core.price + self.fines @ self.core.usage
        ratio = found.fills @ self.worth / np.maximum(cost[found.offers], 1e-12)
        order = np.argsort(-ratio.round(9), kind="stable")
        chosen: list[int] = []
        seen: set[tuple[int, bytes]] = set()
        for k in order.tolist():
            if ratio[k] <= PAYS or len(chosen) == LET_IN:
                break
            key = (int(found.offers[k]), found.fills[k].tobytes())
            if key not in seen and key not in self._seen:
                seen.add(key)
                chosen.append(k)
        return found.offers[chosen], found.fills[chosen]


def generated(master: Master, pricing: Pricing, rounds: int) -> float:
    """Let in fills until none pays, the work is over, or after *rounds*; the bound it proves."""
    best = 0.0
    for _ in range(rounds):
        master.ask()
        new = master.let_in(*master.paying(pricing.greedy(master.worth)))
        if pricing.grids:
            found, value = pricing.exact(master.worth, master.fines)
            best = max(best, value)
            new += master.let_in(*master.paying(found))
        if not new or master.value <= best * (1 + CLOSE) or master.meter.over():
            break
    master.ask()
    return best


def dived(guide: Guide, master: Master, tries: int) -> Packed:
    """Whole nodes out of the programme; the rest is left to `rounding` at *tries* places."""
    core = master.core
    nodes, left = Nodes(core), core.count.copy()
    best: Packed | None = None
    while left.any():
        whole = np.floor(master.bought + 1 - FULL).astype(np.int64)
        if not whole.any():
            if tries > 0:
                best = least(best, completed(nodes.copy(), left, guide))
                tries -= 1
            if tries <= 0 or master.meter.over() or not master.bought.any():
                break
            whole[int(master.bought.round(9).argmax())] = 1
        left = left - _buy(nodes, left, master, whole)
        left = left - fill_gaps(nodes, left, guide)
        master.change(left, nodes.budget)
        master.ask()
    if best is None or not left.any():
        best = least(best, completed(nodes, left, guide))
    return best


def _buy(nodes: Nodes, left: Ints, master: Master, whole: Ints) -> Ints:
    """Buy these fills, as far as the pods and limits go; how many pods of each class that were."""
    placed = np.zeros_like(left)
    for k in np.flatnonzero(whole).tolist():
        offer, fill = master.offers[k], master.fills[k]
        there = fill > 0
        copies = min(int(whole[k]), nodes.affordable(offer))
        full = min(copies, int(((left - placed)[there] // fill[there]).min()))
        placed += nodes.fill(offer, full, fill)
        part = np.minimum(fill, left - placed)
        if full < copies and part.any():
            placed += nodes.fill(offer, 1, part)
    return placed
