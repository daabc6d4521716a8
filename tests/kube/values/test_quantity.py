"""Quantities: exact sums, rounding up, and the canonical text of Kubernetes."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube.values.quantity import Family, Quantity, canonical, milli, of_milli, parse

SUFFIXES = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"]
WORTH = {
    **{s: Fraction(10) ** (3 * i - 9) for i, s in enumerate(SUFFIXES[:10])},
    **{s: Fraction(2) ** (10 * i + 10) for i, s in enumerate(SUFFIXES[10:])},
}
NUMBERS = st.from_regex(r"\A[+-]?([0-9]{1,12}(\.[0-9]{0,12})?|\.[0-9]{1,12})\Z")
TEXTS = st.builds(
    lambda number, suffix: number + suffix,
    NUMBERS,
    st.sampled_from(SUFFIXES) | st.integers(-12, 20).map(lambda n: f"e{n}"),
)
QUANTITIES = st.builds(Quantity, st.integers(-(10**30), 10**30), st.sampled_from(Family))


def up(value: Fraction) -> int:
    """Away from zero."""
    size = -((-abs(value)) // 1)
    return int(size if value >= 0 else -size)


@given(NUMBERS, st.sampled_from(SUFFIXES))
def test_a_quantity_is_its_number_times_its_suffix(number: str, suffix: str) -> None:
    exact = (
        Fraction(number.removesuffix(".").replace("+.", "+0.").replace("-.", "-0."))
        * (WORTH[suffix])
    )

    assert parse(number + suffix).nano == up(exact * 10**9)
    assert milli(number + suffix) == up(Fraction(up(exact * 10**9), 10**6))


@given(QUANTITIES)
def test_the_canonical_text_reads_back_as_the_same_amount(quantity: Quantity) -> None:
    assert parse(str(quantity)).nano == quantity.nano


@given(TEXTS)
def test_canonical_text_stays_as_it_is(text: str) -> None:
    once = canonical(text)

    assert canonical(once) == once
    assert "." not in once


@given(st.lists(TEXTS))
def test_a_sum_of_requests_never_comes_out_too_small(texts: list[str]) -> None:
    positive = [text.lstrip("+-") for text in texts]
    exact = sum(parse(text).nano for text in positive)

    assert sum(milli(text) for text in positive) * 10**6 >= exact


@given(st.integers(-(10**18), 10**18), st.sampled_from(Family))
def test_thousandths_survive_the_way_there_and_back(amount: int, family: Family) -> None:
    assert milli(str(of_milli(amount, family))) == amount


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", "0"),
        ("-0", "0"),
        ("0Ki", "0"),
        ("1024Ki", "1Mi"),
        ("1000Ki", "1000Ki"),
        ("1000k", "1M"),
        ("1.5Gi", "1536Mi"),
        ("0.5Ki", "512"),
        ("1023Mi", "1023Mi"),
        ("12E", "12E"),
        ("1e3", "1e3"),
        ("2E4", "20e3"),
        ("100e-3", "100e-3"),
        ("1e0", "1"),
        ("500m", "500m"),
        ("1500m", "1500m"),
        ("1000000n", "1m"),
        ("1001n", "1001n"),
        ("0.0001u", "1n"),
        ("-1.5Ki", "-1536"),
        ("+2", "2"),
        ("2.", "2"),
        (".5", "500m"),
        ("123456789Ki", "123456789Ki"),
        ("1025.5Ki", "1050112"),
        ("1.00001Ki", "1024010240u"),
        ("1024.1", "1024100m"),
    ],
)
def test_what_kubernetes_would_store(text: str, expected: str) -> None:
    assert canonical(text) == expected


@pytest.mark.parametrize(
    "text", ["", ".", "1 Gi", "1gi", "1K", "Gi", "1e", "--1", "1.2.3", "0x10", "１", "1Gii", "∞"]
)
def test_what_is_no_quantity_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="is no quantity; write it like") as caught:
        parse(text)

    assert repr(text) in str(caught.value)


def test_whole_units_round_up() -> None:
    assert parse("1500m").whole == 2
    assert parse("-1500m").whole == -2


def test_an_absurd_exponent_does_not_fill_the_memory() -> None:
    assert parse("1e999999999").nano == 10**109
    assert parse("1e-999999999").nano == 1
