"""Kubernetes' extension functions for CEL, as far as known here: strings, lists, quantities.

A quantity is carried as a map with one key; CEL's own types and operators are the `cel` package's.
Source: https://kubernetes.io/docs/reference/using-api/cel/#cel-options-language-features-and-libraries
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

from tandem.sandbox.quantities import amount
from tandem.sandbox.status import Json

_KEY = "quantity"


def _quantity(text: str) -> Json:
    amount(text)
    return {_KEY: text}


def _is_quantity(text: str) -> bool:
    try:
        amount(text)
    except ValueError:
        return False
    return True


def _amount(value: Json) -> Decimal:
    return amount(value[_KEY])


def _compare(one: Json, other: Json) -> int:
    first, second = _amount(one), _amount(other)
    return (first > second) - (first < second)


def _sign(value: Json) -> int:
    return (_amount(value) > 0) - (_amount(value) < 0)


def _find(text: str, pattern: str) -> str:
    found = re.search(pattern, text)
    return found[0] if found else ""


def _find_all(text: str, pattern: str, limit: int = -1) -> list[str]:
    found = [matched[0] for matched in re.finditer(pattern, text)]
    return found if limit < 0 else found[:limit]


def _split(text: str, separator: str, limit: int = -1) -> list[str]:
    if limit == 0:
        return []
    if not separator:
        return list(text)
    return text.split(separator, limit - 1 if limit > 0 else -1)


def _format(template: str, values: Sequence[Any]) -> str:
    """Fill `%s` and `%d` as CEL does: text plain, truth values in lower case."""
    left = list(values)

    def shown(matched: re.Match[str]) -> str:
        if matched[0] == "%%":
            return "%"
        value = left.pop(0)
        return str(value).lower() if isinstance(value, bool) else str(value)

    return re.sub(r"%%|%(?:\.\d+)?[sdfexbo]", shown, template)


def _index_of(value: Any, wanted: Any) -> int:
    if isinstance(value, str):
        return value.find(wanted)
    return value.index(wanted) if wanted in value else -1


def _last_index_of(value: Any, wanted: Any) -> int:
    if isinstance(value, str):
        return value.rfind(wanted)
    places = [index for index, item in enumerate(value) if item == wanted]
    return places[-1] if places else -1


def _substring(text: str, start: int, end: int | None = None) -> str:
    return text[start:end]


def _is_sorted(values: Sequence[Any]) -> bool:
    return all(one <= other for one, other in pairwise(values))


def _is_url(text: str) -> bool:
    parts = urlsplit(text)
    return bool(parts.scheme and parts.netloc) or text.startswith("/")


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "quantity": _quantity,
    "isQuantity": _is_quantity,
    "isGreaterThan": lambda one, other: _compare(one, other) > 0,
    "isLessThan": lambda one, other: _compare(one, other) < 0,
    "compareTo": _compare,
    "sign": _sign,
    "asInteger": lambda value: int(_amount(value)),
    "asApproximateFloat": lambda value: float(_amount(value)),
    "isInteger": lambda value: _amount(value) == int(_amount(value)),
    "find": _find,
    "findAll": _find_all,
    "split": _split,
    "join": lambda values, separator="": separator.join(values),
    "format": _format,
    "lowerAscii": lambda text: text.lower(),
    "upperAscii": lambda text: text.upper(),
    "trim": lambda text: text.strip(),
    "replace": lambda text, old, new, count=-1: text.replace(old, new, count),
    "substring": _substring,
    "charAt": lambda text, index: text[index : index + 1],
    "indexOf": _index_of,
    "lastIndexOf": _last_index_of,
    "isSorted": _is_sorted,
    "sum": sum,
    "isURL": _is_url,
}
