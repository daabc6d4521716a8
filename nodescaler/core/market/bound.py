"""What some pods of a market cost at least, and what one pod of each class is worth.

The programme with divisible pods gives both (`lp`). Equal classes are one row of it, and thousands
are put together into a few hundred of about one size: that only makes the suggested tariffs a
little worse, since `tariffs` then values each class on its own.

Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from nodescaler.core.market.lp import Programme, solved
from nodescaler.core.market.model import Bools, Floats, Ints, Shares
from nodescaler.core.market.reduce import Core, distinct
from nodescaler.core.market.tariffs import Tariffs, priced
from nodescaler.core.market.work import simplex_s

MOST_CLASSES = 320  # that the programme is solved with
FINEST = 16  # steps for each doubling of an amount when classes are put together
MOST_CLIQUES = 8  # groups of pods that must not share a node which the programme knows of


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """Divisible pods on nodes, by the rows and columns of a core.

    Attributes:
        nodes: float64[O]: how many of each offer.
        shares: which class on which offer, how many pods.
    """

    nodes: Floats
    shares: Shares


@dataclass(frozen=True, slots=True, eq=False)
class Relaxed:
    """What the programme says about some pods of a core.

    Attributes:
        tariffs: of the rows with pods and the columns looked at only.
        plan: what it buys.
        work_s: about how long that took.
    """

    tariffs: Tariffs
    plan: Plan
    work_s: float


def relaxed(core: Core, count: Ints, offers: Ints, room: Ints, most: int = MOST_CLASSES) -> Relaxed:
    """Solve the programme for some pods, offers and room.

    Args:
        core: the market.
        count: int64[C]: pods; each class with pods must fit one of the offers.
        offers: int64[K]: columns to buy from.
        room: int64[L]: what the limits leave.
        most: classes to solve it with; more are put together.
    """
    rows = np.flatnonzero(count)
    if not len(rows):
        none = np.zeros(0, dtype=np.int64)
        nothing = Tariffs(0.0, np.zeros(0), np.zeros((0, 0)), np.zeros(0), np.zeros(0))
        bought = Plan(np.zeros(len(core.price)), Shares(none, none, np.zeros(0)))
        return Relaxed(nothing, bought, 0.0)
    whole = programme_of(core, rows, offers, count, room)
    group = groups(whole, most)
    answer = solved(grouped(whole, group))
    tariffs = answer.tariffs
    if answer.overdrawn:  # the fines are made up, and a bound with them as well
        whole = _unlimited(whole)
        tariffs = solved(grouped(whole, group)).tariffs
    if len(tariffs.worth) < len(group):
        tariffs = priced(whole, tariffs.tariff, tariffs.fines, tariffs.covered)
    nodes = np.zeros(len(core.price))
    nodes[offers] = answer.nodes
    classes, columns, pods = spread(whole.count, group, answer.classes, answer.offers, answer.pods)
    plan = Plan(nodes, Shares(rows[classes], offers[columns], pods))
    return Relaxed(tariffs, plan, simplex_s(answer.steps, len(answer.tariffs.worth)))


def _unlimited(whole: Programme) -> Programme:
    return replace(whole, usage=whole.usage[:0], room=whole.room[:0])


def programme(core: Core) -> Programme:
    """All of a core."""
    rows, offers = np.arange(len(core.count)), np.arange(len(core.price))
    return programme_of(core, rows, offers, core.count, core.room)


def programme_of(
    core: Core, rows: Ints, offers: Ints, count: Ints, room: Ints, alone: Bools | None = None
) -> Programme:
    """A core as floats, without resources nobody asks for; with slots for what must be alone."""
    asked = core.need[rows].any(axis=0)
    need = core.need[np.ix_(rows, asked)].astype(float)
    free = core.free[np.ix_(offers, asked)].astype(float)
    slots = (cliques(core) if alone is None else alone)[:, rows].T.astype(float)
    if not need.shape[1] and not slots.shape[1]:  # pods that take nothing at all
        need, free = np.zeros((len(rows), 1)), np.ones((len(offers), 1))
    return Programme(
        need=np.concatenate([need, slots], axis=1),
        count=count[rows].astype(float),
        free=np.concatenate([free, np.ones((len(offers), slots.shape[1]))], axis=1),
        price=core.price[offers],
        fits=core.fits[np.ix_(rows, offers)],
        usage=core.usage[:, offers].astype(float),
        room=room.astype(float),
    )


def cliques(core: Core) -> Bools:
    """bool[K, C]: classes of which one pod at most, of all together, may be on a node."""
    out: list[Bools] = []
    waiting = core.lonely.copy()
    while waiting.any() and len(out) < MOST_CLIQUES:
        seed = int(np.where(waiting, core.count, -1).argmax())
        clique = [seed]
        if core.feuds is not None:
            able = waiting & core.feuds.with_each(seed)
            able[seed] = False
            while able.any():
                clique.append(int(able.argmax()))
                able &= core.feuds.with_each(clique[-1])
                able[clique[-1]] = False
        waiting[clique] = False
        out.append(np.isin(np.arange(len(core.count)), clique))
    return np.array(out, dtype=np.bool_).reshape(len(out), len(core.count))


def groups(whole: Programme, most: int) -> Ints:
    """int64[C]: equal classes together; also those of about one size, until there are *most*."""
    first, equal = distinct(
        np.column_stack([whole.need.view(np.uint8), np.packbits(whole.fits, axis=1)])
    )
    if len(first) <= most:
        return equal
    pattern = distinct(np.packbits(whole.fits, axis=1))[1]
    size = np.log2(np.maximum(whole.need, 1e-9))
    steps = float(FINEST)
    while True:
        key = np.column_stack([pattern, np.floor(size * steps)])
        group: Ints = np.unique(key, axis=0, return_inverse=True)[1].reshape(-1)
        if group.max() < most or steps < 1 / FINEST:
            return group if group.max() + 1 < len(first) else equal
        steps *= 0.75


def grouped(whole: Programme, group: Ints) -> Programme:
    if len(group) == group.max() + 1:
        return whole
    total = np.bincount(group, weights=whole.count).astype(np.float64)
    mean = [np.bincount(group, weights=whole.count * column) / total for column in whole.need.T]
    first = np.unique(group, return_index=True)[1]
    return replace(whole, need=np.column_stack(mean), count=total, fits=whole.fits[first])


def spread(
    count: Floats, group: Ints, groups: Ints, offers: Ints, pods: Floats
) -> tuple[Ints, Ints, Floats]:
    """Shares of groups as shares of their classes."""
    if len(group) == group.max() + 1:
        return groups, offers, pods
    total = np.bincount(group, weights=count)
    members = np.argsort(group, kind="stable")
    starts = np.searchsorted(group[members], np.arange(len(total) + 1))
    sizes = (starts[1:] - starts[:-1])[groups]
    row = np.repeat(np.arange(len(groups)), sizes)
    within = np.arange(len(row)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    classes = members[starts[groups][row] + within]
    return classes, offers[row], pods[row] * count[classes] / total[groups[row]]
