"""A line says whether its targets are met, and that it cannot tell where something is unknown."""

from __future__ import annotations

import pytest

from tests.bench.figures import Target, at_least, at_most, below, number, price, span, verdict
from tests.bench.table import Table, with_tables

GOOD, BAD, UNTOLD = Target("a", met=True), Target("b", met=False), Target("c", met=None)


@pytest.mark.parametrize(
    ("targets", "cells"),
    [
        ([], ("–", "–")),
        ([GOOD], ("a", "yes")),
        ([GOOD, BAD], ("a, b", "**no**: b")),
        ([BAD, UNTOLD], ("b, c", "**no**: b")),
        ([GOOD, UNTOLD], ("a, c", "–")),
    ],
)
def test_verdict(targets: list[Target], cells: tuple[str, str]) -> None:
    assert verdict(targets) == cells


def test_targets_compare_up_to_rounding() -> None:
    assert at_most("gap", 4.0, 4.0) == Target("gap ≤ 4", met=True)
    assert at_most("gap", 4.1, 4.0).met is False
    assert at_least("saving", -1e-12, 0).met is True
    assert at_least("pods/s", 1_999.0, 2_000) == Target("pods/s ≥ 2,000", met=False)
    assert at_most("gap", None, 4.0).met is None


def test_what_is_unknown_has_no_figure() -> None:
    assert (number(None), price(0.0), span([None]), below(1.0, 0.0)) == ("–", "–", "–", None)
    assert (number(1234.5, 1), price(2.0), span([3.0, None, 1.0])) == (
        "1,234.5",
        "2.00",
        "1.0 to 3.0",
    )
    assert below(75.0, 100.0) == 25.0


def test_a_table_takes_the_place_of_its_older_self() -> None:
    old, new = Table("B", "make b", ("x",), [("1",)]), Table("B", "make b", ("x",), [("2",)])
    more = Table("C", "make c", ("x",), [("3",)])
    page = f"# Page\n\nProse.\n\n{old.markdown()}\n## D\n\nMore prose.\n"

    replaced = with_tables(page, [new, more])

    assert replaced == page.replace(old.markdown(), new.markdown()) + f"\n{more.markdown()}"
