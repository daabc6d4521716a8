"""Laws of the texts that keys are written as."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalers._texts import Seconds, boolean, items, number, pairs, ranges, reader, seconds

WORDS = st.text(st.characters(codec="utf-8"), min_size=1).filter(str.strip)


@given(st.dictionaries(WORDS.map(str.strip), WORDS.map(str.strip)))
def test_pairs_are_read_back_whatever_is_in_them(given: dict[str, str]) -> None:
    text = ",".join(f"{quote_plus(key)}={quote_plus(value)}" for key, value in given.items())

    assert dict(pairs(text)) == given


@given(st.sets(st.integers(0, 500)))
def test_ranges_are_read_back(given: set[int]) -> None:
    assert ranges(",".join(str(each) for each in given)) == given


@given(st.integers(0, 10**6), st.integers(0, 1000))
def test_a_range_has_both_its_ends(low: int, more: int) -> None:
    if low + more > 100_000:
        return
    assert ranges(f"{low}-{low + more}") == set(range(low, low + more + 1))


@given(st.lists(st.text("abc", min_size=1)))
def test_items_are_read_back(given: list[str]) -> None:
    assert items(" ; ".join(given), ";") == tuple(given)


@given(st.integers(0, 10**9))
def test_a_bare_number_is_milliseconds(given: int) -> None:
    assert seconds(str(given)) == seconds(f"{given}ms") == given / 1000


@pytest.mark.parametrize(
    ("reader", "text"),
    [
        (boolean, "yes"),
        (number, "NaN"),
        (number, "1e999"),
        (seconds, "3 apples"),
        (ranges, "3-"),
        (ranges, "0-999999999"),
        (pairs, "=1"),
    ],
)
def test_other_texts_are_refused(reader: object, text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        reader(text)  # type: ignore[operator]  # each is a function of a text


@pytest.mark.parametrize("kind", [int, Seconds, float])
def test_a_number_too_large_is_malformed(kind: Any) -> None:
    with pytest.raises(ValueError, match=r"9{400}"):
        reader(kind)("9" * 400)
