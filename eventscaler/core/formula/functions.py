"""The functions that take values: `max(a, b)`, `round(x)`, `len(list)`.

Pure. Source: https://expr-lang.org/docs/language-definition#number-functions
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from eventscaler.core.formula.errors import FormulaError
from eventscaler.core.formula.kinds import Items, Kind, Type, Value, lists
from eventscaler.core.formula.operators import Operand
from eventscaler.core.formula.run import Run, truncated, whole

_HALF = 0.5


@dataclass(frozen=True, slots=True)
class Site:
    """One call being evaluated."""

    what: str
    at: int
    run: Run

    def number(self, operand: Operand) -> int | float:
        return self.run.number(self.what, operand.value, self.at, operand.name)

    def items(self, operand: Operand) -> Items:
        items = self.run.items(self.what, operand.value, self.at, operand.name)
        self.run.step(len(items))
        return items

    def numbers(self, operands: Sequence[Operand]) -> list[int | float]:
        """The numbers of all operands, lists opened."""
        found: list[int | float] = []
        for operand in operands:
            if isinstance(operand.value, tuple):
                found += (self.number(Operand(item)) for item in self.items(operand))
            else:
                found.append(self.number(operand))
        return found


@dataclass(frozen=True, slots=True)
class Function:
    """Attributes: takes: one kind an argument; the last may repeat when `more`."""

    takes: tuple[Kind, ...]
    gives: Callable[[Sequence[Type]], Type]
    value: Callable[[Site, Sequence[Operand]], Value]
    more: bool = False


def _always(given: Type) -> Callable[[Sequence[Type]], Type]:
    return lambda _: given


def _numbers(types: Sequence[Type]) -> Type:
    """One of the numbers given, or nil when there may be none."""
    kinds = Kind.NIL if all(Kind.LIST in type_.kinds for type_ in types) else Kind.NONE
    for type_ in types:
        kinds |= (type_.kinds | type_.items) & Kind.NUMBER
    return Type(kinds)


def _abs(site: Site, given: Sequence[Operand]) -> Value:
    size = abs(site.number(given[0]))
    return whole(size, site.at) if isinstance(size, int) else size


def _rounding(away: Callable[[float], float]) -> Callable[[Site, Sequence[Operand]], Value]:
    def value(site: Site, given: Sequence[Operand]) -> Value:
        number = float(site.number(given[0]))
        return float(away(number)) if math.isfinite(number) else number

    return value


def rounded(number: float) -> float:
    """To the nearest whole number, halves away from zero as Go rounds them.

    >>> rounded(2.5), rounded(-2.5), rounded(0.49999999999999994)
    (3.0, -3.0, 0.0)
    """
    whole_part = math.trunc(number)
    if abs(number - whole_part) >= _HALF:
        whole_part += 1 if number > 0 else -1
    return float(whole_part)


def _mean(site: Site, given: Sequence[Operand]) -> Value:
    numbers = site.numbers(given)
    return sum(map(float, numbers)) / len(numbers) if numbers else 0.0


def _median(site: Site, given: Sequence[Operand]) -> Value:
    numbers = sorted(float(number) for number in site.numbers(given))
    if not numbers:
        return 0.0
    half = len(numbers) // 2
    return numbers[half] if len(numbers) % 2 else (numbers[half - 1] + numbers[half]) / 2


def _take(site: Site, given: Sequence[Operand]) -> Value:
    items, count = site.items(given[0]), truncated(site.number(given[1]), site.at)
    if count < 0:
        raise FormulaError(f"take needs a count of at least 0, found {count}", site.at)
    return items[:count]


def _first(types: Sequence[Type]) -> Type:
    return Type(types[0].items | Kind.NIL)


_LIST, _NUMBER, _EITHER = Kind.LIST, Kind.NUMBER, Kind.NUMBER | Kind.LIST

FUNCTIONS: dict[str, Function] = {
    "abs": Function((_NUMBER,), lambda types: Type(types[0].kinds & _NUMBER), _abs),
    "ceil": Function((_NUMBER,), _always(Type(Kind.FLOAT)), _rounding(math.ceil)),
    "floor": Function((_NUMBER,), _always(Type(Kind.FLOAT)), _rounding(math.floor)),
    "round": Function((_NUMBER,), _always(Type(Kind.FLOAT)), _rounding(rounded)),
    "int": Function(
        (_NUMBER,),
        _always(Type(Kind.INT)),
        lambda site, given: truncated(site.number(given[0]), site.at),
    ),
    "float": Function(
        (_NUMBER,), _always(Type(Kind.FLOAT)), lambda site, given: float(site.number(given[0]))
    ),
    "max": Function(
        (_EITHER,), _numbers, lambda site, given: max(site.numbers(given), default=None), more=True
    ),
    "min": Function(
        (_EITHER,), _numbers, lambda site, given: min(site.numbers(given), default=None), more=True
    ),
    "mean": Function((_EITHER,), _always(Type(Kind.FLOAT)), _mean, more=True),
    "median": Function((_EITHER,), _always(Type(Kind.FLOAT)), _median, more=True),
    "len": Function(
        (_LIST,), _always(Type(Kind.INT)), lambda site, given: len(site.items(given[0]))
    ),
    "first": Function((_LIST,), _first, lambda site, given: next(iter(site.items(given[0])), None)),
    "last": Function(
        (_LIST,), _first, lambda site, given: next(reversed(site.items(given[0])), None)
    ),
    "sort": Function(
        (_LIST,),
        lambda types: lists(types[0].items & _NUMBER),
        lambda site, given: tuple(sorted(site.numbers(given))),
    ),
    "reverse": Function(
        (_LIST,),
        lambda types: lists(types[0].items),
        lambda site, given: site.items(given[0])[::-1],
    ),
    "take": Function((_LIST, _NUMBER), lambda types: lists(types[0].items), _take),
}
