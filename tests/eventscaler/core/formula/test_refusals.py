"""What a formula may not be, and what no formula may give: one message each."""

from __future__ import annotations

import pytest

from eventscaler.core.formula import FormulaError, parse

NAMES = ["a", "b", "queue", "my-queue"]
KNOWN = """; named triggers: a, b, $env["my-queue"], queue"""
NUMBERS_ONLY = "; a formula has numbers only: no fields, no methods, no texts"
TOO_DEEP = "more than 64 expressions within each other"
TOO_LONG = "it takes more than 10,000 steps; shorter lists would do"
BLIND = " (without a reading: b)"
A_LIST = ", found a list"
BINARY = "(... ? 1 : 0 makes it one)"


def refused(text: str) -> str:
    with pytest.raises(FormulaError) as error:
        parse(text, NAMES)
    return str(error.value)


def failed(text: str, **readings: float | None) -> str:
    with pytest.raises(FormulaError) as error:
        parse(text, NAMES).evaluate(readings)
    return str(error.value)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "character 1: found the end, want a number, a trigger or '('"),
        ("1 +", "character 4: found the end, want a number, a trigger or '('"),
        (")", "character 1: found ')', want a number, a trigger or '('"),
        ("a b", "character 3: found 'b', want an operator or the end"),
        ("(a", "character 3: found the end, want ')'"),
        ("max(a b)", "character 7: found 'b', want ')'"),
        ("[,]", "character 2: found ',', want a number, a trigger or '('"),
        ("a > 1 ? b", "character 10: found the end, want ':'"),
        ("if a > 1 {1}", "character 13: found the end, want 'else'"),
        ("1 + if a > 1 {1} else {2}", "character 5: found 'if', want a number, a trigger or '('"),
        ("let x = 1", "character 10: found the end, want ';'"),
        ("a | 1", "character 5: found '1', want a function after '|'"),
        ("$env.a", "character 5: found '.'" + NUMBERS_ONLY),
        ("$env[a]", "character 6: found 'a', want the name of a trigger in quotes"),
        ("0x", "character 1: '0x' is not a number"),
        ("0b12", "character 1: '0b12' is not a number"),
        ("1e", "character 1: '1e' is not a number"),
        ("1abc", "character 1: '1a' is not a number"),
        ("1e999", "character 1: '1e999' is too large for a number"),
        ("9223372036854775808",
         "character 1: '9223372036854775808' is too large for a whole number (64 bits)"),
        ("a & b", "character 3: found '&', want '&&' or 'and'"),
        ("a @ b", "character 3: '@' is not part of the language"),
        ("a /* b", "character 3: the comment '/*' has no end '*/'"),
        ("a == 'b", "character 6: the text has no end ', or a backslash in it"),
        ("a == 'b'", "character 6: found ''b'', want a number, a trigger or '('"),
        ("a ?? 0 + 1",
         "character 8: found '+', want parentheses around one of '??' and its neighbour"),
        ("[1] | first()[0]", "character 14: found '[', want an operator or the end"),
    ],
)  # fmt: skip
def test_what_cannot_be_read(text: str, problem: str) -> None:
    assert refused(text) == problem


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("qeue", "character 1: 'qeue' is not a trigger; did you mean queue?"),
        ("1 + my - queue",
         """character 5: 'my' is not a trigger; did you mean $env["my-queue"]?"""),
        ("zzz", """character 1: 'zzz' is not a trigger""" + KNOWN),
        ("max", "character 1: 'max' is not a trigger but a function: max(...)"),
        ("true ? 1 : zzz",
         """character 12: 'zzz' is not a trigger""" + KNOWN),
        ("maxx(a)", "character 1: there is no function 'maxx'; did you mean max?"),
        ("let a = 1; a", "character 1: 'a' is a trigger already; another name would do"),
        ("let sum = 1; sum", "character 1: 'sum' is a function already; another name would do"),
        ("let x = 1; let x = 2; x",
         "character 12: 'x' is a variable already; another name would do"),
        ("(let x = 1; x) + x",
         """character 18: 'x' is not a trigger""" + KNOWN),
        ("# > 1 ? 1 : 2",
         "character 1: '#' is an item: it needs a predicate around it, as in count([a, b], # > 1)"),
        ("count([a], #acc > 1)", "character 12: '#acc' is known in the predicate of reduce only"),
        ("count([a], #index > 0)",
         "character 12: '#index' is known in the predicates of map and reduce only"),
        ("count([a], #foo > 0)", "character 12: '#foo' is none of #, #index, #acc"),
        ("count([a], #.x > 1)",
         "character 13: found '.'" + NUMBERS_ONLY),
        ("a.b", "character 2: found '.'" + NUMBERS_ONLY),
        ("a matches b",
         "character 3: found 'matches'" + NUMBERS_ONLY),
    ],
)  # fmt: skip
def test_names(text: str, problem: str) -> None:
    assert refused(text) == problem


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a > 1", "the result must be a number, found true or false " + BINARY),
        ("[a]", "the result must be a number, found a list"),
        ("nil", "the result must be a number, found nil"),
        ("a + true", "character 3: '+' needs a number, found true or false"),
        ("a % 2",
         "character 3: '%' needs a whole number, found a number or nil; int(...) gives one"),
        ("-true", "character 1: '-' needs a number, found true or false"),
        ("not a ? 1 : 2", "character 1: 'not' needs true or false, found a number or nil"),
        ("a and true ? 1 : 2", "character 3: 'and' needs true or false, found a number or nil"),
        ("a ? 1 : 2", "character 1: a condition needs true or false, found a number or nil"),
        ("a in b ? 1 : 2", "character 3: 'in' needs a list, found a number or nil"),
        ("true == 1 ? 1 : 2", "character 6: '==' cannot compare true or false with a whole number"),
        ("a < 2 < true ? 1 : 2", "character 7: '<' needs a number, found true or false"),
        ("[[1]]", "character 2: a list cannot hold a list"),
        ("len(a)", "character 5: len needs a list, found a number or nil"),
        ("round([1])", "character 7: round needs a number, found a list"),
        ("round()", "character 1: round takes 1 argument, found 0"),
        ("max()", "character 1: max takes at least 1 argument, found 0"),
        ("take([1])", "character 1: take takes 2 arguments, found 1"),
        ("a[0]", "character 1: '[...]' needs a list, found a number or nil"),
        ("[1][true]", "character 5: a place in a list needs a number, found true or false"),
        ("a[1:]", "character 1: '[:]' needs a list, found a number or nil"),
        ("count(a, # > 1)", "character 7: count needs a list, found a number or nil"),
        ("count([a])",
         "character 7: the predicate of count needs true or false, found a number or nil"),
        ("all([a], 5) ? 1 : 0",
         "character 10: the predicate of all needs true or false, found a whole number"),
        ("sum([a], # > 0)",
         "character 12: the predicate of sum needs a number, found true or false"),
        ("map([1], [#])[0]",
         "character 10: the predicate of map needs a number or true or false or nil" + A_LIST),
        ("map([1])", "character 1: map needs a predicate, as in map(list, # > 1)"),
        ("reduce([1])", "character 1: reduce needs a predicate, as in reduce(list, #acc + #)"),
        ("sum([1, true])", "character 5: the predicate of sum needs a number, found true"),
        ("max(a, [true])", "character 1: max needs a number, found true"),
        ("a < 5 ? true : 1",
         "the result must be a number, found true or false " + BINARY),
        ("(a > 0 ? true : 1) + 1", "character 20: '+' needs a number, found true"),
    ],
)  # fmt: skip
def test_kinds_that_no_reading_makes_right(text: str, problem: str) -> None:
    assert refused(text) == problem


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("1 / 0", "character 3: division by zero"),
        ("7 % 0", "character 3: division by zero"),
        ("0 ** -1", "character 3: 0 ** -1 is not a finite number"),
        ("(-8) ** 0.5", "character 6: -8 ** 0.5 is not a finite number"),
        ("9223372036854775807 + 1",
         "character 21: a whole number becomes larger than 64 bits can hold"),
        ("1e308 * 10", "the result is inf, want a finite number"),
        ("int(1e308 * 10)", "character 1: inf has no whole part"),
        ("[1][5]", "character 5: a list of 1 has no item 5"),
        ("reduce([], #acc)", "character 1: reduce of an empty list needs a third argument"),
        ("take([1], -1)[0]", "character 1: take needs a count of at least 0, found -1"),
    ],
)  # fmt: skip
def test_a_formula_without_triggers_that_never_works_is_refused(text: str, problem: str) -> None:
    assert refused(text) == problem


