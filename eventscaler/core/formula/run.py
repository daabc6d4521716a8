"""What is known while a formula is checked (`Scope`), and while it is evaluated (`Run`).

Pure.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from eventscaler.core.formula.errors import MAX_ITEMS, MAX_STEPS, FormulaError, KindError
from eventscaler.core.formula.kinds import Items, Kind, Scalar, Type, Value, kind_of, named
from eventscaler.core.formula.tokens import CONSTANTS, WORDS


@dataclass(slots=True)
class Around:
    """What `#`, `#index` and `#acc` stand for in one predicate."""

    item: Scalar = None
    index: int = 0
    acc: Value = None


@dataclass(slots=True)
class Scope:
    """The names that an expression may use, and their types."""

    triggers: Collection[str]
    functions: Collection[str] = ()
    used: set[str] = field(default_factory=set)
    variables: dict[str, Type] = field(default_factory=dict)
    predicates: list[dict[str, Type]] = field(default_factory=list)  # by "#", "#index", "#acc"


@dataclass(slots=True)
class Run:
    """One evaluation: the readings, and how much has been done."""

    readings: Mapping[str, float | None]
    names: Collection[str]
    steps: int = 0
    variables: dict[str, Value] = field(default_factory=dict)
    around: list[Around] = field(default_factory=list)

    def step(self, count: int = 1) -> None:
        self.steps += count
        if self.steps > MAX_STEPS:
            raise FormulaError(f"it takes more than {MAX_STEPS:,} steps; shorter lists would do")

    def reading(self, name: str, at: int) -> float | None:
        value = self.readings.get(name)
        if value is None:
            return None
        if not math.isfinite(value):
            raise FormulaError(f"trigger '{name}' reads {value}, want a finite number", at)
        return float(value)

    def wrong(self, what: str, want: Kind, found: Value, at: int, name: str = "") -> FormulaError:
        """*what* cannot be done with *found*, which trigger *name* gave, if one did."""
        if found is not None:
            return KindError(f"{what} needs {named(want)}, found {described(found)}", at)
        if name:
            problem = f"{what} needs {named(want)}, and trigger '{name}' has no reading"
            return FormulaError(problem, at)
        blind = sorted(name for name in self.names if self.readings.get(name) is None)
        cause = f" (without a reading: {', '.join(blind)})" if blind else ""
        return FormulaError(f"{what} needs {named(want)}, found nil{cause}", at)

    def number(self, what: str, value: Value, at: int, name: str = "") -> int | float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.wrong(what, Kind.NUMBER, value, at, name)
        return value

    def truth(self, what: str, value: Value, at: int, name: str = "") -> bool:
        if not isinstance(value, bool):
            raise self.wrong(what, Kind.BOOL, value, at, name)
        return value

    def items(self, what: str, value: Value, at: int, name: str = "") -> Items:
        if not isinstance(value, tuple):
            raise self.wrong(what, Kind.LIST, value, at, name)
        return value

    def scalar(self, value: Value, at: int) -> Scalar:
        if isinstance(value, tuple):
            raise KindError("a list cannot hold a list", at)
        return value


def whole(value: int, at: int) -> int:
    """*value* if it has at most 64 bits."""
    if not -(2**63) <= value < 2**63:
        raise FormulaError("a whole number becomes larger than 64 bits can hold", at)
    return value


def truncated(value: int | float, at: int) -> int:
    """Towards zero."""
    if not math.isfinite(value):
        raise FormulaError(f"{value} has no whole part", at)
    return whole(math.trunc(value), at)


def sized(items: Items, at: int) -> Items:
    if len(items) > MAX_ITEMS:
        raise too_long(len(items), at)
    return items


def too_long(count: int, at: int) -> FormulaError:
    return FormulaError(f"a list of {count:,} items is too long; at most {MAX_ITEMS:,}", at)


def reference(name: str) -> str:
    """How a formula refers to a trigger.

    >>> reference("queue"), reference("my-queue")
    ('queue', '$env["my-queue"]')
    """
    plain = name.isidentifier() and name not in (*WORDS, *CONSTANTS)
    return name if plain else f'$env["{name}"]'


def described(value: Value) -> str:
    if value is None or isinstance(value, tuple):
        return named(kind_of(value))
    return str(value).lower() if isinstance(value, bool) else f"{value:g}"
