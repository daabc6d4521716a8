"""The programme with divisible pods, solved by letting in offers and assignments when they pay.

    minimise   sum of price·y
    subject to each class is placed:    sum over offers of z(c, o)         >=  count(c)
               no offer is overfull:    sum over classes of need(c)·z(c, o)  <=  free(o)·y(o)
               limits:                  sum of usage·y                     <=  room

A hundred offers and two hundred classes make twenty thousand columns, nearly all of them zero.
So a few are put in at first; the dual prices then say which others would pay, and those are let
in, until the certified bound (`tariffs`) is as good as the programme's value.

Pure: HiGHS runs on one thread from the same start, so the same input gives the same answer.
"""

from __future__ import annotations

from dataclasses import dataclass

import highspy
import numpy as np
import numpy.typing as npt

from nodescaler.core.market.model import Bools, Floats, Ints
from nodescaler.core.market.tariffs import Tariffs, certified, charged

TOLERANCE = 3e-4  # stop when the bound is within this part of the programme's value
MOST_ROUNDS = 40
OFFERS_A_ROUND = 6
COLUMNS_A_CLASS = 2  # let in a round
OVER_LIMIT = 100.0  # price of breaking a limit: so many of the dearest offer for one node's usage
MIXED = 4  # resources whose mixes are looked at for a start
EPSILON = 1e-7


