"""Columns: one demand asked of many places is the demand asked of each."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nodescaler.core.columns import Columns, Part
from nodescaler.core.labels import Requirements
from tests.nodescaler.core.strategies import REQUIREMENTS, VALUES

LABELS = st.dictionaries(st.sampled_from("xyz"), VALUES, max_size=3)


@st.composite
def places(draw: st.DrawFn) -> Columns:
    """Up to eight places whose labels come in one to three parts."""
    size = draw(st.integers(0, 8))
    parts = []
    for _ in range(draw(st.integers(1, 3))):
        labels = draw(st.lists(LABELS, min_size=1, max_size=4))
        index = st.lists(st.integers(0, len(labels) - 1), min_size=size, max_size=size)
        parts.append(Part(labels, np.array(draw(index), np.int64)))
    return Columns(parts)


@given(places(), REQUIREMENTS)
def test_a_mask_is_what_each_place_says(columns: Columns, demands: Requirements) -> None:
    expected = [demands.accepts(columns.labels(n)) for n in range(columns.size)]

    assert columns.mask(demands).tolist() == expected
    assert columns.mask(demands).tolist() == expected  # remembered, and the same


@given(places(), st.lists(REQUIREMENTS, max_size=3))
def test_one_of_several_alternatives_is_enough(
    columns: Columns, alternatives: list[Requirements]
) -> None:
    assert columns.any_of(alternatives).tolist() == [
        any(each.accepts(columns.labels(n)) for each in alternatives) for n in range(columns.size)
    ]


@given(places(), st.sampled_from("xyz"), st.none() | VALUES)
def test_a_column_has_the_value_of_each_place(columns: Columns, key: str, value: str) -> None:
    column = columns.column(key)
    values = [columns.labels(n).get(key) for n in range(columns.size)]

    assert [column.values[code] for code in column.codes.tolist()] == values
    assert column.where(value).tolist() == [each == value for each in values]


def test_a_later_part_overrides_an_earlier_one() -> None:
    columns = Columns([Part([{"x": "a"}], np.array([0, 0])), Part([{}, {"x": "b"}], np.arange(2))])

    assert [columns.labels(n) for n in range(2)] == [{"x": "a"}, {"x": "b"}]
    assert columns.mask(Requirements.labels({"x": "b"})).tolist() == [False, True]
