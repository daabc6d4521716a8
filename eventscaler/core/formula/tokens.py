"""A formula's text as tokens: numbers, names, operators, brackets, quoted keys of `$env`.

Pure. Source: https://expr-lang.org/docs/language-definition#literals
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from eventscaler.core.formula.errors import FormulaError, shown

WORDS = ("and", "or", "not", "in", "let", "if", "else")
CONSTANTS = {"true": True, "false": False, "nil": None}
FOREIGN = ("matches", "contains", "startsWith", "endsWith")

_TOKEN = re.compile(
    r"""
    (?P<space>\s+|//[^\n]*|/\*.*?\*/)
    |(?P<number>0[xXoObB]\w*|(?:[0-9][0-9_]*(?:\.(?!\.)[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9_]*)?)
    |(?P<name>[^\W\d][\w$]*|\$[\w$]*)
    |(?P<text>"[^"\\\n]*"|'[^'\\\n]*'|`[^`]*`)
    |(?P<item>\#\w*)
    |(?P<sign>\*\*|==|!=|>=|<=|&&|\|\||\?\?|\?\.|\.\.|::|/(?!\*)|[-+*%^<>!|?:;,.()\[\]{}=])
    """,
    re.VERBOSE | re.DOTALL,
)
_DIGITS = {
    "0x": re.compile("[0-9a-f]+"),
    "0o": re.compile("[0-7]+"),
    "0b": re.compile("[01]+"),
}
_BASES = {"0x": 16, "0o": 8, "0b": 2}


class Sort(StrEnum):
    NUMBER = "number"
    NAME = "name"
    TEXT = "text"
    ITEM = "item"  # `#`, `#acc`, `#index`
    SIGN = "sign"  # operators, brackets and the words among the operators
    END = "end"


@dataclass(frozen=True, slots=True)
class Token:
    sort: Sort
    text: str
    at: int  # characters before it

    def __str__(self) -> str:
        return "the end" if self.sort is Sort.END else shown(self.text)


def tokens(text: str) -> Iterator[Token]:
    """Every token, and the end.

    Raises:
        FormulaError: a character, number or comment that the language does not have.

    >>> [token.text for token in tokens("count([a, .5], # > 1) // busy")]
    ['count', '(', '[', 'a', ',', '.5', ']', ',', '#', '>', '1', ')', '']
    """
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise _stranger(text, at)
        sort, found = match.lastgroup or "", match[0]
        if sort != "space":
            yield Token(Sort.SIGN if found in WORDS else Sort(sort), found, at)
        at = match.end()
        if sort == "number" and text[at : at + 1].isalnum():
            raise FormulaError(f"{shown(found + text[at])} is not a number", match.start())
    yield Token(Sort.END, "", len(text))


def number(token: Token) -> int | float:
    """The value of a number token: an int within 64 bits, or a finite float."""
    text = token.text.replace("_", "").lower()
    base = text[:2]
    if base in _DIGITS:
        return _whole(token, text[2:], base)
    if text.isdigit():
        return _bounded(token, int(text))
    try:
        value = float(text)
    except ValueError:
        raise FormulaError(f"{token} is not a number", token.at) from None
    if not math.isfinite(value):
        raise FormulaError(f"{token} is too large for a number", token.at)
    return value


def _whole(token: Token, digits: str, base: str) -> int:
    if not _DIGITS[base].fullmatch(digits):
        raise FormulaError(f"{token} is not a number", token.at)
    return _bounded(token, int(digits, _BASES[base]))


def _bounded(token: Token, value: int) -> int:
    if value >= 2**63:
        raise FormulaError(f"{token} is too large for a whole number (64 bits)", token.at)
    return value


def _stranger(text: str, at: int) -> FormulaError:
    found = text[at]
    if text.startswith("/*", at):
        return FormulaError("the comment '/*' has no end '*/'", at)
    if found in "\"'`":
        return FormulaError(f"the text has no end {found}, or a backslash in it", at)
    if found == "&":
        return FormulaError("found '&', want '&&' or 'and'", at)
    return FormulaError(f"{found!r} is not part of the language", at)
