"""The language, case by case: what expr-lang gives is what a formula gives.

Every expected value was compared with expr-lang itself (v1.17 of February 2026, compiled as KEDA
compiles a formula: AsFloat64, float readings). Source of the rules:
https://expr-lang.org/docs/language-definition
"""

from __future__ import annotations

import pytest

from eventscaler.core.formula import parse

READINGS = {"a": 3.0, "b": 10.0, "c": 0.5}

ARITHMETIC = [
    ("a + b * 2", 23),
    ("10 - 3 - 2", 5),
    ("((a + b)) * c", 6.5),
    ("5 / 2", 2.5),
    ("4 / 2", 2),
    ("2 * 3 % 4", 2),
    ("7 % -3", 1),
    ("-7 % 3 + 10", 9),
    ("int(a) % 2", 1),
    ("2 ** 3 ** 2", 512),
    ("2 ^ 10", 1024),
    ("4 ** 0.5", 2),
    ("2 ** -1", 0.5),
    ("-2 ** 2 + 100", 96),
    ("(-2) ** 2", 4),
    ("-a * -b", 30),
    ("- -a", 3),
    ("+a", 3),
    ("9223372036854775807 - 9223372036854775806", 1),
]
NUMBERS = [
    ("1_000", 1000),
    ("1e3", 1000),
    ("1.5e-1", 0.15),
    (".5", 0.5),
    ("1.", 1),
    ("07", 7),
    ("0x1F + 0o17 + 0b101", 51),
    ("0X_ff", 255),
    ("a /* one */ + 1 // and more", 4),
]
LOGIC = [
    ("a > 1 and not false ? 1 : 2", 1),
    ("true && 1 < 2 || false ? 1 : 2", 1),
    ("false or true and false ? 1 : 2", 2),
    ("!(a > 5) ? 1 : 2", 1),
    ("not not true ? 1 : 2", 1),
    ("a >= 3 && b <= 10 ? a : b", 3),
    ("(a > 1) == (b > 1) ? 1 : 2", 1),
    ("1 == 1.0 ? 1 : 2", 1),
    ("1 != 2 == true ? 1 : 2", 1),
    ("[1, 2] == [1.0, 2] ? 1 : 2", 1),
    ("[1, 2] == [1, 2, 3] ? 1 : 2", 2),
    ("[1, 2] != [1, 2] ? 1 : 2", 2),
    ("false and 7 % 0 == 1 ? 1 : 2", 2),
    ("true or 7 % 0 == 1 ? 1 : 2", 1),
]
COMPARISONS = [
    ("1 < a < 5 ? 1 : 2", 1),
    ("1 < a < 2 ? 1 : 2", 2),
    ("5 > a > 1 < 2 ? 1 : 2", 1),
    ("a in [1, 3] ? 1 : 2", 1),
    ("a not in [1, 3] ? 1 : 2", 2),
    ("not (a in [1, 3]) ? 1 : 2", 2),
    ("a in 1..3 ? 1 : 2", 1),
    ("nil in [nil, 1] ? 1 : 2", 1),
]
CONDITIONS = [
    ("a > 1 ? b : c", 10),
    ("a > 5 ? 5 : a > 2 ? 7 : 9", 7),
    ("true ? 1 : 2.5", 1),
    ("if a > 1 { 5 } else { 6 }", 5),
    ("if a > 5 { 5 } else if b > 1 { 7 } else { 6 }", 7),
    ("let x = a; let y = x + 1; y * x", 12),
    ("1 + (let x = 2; x)", 3),
    ("a; b", 10),
    ("a; b;", 10),
]
NIL = [
    ("a ?? b ?? 8", 3),
    ("1 + a ?? 0 + 2", 6),
    ("nil ?? 3", 3),
    ("a == nil ? 1 : 2", 2),
    ("nil == nil ? 1 : 2", 1),
    ("first([]) ?? 4", 4),
]
LISTS = [
    ("[a, b][0]", 3),
    ("[a, b,][-1]", 10),
    ("[1, 2, 3][max([1.0])]", 2),
    ("[1, 2, 3][0:2][1]", 2),
    ("sum([1, 2, 3][1:])", 5),
    ("sum([1, 2, 3][:-1])", 3),
    ("sum([1, 2, 3][:])", 6),
    ("sum([1, 2, 3][5:9])", 0),
    ("sum(1..10)", 55),
    ("len(3..1)", 0),
    ("1..2 + 1 | sum()", 6),
    ("sum(2 * 1..3)", 5),
]
PREDICATES = [
    ("count([a, b, c], # > 1)", 2),
    ("count([a, b, c], {# > 1})", 2),
    ("count([a, b, c], {let x = #; x > 1})", 2),
    ("count([true, false])", 1),
    ("count(1..5, count([1, 2, 3], # > 2) > 0)", 5),
    ("sum([a, b, c])", 13.5),
    ("sum([a, b], # * 2)", 26),
    ("sum([])", 0),
    ("any([a, b], # > 5) ? 1 : 0", 1),
    ("all([a, b], # > 5) ? 1 : 0", 0),
    ("all([], # > 5) ? 1 : 0", 1),
    ("none([a, b], # > 50) ? 1 : 0", 1),
    ("one([a, b], # > 5) ? 1 : 0", 1),
    ("one([a, b], # > 1) ? 1 : 0", 0),
    ("all([4, 0], 6 % # == 0) ? 1 : 0", 0),
    ("any([1, 0], 6 % # == 0) ? 1 : 0", 1),
    ("map([a, b], # * 2)[1]", 20),
    ("sum(map([a, b], #index))", 1),
    ("filter([a, b], # > 5)[0]", 10),
    ("find([a, b], # > 5)", 10),
    ("findIndex([a, b], # > 5)", 1),
    ("findLast([1, 2, 3], # > 1)", 3),
    ("findLastIndex([1, 2, 3], # < 3)", 1),
    ("reduce([1, 2, 3], #acc + #)", 6),
    ("reduce([1, 2, 3], #acc * #, 4)", 24),
    ("reduce([1, 2, 3], #acc + #index, 0)", 3),
    ("reduce([], #acc * #, 4)", 4),
]
FUNCTIONS = [
    ("max(a, b)", 10),
    ("max([a, b], c)", 10),
    ("min(1, [])", 1),
    ("mean([a, b]) + mean(1, 2)", 8),
    ("mean([])", 0),
    ("median([a, b, c])", 3),
    ("median(1, 2)", 1.5),
    ("median([])", 0),
    ("len([a, b])", 2),
    ("first([a, b])", 3),
    ("last([a, b])", 10),
    ("round(2.5) + round(0.4)", 3),
    ("round(-2.5) + 10", 7),
    ("ceil(a / 2) + floor(b / 3)", 5),
    ("int(3.9) + int(-3.9) + 10", 10),
    ("float(3)", 3),
    ("abs(-3) + abs(-a)", 6),
    ("sort([3, 1, 2])[0]", 1),
    ("reverse([3, 1, 2])[0]", 2),
    ("take([3, 1, 2], 2)[1]", 1),
    ("len(take([3, 1, 2], 9))", 3),
    ("max(1, 2,)", 2),
]
PIPES = [
    ("[1, 2] | sum()", 3),
    ("[1, 2] | sum() + 3", 6),
    ("[1, 2] | map(# * 2) | sum()", 6),
    ("a + 1 | max(b)", 10),
    ("[1, 2, 3] | filter({# > 1}) | len()", 2),
    ("-1..3 | sum()", 5),
]
NAMES = [
    ('$env["a"]', 3),
    ("$env['b'] + 1", 11),
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        case
        for cases in (
            ARITHMETIC,
            NUMBERS,
            LOGIC,
            COMPARISONS,
            CONDITIONS,
            NIL,
            LISTS,
            PREDICATES,
            FUNCTIONS,
            PIPES,
            NAMES,
        )
        for case in cases
    ],
)
def test_value(text: str, expected: float) -> None:
    assert parse(text, READINGS).evaluate(READINGS) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a + b", {"a", "b"}),
        ("let x = a; x + 1", {"a"}),
        ("count([a], # > 1) + sum", {"a", "sum"}),
        ("5", set()),
        ("true ? 1 : c", {"c"}),
        ('$env["my-queue"] + a', {"my-queue", "a"}),
        ("let x = 1; x + (a ?? x)", {"a"}),
    ],
)
def test_the_triggers_that_a_formula_refers_to(text: str, names: set[str]) -> None:
    """Also those that this evaluation may not need."""
    assert parse(text, ["a", "b", "c", "sum", "my-queue"]).names == names


