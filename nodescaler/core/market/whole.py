"""The divisible programme with whole nodes: which few nodes to buy when there are only a few.

Pods stay divisible and are put together by what they take of one resource for another, since a
node's size decides and not a pod's. A dozen such groups and two dozen offers are solved with
integers in a moment. Needs are blown up by a small part, so that whole pods find room too.

Pure: HiGHS stops after a number of nodes of its tree, not after a time.
"""

from __future__ import annotations

from dataclasses import dataclass

import highspy
import numpy as np

from nodescaler.core.market.bound import Plan, programme_of, spread
from nodescaler.core.market.fill import Guide
from nodescaler.core.market.lp import Programme, quiet
from nodescaler.core.market.model import Bools, Floats, Ints, Shares
from nodescaler.core.market.nodes import Nodes
from nodescaler.core.market.work import TREE_S, TREE_STEP_S

FINEST = 4.0  # steps for each doubling of a ratio
COARSEST = 0.05
LEAST = 1e-9


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard to try.

    Attributes:
        groups: of classes.
        offers: in each doubling of the price.
        tree: nodes of the tree of the search.
        slack: part by which needs are blown up.
        close: part of the value by which the answer may be too dear.
    """

    groups: int = 14
    offers: int = 2
    tree: int = 20
    slack: float = 0.0
    close: float = 2e-3


def whole_nodes(nodes: Nodes, left: Ints, guide: Guide, effort: Effort) -> Plan:
    """Whole nodes for the pods left, and which pods go on them; nothing if none was found."""
    core = nodes.core
    usable = (core.usage <= nodes.budget[:, None]).all(axis=0)
    count = np.where((core.fits & usable).any(axis=1), left, 0)
    rows = np.flatnonzero(count)
    offers = _few(core.price, guide.covered, core.fits[rows] & usable, effort.offers)
    market = programme_of(core, rows, offers, count, nodes.budget)
    group = _by_ratio(market, effort.groups)
    bought, groups, columns, part = _solved(market, group, guide, effort)
    every = np.ones(len(rows))
    sizes = np.bincount(group, minlength=int(group.max(initial=-1)) + 1)
    classes, where, parts = spread(every, group, groups, columns, part * sizes[groups])
    out = np.zeros(len(core.price))
    out[offers] = bought
    pods = parts * count[rows][classes]
    return Plan(out, Shares(rows[classes], offers[where], pods))


def _few(price: Floats, covered: Floats, fits: Bools, each: int) -> Ints:
    """The offers that pay best in each doubling of the price, and for classes with none, one."""
    useful = np.flatnonzero(fits.any(axis=0))
    band = np.floor(np.log2(np.maximum(price[useful], LEAST))).astype(np.int64)
    chosen: set[int] = set()
    for octave in np.unique(band).tolist():
        inside = useful[band == octave]
        chosen.update(inside[np.argsort(covered[inside].round(9), kind="stable")[:each]].tolist())
    for row in np.flatnonzero(~fits[:, sorted(chosen)].any(axis=1)).tolist():
        if not fits[row, sorted(chosen)].any():
            chosen.add(int(np.where(fits[row], covered, np.inf).argmin()))
    return np.array(sorted(chosen), dtype=np.int64)


def _by_ratio(market: Programme, most: int) -> Ints:
    """int64[C]: classes on the same offers that take resources in about the same ratio together."""
    packed = np.packbits(market.fits, axis=1)
    rows: dict[bytes, int] = {}
    pattern = [rows.setdefault(row.tobytes(), len(rows)) for row in packed]
    size = np.log2(np.maximum(market.need, LEAST))
    ratio = size[:, 1:] - size[:, :1]
    steps = FINEST
    while True:
        key = np.column_stack([pattern, np.floor(ratio * steps)])
        group: Ints = np.unique(key, axis=0, return_inverse=True)[1].reshape(-1)
        if group.max(initial=0) < most or steps < COARSEST:
            return group
        steps *= 0.75


def _solved(
    market: Programme, group: Ints, guide: Guide, effort: Effort
) -> tuple[Floats, Ints, Ints, Floats]:
    """Nodes of each offer; and which part of each group is on which offer, as triples."""
    groups, offers = int(group.max(initial=-1)) + 1, len(market.price)
    demand = np.zeros((groups, market.need.shape[1]))
    np.add.at(demand, group, market.need * market.count[:, None] * (1 + effort.slack))
    fits = market.fits[np.unique(group, return_index=True)[1]]
    kinds, columns = np.nonzero(fits)
    highs = quiet()
    highs.setOptionValue("mip_max_nodes", effort.tree)
    highs.setOptionValue("mip_allow_restart", False)  # noqa: FBT003 - twice as slow, no better
    highs.setOptionValue("mip_rel_gap", effort.close)
    highs.passModel(_model(market, demand, kinds, columns))
    highs.run()
    steps = max(highs.getInfo().simplex_iteration_count, 0)
    guide.meter.spend(TREE_S + TREE_STEP_S * steps)
    values = np.array(highs.getSolution().col_value)
    if highs.getInfo().primal_solution_status != highspy.kSolutionStatusFeasible:
        values = np.zeros(offers + len(kinds))
    part = values[offers:]
    used = part > LEAST
    return values[:offers].round(), kinds[used], columns[used], part[used]


def _model(market: Programme, demand: Floats, kinds: Ints, columns: Ints) -> highspy.HighsLp:
    """Columns: nodes of each offer, then parts of groups on offers; rows: groups, limits, room."""
    groups, resources = demand.shape
    offers, limits = len(market.price), len(market.room)
    rooms = groups + limits + np.arange(offers * resources).reshape(offers, resources)
    free = np.maximum(market.free, 1)
    taken = demand[kinds] / free[columns] * (market.free[columns] > 0)
    heads = np.concatenate([market.usage.T, -np.ones((offers, resources))], axis=1)
    limit_rows = np.broadcast_to(groups + np.arange(limits), (offers, limits))
    head_rows = np.concatenate([limit_rows, rooms], axis=1)
    tails = np.concatenate([np.ones((len(kinds), 1)), taken], axis=1)
    tail_rows = np.concatenate([kinds[:, None], rooms[columns]], axis=1)
    model = highspy.HighsLp()
    width = offers + len(kinds)
    model.num_col_, model.num_row_ = width, groups + limits + offers * resources
    model.col_cost_ = np.concatenate([market.price, np.zeros(len(kinds))])
    model.col_lower_ = np.zeros(width)
    model.col_upper_ = np.full(width, highspy.kHighsInf)
    infinite = np.full(limits + offers * resources, highspy.kHighsInf)
    model.row_lower_ = np.concatenate([np.ones(groups), -infinite])
    model.row_upper_ = np.concatenate(
        [np.full(groups, highspy.kHighsInf), market.room, np.zeros(offers * resources)]
    )
    model.integrality_ = [highspy.HighsVarType.kInteger] * offers + [
        highspy.HighsVarType.kContinuous
    ] * len(kinds)
    lengths = [np.full(offers, heads.shape[1]), np.full(len(kinds), tails.shape[1])]
    model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    model.a_matrix_.start_ = np.concatenate([[0], np.cumsum(np.concatenate(lengths))])
    model.a_matrix_.index_ = np.concatenate([head_rows.ravel(), tail_rows.ravel()])
    model.a_matrix_.value_ = np.concatenate([heads.ravel(), tails.ravel()])
    return model
