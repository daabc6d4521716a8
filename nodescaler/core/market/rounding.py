"""Whole nodes out of the divisible plan: buy what is whole, share evenly, look again at the rest.

Each offer that the programme buys is bought as often as its number of nodes allows (rounded down)
and its pods are dealt to those nodes so that all get the same mix, largest pods first, the odd ones
where most room is left. The gaps of all nodes are filled, the fullest first. For the pods still
left the programme is asked again, with offers only that do not cost more than all of them; when it
buys no whole node, the largest part of one becomes whole. Before each such node it is noted what
greedy buying (`fill`) would make of the rest; the cheapest ending is kept.

Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from nodescaler.core.market.bound import Relaxed, Study, relaxed
from nodescaler.core.market.fill import Guide, finish
from nodescaler.core.market.model import Floats, Ints, Shares
from nodescaler.core.market.nodes import Nodes, accepted, cheapest, in_order, sufficient
from nodescaler.core.market.reduce import Core

FULL = 1 - 1e-6  # a node that the programme buys but for a rounding error is a whole one
COARSE = 64  # classes that the rest is looked at with
MOST_ROUNDS = 24
ROUND = 1e-9


def guide_of(study: Study) -> Guide:
    """The programme's prices over all of the core's resources (zero where nobody asks for one)."""
    core, tariffs = study.core, study.relaxed.tariffs
    tariff = np.zeros(core.free.shape)
    asked = np.flatnonzero(core.need.any(axis=0))
    tariff[:, asked] = tariffs.tariff[:, : len(asked)]
    sizes = np.lexsort((np.arange(len(core.count)), -tariffs.worth.round(12)))
    return Guide(tariffs.worth, tariff, sizes)


@dataclass(frozen=True, slots=True, eq=False)
class Packed:
    """Nodes with pods on them, what each became, and the pods that limits left over, int64[C]."""

    nodes: Nodes
    offer: Ints
    left: Ints
    price: float

    @property
    def quality(self) -> tuple[int, float]:
        """Sorts before: fewer pods left, then cheaper."""
        return int(self.left.sum()), self.price


def settled(nodes: Nodes, left: Ints) -> Packed:
    """Every node becomes its cheapest sufficient offer."""
    offer = trimmed(nodes)
    held = np.unique(nodes.pods.table()[0])
    return Packed(nodes, offer, left, float(nodes.core.price[offer[held]].sum()))


def rounded(study: Study, guide: Guide) -> Packed:
    """The cheapest of the endings seen."""
    core = study.core
    nodes, left, plan = Nodes(core), core.count.copy(), study.relaxed
    best: Packed | None = None
    for _ in range(MOST_ROUNDS):
        left = left - _buy_whole(nodes, left, plan, guide)
        left = left - fill_gaps(nodes, left, guide)
        if not left.any():
            break
        plan = _rest(nodes, left, guide)
        if plan.nodes.max(initial=0.0) < FULL:
            ending = nodes.copy()
            found = settled(ending, finish(ending, left, guide))
            best = found if best is None else min(best, found, key=lambda packed: packed.quality)
            if not plan.nodes.any():
                break
            plan = _grown(core, plan)
    found = settled(nodes, left)
    return found if best is None else min(best, found, key=lambda packed: packed.quality)


def _buy_whole(nodes: Nodes, left: Ints, plan: Relaxed, guide: Guide) -> Ints:
    """Buy what the plan has of whole nodes and deal their pods; how many of each class."""
    placed = np.zeros_like(left)
    share = _shares(plan, guide)
    for offer in np.flatnonzero(plan.nodes >= FULL).tolist():
        copies = min(int(plan.nodes[offer] + 1 - FULL), nodes.affordable(offer))
        if copies:
            rows = nodes.open(offer, copies)
            pods = np.minimum(share.get(offer, np.zeros_like(left)), left - placed)
            placed += _share_out(nodes, rows, pods, guide)
    return placed


def _rest(nodes: Nodes, left: Ints, guide: Guide) -> Relaxed:
    """Ask the programme about the pods left, with no offer that costs more than all of them."""
    core = nodes.core
    usable = (core.usage <= nodes.budget[:, None]).all(axis=0)
    fits = core.fits & usable
    count = np.where(fits.any(axis=1), left, 0)
    there = np.flatnonzero(count)
    dearest = core.price[fits[there].argmax(axis=1)].max(initial=0.0)
    most = max(float(count @ guide.worth), float(dearest))
    offers = np.flatnonzero(usable & (core.price <= most) & core.fits[there].any(axis=0))
    return relaxed(core, count, offers, nodes.budget, COARSE)


def _grown(core: Core, plan: Relaxed) -> Relaxed:
    """Of the offer that the plan spends most on one whole node, and nothing else."""
    offer = int((plan.nodes * core.price).round(9).argmax())
    if not plan.nodes[offer]:  # all that is bought costs nothing
        offer = int(plan.nodes.argmax())
    shares = plan.shares
    mine = shares.offers == offer
    pods = shares.pods[mine] / plan.nodes[offer]
    nodes = np.zeros_like(plan.nodes)
    nodes[offer] = 1.0
    only = Shares(shares.classes[mine], shares.offers[mine], pods)
    return replace(plan, nodes=nodes, shares=only)


def _shares(plan: Relaxed, guide: Guide) -> dict[int, Ints]:
    """int64[C] for each offer: the pods of its whole nodes, a fair mix of sizes.

    The fractions are carried from class to class in order of size, offer by offer.
    """
    shares = plan.shares
    whole = np.floor(plan.nodes + 1 - FULL) / np.maximum(plan.nodes, ROUND)
    rank = np.empty(len(guide.sizes), dtype=np.int64)
    rank[guide.sizes] = np.arange(len(rank))
    out: dict[int, Ints] = {}
    for offer in np.unique(shares.offers).tolist():
        mine = np.flatnonzero(shares.offers == offer)
        mine = mine[np.argsort(rank[shares.classes[mine]], kind="stable")]
        upto = np.floor(np.cumsum(shares.pods[mine]) * whole[offer] + 0.5).astype(np.int64)
        counts = np.zeros(len(rank), dtype=np.int64)
        counts[shares.classes[mine]] = np.diff(upto, prepend=0)
        out[offer] = counts
    return out


def _share_out(nodes: Nodes, rows: Ints, pods: Ints, guide: Guide) -> Ints:
    """Deal *pods* evenly to equal nodes; how many of each class found room."""
    placed = np.zeros_like(pods)
    tariff = guide.tariff[nodes.offer[rows[0]]]
    for c in guide.sizes[pods[guide.sizes] > 0].tolist():
        capacity = nodes.capacity(c)[rows]
        value = nodes.room[rows] @ tariff
        placed[c] = nodes.put(c, rows, evenly(int(pods[c]), capacity, value))
    return placed


def evenly(wanted: int, capacity: Ints, value: Floats) -> Ints:
    """The same number for each node as far as there is capacity, the odd ones by *value*.

    >>> evenly(5, np.array([9, 1, 9]), np.array([1.0, 2.0, 3.0]))
    array([2, 1, 2])
    """
    out = np.zeros_like(capacity)
    while wanted:
        able = np.flatnonzero(out < capacity)
        if not len(able):
            break
        each = wanted // len(able)
        if each == 0:
            able = able[np.argsort(-value[able], kind="stable")][:wanted]
            each = 1
        added = np.minimum(each, capacity[able] - out[able])
        out[able] += added
        wanted -= int(added.sum())
    return out


def fill_gaps(nodes: Nodes, left: Ints, guide: Guide) -> Ints:
    """Fill open nodes, largest pods and fullest nodes first; how many of each class found room."""
    placed = np.zeros_like(left)
    if not len(nodes.offer):
        return placed
    for c in guide.sizes[left[guide.sizes] > 0].tolist():
        capacity = nodes.capacity(c)
        if capacity.any():
            value = (nodes.room * guide.tariff[nodes.offer]).sum(axis=1)
            order = np.argsort(value, kind="stable")
            rows = np.arange(len(capacity))
            placed[c] = nodes.put(c, rows, in_order(int(left[c]), capacity, order))
    return placed


def trimmed(nodes: Nodes) -> Ints:
    """int64[N]: the cheapest offer that still holds each node's pods, limits permitting."""
    core = nodes.core
    node, kind, _ = nodes.pods.table()
    used = core.free[nodes.offer] - nodes.room
    enough = sufficient(core, used, accepted(core, node, kind, len(nodes.offer)))
    if len(core.room):
        before = core.usage[:, nodes.offer]
        for limit, usage in enumerate(core.usage):
            enough &= usage[None, :] <= before[limit][:, None]
    return cheapest(enough)
