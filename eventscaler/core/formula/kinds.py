"""Kinds of values: what a value is, and what an expression may give.

A value is a whole number of 64 bits, a float, true or false, nil, or a list of these. Lists do not
hold lists, so that no value can be deeper or larger than it looks.

Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Flag, auto
from typing import TypeAlias

Scalar: TypeAlias = int | float | bool | None
Items: TypeAlias = tuple[Scalar, ...]
Value: TypeAlias = Scalar | Items


class Kind(Flag):
    NONE = 0
    INT = auto()
    FLOAT = auto()
    BOOL = auto()
    NIL = auto()
    LIST = auto()
    NUMBER = INT | FLOAT
    SCALAR = NUMBER | BOOL | NIL


NAMES = {
    Kind.INT: "a whole number",
    Kind.FLOAT: "a number",
    Kind.NUMBER: "a number",
    Kind.BOOL: "true or false",
    Kind.NIL: "nil",
    Kind.LIST: "a list",
}
OF = {
    int: Kind.INT,
    float: Kind.FLOAT,
    bool: Kind.BOOL,
    type(None): Kind.NIL,
    tuple: Kind.LIST,
}


@dataclass(frozen=True, slots=True)
class Type:
    """What an expression may give: some of `kinds`, and lists of `items`.

    No kind at all means that it is never evaluated, as `#` over an empty list.
    """

    kinds: Kind
    items: Kind = Kind.NONE

    def __or__(self, other: Type) -> Type:
        return Type(self.kinds | other.kinds, self.items | other.items)

    def may_be(self, wanted: Kind) -> bool:
        return not self.kinds or bool(self.kinds & wanted)

    def without_nil(self) -> Type:
        return Type(self.kinds & ~Kind.NIL, self.items)

    def __str__(self) -> str:
        return named(self.kinds)


def lists(items: Kind) -> Type:
    return Type(Kind.LIST, items)


def named(kinds: Kind) -> str:
    """The kinds as a message names them.

    >>> named(Kind.NUMBER | Kind.LIST), named(Kind.FLOAT | Kind.NIL)
    ('a number or a list', 'a number or nil')
    """
    if kinds in NAMES:
        return NAMES[kinds]
    number = kinds & Kind.NUMBER
    rest = [NAMES[kind] for kind in (Kind.BOOL, Kind.LIST, Kind.NIL) if kind in kinds]
    return " or ".join([*([NAMES[number]] if number else []), *rest])


def kind_of(value: Value) -> Kind:
    return OF[type(value)]
