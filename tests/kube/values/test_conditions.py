"""Conditions: one of each type, the time of the last change, there and back."""

from __future__ import annotations

from datetime import UTC
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from kube.values import conditions
from kube.values.conditions import Condition, Truth, with_condition

MOMENTS = st.datetimes(timezones=st.just(UTC)).map(lambda moment: moment.replace(microsecond=0))
CONDITIONS = st.builds(
    Condition,
    type=st.sampled_from(["Ready", "Active", "Fallback"]),
    status=st.sampled_from(get_args(Truth)),
    reason=st.sampled_from(["", "Up", "Down"]),
    message=st.text(max_size=5),
    since=st.none() | MOMENTS,
    observed_generation=st.none() | st.integers(0, 9),
)
SETS = st.lists(CONDITIONS, unique_by=lambda each: each.type).map(tuple)


@given(SETS, CONDITIONS)
def test_there_is_one_condition_of_each_type(old: tuple[Condition, ...], new: Condition) -> None:
    types = [each.type for each in with_condition(old, new)]

    assert len(types) == len(set(types))
    assert set(types) == {each.type for each in old} | {new.type}


@given(SETS, CONDITIONS)
def test_saying_it_twice_changes_nothing(old: tuple[Condition, ...], new: Condition) -> None:
    once = with_condition(old, new)

    assert with_condition(once, new) == once


@given(SETS, CONDITIONS)
def test_the_time_changes_with_the_status_only(old: tuple[Condition, ...], new: Condition) -> None:
    was = conditions.find(old, new.type)
    now = conditions.find(with_condition(old, new), new.type)

    assert now is not None
    kept = was is not None and was.status == new.status and was.since is not None
    assert now.since == (was.since if was is not None and kept else new.since)


@given(SETS)
def test_what_is_written_reads_back(all_: tuple[Condition, ...]) -> None:
    assert conditions.read(conditions.write(all_)) == all_


def test_a_condition_that_is_not_there_is_not_true() -> None:
    ready = Condition("Ready", "True")

    assert conditions.is_true([ready], "Ready")
    assert not conditions.is_true([ready], "Active")
    assert not conditions.is_true([Condition("Ready", "Unknown")], "Ready")
