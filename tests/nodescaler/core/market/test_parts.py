"""One sentence a case: what each part does on markets that can be checked by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nodescaler.core.market import Load, Market, first_fit, lower_bound, solve
from nodescaler.core.market.examples import small
from nodescaler.core.market.reduce import reduced
from tests.nodescaler.core.market.markets import faults, rules


def market(
    need: list[list[int]], count: list[int], offers: list[tuple[list[int], float]]
) -> Market:
    """Everything accepts everything, no limits."""
    classes = len(need)
    return Market(
        need=np.array(need),
        count=np.array(count),
        priority=np.zeros(classes, dtype=np.int64),
        free=np.array([free for free, _ in offers], dtype=np.int64).reshape(
            len(offers), len(need[0])
        ),
        price=np.array([price for _, price in offers]),
        accepts=np.ones((classes, len(offers)), dtype=np.bool_),
        usage=np.zeros((0, len(offers)), dtype=np.int64),
        room=np.zeros(0, dtype=np.int64),
    )


def limited(base: Market, usage: list[int], room: int) -> Market:
    return replace(base, usage=np.array([usage]), room=np.array([room]))


NOT_IN_LIST = {
    "dearer for the same": ([[4, 8], [4, 8]], [1.0, 2.0], [0]),
    "dearer for less": ([[4, 8], [2, 8]], [1.0, 2.0], [0]),
    "the same twice": ([[4, 8], [4, 8]], [1.0, 1.0], [0]),
    "less of one but more of another": ([[4, 8], [2, 9]], [1.0, 1.0], [0, 1]),
    "less but cheaper": ([[4, 8], [2, 4]], [1.0, 0.5], [0, 1]),
}


@pytest.mark.parametrize("name", NOT_IN_LIST)
def test_beaten_offers_are_left_out(name: str) -> None:
    free, price, kept = NOT_IN_LIST[name]
    offers = list(zip(free, price, strict=True))

    core = reduced(market([[1, 1]], [1], offers))

    assert sorted(core.offers.tolist()) == kept


def test_an_offer_that_refuses_a_class_beats_none_that_takes_it() -> None:
    base = market([[1], [1]], [1, 1], [([4], 1.0), ([4], 2.0)])
    picky = replace(base, accepts=np.array([[True, True], [False, True]]))

    assert sorted(reduced(picky).offers.tolist()) == [0, 1]


def test_an_offer_that_takes_more_of_a_limit_beats_none_that_takes_less() -> None:
    base = market([[1]], [1], [([4], 1.0), ([4], 2.0)])

    assert sorted(reduced(limited(base, [2, 1], 9)).offers.tolist()) == [0, 1]


def test_first_fit_grows_while_any_offer_holds_and_then_takes_the_cheapest() -> None:
    base = market([[2]], [3], [([4], 1.0), ([6], 9.0), ([8], 7.0)])

    assert first_fit(base).loads == (Load(2, ((0, 3),), 1),), "6 of 8 at 7 dollars, not 6 of 6 at 9"


def test_first_fit_puts_the_next_pod_where_the_fewest_are() -> None:
    base = market([[3], [1]], [3, 2], [([5], 1.0)])
    lonely = replace(base, feuds=rules(2, [(0, 0)], [(0, 0)]))

    found = first_fit(lonely)

    assert found.loads == (Load(0, ((0, 1),), 1), Load(0, ((0, 1), (1, 1)), 2))


def test_two_small_nodes_instead_of_a_large_one() -> None:
    assert solve(small()).price == 2.0
    assert first_fit(small()).price == 3.0


def test_classes_with_foes_get_nodes_of_their_own() -> None:
    base = market([[1], [1]], [2, 2], [([8], 1.0)])
    split = replace(base, feuds=rules(2, [(0, 0)], [(1, 0)]))

    assert solve(split).loads == (Load(0, ((0, 2),), 1), Load(0, ((1, 2),), 1))


def test_a_class_that_must_be_alone_gets_a_node_for_each_pod() -> None:
    base = market([[1]], [3], [([8], 1.0)])
    alone = replace(base, feuds=rules(1, [(0, 0)], [(0, 0)]))

    assert solve(alone).loads == (Load(0, ((0, 1),), 3),)
    assert lower_bound(alone).usd_per_hour == pytest.approx(3.0)


def test_a_reservation_is_used_up_first_and_no_further() -> None:
    base = limited(market([[4]], [5], [([4], 0.0), ([4], 1.0)]), [1, 0], 2)

    found = solve(base)

    assert found.loads == (Load(0, ((0, 1),), 2), Load(1, ((0, 1),), 3))
    assert lower_bound(base).usd_per_hour == pytest.approx(3.0)


def test_when_limits_bind_the_higher_priority_goes_first() -> None:
    base = limited(market([[4], [4]], [2, 2], [([4], 1.0)]), [1], 3)

    assert solve(base).left.tolist() == [0, 1]
    assert solve(replace(base, priority=np.array([0, 5]))).left.tolist() == [1, 0]


def test_when_limits_bind_small_pods_still_use_the_gaps() -> None:
    base = limited(market([[3], [3], [1]], [2, 2, 3], [([4], 1.0)]), [1], 3)

    assert solve(base).left.tolist() == [0, 1, 0]


def test_a_pod_that_fits_nowhere_is_left_and_the_rest_placed() -> None:
    base = market([[9], [1]], [1, 2], [([4], 1.0)])

    found = solve(base)

    assert (found.left.tolist(), found.price) == ([1, 0], 1.0)
    assert lower_bound(base).worth[0] == 0


def test_the_dearest_pod_alone_is_a_bound() -> None:
    base = market([[6]], [1], [([4], 1.0), ([40], 10.0)])

    assert lower_bound(base).usd_per_hour == pytest.approx(10.0)


def test_nothing_to_buy_and_nothing_to_place() -> None:
    nothing = market([[1]], [3], [])

    assert solve(nothing).left.tolist() == [3]
    assert solve(market([[1]], [0], [([4], 1.0)])).loads == ()
    assert lower_bound(nothing).usd_per_hour == 0


def test_pods_in_round_sizes_are_packed_as_the_table_has_it() -> None:
    """Three of 5 and one of 1 fill 16 exactly; by size alone 6+6 and waste would come first."""
    base = market([[6], [5], [1]], [40, 90, 30], [([16], 1.0)])

    found = solve(base, 0.5)

    assert found.price == pytest.approx(found.bound, rel=0.03)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"count": np.zeros(3, dtype=np.int64)}, r"'count' must have shape \(2,\), got \(3,\)"),
        ({"count": np.array([1, -1])}, "'count' must not be below 0, got -1"),
        ({"price": np.array([1.0, np.nan])}, "'price' must be finite and not below 0, got nan"),
        (
            {"feuds": rules(1, [(0, 0)], [(0, 0)])},
            "'feuds' must have a row for each of 2 classes, got 1",
        ),
    ],
)
def test_faults_are_named(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(small(), **change)  # type: ignore[arg-type]


def test_many_classes_are_put_together_and_each_still_gets_its_worth_and_its_place() -> None:
    """700 sizes are solved as some 300; the plan is close to the bound all the same."""
    sizes = np.arange(700)
    need = np.column_stack([100 + sizes * 7 % 900, 200 + sizes * 13 % 1700])
    many = market(need.tolist(), [3] * 700, [([7900, 15000], 0.34), ([15800, 62000], 0.8)])

    bound, found = lower_bound(many), solve(many)

    assert faults(many, found) == []
    assert bound.usd_per_hour <= found.price <= bound.usd_per_hour * 1.04
    assert (bound.worth > 0).all()
    placed = np.bincount(bound.shares.classes, weights=bound.shares.pods, minlength=700)
    assert np.allclose(placed, 3, atol=1e-3)


def test_a_few_nodes_prove_more_than_divisible_ones() -> None:
    """Thirty pods need three nodes of 1 dollar, not three twentieths of one of 19."""
    few = market([[1]], [30], [([10], 1.0), ([200], 19.0)])

    assert lower_bound(few).usd_per_hour == pytest.approx(2.85)
    assert solve(few).bound == pytest.approx(3.0)
    assert lower_bound(few, known=3.0).usd_per_hour == pytest.approx(3.0)


def test_the_hardest_pod_needs_a_whole_node() -> None:
    """Not the third of one that it fills; what else fits there is not paid for again."""
    hard = market([[11], [1]], [1, 70], [([10], 1.0), ([30], 4.0)])

    assert lower_bound(hard).usd_per_hour == pytest.approx(8.467, abs=5e-3)
    assert lower_bound(hard, known=10.0).usd_per_hour == pytest.approx(9.1, abs=5e-3)
    assert lower_bound(hard, known=9.0).usd_per_hour == pytest.approx(9.0)
