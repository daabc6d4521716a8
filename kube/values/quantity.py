"""Amounts of CPU, memory and the like, as whole numbers.

One integer unit serves every resource: a thousandth (`milli`). A fraction finer than that rounds
away from zero, so that a sum of requests never comes out too small; that is also how Kubernetes
rounds. `str` gives the canonical text of Kubernetes: no fraction, the largest fitting suffix, the
suffix family of the text it came from.

Pure. Source:
https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

BINARY = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50, "Ei": 2**60}
DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
NANO = 10**9

_TEXT = re.compile(
    r"(?P<sign>[+-]?)(?P<whole>[0-9]*)(?:\.(?P<part>[0-9]*))?"
    r"(?P<suffix>[KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+|)"
)


class Family(StrEnum):
    """Which suffixes an amount is written with."""

    BINARY = "BinarySI"
    DECIMAL = "DecimalSI"
    EXPONENT = "DecimalExponent"


@dataclass(frozen=True, slots=True)
class Quantity:
    """An exact amount in billionths, and how it was written."""

    nano: int
    family: Family = Family.DECIMAL

    def __str__(self) -> str:
        return _format(self)

    @property
    def milli(self) -> int:
        return _divide_up(self.nano, 10**6)

    @property
    def whole(self) -> int:
        return _divide_up(self.nano, NANO)


@lru_cache(maxsize=4096)
def milli(text: str) -> int:
    """Read a Kubernetes quantity.

    Args:
        text: "1.5Gi", "100m", "2e3"; no spaces.

    Returns:
        Thousandths of the unit (millicores for CPU, millibytes for memory), rounded away from zero,
        so that a sum of requests never comes out too small.

    Raises:
        ValueError: not a quantity; the text is in the message.

    >>> milli("100m"), milli("1.5Ki"), milli("2e3"), milli("1n")
    (100, 1536000, 2000000, 1)
    """
    return parse(text).milli


def parse(text: str) -> Quantity:
    """Read a quantity exactly, to a billionth.

    >>> parse("0.5"), parse("-1Ki")
    (Quantity(nano=500000000, family=<Family.DECIMAL: 'DecimalSI'>), \
Quantity(nano=-1024000000000, family=<Family.BINARY: 'BinarySI'>))
    """
    match = _TEXT.fullmatch(text)
    if match is None or not (match["whole"] or match["part"]):
        raise ValueError(f"{text!r} is no quantity; write it like 500m, 1.5Gi or 2e3")
    part = match["part"] or ""
    digits = int(match["whole"] + part)
    nano, family = _scaled(digits, len(part), match["suffix"])
    return Quantity(-nano if match["sign"] == "-" else nano, family)


def _scaled(digits: int, fraction_digits: int, suffix: str) -> tuple[int, Family]:
    """Digits with a suffix as billionths."""
    if suffix in BINARY:
        return _divide_up(digits * BINARY[suffix] * NANO, 10**fraction_digits), Family.BINARY
    if suffix in DECIMAL:
        return _shift(digits, DECIMAL[suffix] + 9 - fraction_digits), Family.DECIMAL
    # an exponent beyond this can only mean "nothing" or "more than fits"
    exponent = max(-100, min(int(suffix[1:]), 100))
    return _shift(digits, exponent + 9 - fraction_digits), Family.EXPONENT


def _shift(digits: int, places: int) -> int:
    return digits * 10**places if places >= 0 else _divide_up(digits, 10**-places)


def of_milli(amount: int, family: Family = Family.DECIMAL) -> Quantity:
    """A quantity of so many thousandths.

    >>> str(of_milli(1500)), str(of_milli(2**31 * 1000, Family.BINARY))
    ('1500m', '2Gi')
    """
    return Quantity(amount * 10**6, family)


def canonical(text: str) -> str:
    """Rewrite a quantity as Kubernetes stores it.

    >>> [canonical(text) for text in ("1.5Gi", "1000m", "0.5Ki", "2e4", "1.50", "0.1n")]
    ['1536Mi', '1', '512', '20e3', '1500m', '1n']
    """
    return str(parse(text))


def _divide_up(amount: int, divisor: int) -> int:
    """Divide, rounding away from zero.

    >>> _divide_up(7, 2), _divide_up(-7, 2), _divide_up(6, 2)
    (4, -4, 3)
    """
    return -(-amount // divisor) if amount >= 0 else amount // divisor


def _format(quantity: Quantity) -> str:
    if quantity.nano == 0:
        return "0"
    if quantity.family is Family.BINARY and _suits_binary(quantity.nano):
        return _with_binary_suffix(quantity.nano // NANO)
    return _with_decimal_suffix(quantity.nano, exponent_form=quantity.family is Family.EXPONENT)


def _suits_binary(nano: int) -> bool:
    """Small amounts and fractions are written decimally, so that nothing is rounded."""
    return nano % NANO == 0 and abs(nano) >= 1024 * NANO


def _with_binary_suffix(whole: int) -> str:
    """The largest power of 1024 that leaves a whole number."""
    for suffix, unit in reversed(BINARY.items()):
        if whole % unit == 0:
            return f"{whole // unit}{suffix}"
    return str(whole)


def _with_decimal_suffix(nano: int, *, exponent_form: bool) -> str:
    """The largest power of 1000 that leaves a whole number."""
    suffix, exponent = max(
        ((s, e) for s, e in DECIMAL.items() if nano % 10 ** (e + 9) == 0), key=lambda each: each[1]
    )
    amount = nano // 10 ** (exponent + 9)
    if not exponent_form:
        return f"{amount}{suffix}"
    return f"{amount}e{exponent}" if exponent else str(amount)
