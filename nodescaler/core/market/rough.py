"""The programme for thousands of classes that feud: only what tells them apart by size and price.

Pure.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nodescaler.core.market.bound import (
    MOST_CLASSES,
    Plan,
    Relaxed,
    cliques,
    grouped,
    groups,
    programme_of,
    spread,
)
from nodescaler.core.market.lp import Programme, solved
from nodescaler.core.market.model import Bools, Floats, Ints, Shares
from nodescaler.core.market.reduce import Core, distinct
from nodescaler.core.market.tariffs import priced
from nodescaler.core.market.work import simplex_s

SCARCE = 0.5  # of the nodes needed at least, from which on a slot matters


def roughly(core: Core) -> Relaxed:
    """All pods of a core without limits, as if what is the same but for its place were one offer.

    That and to leave out what is hardly scarce only takes away rows of the programme, so the bound
    holds; the tariffs are valued by the offers as they are.
    """
    offers = np.arange(len(core.price))
    alone = cliques(core)
    bits = np.packbits(np.concatenate([core.fits, alone.T], axis=1), axis=1)
    rows, same = distinct(np.column_stack([core.need.view(np.uint8), bits]))
    total = np.bincount(same, core.count).astype(np.int64)
    count = np.zeros_like(core.count)
    count[rows] = total
    whole = programme_of(core, rows, offers, count, core.room, alone)
    kind, slim = _slim(whole)
    group = groups(slim, MOST_CLASSES)
    answer = solved(grouped(slim, group))
    tariff = np.zeros((len(offers), whole.need.shape[1]))
    tariff[:, _scarce(whole)] = answer.tariffs.tariff[kind]
    tariffs = priced(whole, tariff, answer.tariffs.fines, answer.tariffs.covered[kind])
    shares = spread(slim.count, group, answer.classes, answer.offers, answer.pods)
    nodes, placed = _placed(whole, kind, answer.nodes, Shares(*shares))
    counts = core.count.astype(np.float64)
    dealt = Shares(*spread(counts, same, placed.classes, placed.offers, placed.pods))
    tariffs = replace(tariffs, worth=tariffs.worth[same])
    work_s = simplex_s(answer.steps, len(answer.tariffs.worth))
    return Relaxed(tariffs, Plan(nodes, dealt), work_s)


def _slim(whole: Programme) -> tuple[Ints, Programme]:
    """Which kind each offer is, and the programme of kinds without the slots that abound."""
    traits = np.column_stack([whole.free, whole.price])
    first, kind = distinct(traits.view(np.uint8))
    fits = np.zeros((len(whole.count), len(first)), dtype=np.bool_)
    for k, column in zip(kind.tolist(), whole.fits.T, strict=True):
        fits[:, k] |= column
    there = _scarce(whole)
    return kind, replace(
        whole, need=np.ascontiguousarray(whole.need[:, there]), free=whole.free[first][:, there],
        price=whole.price[first], fits=fits, usage=whole.usage[:, first],
    )  # fmt: skip


def _scarce(whole: Programme) -> Bools:
    """bool[R]: all but slots (as many on each node) that are not asked for by every other node."""
    asked = whole.count @ whole.need / np.maximum(whole.free.max(axis=0), 1)
    slot = whole.free.max(axis=0) == whole.free.min(axis=0)
    needed = SCARCE * float(asked[slot].max(initial=0.0))
    return np.asarray(~slot | (asked >= needed), dtype=np.bool_)


def _placed(whole: Programme, kind: Ints, nodes: Floats, shares: Shares) -> tuple[Floats, Shares]:
    """Nodes and pods of kinds of offers as those of offers, each in equal parts."""
    members = [np.flatnonzero(kind == k) for k in range(len(nodes))]
    able = [whole.fits[c, members[k]] for c, k in zip(shares.classes, shares.offers, strict=True)]
    parts = np.array([one.sum() for one in able], dtype=np.int64)
    offers = [members[k][one] for k, one in zip(shares.offers, able, strict=True)]
    of_kind = np.bincount(kind, minlength=len(nodes))
    return nodes[kind] / of_kind[kind], Shares(
        np.repeat(shares.classes, parts),
        np.concatenate([np.zeros(0, dtype=np.int64), *offers]),
        np.repeat(shares.pods / parts, parts),
    )
