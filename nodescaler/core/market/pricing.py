"""Which fills of a node are worth more than it costs, at given prices of pods.

Greedy fills in several orders find most of them for little; the table of `knapsack` finds the best
for every offer where pods come in round sizes, and proves what no fill can exceed.

Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nodescaler.core.market.bound import programme
from nodescaler.core.market.fill import Guide, fills
from nodescaler.core.market.knapsack import grids, most
from nodescaler.core.market.model import Floats, Ints
from nodescaler.core.market.study import Study
from nodescaler.core.market.tariffs import SAFE, certified
from nodescaler.core.market.work import fill_s

NEAR = 0.03  # offers that come so close to paying are looked at exactly
MOST_TARIFFS = 5
LEAST = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Fills:
    """Fills and the offers they are for, side by side: int64[K], int64[K, C]."""

    offers: Ints
    fills: Ints


class Pricing:
    """The ways to look for fills in one market."""

    def __init__(self, study: Study, guide: Guide) -> None:
        self.core, self.meter = study.core, guide.meter
        self.every = np.arange(len(self.core.price))
        self._tariff = study.relaxed.tariffs.tariff
        self._mixes, scarce = _mixes(study, guide)
        near = np.flatnonzero(study.relaxed.tariffs.covered < 1 + NEAR)
        self.grids = grids(self.core, near, scarce) if scarce else ()

    def greedy(self, worth: Floats) -> Fills:
        """Fills of every offer, classes in the order of worth for what they take of some mix."""
        core = self.core
        kinds = np.flatnonzero(worth > LEAST)
        found = [np.zeros((0, len(worth)), dtype=np.int64)]
        for mix in self._mixes:
            taken = np.maximum(core.need[kinds] @ mix, LEAST)
            order = kinds[np.argsort(-worth[kinds] / taken, kind="stable")]
            found.append(fills(core, core.count, self.every, order))
            self.meter.spend(fill_s(len(kinds), len(self.every)))
        return Fills(np.tile(self.every, len(self._mixes)), np.concatenate(found))

    def exact(self, worth: Floats, fines: Floats) -> tuple[Fills, float]:
        """The best fills of the offers in question, and the bound that they prove.

        The fills are the best as far as two sizes go, then cut to what else is asked.
        """
        core, market = self.core, programme(self.core)
        budget = core.price + fines @ core.usage
        suggested = certified(market, self._tariff, worth, fines)
        ratio = 1 / np.maximum(suggested.covered, LEAST)
        offers = [np.zeros(0, dtype=np.int64)]
        found = [np.zeros((0, len(worth)), dtype=np.int64)]
        for grid in self.grids:
            top, best = most(grid, worth)
            self.meter.spend(grid.work_s)
            at = grid.offers
            ratio[at] = np.minimum(ratio[at], top / np.maximum(budget[at], LEAST))
            offers.append(at)
            found.append(self._allowed(at, best, worth))
        scale = max(float(ratio.max()), 1.0) * (1 + SAFE)
        value = float(core.count @ worth) / scale - float(fines @ core.room) * (1 + SAFE)
        return Fills(np.concatenate(offers), np.concatenate(found)), value

    def _allowed(self, offers: Ints, best: Ints, worth: Floats) -> Ints:
        """Cut to the pods there are, and to what other resources and conflicts allow; topped up."""
        core = self.core
        order = np.argsort(-worth, kind="stable")
        order = order[worth[order] > LEAST]
        cut = fills(core, np.minimum(best, core.count), offers, order)
        return fills(core, core.count, offers, order, cut)


def _mixes(study: Study, guide: Guide) -> tuple[list[Floats], tuple[int, ...]]:
    """Prices of a unit of each resource to order classes by, and the two scarcest resources."""
    core, nodes = study.core, study.relaxed.plan.nodes
    bought = np.argsort(-(nodes * core.price).round(9), kind="stable")[:MOST_TARIFFS]
    bought = bought[nodes[bought] > 0]
    spent = (nodes[:, None] * guide.tariff * np.maximum(core.free, 0)).sum(axis=0)
    order = np.argsort(-spent.round(9), kind="stable")[:2]
    scarce = tuple(int(r) for r in order if spent[r] > LEAST)
    alone = [np.eye(len(spent))[r] for r in scarce]
    unit = spent / np.maximum((nodes[:, None] * core.free).sum(axis=0), 1)
    return [*[guide.tariff[o] for o in bought], *alone, unit], scarce
