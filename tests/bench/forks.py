"""The arrays that stand for 5,000 nodes: what they take, and what a fork and an undo cost.

A fork is what a search pays to try something: a copy of all that placing a pod writes to. What it
never writes to (labels, taints, who runs where) is shared.
"""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable

import numpy as np

from nodescaler.core.bins import Bins, Item
from nodescaler.core.model import Snapshot
from nodescaler.core.nodes import Nodes, nodes_of
from tests.bench.cluster import bound
from tests.bench.workloads import RESOURCES

RULES = 60  # about hosts: pods counted, and owners, on each node
PLACED = 20
REPEATED = 200


def forks(_: str = "") -> dict[str, float]:
    """Milliseconds and KiB; of what is repeated, the best and the worst.

    Raises:
        AssertionError: something was not as before after an undo, or a fork shares what it writes.
    """
    snapshot = bound()
    built = _timed(lambda: _nodes(snapshot), 3)
    tracemalloc.start()
    nodes = _nodes(snapshot)
    held, _peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    bins = _bins(nodes)
    copied = _timed(nodes.forked, REPEATED)
    forked = _timed(bins.forked, REPEATED)
    undone = _timed(lambda: _place_and_undo(bins), REPEATED)
    _check(nodes, bins)
    written = bins.free.nbytes + bins.count.nbytes + bins.owners.nbytes
    return {
        "nodes": len(nodes),
        "pods": sum(len(pods) for pods in nodes.residents),
        "arrays_kib": held / 1024,
        "fork_kib": nodes.free.nbytes / 1024,
        "bins_kib": written / 1024,
        **_spread("build", built),
        **_spread("fork", copied),
        **_spread("bins", forked),
        **_spread("undo", undone),
    }


def _nodes(snapshot: Snapshot) -> Nodes:
    return nodes_of(snapshot.nodes, snapshot.daemons, RESOURCES, snapshot.volumes)


def _bins(nodes: Nodes) -> Bins:
    rules = np.zeros((RULES, len(nodes)), np.int64)
    handles = [set(each) for each in nodes.handles]
    return Bins(nodes.free.copy(), rules, rules.copy(), handles, size=len(nodes))


def _place_and_undo(bins: Bins) -> None:
    """Twenty placements, each on the first node with room, and all of them taken back."""
    pod = Item(members=((0, 1),), count=1, need=np.array([100, 2**28, 1], np.int64))
    before = bins.mark()
    for _ in range(PLACED):
        bins.fill(pod, bins.fits(pod), 1)
    bins.undo(before)


def _check(nodes: Nodes, bins: Bins) -> None:
    assert (bins.free == nodes.free).all(), "undo left a trace"
    other = bins.forked()
    other.free[0] -= 1
    assert (bins.free == nodes.free).all(), "a fork wrote to what it was forked from"


def _timed(run: Callable[[], object], times: int) -> list[float]:
    """Milliseconds of each of *times* runs."""
    out: list[float] = []
    for _ in range(times):
        began = time.perf_counter()
        run()
        out.append(1000 * (time.perf_counter() - began))
    return out


def _spread(name: str, runs: list[float]) -> dict[str, float]:
    return {f"{name}_best_ms": min(runs), f"{name}_worst_ms": max(runs)}