@pytest.mark.parametrize(
    ("text", "readings", "expected"),
    [
        pytest.param("a ?? b ?? 8", {"a": None, "b": None}, 8, id="the last resort"),
        pytest.param("a ?? b ?? 8", {"a": None, "b": 2}, 2, id="the first that is read"),
        pytest.param("a ?? b", {"a": None, "b": None}, None, id="nil is an answer"),
        pytest.param("a == nil ? b : a", {"a": None, "b": 4}, 4, id="asked for"),
        pytest.param("sum(filter([a, b], # != nil))", {"a": None, "b": 4}, 4, id="left out"),
        pytest.param("max(a ?? 0, b)", {"b": 4}, 4, id="no entry is no reading"),
        pytest.param("b > 1 ? b : a", {"a": None, "b": 4}, 4, id="not needed"),
        pytest.param("[a, b][1]", {"a": None, "b": 4}, 4, id="in a list, unused"),
        pytest.param("let x = a; x ?? 3", {"a": None}, 3, id="in a variable"),
        pytest.param("max(filter([b], # > 50))", {"b": 4}, None, id="the largest of none"),
        pytest.param("find([b], # > 50)", {"b": 4}, None, id="not found"),
    ],
)
def test_triggers_without_a_reading(
    text: str, readings: dict[str, float | None], expected: float | None
) -> None:
    assert parse(text, ["a", "b"]).evaluate(readings) == expected