@dataclass(frozen=True, slots=True, eq=False)
class Programme:
    """C classes with pods, O offers, R resources, all as floats; every class fits some offer."""

    need: Floats
    count: Floats
    free: Floats
    price: Floats
    fits: Bools
    usage: Floats
    room: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What the programme says.

    Attributes:
        tariffs: the best certified dual prices seen.
        nodes: float64[O].
        classes, offers, pods: which class on which offer, how many pods, side by side.
        overdrawn: the limits do not let all pods in, and the programme broke them.
        steps: simplex iterations taken, a measure of the work done.
    """

    tariffs: Tariffs
    nodes: Floats
    classes: Ints
    offers: Ints
    pods: Floats
    overdrawn: bool
    steps: int


class _Quiet(highspy.Highs):
    def enableCallbacks(self) -> None:  # noqa: N802
        """Leave them off: turning them on prints a banner before any option can forbid it."""


def quiet() -> highspy.Highs:
    """A HiGHS that prints nothing and runs on one thread."""
    highs = _Quiet()  # type: ignore[no-untyped-call]
    settings = {"log_to_console": False, "output_flag": False, "threads": 1, "random_seed": 1}
    for name, value in settings.items():
        highs.setOptionValue(name, value)
    return highs


def solved(programme: Programme) -> Answer:
    """The optimum within `TOLERANCE`, or what was reached after `MOST_ROUNDS`."""
    state = _Restricted(programme)
    _start(state)
    state.run()
    best = found = certified(programme, state.tariff, state.worth, state.fines)
    for _ in range(MOST_ROUNDS):
        if state.value <= best.value * (1 + TOLERANCE) or not _let_in(state, found):
            break
        state.run()
        found = certified(programme, state.tariff, state.worth, state.fines)
        if found.value > best.value:
            best = found
    classes, offers, pods = state.assignment()
    return Answer(best, state.nodes(), classes, offers, pods, state.overdrawn(), state.steps)


def _start(state: _Restricted) -> None:
    """The cheapest offer in each of some mixes of resources, and for each class where it fits."""
    programme = state.programme
    demand = np.maximum(programme.count @ programme.need, 1)
    mixes = _mixes(demand, programme.free)
    room = np.maximum(programme.free, 0) / demand
    with np.errstate(divide="ignore", invalid="ignore"):
        unit = programme.price[:, None] / (room @ mixes.T)
    chosen = np.unique(np.where(np.isnan(unit), np.inf, unit).argmin(axis=0))
    chosen = np.union1d(chosen, _for_the_homeless(programme, chosen))
    state.add_offers(chosen)
    for mix in mixes:
        tariff = programme.price[chosen, None] * mix / np.maximum(programme.free[chosen], 1)
        cost = np.where(programme.fits[:, chosen], charged(programme.need, tariff), np.inf)
        best = cost.argmin(axis=1)
        state.add_columns(np.arange(len(best)), chosen[best])


def _mixes(demand: Floats, free: Floats) -> Floats:
    """float64[K, R]: each resource alone, all alike, and the scarcest ones two by two."""
    unit = np.eye(len(demand))
    scarce = np.argsort(-demand / np.maximum(free.max(axis=0), 1), kind="stable")[:MIXED]
    pairs = [
        part * unit[a] + (1 - part) * unit[b]
        for a in scarce
        for b in scarce
        if a != b
        for part in ((0.5, 0.75) if a < b else (0.75,))
    ]
    return np.array([np.full(len(demand), 1 / len(demand)), *unit, *pairs])


def _for_the_homeless(programme: Programme, chosen: Ints) -> Ints:
    """The offer with the lowest price for its largest share of a node, for classes without one."""
    rows = np.flatnonzero(~programme.fits[:, chosen].any(axis=1))
    out: set[int] = set()
    for row in rows:
        if not (out and programme.fits[row, sorted(out)].any()):
            share = (programme.need[row] / np.maximum(programme.free, 1)).max(axis=1)
            out.add(int(np.where(programme.fits[row], programme.price * share, np.inf).argmin()))
    return np.array(sorted(out), dtype=np.int64)


def _let_in(state: _Restricted, found: Tariffs) -> bool:
    """Add what the dual prices call profitable; False when nothing is."""
    programme = state.programme
    active = np.flatnonzero(state.column >= 0)
    tariff = state.tariff[active]
    gain = state.worth[:, None] - charged(programme.need, tariff)
    gain[~programme.fits[:, active] | state.has[:, active]] = -np.inf
    rows = np.arange(len(gain))
    added = 0
    for _ in range(COLUMNS_A_CLASS):
        best = gain.argmax(axis=1)
        pays = gain[rows, best] > EPSILON * np.maximum(state.worth, EPSILON)
        added += state.add_columns(rows[pays], active[best[pays]])
        gain[rows, best] = -np.inf
    short = np.where(state.column < 0, found.covered, np.inf)
    order = np.argsort(short, kind="stable")[:OFFERS_A_ROUND]
    fresh = order[short[order] < 1 - TOLERANCE / 3]
    state.add_offers(fresh)
    for offer in fresh:
        cost = programme.need @ found.tariff[offer] / np.maximum(state.worth, EPSILON)
        cost[~programme.fits[:, offer]] = np.inf
        tight = np.argsort(cost, kind="stable")[: max(8, len(cost) // 8)]
        tight = tight[np.isfinite(cost[tight])]
        added += state.add_columns(tight, np.full(len(tight), offer))
    return added > 0


class _Restricted:
    """The programme with some offers and assignments only, kept warm in HiGHS."""

    def __init__(self, programme: Programme) -> None:
        self.programme = programme
        classes, offers = programme.fits.shape
        resources, limits = programme.need.shape[1], len(programme.room)
        self.row = np.full((offers, resources), -1, dtype=np.int64)
        self.column = np.full(offers, -1, dtype=np.int64)
        self.has = np.zeros((classes, offers), dtype=np.bool_)
        self.added: list[tuple[Ints, Ints, Ints]] = []
        self.rows, self.columns, self.steps = classes + limits, 0, 0
        self.value = 0.0
        self.worth = np.zeros(classes)
        self.tariff = np.zeros((offers, resources))
        self.fines = np.zeros(limits)
        self.values = np.zeros(0)
        self._highs = quiet()
        self._highs.setOptionValue("presolve", "off")
        self._highs.setOptionValue("solver", "simplex")
        infinity = np.full(limits, highspy.kHighsInf)
        lower = np.concatenate([programme.count, -infinity])
        upper = np.concatenate([np.full(classes, highspy.kHighsInf), programme.room])
        self._add_rows(lower, upper)
        self._add_overdrafts()

    def _add_rows(self, lower: Floats, upper: Floats) -> None:
        none = np.zeros(0, dtype=np.int32)
        starts = np.zeros(len(lower), dtype=np.int32)
        self._highs.addRows(len(lower), lower, upper, 0, starts, none, np.zeros(0))

    def _add_overdrafts(self) -> None:
        """So that limits too tight for all pods still leave a programme with an answer."""
        programme = self.programme
        first = len(programme.count)
        for limit, usage in enumerate(programme.usage):
            cost = OVER_LIMIT * max(float(programme.price.max()), EPSILON) / max(usage.max(), 1.0)
            rows = np.array([first + limit], dtype=np.int32)
            self._highs.addCol(cost, 0.0, highspy.kHighsInf, 1, rows, np.array([-1.0]))
            self.columns += 1

    def add_offers(self, offers: Ints) -> None:
        programme = self.programme
        for offer in offers:
            resources = np.flatnonzero(programme.free[offer] > 0)
            limits = np.flatnonzero(programme.usage[:, offer] > 0)
            width = len(resources)
            self._add_rows(np.full(width, -highspy.kHighsInf), np.zeros(width))
            self.row[offer, resources] = np.arange(self.rows, self.rows + width)
            self.rows += width
            rows = np.concatenate([len(programme.count) + limits, self.row[offer, resources]])
            cells = np.concatenate([programme.usage[limits, offer], np.full(width, -1.0)])
            price = float(programme.price[offer])
            index = rows.astype(np.int32)
            self._highs.addCol(price, 0.0, highspy.kHighsInf, len(rows), index, cells)
            self.column[offer] = self.columns
            self.columns += 1

    def add_columns(self, classes: Ints, offers: Ints) -> int:
        """Let these classes on these offers (pairs, distinct); how many were new."""
        new = ~self.has[classes, offers]
        classes, offers = classes[new], offers[new]
        if not len(classes):
            return 0
        self.has[classes, offers] = True
        programme = self.programme
        share = programme.need[classes] / np.maximum(programme.free[offers], 1)
        rows = np.column_stack([classes, self.row[offers]])
        cells = np.column_stack([np.ones(len(classes)), share])
        used = (rows >= 0) & (cells != 0)
        starts = np.concatenate([[0], np.cumsum(used.sum(axis=1))[:-1]]).astype(np.int32)
        self._highs.addCols(
            len(classes),
            np.zeros(len(classes)),
            np.zeros(len(classes)),
            np.full(len(classes), highspy.kHighsInf),
            int(used.sum()),
            starts,
            rows[used].astype(np.int32),
            cells[used],
        )
        where = np.arange(self.columns, self.columns + len(classes))
        self.added.append((where, classes, offers))
        self.columns += len(classes)
        return len(classes)

    def run(self) -> None:
        self._highs.run()
        solution = self._highs.getSolution()
        info = self._highs.getInfo()
        self.steps += max(info.simplex_iteration_count, 0)
        self.value = info.objective_function_value
        self.values = np.array(solution.col_value)
        dual = np.array(solution.row_dual)
        classes, limits = len(self.programme.count), len(self.programme.room)
        self.worth = np.maximum(dual[:classes], 0)
        self.fines = np.maximum(-dual[classes : classes + limits], 0)
        active = self.row >= 0
        self.tariff[active] = np.maximum(-dual[self.row[active]], 0)
        self.tariff[active] /= self.programme.free[active]

    def overdrawn(self) -> bool:
        return bool(self.values[: len(self.programme.room)].max(initial=0.0) > EPSILON)

    def nodes(self) -> Floats:
        active = self.column >= 0
        out = np.zeros(len(self.column))
        out[active] = np.maximum(self.values[self.column[active]], 0)
        return out

    def assignment(self) -> tuple[Ints, Ints, npt.NDArray[np.float64]]:
        where, classes, offers = (np.concatenate(part) for part in zip(*self.added, strict=True))
        pods = self.values[where]
        placed = np.bincount(classes, weights=pods, minlength=len(self.programme.count))
        pods = pods * np.minimum(self.programme.count / np.maximum(placed, EPSILON), 1)[classes]
        used = pods > EPSILON
        return classes[used], offers[used], pods[used]