@pytest.mark.parametrize(
    ("text", "readings", "problem"),
    [
        ("a + 1", {"a": None}, "character 3: '+' needs a number, and trigger 'a' has no reading"),
        ('$env["my-queue"] * 2', {},
         "character 18: '*' needs a number, and trigger 'my-queue' has no reading"),
        ("max(a, b)", {"a": 1}, "character 1: max needs a number, and trigger 'b' has no reading"),
        ("sum([a, b])", {"a": 1},
         "character 5: the predicate of sum needs a number, found nil" + BLIND),
        ("count([a, b], # > 1)", {"a": 1}, "character 17: '>' needs a number, found nil" + BLIND),
        ("a > 1 ? 1 : 2", {}, "character 3: '>' needs a number, and trigger 'a' has no reading"),
        ("let x = a; x + 1",
         {}, "character 14: '+' needs a number, found nil (without a reading: a)"),
        ("first(filter([a], # > 5)) + 1", {"a": 1}, "character 27: '+' needs a number, found nil"),
        ("a / b", {"a": 1, "b": 0}, "character 3: division by zero"),
        ("1 / (a - 1)", {"a": 1}, "character 3: division by zero"),
        ("a * b", {"a": 1e300, "b": 1e300}, "the result is inf, want a finite number"),
        ("a", {"a": float("nan")}, "character 1: trigger 'a' reads nan, want a finite number"),
        ("a", {"a": float("inf")}, "character 1: trigger 'a' reads inf, want a finite number"),
        ("a > 5 ? true : 1", {"a": 7},
         "the result must be a number, found true or false " + BINARY),
    ],
)  # fmt: skip
def test_blind_is_not_zero(text: str, readings: dict[str, float | None], problem: str) -> None:
    """The formula is accepted; with these readings it gives no number."""
    assert failed(text, **readings) == problem


