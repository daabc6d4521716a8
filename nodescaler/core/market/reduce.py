"""The same market without what cannot matter: offers that another beats, classes without pods.

An offer is beaten when another costs no more, has at least its room, accepts all that it accepts,
and takes no more of any limit. Of several equal ones the first stays. Of 5,600 offers about a
hundred are left; everything after this works on those.

Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from nodescaler.core.market.model import Bools, Feuds, Floats, Ints, Market

CHUNK = 4_000_000  # cells compared at once: keeps the memory of a comparison under some 4 MB


@dataclass(frozen=True, slots=True, eq=False)
class Core:
    """A market in which every class has pods and fits somewhere, and no offer is beaten.

    Attributes:
        classes: int64[C]: which class of the market each row is, in order of `priority`, then
            position.
        offers: int64[O]: which offer of the market each column is, cheapest first.
        fits: bool[C, O]: accepted, and small enough for an empty node.
        lonely: bool[C]: at most one of its pods may be on a node.
        feuds: which classes must not share a node; None if all may.
    """

    classes: Ints
    offers: Ints
    need: Ints
    count: Ints
    priority: Ints
    free: Ints
    price: Floats
    fits: Bools
    usage: Ints
    room: Ints
    lonely: Bools
    feuds: Feuds | None


def reduced(market: Market) -> Core:
    """The market without beaten offers, empty classes, and classes that fit nowhere."""
    rows = np.flatnonzero(market.count > 0)
    rows = rows[np.argsort(-market.priority[rows], kind="stable")]
    columns = undominated(market, rows)
    fits = _fits(market, rows, columns)
    placeable = fits.any(axis=1)
    rows, fits = rows[placeable], fits[placeable]
    order = _order(market, columns, fits)
    order = order[np.isin(order, np.flatnonzero(fits.any(axis=0)))]
    columns, fits = columns[order], fits[:, order]
    feuds = _feuds(market, rows)
    return Core(
        classes=rows,
        offers=columns,
        need=market.need[rows],
        count=market.count[rows],
        priority=market.priority[rows],
        free=market.free[columns],
        price=market.price[columns],
        fits=np.ascontiguousarray(fits),
        usage=market.usage[:, columns],
        room=market.room,
        lonely=np.zeros(len(rows), dtype=np.bool_) if feuds is None else feuds.alone,
        feuds=feuds,
    )


def part_of(core: Core, rows: Ints) -> Core:
    """The core with the classes *rows* only, ascending, in their new numbers."""
    return replace(
        core,
        classes=core.classes[rows],
        need=core.need[rows],
        count=core.count[rows],
        priority=core.priority[rows],
        fits=core.fits[rows],
        lonely=core.lonely[rows],
        feuds=None if core.feuds is None else core.feuds.of(rows),
    )


def _order(market: Market, columns: Ints, fits: Bools) -> Ints:
    """Cheapest first, then by everything else about an offer: where it stood does not matter."""
    patterns = fits[distinct(np.packbits(fits, axis=1))[0]]
    traits = [*market.free[columns].T, *market.usage[:, columns], *np.packbits(patterns, axis=0)]
    return np.lexsort((*traits, market.price[columns]))


def _fits(market: Market, rows: Ints, columns: Ints) -> Bools:
    """bool[rows, columns]: accepted, and small enough; equal needs are looked at once."""
    first, which = distinct(market.need[rows])
    need = market.need[rows[first]]
    small = np.ones((len(first), len(columns)), dtype=np.bool_)
    for r in np.flatnonzero(need.any(axis=0) | (market.free[columns] < 0).any(axis=0)):
        small &= need[:, r][:, None] <= market.free[columns, r][None, :]
    return np.asarray(market.accepts[rows][:, columns] & small[which], dtype=np.bool_)


def distinct(table: Ints | npt.NDArray[np.uint8]) -> tuple[Ints, Ints]:
    """The distinct rows by where each is first, and which of them every row is."""
    seen: dict[bytes, int] = {}
    which = [seen.setdefault(row.tobytes(), len(seen)) for row in np.ascontiguousarray(table)]
    group = np.array(which, dtype=np.int64)
    first = np.zeros(len(seen), dtype=np.int64)
    first[group[::-1]] = np.arange(len(group))[::-1]
    return first, group


def _feuds(market: Market, rows: Ints) -> Feuds | None:
    """Those of the classes *rows*; None if these can bear each other."""
    if market.feuds is None or not len(rows):
        return None
    feuds = market.feuds.of(rows)
    together = np.bitwise_or.reduce(feuds.has, axis=0)
    return feuds if (feuds.bars & together).any() else None


def undominated(market: Market, rows: Ints) -> Ints:
    """The offers that no other beats as far as the classes *rows* go, ascending."""
    if not len(rows) or not len(market.price):
        return np.zeros(0, dtype=np.int64)
    group, accepted = _alike(market.accepts, rows)
    traits = np.concatenate([market.free, -market.usage.T], axis=1)
    kept = _cheapest_of_equals(group, traits, market.price)
    for g in range(len(accepted)):
        inside = kept[group[kept] == g]
        beaten = _beaten(traits, market.price, inside, inside)
        kept = np.setdiff1d(kept, inside[beaten], assume_unique=True)
    if len(accepted) > 1:
        covers = _covers(accepted)
        np.fill_diagonal(covers, val=False)
        beaten = np.zeros(len(market.price), dtype=np.bool_)
        for g in np.flatnonzero(covers.any(axis=0)).tolist():
            inside = kept[group[kept] == g]
            beaten[inside] = _beaten(traits, market.price, kept[covers[group[kept], g]], inside)
        kept = kept[~beaten[kept]]
    return kept


def roomiest(core: Core) -> Ints:
    """The offers of a core that no other beats when the price does not count, ascending."""
    traits = np.concatenate([core.free, -core.usage.T], axis=1)
    bits = np.packbits(core.fits, axis=0).T
    waiting = np.lexsort((-core.fits.sum(axis=0), *-traits.T))  # nobody is beaten by a later one
    kept: list[int] = []
    while len(waiting):
        first = int(waiting[0])
        kept.append(first)
        less = (traits[waiting] <= traits[first]).all(axis=1)
        less[less] = ~(bits[waiting[less]] & ~bits[first]).any(axis=1)
        waiting = waiting[~less]
    return np.array(sorted(kept), dtype=np.int64)


def _alike(accepts: Bools, rows: Ints) -> tuple[Ints, npt.NDArray[np.uint8]]:
    """Offers in groups that accept the same classes: each one's group, each group's bits."""
    packed = np.packbits(accepts, axis=1)
    seen: dict[bytes, int] = {}
    for row in rows:
        seen.setdefault(packed[row].tobytes(), int(row))
    distinct = np.packbits(accepts[sorted(seen.values())], axis=0).T
    groups: dict[bytes, int] = {}
    group = [groups.setdefault(column.tobytes(), len(groups)) for column in distinct]
    bits = np.array([np.frombuffer(key, dtype=np.uint8) for key in groups], dtype=np.uint8)
    return np.array(group, dtype=np.int64), bits.reshape(len(groups), -1)


def _covers(bits: npt.NDArray[np.uint8]) -> Bools:
    """bool[G, G]: the first group accepts everything that the second accepts."""
    covers = np.empty((len(bits), len(bits)), dtype=np.bool_)
    for g, own in enumerate(bits):
        covers[g] = ~(bits & ~own).any(axis=1)
    return covers


def _cheapest_of_equals(group: Ints, traits: Ints, price: Floats) -> Ints:
    """Of offers with the same group and traits only the cheapest (the first of equals)."""
    order = np.lexsort((np.arange(len(price)), price, *traits.T, group))
    keys = np.column_stack([group, traits])[order]
    first = np.ones(len(order), dtype=np.bool_)
    first[1:] = (keys[1:] != keys[:-1]).any(axis=1)
    return np.sort(order[first])


def _beaten(traits: Ints, price: Floats, by: Ints, offers: Ints) -> Bools:
    """bool[offers]: whether another one of *by* costs no more and has no less of any trait.

    No two that may beat each other are equal in everything.
    """
    differing = np.flatnonzero((traits[by] != traits[by[:1]]).any(axis=0)
                               | (traits[offers] != traits[by[:1]]).any(axis=0))  # fmt: skip
    out = np.zeros(len(offers), dtype=np.bool_)
    step = max(CHUNK // max(len(by), 1), 1)
    for start in range(0, len(offers), step):
        mine = offers[start : start + step]
        better = price[by][:, None] <= price[mine][None, :]
        for r in differing:
            better &= traits[by, r][:, None] >= traits[mine, r][None, :]
        better &= by[:, None] != mine[None, :]
        out[start : start + step] = better.any(axis=0)
    return out
