"""Binary operators: how tight they bind, and what they give.

Division gives a float, `**` too; `+`, `-`, `*` of whole numbers stay whole. What Go would wrap
around or turn into an infinity is an error here: a load that is not known is not a number.

Pure. Source: https://expr-lang.org/docs/language-definition#operators
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass

from eventscaler.core.formula.errors import MAX_ITEMS, FormulaError, KindError
from eventscaler.core.formula.kinds import Value
from eventscaler.core.formula.run import Run, too_long, truncated, whole

BINDING = {
    "|": 0,
    "or": 10,
    "||": 10,
    "and": 15,
    "&&": 15,
    "==": 20,
    "!=": 20,
    "<": 20,
    ">": 20,
    ">=": 20,
    "<=": 20,
    "in": 20,
    "not in": 20,
    "..": 25,
    "+": 30,
    "-": 30,
    "*": 60,
    "/": 60,
    "%": 60,
    "**": 100,
    "^": 100,
    "??": 500,
}
UNARY = {"not": 50, "!": 50, "-": 90, "+": 90}
TO_THE_RIGHT = ("**", "^")
LOGIC = {"and": True, "&&": True, "or": False, "||": False}  # the left value that asks the right
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
PLAIN: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
}


@dataclass(frozen=True, slots=True)
class Operand:
    """A value, and the trigger that gave it, if one did."""

    value: Value
    name: str = ""


def apply(sign: str, left: Operand, right: Operand, run: Run, at: int) -> Value:
    """The value of *left* *sign* *right*, both evaluated."""
    if sign in ("==", "!="):
        return _equal(left.value, right.value, run) is (sign == "==")
    if sign in ("in", "not in"):
        return _contains(left.value, right, run, at) is (sign == "in")
    one = run.number(f"'{sign}'", left.value, at, left.name)
    two = run.number(f"'{sign}'", right.value, at, right.name)
    if sign in COMPARISONS:
        return COMPARISONS[sign](one, two)
    return _range(one, two, run, at) if sign == ".." else calculated(sign, one, two, at)


def _equal(one: Value, two: Value, run: Run) -> bool:
    """Numbers by value, everything else only with its own kind."""
    if isinstance(one, tuple) and isinstance(two, tuple):
        run.step(len(one))
        return len(one) == len(two) and all(map(_same, one, two))
    return _same(one, two)


def calculated(sign: str, one: int | float, two: int | float, at: int) -> int | float:
    """Arithmetic; whole numbers within 64 bits."""
    if sign == "/":
        return float(one) / float(_divisor(two, at))
    if sign == "%":
        return _remainder(one, two, at)
    if sign in TO_THE_RIGHT:
        return _power(one, two, at)
    result = PLAIN[sign](one, two)
    return whole(result, at) if isinstance(result, int) else result


def _same(one: Value, two: Value) -> bool:
    return isinstance(one, bool) is isinstance(two, bool) and one == two


def _contains(item: Value, items: Operand, run: Run, at: int) -> bool:
    within = run.items("'in'", items.value, at, items.name)
    run.step(len(within))
    return any(_same(item, other) for other in within)


def _divisor(value: int | float, at: int) -> int | float:
    if value == 0:
        raise FormulaError("division by zero", at)
    return value


def _remainder(one: int | float, two: int | float, at: int) -> int:
    """What is left of *one*, with its sign, as in Go."""
    if not isinstance(one, int) or not isinstance(two, int):
        raise KindError("'%' needs whole numbers; int(...) gives one", at)
    rest = abs(one) % abs(int(_divisor(two, at)))
    return -rest if one < 0 else rest


def _power(one: int | float, two: int | float, at: int) -> float:
    try:
        return math.pow(one, two)
    except (ValueError, OverflowError):
        raise FormulaError(f"{one:g} ** {two:g} is not a finite number", at) from None


def _range(one: int | float, two: int | float, run: Run, at: int) -> Value:
    """The whole numbers from one to the other, both included; none when they fall."""
    low, high = truncated(one, at), truncated(two, at)
    count = max(0, high - low + 1)
    if count > MAX_ITEMS:
        raise too_long(count, at)
    run.step(count)
    return tuple(range(low, high + 1))
