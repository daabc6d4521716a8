"""One pass over many feuding classes: as right as the long way, on small markets and a crowd."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nodescaler.core.market import Market, compared, feuds_of, first_fit, lower_bound, solve
from nodescaler.core.market.firstfit import levelled
from nodescaler.core.market.guided import guided
from nodescaler.core.market.reduce import reduced
from nodescaler.core.market.rough import roughly
from nodescaler.core.market.rounding import guide_of
from nodescaler.core.market.solve import solution_of
from nodescaler.core.market.study import Study
from nodescaler.core.market.work import Meter, never
from tests.nodescaler.core.market.markets import complete, faults, markets

CLOSE = 1e-9
ZONES, SIZES, TEAMS = 2, 6, 8


def crowd(each: int = 3) -> Market:
    """Pods of 6 sizes of 8 teams in 2 zones or either; a team's leaders bear none of its members.

    96 leaders, the first team's of which also bear no other leader of it; offers of 4 sizes at one
    price a unit in both zones.
    """
    kinds = [(s, t, z, lead) for s in range(SIZES) for t in range(TEAMS) for z in range(ZONES + 1)
             for lead in (False, True)]  # fmt: skip
    units = np.array([2, 4, 8, 16])
    free, zone = np.tile(units, ZONES), np.repeat(np.arange(ZONES), len(units))
    team = np.array([t for _, t, _, _ in kinds])
    leads = np.array([lead for *_, lead in kinds])
    seen = np.flatnonzero(~leads | (team == 0))
    return Market(
        need=np.array([[100 * (s + 1), 300 * (SIZES - s)] for s, *_ in kinds]),
        count=np.full(len(kinds), each),
        priority=np.zeros(len(kinds), dtype=np.int64),
        free=np.column_stack([1000 * free - 50, 3000 * free - 90]),
        price=0.1 * free,
        accepts=np.array([(zone == z) | (z == ZONES) for _, _, z, _ in kinds]),
        usage=np.zeros((0, len(free)), dtype=np.int64),
        room=np.zeros(0, dtype=np.int64),
        feuds=feuds_of(
            len(kinds),
            (np.flatnonzero(leads), team[leads]),
            (seen, team[seen]),
        ),
    )


@given(markets(limited=False))
def test_one_pass_breaks_no_rule_and_its_bound_holds(market: Market) -> None:
    core = reduced(market)
    if not len(core.count):
        return
    rough = roughly(core)
    study = Study(core, np.zeros(0, dtype=np.bool_), rough, rough.tariffs.value, is_rough=True)
    packed = guided(study, guide_of(study, Meter(0.0, never)))
    found = solution_of(market, packed, "guided", study.floor)

    assert faults(market, found) == []
    assert complete(market, found)
    assert study.floor <= found.price + CLOSE
    placed = np.bincount(rough.plan.shares.classes, rough.plan.shares.pods, len(core.count))
    assert np.allclose(placed, core.count, atol=1e-4)
    assert core.fits[rough.plan.shares.classes, rough.plan.shares.offers].all()


def test_a_crowd_that_feuds_is_packed_in_one_pass_between_bound_and_first_fit() -> None:
    found = compared(crowd())

    assert found.best.method == "guided"
    assert faults(crowd(), found.best) == []
    assert found.best.loads == solve(crowd()).loads
    assert found.first.loads == first_fit(crowd()).loads
    assert found.best.bound <= lower_bound(crowd()).usd_per_hour * (1 + CLOSE)
    assert found.best.bound <= found.best.price <= 0.9 * found.first.price


def test_a_crowd_with_a_budget_is_never_dearer() -> None:
    assert solve(crowd(1), 0.2).price <= solve(crowd(1)).price


def test_a_crowd_under_limits_keeps_them() -> None:
    every = crowd()
    tight = replace(
        every, usage=np.ones((1, len(every.price)), dtype=np.int64), room=np.array([30])
    )

    assert faults(tight, solve(tight)) == []


@given(st.integers(0, 60))
def test_a_crowd_stopped_early_is_still_a_plan(asks: int) -> None:
    left = [asks * 20]

    def stop() -> bool:
        left[0] -= 1
        return left[0] < 0

    assert faults(crowd(), solve(crowd(), 0.0, stop)) == []


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 4)), min_size=1, max_size=6),
    st.integers(1, 30),
)
def test_pods_go_one_by_one_to_the_node_with_the_fewest(
    nodes: list[tuple[int, int]], wanted: int
) -> None:
    total, capacity = (np.array(column) for column in zip(*nodes, strict=True))
    held, expected = total.copy(), np.zeros_like(total)
    for _ in range(min(wanted, int(capacity.sum()))):
        able = np.flatnonzero(expected < capacity)
        chosen = able[held[able].argmin()]
        held[chosen] += 1
        expected[chosen] += 1

    assert levelled(wanted, total, capacity).tolist() == expected.tolist()
