"""Random formulas: trees against another interpreter, and texts that mean nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from eventscaler.core.formula import FormulaError, parse
from eventscaler.core.formula.errors import MAX_ITEMS, MAX_STEPS
from eventscaler.core.formula.run import Run
from tests.eventscaler.core.formula.trees import NAMES, NoNumber, Tree, meaning, numbers, text

READINGS = st.fixed_dictionaries(
    dict.fromkeys(
        NAMES,
        st.none()
        | st.sampled_from([0.0, 0.5, 1.0, 2.5, 100.0])
        | st.floats(0, 1e9, allow_nan=False, allow_infinity=False),
    )
)
_PIECES = """
    a b c 0 1 2.5 1e3 0x1F .5 true false nil # #acc #index $env "a" + - * / % ** ^ == != < <= >
    >= and or not ! in ? : ?? | , ; ( ) [ ] { } .. . = let if else x count sum min max any all none
    one map filter find reduce len mean median first last sort take int round matches /* // ' @ é
    1..9 [a,b] count([a,b],#>1)
"""
PIECES = st.sampled_from(_PIECES.split())
TEXTS = st.one_of(
    st.text(max_size=60),
    st.lists(PIECES, max_size=40).map(" ".join),
    st.lists(PIECES, max_size=40).map("".join),
    st.lists(PIECES, min_size=1, max_size=4).flatmap(
        lambda pieces: st.integers(1, 400).map(lambda times: "".join(pieces) * times)
    ),
)


def given_by(formula: str, readings: Mapping[str, float | None]) -> float | str | None:
    """What it gives, or why it gives nothing."""
    try:
        return parse(formula, NAMES).evaluate(readings)
    except FormulaError as error:
        return str(error)


def expected(tree: Tree, readings: Mapping[str, float | None]) -> float | str | None:
    """The same, told by the other interpreter."""
    try:
        value = meaning(tree, readings)
    except NoNumber:
        return "no number"
    if value is None or math.isfinite(value):
        return None if value is None else max(0.0, float(value))
    return "no load"


@settings(max_examples=400, deadline=None)
@given(numbers(), READINGS)
def test_a_formula_means_what_another_interpreter_says(
    tree: Tree, readings: dict[str, float | None]
) -> None:
    formula = text(tree)
    found, wanted = given_by(formula, readings), expected(tree, readings)
    assume(not (isinstance(found, str) and "steps" in found))

    if isinstance(wanted, float):
        assert found == pytest.approx(wanted, rel=1e-12), formula
    elif wanted is None:
        assert found is None, formula
    else:
        assert isinstance(found, str), formula


@settings(max_examples=400, deadline=None)
@given(TEXTS, READINGS)
def test_a_random_text_is_a_formula_or_a_formula_error(
    formula: str, readings: dict[str, float | None]
) -> None:
    """Nothing else is raised, and no evaluation goes on for longer than its steps."""
    try:
        parsed = parse(formula, NAMES)
    except FormulaError:
        return
    run = Run(readings, parsed.names)
    with suppress(FormulaError):
        parsed._root.value(run)

    assert run.steps <= MAX_STEPS + MAX_ITEMS
    assert parsed.names <= set(NAMES)
