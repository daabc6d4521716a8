"""The language of `scalingModifiers.formula`: several readings in, one number out.

A part of expr-lang, the part that numbers need, with limits on everything a text from a manifest
could make large. `parse` reads and checks a formula once, `Formula.evaluate` is called with every
sample. There is no way out of the language: no attributes, no calls but those of its functions.

Pure. Source of the semantics: https://expr-lang.org/docs/language-definition and
https://keda.sh/docs/latest/reference/scaledobject-spec/#scalingmodifiers
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from eventscaler.core.formula.errors import MAX_TEXT, FormulaError, KindError
from eventscaler.core.formula.kinds import Kind, Type, Value, kind_of, named
from eventscaler.core.formula.nodes import Node
from eventscaler.core.formula.parser import BUILTINS, Parser
from eventscaler.core.formula.run import Run, Scope
from eventscaler.core.formula.tokens import tokens

__all__ = ["MAX_TEXT", "Formula", "FormulaError", "parse"]

_PROBE = 1.0  # KEDA tries a formula with one made-up reading for all; its own is -1


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula that makes sense; `names` are the triggers whose readings it uses."""

    text: str
    names: frozenset[str]
    _root: Node = field(repr=False, compare=False)

    def evaluate(self, values: Mapping[str, float | None]) -> float | None:
        """The number it gives for these readings; None when that is nil, 0 when it is negative.

        Args:
            values: by trigger; None, or no entry, for one without a reading.

        Raises:
            FormulaError: it gives no number, or one that no load can be (infinite, NaN).

        >>> formula = parse("max(a, b) / 2", ["a", "b"])
        >>> formula.evaluate({"a": 3, "b": 8})
        4.0
        >>> parse("a ?? b ?? 8", ["a", "b"]).evaluate({"a": None})
        8.0
        """
        return _load(self._root.value(Run(values, self.names)))


def parse(text: str, names: Collection[str]) -> Formula:
    """Read *text*, in which each of *names* stands for a trigger.

    What no reading can make right is refused here: what cannot be read, names that no trigger has,
    operands of a wrong kind. The last is told from the kinds, and from one evaluation in which
    every trigger reads 1. What that evaluation says about values (a division by zero, an empty
    list) does not count, as other readings may go through.

    Raises:
        FormulaError: it is no formula; where, what was found and what would do are in the message.
    """
    if len(text) > MAX_TEXT:
        raise FormulaError(f"it is {len(text):,} characters long; at most {MAX_TEXT:,} will do")
    root = Parser(tokens(text)).formula()
    scope = Scope(names, BUILTINS)
    _refuse_other_results(root.check(scope))
    formula = Formula(text, frozenset(scope.used), root)
    _try(formula)
    return formula


def _refuse_other_results(given: Type) -> None:
    if not given.may_be(Kind.NUMBER):
        raise _no_number(given.kinds)


def _try(formula: Formula) -> None:
    try:
        formula.evaluate(dict.fromkeys(formula.names, _PROBE))
    except KindError:
        raise
    except FormulaError:
        if not formula.names:  # the same at every evaluation
            raise


def _load(value: Value) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _no_number(kind_of(value))
    if not math.isfinite(value):
        raise FormulaError(f"the result is {value}, want a finite number")
    return max(0.0, float(value))  # `queue - 10` of a short queue is no work, not no answer


def _no_number(kinds: Kind) -> KindError:
    hint = " (... ? 1 : 0 makes it one)" if kinds == Kind.BOOL else ""
    return KindError(f"the result must be a number, found {named(kinds)}{hint}")
