"""The most worth that fits one node of each offer, exactly, where pods come in round sizes.

Sizes in two resources (those that the programme finds scarcest) are multiples of some unit: 1 cpu
and 2 GiB, say. Then one table of the best worth for every smaller room answers for all offers at
once. Everything else - other resources, conflicts, how many pods there are - is left out, which
makes the table an upper bound; the caller has to repair the fills that it suggests.

Pure. The classic unbounded knapsack by dynamic programming, in two dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nodescaler.core.market.model import Floats, Ints
from nodescaler.core.market.reduce import Core
from nodescaler.core.market.work import TABLE_S

MOST_CELLS = 1_200_000  # of a table: 10 MB
LEAPS = (2, 4, 8, 16, 32, 64, 128)  # pods of a class taken at once on the way back
ROUND = 1e-12
CELL_S = 4e-9
CHUNK_S = 3e-6


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Sizes in units, for offers that accept the same of the classes that are small enough.

    Attributes:
        classes: int64[K], of the core.
        size: int64[K, 2], in units; no row is all zero.
        offers: int64[M], of the core.
        room: int64[M, 2], in units, rounded down.
    """

    classes: Ints
    size: Ints
    offers: Ints
    room: Ints

    @property
    def cells(self) -> int:
        return int(np.prod(self.room.max(axis=0) + 1))

    @property
    def work_s(self) -> float:
        """About how long one table takes."""
        chunks = (self.room.max(axis=0) / np.maximum(self.size, 1)).min(axis=1).sum()
        return TABLE_S + float(chunks) * CHUNK_S + self.cells * len(self.classes) * CELL_S


def grids(core: Core, offers: Ints, scarce: tuple[int, ...]) -> tuple[Grid, ...]:
    """One grid for each set of classes that offers accept; none if the units are too fine.

    Args:
        core: the market.
        offers: int64[M]: those to look at.
        scarce: one or two resources.
    """
    two = [scarce[0], scarce[-1]]
    need, free = core.need[:, two], core.free[offers][:, two]
    unit = np.maximum(np.gcd.reduce(need, axis=0), 1)
    size, room = need // unit, free // unit
    if len(scarce) == 1:
        size[:, 1], room[:, 1] = 0, 0
    if not size.any(axis=1).all():
        return ()
    small = (core.need[:, None, :] <= core.free[None, offers, :]).all(axis=2)
    refused = np.asarray(small & ~core.fits[:, offers], dtype=np.bool_)
    patterns: dict[bytes, list[int]] = {}
    for column in range(len(offers)):
        patterns.setdefault(refused[:, column].tobytes(), []).append(column)
    out = []
    for columns in patterns.values():
        classes = np.flatnonzero(~refused[:, columns[0]])
        out.append(Grid(classes, size[classes], offers[columns], room[columns]))
    if sum(grid.cells for grid in out) > MOST_CELLS:
        return ()
    return tuple(out)


def most(grid: Grid, worth: Floats) -> tuple[Floats, Ints]:
    """The most worth for each offer of the grid, and pods that reach it.

    Args:
        grid: the sizes.
        worth: float64[C]: of one pod of each of the core's classes.

    Returns:
        float64[M] and int64[M, C].
    """
    value = worth[grid.classes]
    rows = _useful(grid.size, value)
    size, value = grid.size[rows], value[rows]
    table = _table(tuple(grid.room.max(axis=0) + 1), size, value)
    fills = np.zeros((len(grid.offers), len(worth)), dtype=np.int64)
    if not len(rows):
        return np.zeros(len(grid.offers)), fills
    at = grid.room.copy()
    best = table[at[:, 0], at[:, 1]].copy()
    going = np.arange(len(at))
    while len(going):
        step, copies = _step(table, at[going], size, value)
        moved = copies > 0
        going, step, copies = going[moved], step[moved], copies[moved]
        fills[going, grid.classes[rows[step]]] += copies
        at[going] -= copies[:, None] * size[step]
    return best, fills


def _step(table: Floats, at: Ints, size: Ints, value: Floats) -> tuple[Ints, Ints]:
    """Which pod is on the best node of each room int64[K, 2], and how many at least; 0: none."""
    before = at[:, None, :] - size[None, :, :]
    valid = np.asarray((before >= 0).all(axis=2), dtype=np.bool_)
    before = np.maximum(before, 0)
    reach = np.where(valid, table[before[..., 0], before[..., 1]] + value, -np.inf)
    step = reach.argmax(axis=1)
    here = table[at[:, 0], at[:, 1]]
    copies = ((here > 0) & valid[np.arange(len(at)), step]).astype(np.int64)
    for more in LEAPS:
        rest = at - more * size[step]
        able = (rest >= 0).all(axis=1)
        rest = np.maximum(rest, 0)
        same = table[rest[:, 0], rest[:, 1]] + more * value[step] >= here * (1 - ROUND)
        copies[able & same & (copies > 0)] = more
    return step, copies


def _useful(size: Ints, value: Floats) -> Ints:
    """Classes with worth that no other class beats in worth and both sizes."""
    less = (size[:, None, :] <= size[None, :, :]).all(axis=2) & (value[:, None] >= value[None, :])
    same = less & less.T
    index = np.arange(len(value))
    beaten = (less & (~same | (index[:, None] < index[None, :]))).any(axis=0)
    return np.flatnonzero(~beaten & (value > 0))


def _table(shape: tuple[int, ...], size: Ints, value: Floats) -> Floats:
    """float64[shape]: the best worth that fits into each room."""
    table = np.zeros(shape)
    for (a, b), gain in zip(size.tolist(), value.tolist(), strict=True):
        # in steps of one pod along the axis with the fewer steps, so that each sees the last
        if b == 0 or (a > 0 and shape[0] * b < shape[1] * a):
            _add(table, a, b, gain)
        else:
            _add(table.T, b, a, gain)
    return table


def _add(table: Floats, step: int, other: int, gain: float) -> None:
    end, width = table.shape[0], table.shape[1] - other
    for start in range(step, end, step):
        stop = min(start + step, end)
        into = table[start:stop, other:]
        np.maximum(into, table[start - step : stop - step, :width] + gain, out=into)
