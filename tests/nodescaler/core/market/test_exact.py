"""Against the true optimum of markets small enough to try everything."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from nodescaler.core.market import Market, lower_bound, solve
from nodescaler.core.market.knapsack import Grid, most
from nodescaler.core.market.model import Floats, Ints
from tests.nodescaler.core.market.exact import optimum
from tests.nodescaler.core.market.markets import markets

CLOSE = 1e-9
TINY = markets(most_pods=2, limited=False).filter(lambda market: market.count.sum() <= 7)


@settings(max_examples=60)
@given(TINY)
def test_bound_optimum_plan_in_this_order(market: Market) -> None:
    best = optimum(market)
    found = solve(market, 0.1)

    assert lower_bound(market).usd_per_hour <= best + CLOSE
    assert lower_bound(market, found.price).usd_per_hour <= best + CLOSE
    assert found.bound <= best + CLOSE
    assert found.price >= best - CLOSE


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)).filter(any), min_size=1, max_size=4),
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=3),
    st.lists(st.integers(0, 12), min_size=4, max_size=4),
)
def test_the_table_knows_the_best_fill(
    sizes: list[tuple[int, int]], rooms: list[tuple[int, int]], values: list[int]
) -> None:
    size, room = np.array(sizes), np.array(rooms)
    worth = np.array(values[: len(sizes)]) / 4
    grid = Grid(np.arange(len(sizes)), size, np.arange(len(rooms)), room)

    top, fills = most(grid, worth)

    assert np.allclose(top, [_best_fill(size, worth, limit) for limit in room])
    assert np.allclose(fills @ worth, top)
    assert (fills @ size <= room).all()


def _best_fill(size: Ints, worth: Floats, room: Ints) -> float:
    """By taking each pod that fits and looking at the rest."""
    rest = [float(worth[c]) + _best_fill(size[c:], worth[c:], room - size[c])
            for c in range(len(size)) if (size[c] <= room).all()]  # fmt: skip
    return max(rest, default=0.0)
