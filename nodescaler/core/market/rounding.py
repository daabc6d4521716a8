"""Whole nodes out of the divisible plan: even sharing, then the rest.

Each offer that the programme buys is bought as often as its number of nodes allows (rounded down)
and its pods are dealt to those nodes so that all get the same mix, largest pods first, the odd ones
where most room is left. Then the gaps of all nodes are filled, the fullest first, and what is still
left goes to new nodes (`fill`).

Pure.
"""

from __future__ import annotations

import numpy as np

from nodescaler.core.market.bound import Study
from nodescaler.core.market.fill import Guide, finish
from nodescaler.core.market.model import Floats, Ints
from nodescaler.core.market.nodes import Nodes, accepted, cheapest, in_order, sufficient
from nodescaler.core.market.reduce import Core

FULL = 1 - 1e-6  # a node that the programme buys but for a rounding error is a whole one


def guide_of(study: Study) -> Guide:
    """The programme's prices over all of the core's resources (zero where nobody asks for one)."""
    core, tariffs = study.core, study.tariffs
    tariff = np.zeros(core.free.shape)
    asked = np.flatnonzero(core.need.any(axis=0))
    tariff[:, asked] = tariffs.tariff[:, : len(asked)]
    sizes = np.lexsort((np.arange(len(core.count)), -tariffs.worth.round(12)))
    return Guide(tariffs.worth, tariff, sizes)


def rounded(study: Study, guide: Guide) -> tuple[Nodes, Ints]:
    """Nodes with all pods on them, and the pods that limits left over, int64[C]."""
    core = study.core
    nodes = Nodes(core)
    left = core.count.copy()
    share = _shares(study, guide)
    for offer in np.flatnonzero(study.nodes >= FULL).tolist():
        copies = min(int(study.nodes[offer] + 1 - FULL), nodes.affordable(offer))
        if copies:
            rows = nodes.open(offer, copies)
            left -= _share_out(nodes, rows, np.minimum(share.get(offer, 0 * left), left), guide)
    left -= fill_gaps(nodes, left, guide)
    return nodes, finish(nodes, left, guide)


def _shares(study: Study, guide: Guide) -> dict[int, Ints]:
    """int64[C] for each offer: whole pods, so that each offer's pods are a fair mix of sizes.

    The fractions are carried from class to class in order of size, offer by offer.
    """
    shares = study.shares
    rank = np.empty(len(guide.sizes), dtype=np.int64)
    rank[guide.sizes] = np.arange(len(rank))
    out: dict[int, Ints] = {}
    for offer in np.unique(shares.offers).tolist():
        mine = np.flatnonzero(shares.offers == offer)
        mine = mine[np.argsort(rank[shares.classes[mine]], kind="stable")]
        upto = np.floor(np.cumsum(shares.pods[mine]) + 0.5).astype(np.int64)
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


def trimmed(core: Core, nodes: Nodes) -> Ints:
    """int64[N]: the cheapest offer that still holds each node's pods, limits permitting."""
    node, kind, _ = nodes.pods.table()
    used = core.free[nodes.offer] - nodes.room
    enough = sufficient(core, used, accepted(core, node, kind, len(nodes.offer)))
    if len(core.room):
        before = core.usage[:, nodes.offer]
        for limit, usage in enumerate(core.usage):
            enough &= usage[None, :] <= before[limit][:, None]
    return cheapest(enough)
