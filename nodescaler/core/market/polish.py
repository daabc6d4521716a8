"""Tearing down the worst nodes of a plan and buying again for their pods.

Nodes that hold little worth for their price are taken away, some at a time, and their pods put to
the other ways of packing, with the gaps of the nodes that stay. What is cheaper is kept. Which
nodes go is a matter of rank and round, so the same plan is polished the same way.

Pure.
"""

from __future__ import annotations

import numpy as np

from nodescaler.core.market.fill import Guide
from nodescaler.core.market.model import Floats, Ints
from nodescaler.core.market.nodes import Nodes
from nodescaler.core.market.reduce import Core
from nodescaler.core.market.rounding import Packed, buy_whole, completed, filled
from nodescaler.core.market.whole import Effort, whole_nodes
from nodescaler.core.market.work import CLASS_S, REST_S

SIZES = (2, 3, 5, 8, 4, 12)  # nodes torn down in a round
MOST_ROUNDS = 400
GAIN = 1e-9


def polished(best: Packed, guide: Guide, enough: float) -> Packed:
    """The plan after as many rounds as the work lasts for.

    Args:
        best: the plan.
        guide: prices of pods, and the meter.
        enough: USD per hour at which the plan is good enough.
    """
    idle = 0
    for turn in range(MOST_ROUNDS):
        if guide.meter.over() or best.price <= enough or idle > 2 * len(best.offer):
            break
        found = _again(best, guide, turn)
        idle = idle + 1
        if found.quality < (best.quality[0], best.price * (1 - GAIN)):
            best, idle = found, 0
    return best


def _again(best: Packed, guide: Guide, turn: int) -> Packed:
    core = best.nodes.core
    guide.meter.spend(REST_S + CLASS_S * len(core.count))
    offer, fills = filled(best)
    held = np.flatnonzero(fills.any(axis=1))
    offer, fills = offer[held], fills[held]
    gone = _worst(core.price[offer] - fills @ guide.worth, turn)
    kept = np.setdiff1d(np.arange(len(offer)), gone)
    nodes = restored(core, offer[kept], fills[kept])
    left = best.left + fills[gone].sum(axis=0)
    if turn % 2:
        effort = Effort(slack=(0.0, 0.003, 0.006, 0.01)[turn // 2 % 4])
        left = left - buy_whole(nodes, left, whole_nodes(nodes, left, guide, effort), guide)
    return completed(nodes, left, guide)


def _worst(waste: Floats, turn: int) -> Ints:
    """Some nodes: each round begins one further down the ranks of waste, and takes every other."""
    order = np.argsort(-waste.round(9), kind="stable")
    size = min(SIZES[turn % len(SIZES)], len(order))
    start, stride = turn // len(SIZES), 1 + turn // 2 % 3
    return np.unique(order[(start + stride * np.arange(size)) % len(order)])


def restored(core: Core, offer: Ints, fills: Ints) -> Nodes:
    """Open nodes with such pods on them."""
    nodes = Nodes(core)
    order = np.argsort(offer, kind="stable")
    bought, copies = np.unique(offer, return_counts=True)
    for one, times in zip(bought.tolist(), copies.tolist(), strict=True):
        nodes.open(one, times)
    rows, pods = np.arange(len(offer)), fills[order]
    for c in np.flatnonzero(pods.any(axis=0)).tolist():
        nodes.put(c, rows, pods[:, c])
    return nodes
