"""What formulas cost: evaluations a second, and the longest time that a hostile text takes."""

from __future__ import annotations

from time import perf_counter

from eventscaler.core.formula import MAX_TEXT, Formula, FormulaError, parse
from tests.bench.table import Table

READINGS = {"a": 3.0, "b": 10.0, "c": None}
USUAL = {
    "(a + b) / 2": "two readings",
    "count([a, b, c ?? 0], # > 1) > 1 ? max(a, b) : c ?? a": "a vote of three",
}
HOSTILE = (
    "1+" * 500_000,
    "(" * MAX_TEXT,
    "-" * MAX_TEXT,
    "+".join(["a"] * (MAX_TEXT // 2)),
    ";".join(["1"] * (MAX_TEXT // 2)),
    "a??" * (MAX_TEXT // 3),
    "/*" * (MAX_TEXT // 2),
    "'" * MAX_TEXT,
    "x" * MAX_TEXT,
    "max([" + "1," * 2_000 + "])",
    "sum(1..1000, sum(1..1000))",
    "count(1..1000, # in 1..1000)",
    "reduce(1..1000, 9223372036854775807 + #)",
)
ROUNDS = 20_000
TRIES = 5


async def measure() -> Table:
    """Each figure is the best of some tries, so that a busy machine shows less."""
    rows = [
        (f"{what}: `{text}`", f"{_rate(parse(text, READINGS)):,.0f} evaluations/s", "≥ 10,000")
        for text, what in USUAL.items()
    ]
    worst = max(min(_taken(text) for _ in range(TRIES)) for text in HOSTILE)
    rows.append((f"the slowest of {len(HOSTILE)} hostile texts", f"{worst * 1000:.1f} ms", "≤ 50"))
    return Table(
        "Formulas",
        "python -m tests.bench formula",
        ("formula", "measured", "target"),
        rows,
    )


def _rate(formula: Formula) -> float:
    started = perf_counter()
    for _ in range(ROUNDS):
        formula.evaluate(READINGS)
    return ROUNDS / (perf_counter() - started)


def _taken(text: str) -> float:
    """Seconds to read it and, if it is a formula, to evaluate it once."""
    started = perf_counter()
    try:
        parse(text, READINGS).evaluate(READINGS)
    except FormulaError:
        return perf_counter() - started
    return perf_counter() - started
