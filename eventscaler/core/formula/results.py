"""What operators give, told from what they are given: the check before any evaluation.

Only what no reading can make right is refused here.

Pure. Source: https://expr-lang.org/docs/language-definition#operators
"""

from __future__ import annotations

from functools import lru_cache

from eventscaler.core.formula.errors import KindError
from eventscaler.core.formula.kinds import Kind, Type, lists, named
from eventscaler.core.formula.operators import COMPARISONS, LOGIC, PLAIN

BOOL = Type(Kind.BOOL)


def result(sign: str, left: Type, right: Type, at: int) -> Type:
    """The type of *left* *sign* *right*.

    Raises:
        KindError: it gives nothing, whatever the readings are.
    """
    try:
        return _result(sign, left, right)
    except KindError as error:
        raise KindError(str(error), at) from None


@lru_cache(maxsize=1024)  # a long sum asks the same thing two thousand times
def _result(sign: str, left: Type, right: Type) -> Type:
    if sign in ("==", "!="):
        return _compared(sign, left, right)
    if sign == "??":
        return left.without_nil() | right
    if sign in ("in", "not in"):
        require("'in'", Kind.LIST, right)
        return BOOL
    for operand in (left, right):
        hint = "; int(...) gives one" if sign == "%" else ""
        require(f"'{sign}'", _wanted(sign), operand, hint=hint)
    if sign in LOGIC or sign in COMPARISONS:
        return BOOL
    return lists(Kind.INT) if sign == ".." else Type(_number(sign, left.kinds, right.kinds))


def require(what: str, want: Kind, found: Type, at: int | None = None, hint: str = "") -> None:
    """Refuse what is never of the kind that *what* needs."""
    if not found.may_be(want):
        raise KindError(f"{what} needs {named(want)}, found {found}{hint}", at)


def _wanted(sign: str) -> Kind:
    if sign in LOGIC:
        return Kind.BOOL
    return Kind.INT if sign == "%" else Kind.NUMBER


def _number(sign: str, left: Kind, right: Kind) -> Kind:
    if sign == "%":
        return Kind.INT
    if sign not in PLAIN:
        return Kind.FLOAT
    both = Kind.INT if left & right & Kind.INT else Kind.NONE
    return both | ((left | right) & Kind.FLOAT)


def _compared(sign: str, left: Type, right: Type) -> Type:
    kinds = (Kind.NUMBER, Kind.BOOL, Kind.LIST)
    if Kind.NIL in left.kinds | right.kinds or any(
        left.may_be(kind) and right.may_be(kind) for kind in kinds
    ):
        return BOOL
    raise KindError(f"'{sign}' cannot compare {left} with {right}")
