"""Items as the optimiser's market, and its answer as nodes.

Items that nothing tells apart on a new node are one lot. What rules about the hostname mean there:
pods that keep apart conflict, and a spread is a slot, of which each node has ``maxSkew`` for the
pods that own the rule and are looked at. Pods that are only looked at would fill the slot unasked,
so they do not share a node with its owners: stricter than the rule, never laxer.

Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from nodescaler.core.bins import Item
from nodescaler.core.columns import Ints
from nodescaler.core.groups import Kind
from nodescaler.core.limits import Limits
from nodescaler.core.market import Feuds, Market, feuds_of
from nodescaler.core.offers import Offers


@dataclass(frozen=True, slots=True)
class Bought:
    """*copies* equal nodes: the offer that was planned with, and pods by item."""

    offer: int
    counts: tuple[tuple[int, int], ...]
    copies: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Lot:
    """Items that are the same to a new node, in the order in which they are served."""

    items: tuple[int, ...]
    sample: Item
    count: int


def lots_of(items: Sequence[Item], chosen: Iterable[int]) -> list[Lot]:
    """The chosen items, put together; in the order of their first."""
    found: dict[object, list[int]] = {}
    for number in chosen:
        item = items[number]
        key = (item.need.tobytes(), id(item.offers), item.stands, item.priority, len(item.members))
        found.setdefault(key, []).append(number)
    return [
        Lot(tuple(numbers), items[numbers[0]], sum(items[n].count for n in numbers))
        for numbers in found.values()
    ]


def market_of(
    lots: Sequence[Lot], offers: Offers, opened: tuple[Ints, Ints], limits: Limits
) -> Market:
    """The lots, and the offers that may be opened with the room that they have, as numbers."""
    rows, room = opened
    slots = _slots(lots)
    width = offers.free.shape[1]
    need = np.zeros((len(lots), width + len(slots)), np.int64)
    for n, lot in enumerate(lots):
        need[n, :width] = lot.sample.need
        for stand in lot.sample.stands:
            if stand.column in slots and stand.own and stand.seen:
                need[n, width + slots[stand.column][0]] = stand.seen
    most = np.array([most for _, most in slots.values()], np.int64)
    free = np.concatenate([np.maximum(room, 0), np.tile(most, (len(rows), 1))], axis=1)
    bound = np.flatnonzero(limits.usage[:, rows].any(axis=1)) if len(rows) else limits.room[:0]
    return Market(
        need=need,
        count=np.array([lot.count for lot in lots], np.int64),
        priority=np.array([lot.sample.priority for lot in lots], np.int64),
        free=free,
        price=offers.effective[rows],
        accepts=np.array([lot.sample.offers[rows] for lot in lots], bool).reshape(-1, len(rows)),
        usage=limits.usage[np.ix_(bound, rows)],
        room=np.maximum(limits.room[bound], 0),
        feuds=_feuds(lots),
    )


def _slots(lots: Sequence[Lot]) -> dict[int, tuple[int, int]]:
    """Position and size of the slot of each spread over the hostname whose pods own it."""
    found: dict[int, int] = {}
    for lot in lots:
        for stand in lot.sample.stands:
            if stand.kind is Kind.SPREAD and stand.own and stand.seen:
                found[stand.column] = stand.most
    return {column: (n, found[column]) for n, column in enumerate(sorted(found))}


def _feuds(lots: Sequence[Lot]) -> Feuds | None:
    """Who owns a rule about the hostname, and whom it sees; affinity keeps nobody away."""
    own: list[tuple[int, int]] = []
    seen: list[tuple[int, int]] = []
    for n, lot in enumerate(lots):
        for stand in lot.sample.stands:
            if stand.kind is Kind.BESIDE:
                continue
            if stand.own:
                own.append((n, stand.column))
            if stand.seen and (stand.kind is Kind.APART or not stand.own):
                seen.append((n, stand.column))
    return feuds_of(len(lots), _columns(own), _columns(seen))


def _columns(pairs: Sequence[tuple[int, int]]) -> tuple[Ints, Ints]:
    table = np.array(pairs, np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


class Dealt:
    """Hands the pods of a lot out to its items, in their order."""

    def __init__(self, lots: Sequence[Lot], items: Sequence[Item]) -> None:
        self._left = [[(n, items[n].count) for n in reversed(lot.items)] for lot in lots]

    def take(self, lot: int, number: int) -> list[tuple[int, int]]:
        out: list[tuple[int, int]] = []
        queue = self._left[lot]
        while number and queue:
            item, have = queue.pop()
            taken = min(have, number)
            out.append((item, taken))
            number -= taken
            if have > taken:
                queue.append((item, have - taken))
        return out
