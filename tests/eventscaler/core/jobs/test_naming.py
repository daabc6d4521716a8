"""Names of Jobs: the same for whoever looks at the same Jobs, and valid for every owner."""

from __future__ import annotations

import re
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from eventscaler.core.jobs.naming import name_of, numbers
from tests.eventscaler.core.jobs.made import job

LABEL = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
OWNERS = st.from_regex(r"[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?", fullmatch=True)
SEQUENCES = st.integers(1, 10**9)
COUNTS = st.integers(0, 30)


@given(OWNERS, st.text(max_size=40), SEQUENCES)
def test_a_name_is_a_label_and_a_function_of_its_input(owner: str, uid: str, sequence: int) -> None:
    name = name_of(owner, uid, sequence)

    assert LABEL.fullmatch(name)
    assert len(name) <= 63
    assert name == name_of(owner, uid, sequence)


def test_names_differ_by_number_and_by_uid() -> None:
    names = {name_of("orders", uid, number) for uid in ("a", "b") for number in range(1, 2000)}
    assert len(names) == 2 * 1999


@given(
    COUNTS, st.sets(st.integers(0, 40)), st.integers(0, 40), st.sets(st.integers(1, 40), max_size=5)
)
def test_numbers_are_new_and_what_is_doubtful_comes_first(
    count: int, used: set[int], last: int, doubtful: set[int]
) -> None:
    there = [replace(job(number), sequence=number) for number in used]
    found = numbers(count, there, last, sorted(doubtful))

    assert len(found) == len(set(found)) == count
    assert not set(found) & used
    again = sorted(doubtful - used)
    assert list(found[: len(again)]) == again[:count]
    assert all(number > max([last, *used, 0]) for number in found[len(again) :])


@given(COUNTS, st.sets(st.integers(0, 40)))
def test_two_who_see_the_same_choose_the_same(count: int, used: set[int]) -> None:
    there = [replace(job(number), sequence=number) for number in used]
    assert numbers(count, there, 0, ()) == numbers(count, there[::-1], 0, ())
