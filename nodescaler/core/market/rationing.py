"""When the limits do not let all pods in: the first ones first.

Pods stand in the order of priority, then class. The longest run of them, from the first, that can
be placed without a rest is found by halving; what then still fits is placed class by class.

Pure.
"""

from __future__ import annotations

import numpy as np

from nodescaler.core.market.bound import relaxed
from nodescaler.core.market.fill import Guide
from nodescaler.core.market.model import Ints
from nodescaler.core.market.nodes import Nodes, in_order
from nodescaler.core.market.reduce import Core
from nodescaler.core.market.rounding import Packed, buy_whole, completed

CLOSE = 1000  # the run is found within this part of all pods; class by class does the rest


def rationed(core: Core, guide: Guide) -> Packed:
    """The longest run of pods that was placed without a rest, and of the others what fits."""
    ends = np.cumsum(core.count)
    least, most = 0, int(ends[-1])  # known to be placed, known not to be
    nodes, placed = Nodes(core), np.zeros_like(core.count)
    while most - least > max(1, int(ends[-1]) // CLOSE) and not guide.meter.over():
        middle = (least + most) // 2
        count = np.clip(middle - (ends - core.count), 0, core.count)
        found = _packed(core, count, guide)
        if found.left.any():
            most = middle
        else:
            least, nodes, placed = middle, found.nodes, count
    left = core.count - placed
    for c in np.flatnonzero(left).tolist():
        capacity = nodes.capacity(c)
        rows = np.arange(len(capacity))
        left[c] -= nodes.put(c, rows, in_order(int(left[c]), capacity, rows))
    return completed(nodes, left, guide)


def _packed(core: Core, count: Ints, guide: Guide) -> Packed:
    nodes = Nodes(core)
    found = relaxed(core, count, np.arange(len(core.price)), core.room)
    guide.meter.spend(found.work_s)
    left = count - buy_whole(nodes, count, found.plan, guide)
    return completed(nodes, left, guide)
