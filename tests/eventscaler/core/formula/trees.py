"""Random formulas as trees, and what they mean, told without any code of the package.

A tree is (operation, child, ...). `text` prints one with as few parentheses as the language's
table of precedences allows, so that reading it back tests that table; `meaning` calculates it with
Python's own numbers. Source: https://expr-lang.org/docs/language-definition
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from hypothesis import strategies as st

Tree: TypeAlias = tuple[Any, ...]
NAMES = ("a", "b", "c")
TIGHTNESS = {
    "?:": 0, "or": 10, "and": 15, "==": 20, "!=": 20, "<": 20, ">": 20, "<=": 20, ">=": 20,
    "in": 20, "not in": 20, "..": 25, "+": 30, "-": 30, "not": 50, "*": 60, "/": 60, "%": 60,
    "neg": 90, "**": 100,
}  # fmt: skip
ATOM = 1000
COMPARISONS = ("<", ">", "<=", ">=")


class NoNumber(Exception):
    """The formula fails with these readings."""


def numbers(leaf: st.SearchStrategy[Tree] | None = None, depth: int = 3) -> st.SearchStrategy[Tree]:
    """Trees that give a number; *leaf* stands for `#` within a predicate."""
    leaves = [
        st.tuples(st.just("literal"), st.integers(0, 9)),
        st.tuples(st.just("literal"), st.sampled_from([0.5, 2.5, 1e3])),
        st.tuples(st.just("name"), st.sampled_from(NAMES)),
    ]
    if leaf is not None:
        leaves.append(leaf)
    plain = st.one_of(leaves)
    if depth == 0:
        return plain
    inner = st.deferred(lambda: numbers(leaf, depth - 1))
    many = st.deferred(lambda: lists(leaf, depth - 1))
    item = st.deferred(lambda: numbers(st.just(("#",)), depth - 1))
    whole = st.tuples(st.just("int"), inner)
    truth = st.deferred(lambda: truths(leaf, depth - 1))
    return st.one_of(
        plain,
        st.tuples(st.sampled_from(["+", "-", "*", "/", "**"]), inner, inner),
        st.tuples(st.just("%"), whole, whole),
        st.tuples(st.just("neg"), inner),
        st.tuples(st.just("??"), inner, inner),
        st.tuples(st.just("?:"), truth, inner, inner),
        st.tuples(st.sampled_from(["abs", "round", "ceil", "floor", "int", "float"]), inner),
        st.tuples(st.sampled_from(["max", "min", "mean", "median", "sum", "len"]), many),
        st.tuples(st.sampled_from(["count", "find"]), many, predicates(depth - 1)),
        st.tuples(st.just("sumof"), many, item),
        st.tuples(st.just("index"), many, st.integers(-3, 3)),
    )


def truths(leaf: st.SearchStrategy[Tree] | None, depth: int) -> st.SearchStrategy[Tree]:
    number = st.deferred(lambda: numbers(leaf, max(0, depth - 1)))
    compared = st.one_of(
        st.tuples(st.sampled_from([*COMPARISONS, "==", "!="]), number, number),
        st.tuples(st.just("<<"), number, number, number),
    )
    if depth <= 0:
        return compared
    inner = st.deferred(lambda: truths(leaf, depth - 1))
    many = st.deferred(lambda: lists(leaf, depth - 1))
    return st.one_of(
        compared,
        st.tuples(st.sampled_from(["and", "or"]), inner, inner),
        st.tuples(st.just("not"), inner),
        st.tuples(st.sampled_from(["in", "not in"]), number, many),
        st.tuples(st.sampled_from(["any", "all", "none", "one"]), many, predicates(depth - 1)),
    )


def lists(leaf: st.SearchStrategy[Tree] | None, depth: int) -> st.SearchStrategy[Tree]:
    number = st.deferred(lambda: numbers(leaf, max(0, depth - 1)))
    plain = st.one_of(
        st.lists(number, min_size=1, max_size=3).map(lambda members: ("list", *members)),
        st.tuples(st.just(".."), st.integers(0, 4), st.integers(0, 4)),
    )
    if depth <= 0:
        return plain
    inner = st.deferred(lambda: lists(leaf, depth - 1))
    item = st.deferred(lambda: numbers(st.just(("#",)), depth - 1))
    return st.one_of(
        plain,
        st.tuples(st.just("filter"), inner, predicates(depth - 1)),
        st.tuples(st.just("map"), inner, item),
        st.tuples(st.sampled_from(["reverse", "sort"]), inner),
    )


def predicates(depth: int) -> st.SearchStrategy[Tree]:
    return st.deferred(lambda: truths(st.just(("#",)), depth))


def text(tree: Tree, loosest: int = 0) -> str:
    """*tree* as a formula, in parentheses if it binds looser than *loosest*."""
    written, tightness = _written(tree)
    return written if tightness >= loosest else f"({written})"


def _written(tree: Tree) -> tuple[str, int]:  # noqa: C901, PLR0911, PLR0912  # a table
    match tree:
        case ("literal" | "name", value):
            return str(value), ATOM
        case ("#",):
            return "#", ATOM
        case ("list", *members):
            return f"[{', '.join(map(text, members))}]", ATOM
        case ("..", low, high):
            return f"{low}..{high}", TIGHTNESS[".."]
        case ("index", many, place):
            return f"{text(many, ATOM)}[{place}]", ATOM
        case ("??", one, two):
            return f"({text(one, ATOM)} ?? {text(two, ATOM)})", ATOM
        case ("<<", one, two, three):
            return f"{text(one, 21)} < {text(two, 21)} <= {text(three, 21)}", 19
        case ("?:", condition, then, otherwise):
            return f"{text(condition, 1)} ? {text(then)} : {text(otherwise)}", 0
        case ("neg" | "not" as sign, inner):
            written = "-" if sign == "neg" else "not "
            return written + text(inner, TIGHTNESS[sign]), TIGHTNESS[sign]
        case (str(sign), one, two) if sign in TIGHTNESS:
            return _between(sign, one, two), TIGHTNESS[sign]
        case (str(name), *arguments):
            given = ", ".join(text(argument) for argument in arguments)
            return f"{'sum' if name == 'sumof' else name}({given})", ATOM
        case _:
            raise AssertionError(tree)


def _between(sign: str, one: Tree, two: Tree) -> str:
    """Left to right, but for `**`; a comparison next to one would make a chain of them."""
    tight = TIGHTNESS[sign]
    left, right = (tight + 1, tight) if sign == "**" else (tight, tight + 1)
    if sign in COMPARISONS:
        left += 1
    return f"{text(one, left)} {sign} {text(two, right)}"


def meaning(  # noqa: C901, PLR0911, PLR0912  # a table
    tree: Tree, readings: Mapping[str, float | None], item: Any = None
) -> Any:
    """The value of *tree*; `item` is what `#` stands for.

    Raises:
        NoNumber: it has none.
    """

    def of(child: Any) -> Any:
        return meaning(child, readings, item)

    def each(predicate: Any, items: list[Any]) -> list[Any]:
        return [meaning(predicate, readings, one) for one in items]

    match tree:
        case ("literal", value):
            return value
        case ("name", name):
            return readings[name]
        case ("#",):
            return item
        case ("list", *members):
            return [of(member) for member in members]
        case ("..", low, high):
            return list(range(low, high + 1))
        case ("index", many, place):
            items = of(many)
            return items[place] if -len(items) <= place < len(items) else _fail()
        case ("??", one, two):
            left = of(one)
            return of(two) if left is None else left
        case ("?:", condition, then, otherwise):
            return of(then) if of(condition) else of(otherwise)
        case ("and", one, two):
            return of(one) and of(two)
        case ("or", one, two):
            return of(one) or of(two)
        case ("not", inner):
            return not of(inner)
        case ("<<", one, two, three):
            middle = _number(of(two))
            return _number(of(one)) < middle and of(("<=", ("literal", middle), three))
        case ("any" | "none" as name, many, predicate):
            found = any(meaning(predicate, readings, one) for one in of(many))
            return found if name == "any" else not found
        case ("all", many, predicate):
            return all(meaning(predicate, readings, one) for one in of(many))
        case ("one", many, predicate):
            return each(predicate, of(many)).count(True) == 1
        case ("count", many, predicate):
            return each(predicate, of(many)).count(True)
        case ("sumof", many, predicate):
            return _sum(each(predicate, of(many)))
        case ("find", many, predicate):
            return next((one for one in of(many) if meaning(predicate, readings, one)), None)
        case ("filter", many, predicate):
            return [one for one in of(many) if meaning(predicate, readings, one)]
        case ("map", many, result):
            return each(result, of(many))
        case (str(name), *arguments):
            return OPERATIONS[name](*(of(argument) for argument in arguments))
        case _:
            raise AssertionError(tree)


def _fail() -> Any:
    raise NoNumber


def _number(value: Any) -> Any:
    return _fail() if value is None else value


def _numbers(items: list[Any]) -> list[Any]:
    return [_number(item) for item in items]


def _fits(value: Any) -> Any:
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise NoNumber
    return value


def _sum(items: list[Any]) -> Any:
    total = 0
    for item in _numbers(items):
        total = _fits(total + item)
    return total


def _power(one: Any, two: Any) -> float:
    try:
        return math.pow(one, two)
    except (ValueError, OverflowError):
        raise NoNumber from None


def _remainder(one: Any, two: Any) -> int:
    if two == 0 or not isinstance(one, int) or not isinstance(two, int):
        raise NoNumber
    times = abs(one) // abs(two)
    return one - (times if (one < 0) is (two < 0) else -times) * two


def _whole(value: Any) -> int:
    if not math.isfinite(value) or not -(2**63) <= int(value) < 2**63:
        raise NoNumber
    return int(value)


def _round(value: float) -> float:
    below = math.floor(abs(value))
    return math.copysign(below + (abs(value) - below >= 0.5), value)


def _middle(items: list[Any]) -> float:
    half = len(items) // 2
    ordered = sorted(map(float, items))
    if not ordered:
        return 0.0
    return ordered[half] if len(items) % 2 else (ordered[half - 1] + ordered[half]) / 2


def _finite(function: Callable[[float], float]) -> Callable[[Any], float]:
    def value(given: Any) -> float:
        number = float(_number(given))
        return float(function(number)) if math.isfinite(number) else number

    return value


def _binary(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda one, two: function(_number(one), _number(two))


OPERATIONS: dict[str, Callable[..., Any]] = {
    "+": _binary(lambda one, two: _fits(one + two)),
    "-": _binary(lambda one, two: _fits(one - two)),
    "*": _binary(lambda one, two: _fits(one * two)),
    "/": _binary(lambda one, two: one / two if two else _fail()),
    "%": _binary(_remainder),
    "**": _binary(_power),
    "neg": lambda value: _fits(-_number(value)),
    "==": lambda one, two: one == two,
    "!=": lambda one, two: one != two,
    "<": _binary(lambda one, two: one < two),
    ">": _binary(lambda one, two: one > two),
    "<=": _binary(lambda one, two: one <= two),
    ">=": _binary(lambda one, two: one >= two),
    "in": lambda one, many: any(one == other for other in many),
    "not in": lambda one, many: all(one != other for other in many),
    "abs": lambda value: _fits(abs(_number(value))),
    "round": _finite(_round),
    "ceil": _finite(math.ceil),
    "floor": _finite(math.floor),
    "int": lambda value: _whole(_number(value)),
    "float": lambda value: float(_number(value)),
    "max": lambda many: max(_numbers(many), default=None),
    "min": lambda many: min(_numbers(many), default=None),
    "sum": _sum,
    "mean": lambda many: _sum(list(map(float, _numbers(many)))) / len(many) if many else 0.0,
    "median": lambda many: _middle(_numbers(many)),
    "len": len,
    "reverse": lambda many: many[::-1],
    "sort": lambda many: sorted(_numbers(many)),
}
