"""Small markets for laws, and the checks that every solution must pass."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from nodescaler.core.market import Feuds, Market, Solution, feuds_of
from nodescaler.core.market.model import Bools, Ints

MOST = 6


@st.composite
def markets(draw: st.DrawFn, most_pods: int = 30, limited: bool = True) -> Market:
    """Up to six classes, offers and three resources; limits, refusals and conflicts in some."""
    classes, offers = draw(st.integers(1, MOST)), draw(st.integers(1, MOST))
    resources = draw(st.integers(1, 3))
    amounts = st.integers(0, 9)

    def table(rows: int, columns: int, cells: st.SearchStrategy[int]) -> Ints:
        flat = draw(st.lists(cells, min_size=rows * columns, max_size=rows * columns))
        return np.array(flat, dtype=np.int64).reshape(rows, columns)

    limits = draw(st.integers(0, 2)) if limited else 0
    return Market(
        need=table(classes, resources, amounts),
        count=table(1, classes, st.integers(0, most_pods))[0],
        priority=table(1, classes, st.integers(0, 1))[0],
        free=table(offers, resources, st.integers(0, 25)),
        price=table(1, offers, st.integers(0, 40))[0] / 8,
        accepts=table(classes, offers, st.integers(0, 3)) > 0,
        usage=table(limits, offers, st.integers(0, 5)),
        room=table(1, limits, st.integers(0, 40))[0],
        feuds=draw(feuds(classes)),
    )


@st.composite
def feuds(draw: st.DrawFn, classes: int) -> Feuds | None:
    """Up to four rules; any class may own them and be seen by them."""
    pairs = st.tuples(st.integers(0, classes - 1), st.integers(0, 3))
    own, seen = draw(st.sets(pairs, max_size=4)), draw(st.sets(pairs, max_size=4))
    return rules(classes, own, seen)


def rules(
    classes: int, own: Iterable[tuple[int, int]], seen: Iterable[tuple[int, int]]
) -> Feuds | None:
    """Feuds by pairs of class and rule."""
    tables = [np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2).T for pairs in (own, seen)]
    return feuds_of(classes, (tables[0][0], tables[0][1]), (tables[1][0], tables[1][1]))


def foes(market: Market, c: int) -> set[int]:
    """The classes that share no node with *c*; itself among them: one of its pods at most."""
    if market.feuds is None:
        return set()
    return {
        d for d in range(len(market.count)) if (market.feuds.has[d] & market.feuds.bars[c]).any()
    }


def faults(market: Market, solution: Solution) -> list[str]:
    """All rules that the solution breaks."""
    out: list[str] = []
    placed, used, price = solution.left.copy(), np.zeros_like(market.room), 0.0
    if (solution.left < 0).any():
        out.append("fewer than no pods left")
    for load in solution.loads:
        out += _faults_of_node(market, load.offer, dict(load.counts))
        for c, pods in load.counts:
            placed[c] += pods * load.copies
        used += market.usage[:, load.offer] * load.copies
        price += float(market.price[load.offer]) * load.copies
    if (placed != market.count).any():
        out.append(f"{market.count.tolist()} pods became {placed.tolist()}")
    if (used > market.room).any():
        out.append(f"limits {market.room.tolist()} used {used.tolist()}")
    if abs(price - solution.price) > 1e-9 * max(price, 1):
        out.append(f"price {solution.price} is really {price}")
    return out


def _faults_of_node(market: Market, offer: int, counts: dict[int, int]) -> list[str]:
    out = []
    need = sum(market.need[c] * pods for c, pods in counts.items())
    if (need > market.free[offer]).any():
        out.append(f"overfull: {counts} on {offer}")
    for c, pods in counts.items():
        if pods < 1 or not market.accepts[c, offer]:
            out.append(f"{pods} of class {c} on offer {offer}")
        others = foes(market, c)
        if others & (counts.keys() - {c}) or (c in others and pods > 1):
            out.append(f"class {c} with a foe on {offer}: {counts}")
    return out


def homeless(market: Market) -> Bools:
    """bool[C]: classes of which no pod fits any empty node."""
    small = (market.need[:, None, :] <= market.free[None, :, :]).all(axis=2)
    return np.asarray(~(small & market.accepts).any(axis=1), dtype=np.bool_)


def complete(market: Market, solution: Solution) -> bool:
    """Whether only homeless pods are left."""
    return not solution.left[~homeless(market)].any()


def permuted(market: Market, order: Ints) -> Market:
    """The same with the offers in another order."""
    return replace(
        market,
        free=market.free[order],
        price=market.price[order],
        accepts=market.accepts[:, order],
        usage=market.usage[:, order],
    )
