"""A market made small, and what the programme with divisible pods says of it.

Two more things hold for whole pods than the programme knows: the dearest pod needs a node, and pods
that must be alone need a node each.

Pure.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from nodescaler.core.market.bound import Relaxed, relaxed
from nodescaler.core.market.few import bound_by_home, bound_by_plan
from nodescaler.core.market.model import Bools, Bound, Market, Shares
from nodescaler.core.market.reduce import Core, reduced
from nodescaler.core.market.rough import roughly
from nodescaler.core.market.tariffs import SAFE
from nodescaler.core.market.work import Meter, never

FEW_CLASSES = 64  # that can be looked at over and over
CLOSE = 0.99  # of a known price, from which on a bound is not worth raising
FEW_NODES = 12.0  # that whole nodes say more about than parts of them
FEUDING = 0.5  # of the pods, from which on more classes are looked at once only


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """A reduced market, the limits it was reduced with, and what the programme says of it all.

    Attributes:
        limits: bool[L]: the limits of the market that the core knows.
        floor: the certified bound, USD per hour.
        is_rough: so many classes feud that offers at one price were taken together for it, and that
            one pass over the classes has to be enough.
    """

    core: Core
    limits: Bools
    relaxed: Relaxed
    floor: float
    is_rough: bool = False


def lower_bound(market: Market, known: float = math.inf) -> Bound:
    """A certified lower bound for placing every pod that some offer can hold.

    Args:
        market: the market.
        known: price of a plan for all those pods. Where nodes are few, what a cheaper plan cannot
            be like raises the bound, and `usd_per_hour` is this at most.

    >>> from nodescaler.core.market.examples import small
    >>> bound = lower_bound(small())  # 8 cpu at a quarter of a dollar
    >>> round(bound.usd_per_hour, 6), bound.worth.round(6).tolist(), bound.nodes.round(6).tolist()
    (2.0, [0.5, 0.25], [2.0, 0.0])
    """
    study = studied(market)
    core, relaxed = study.core, study.relaxed
    floor = study.floor
    if len(core.count) and not len(core.room) and floor < CLOSE * known < math.inf:
        floor = max(floor, _by_whole_nodes(study, known))
    worth, nodes = np.zeros(len(market.count)), np.zeros(len(market.price))
    worth[core.classes] = relaxed.tariffs.worth
    nodes[core.offers] = relaxed.plan.nodes
    shares = relaxed.plan.shares
    there = Shares(core.classes[shares.classes], core.offers[shares.offers], shares.pods)
    return Bound(floor, worth, nodes, there)


def _by_whole_nodes(study: Study, known: float) -> float:
    """What holds because no node can be bought in part; 0 where that says little."""
    core, bought = study.core, study.relaxed.plan.nodes
    if len(core.count) > FEW_CLASSES or bought.sum() > FEW_NODES:
        return 0.0
    meter = Meter(0.0, never)
    return max(bound_by_plan(core, bought, known, meter), bound_by_home(core, known, meter))


def studied(
    market: Market, limits: Bools | None = None, core: Core | None = None, *, hurry: bool = False
) -> Study:
    """Reduce and solve; limits that the divisible plan breaks are taken in until it breaks none.

    Args:
        market: the market.
        limits: bool[L]: those to take in from the start.
        core: the market reduced with all its limits, if that is there already.
        hurry: the study may be rough.
    """
    active = np.zeros(len(market.room), dtype=np.bool_) if limits is None else limits
    while True:
        known = core if core is not None and active.all() else _reduced(market, active)
        study = _studied(known, active, rough=hurry and _feuding(known))
        nodes = np.zeros(len(market.price))
        nodes[study.core.offers] = study.relaxed.plan.nodes
        broken = (market.usage @ nodes > market.room * (1 + SAFE)) & ~active
        if not broken.any():
            return study
        active = active | broken


def _reduced(market: Market, limits: Bools) -> Core:
    return reduced(replace(market, usage=market.usage[limits], room=market.room[limits]))


def _studied(core: Core, limits: Bools, *, rough: bool) -> Study:
    every = np.arange(len(core.price))
    answer = roughly(core) if rough else relaxed(core, core.count, every, core.room)
    return Study(core, limits, answer, max(answer.tariffs.value, _dearest(core)), rough)


def _feuding(core: Core) -> bool:
    """Whether nearly every class is told apart by whom it bears beside it."""
    if core.feuds is None or len(core.count) <= FEW_CLASSES or len(core.room):
        return False
    feuding = core.feuds.bars.any(axis=1)
    return bool(core.count[feuding].sum() >= FEUDING * core.count.sum())


def _dearest(core: Core) -> float:
    """A node for the dearest pod, or for each pod of a class that must be alone."""
    if not len(core.count):
        return 0.0
    first = core.price[core.fits.argmax(axis=1)]
    return float((first * np.where(core.lonely, core.count, 1)).max()) * (1 - SAFE)