def test_less_than_nothing_is_nothing() -> None:
    assert parse("queue - 10", ["queue"]).evaluate({"queue": 3}) == 0


def test_a_value_that_fails_with_made_up_readings_does_not_refuse_a_formula() -> None:
    formula = parse("10 / (a - 1) + [1][int(a) - 3]", NAMES)

    assert formula.evaluate({"a": 3}) == 6


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("1+" * 500_000 + "1", "it is 1,000,001 characters long; at most 4,096 will do"),
        ("(" * 2_000 + "1" + ")" * 2_000, "character 65: " + TOO_DEEP),
        ("-" * 4_000 + "1", "character 65: " + TOO_DEEP),
        ("[1]" + "[0]" * 1_000, "character 193: " + TOO_DEEP),
        ("[1]" + "|take(1)" * 500, "character 508: " + TOO_DEEP),
        ("2" + "**2" * 1_000, "character 193: " + TOO_DEEP),
        ("sum(1..1001)", "character 6: a list of 1,001 items is too long; at most 1,000"),
        ("sum(-9223372036854775807..9223372036854775807)",
         "character 25: a list of 18,446,744,073,709,551,615 items is too long; at most 1,000"),
        ("len([" + "1," * 2_000 + "])",
         "character 5: a list of 2,000 items is too long; at most 1,000"),
        ("sum(1..1000, sum(1..1000))", TOO_LONG),
        ("count(1..1000, # in 1..1000)", TOO_LONG),
        ("count(1..1000, (1..1000) == (1..1000))",
         TOO_LONG),
    ],
)  # fmt: skip
def test_limits(text: str, problem: str) -> None:
    assert refused(text) == problem


@pytest.mark.parametrize(
    "text",
    [
        "+".join(["a"] * 2_000),
        " or ".join(["a > 5"] * 400) + " ? 1 : 2",
        "<".join(["a"] * 2_000) + "? 1 : 2",
        "??".join(["a"] * 1_300),
        "".join(f"let x{place} = a;" for place in range(250)) + "a",
        "if a > 5 {1} else " * 60 + "{2}",
        "count([a]," * 31 + "# > 1" + ") > 0" * 30 + ")",
    ],
)
def test_long_is_not_deep(text: str) -> None:
    assert parse(text, NAMES).evaluate({"a": 1}) is not None
