"""Durations: Go's syntax there and back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube.values import duration

LENGTHS = st.timedeltas(timedelta(days=-100_000), timedelta(days=100_000))
PARTS = st.lists(
    st.tuples(st.integers(0, 10**6), st.sampled_from(["us", "ms", "s", "m", "h"])), min_size=1
)
UNITS = {
    "us": timedelta(microseconds=1),
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
}


@given(LENGTHS)
def test_what_is_written_reads_back(length: timedelta) -> None:
    assert duration.parse(duration.text_of(length)) == length


@given(PARTS)
def test_parts_add_up(parts: list[tuple[int, str]]) -> None:
    text = "".join(f"{number}{unit}" for number, unit in parts)

    expected = sum((number * UNITS[unit] for number, unit in parts), timedelta())

    assert duration.parse(text) == expected
    assert duration.parse("-" + text) == -expected


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("+0", 0.0),
        ("30s", 30.0),
        ("1h15m30.918273645s", 4530.918273),
        (".5s", 0.5),
        ("1.s", 1.0),
        ("2µs", 0.000002),
        ("2μs", 0.000002),
        ("999ns", 0.0),
        ("-1m", -60.0),
    ],
)
def test_seconds(text: str, seconds: float) -> None:
    assert duration.seconds(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "5", "s", "1d", "1h 5m", "Never", "1m-5s", "٣s"])
def test_what_is_no_duration_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration; write it like 30s"):
        duration.parse(text)


def test_no_duration_is_longer_than_go_can_hold() -> None:
    with pytest.raises(ValueError, match="longer than the 292 years"):
        duration.parse("9999999h")


def test_no_time_at_all() -> None:
    assert duration.text_of(timedelta(0)) == "0s"
    assert duration.text_of(timedelta(milliseconds=2)) == "2ms"


def test_never_is_none() -> None:
    assert duration.seconds_or_never("Never") is None
    assert duration.seconds_or_never("5m") == 300.0
