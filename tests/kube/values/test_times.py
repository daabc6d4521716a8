"""Times: RFC 3339 there and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube.values import times

MOMENTS = st.datetimes(timezones=st.just(UTC))


@given(MOMENTS)
def test_a_micro_time_reads_back(moment: datetime) -> None:
    assert times.parse(times.micros(moment)) == moment


@given(MOMENTS)
def test_a_time_reads_back_without_its_fraction(moment: datetime) -> None:
    assert times.parse(times.seconds(moment)) == moment.replace(microsecond=0)


@given(MOMENTS, st.integers(-1439, 1439))
def test_an_offset_changes_the_writing_and_not_the_moment(moment: datetime, minutes: int) -> None:
    """But for the first and last day of the calendar, which an offset may leave."""
    zone = timezone(timedelta(minutes=minutes))
    if 1 < moment.year < 9999:
        assert times.parse(moment.astimezone(zone).isoformat()) == moment


@pytest.mark.parametrize(
    "text",
    ["", "2024-05-01", "2024-05-01T10:00:00", "2024-13-01T10:00:00Z", "0001-01-01T00:00:00+09:00"],
)
def test_what_is_no_time_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="is no RFC 3339 time") as caught:
        times.parse(text)

    assert repr(text) in str(caught.value)
