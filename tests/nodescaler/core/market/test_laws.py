"""What holds for every market: no pod lost, no rule broken, between the bound and first-fit."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from nodescaler.core.market import Market, first_fit, lower_bound, solve
from tests.nodescaler.core.market.markets import MOST, complete, faults, homeless, markets, permuted

CLOSE = 1e-9  # of a price: sums in another order


@given(markets())
def test_first_fit_breaks_no_rule(market: Market) -> None:
    assert faults(market, first_fit(market)) == []


@given(markets())
def test_solve_breaks_no_rule(market: Market) -> None:
    assert faults(market, solve(market)) == []


@given(markets())
def test_more_work_breaks_no_rule_and_is_never_dearer(market: Market) -> None:
    fast, slow = solve(market), solve(market, 0.2)

    assert faults(market, slow) == []
    if complete(market, fast):
        assert complete(market, slow)
        assert slow.price <= fast.price * (1 + CLOSE)


@given(markets())
def test_never_above_first_fit(market: Market) -> None:
    plain, found = first_fit(market), solve(market)

    order = np.argsort(-market.priority, kind="stable")
    before, after = plain.left[order].tolist(), found.left[order].tolist()
    assert after <= before, "earlier classes go first"
    if after == before:
        assert found.price <= plain.price * (1 + CLOSE)


@given(markets())
def test_never_below_the_bound(market: Market) -> None:
    bound = lower_bound(market).usd_per_hour

    for solution in (first_fit(market), solve(market, 0.1)):
        if complete(market, solution):
            assert bound <= solution.price


@given(markets(limited=False))
def test_without_limits_only_the_homeless_are_left(market: Market) -> None:
    for solution in (first_fit(market), solve(market)):
        assert (solution.left > 0).tolist() == (homeless(market) & (market.count > 0)).tolist()


@given(markets(limited=False))
def test_worth_adds_up_to_no_more_than_the_bound(market: Market) -> None:
    bound = lower_bound(market)

    assert float(market.count @ bound.worth) <= bound.usd_per_hour * (1 + 1e-6) + 1e-9
    assert (bound.worth[homeless(market)] == 0).all()


@given(markets(limited=False))
def test_shares_place_every_pod(market: Market) -> None:
    bound = lower_bound(market)
    shares = bound.shares
    placed = np.bincount(shares.classes, weights=shares.pods, minlength=len(market.count))

    expected = np.where(homeless(market), 0, market.count)
    assert np.allclose(placed, expected, atol=1e-4)
    assert market.accepts[shares.classes, shares.offers].all()


@given(markets(), st.permutations(range(MOST)))
def test_order_of_offers_changes_no_price(market: Market, order: list[int]) -> None:
    here_too = [o for o in order if o < len(market.price)]
    moved = permuted(market, np.array(here_too))

    for method in (first_fit, solve):
        here, there = method(market), method(moved)
        assert (here.left == there.left).all()
        assert abs(here.price - there.price) <= CLOSE * max(here.price, 1)


@settings(max_examples=30)
@given(markets())
def test_same_input_same_answer(market: Market) -> None:
    for budget in (0.0, 0.2):
        here, there = solve(market, budget), solve(market, budget)
        assert here.loads == there.loads
        assert here.left.tolist() == there.left.tolist()
        assert here.method == there.method


@given(markets(), st.integers(0, 5))
def test_stopped_early_it_is_still_a_plan(market: Market, asks: int) -> None:
    left = [asks]

    def stop() -> bool:
        left[0] -= 1
        return left[0] < 0

    assert faults(market, solve(market, 0.2, stop)) == []
