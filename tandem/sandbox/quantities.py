"""Write quantities the canonical way, as upstream does: "0.5" is "500m", "1024Mi" is "1Gi".

Source: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
"""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Decimal
from functools import lru_cache
from typing import Any

from tandem.sandbox.status import Json

_QUANTITY = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))([KMGTPE]i|[numkMGTPE]|[eE][+-]?\d+|)")
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_HOLDERS: dict[int, bool] = {}


def canonical(value: Any, schema: Json) -> None:
    """Re-write in place each quantity below *value*, whose shape is the linked *schema*."""
    if isinstance(value, dict):
        known, extra = schema.get("properties", {}), schema.get("additionalProperties")
        for name, item in value.items():
            child = known.get(name) or (extra if isinstance(extra, dict) else None)
            if child is not None and holds_quantity(child):
                value[name] = _rewritten(item, child)
    elif isinstance(value, list) and holds_quantity(schema.get("items", {})):
        value[:] = [_rewritten(item, schema["items"]) for item in value]


def _rewritten(item: Any, schema: Json) -> Any:
    if schema.get("format") == "quantity":
        return canonical_text(str(item))
    canonical(item, schema)
    return item


def holds_quantity(schema: Json) -> bool:
    """Whether a value of *schema* can hold a quantity; remembered by the schema's identity."""
    known = _HOLDERS.get(id(schema))
    if known is None:
        _HOLDERS[id(schema)] = False  # a schema that holds itself adds nothing
        children = [*schema.get("properties", {}).values()]
        children += [schema[key] for key in ("items", "additionalProperties") if key in schema]
        found = schema.get("format") == "quantity" or any(
            holds_quantity(child) for child in children if isinstance(child, dict)
        )
        known = _HOLDERS[id(schema)] = found
    return known


@lru_cache(maxsize=4096)
def canonical_text(text: str) -> str:
    """Write a quantity canonically, in the suffix family it came in.

    >>> [canonical_text(t) for t in ("0.5", "1024Mi", "1000m", "1.5Gi", "2e3", "0", "100000")]
    ['500m', '1Gi', '1', '1536Mi', '2e3', '0', '100k']
    """
    matched = _QUANTITY.fullmatch(text)
    if matched is None:
        raise ValueError(
            "quantities must match the regular expression "
            f"'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$', got {text!r}"
        )
    number, suffix = Decimal(matched[1]), matched[2]
    if suffix in _BINARY:
        return _binary(number * 2 ** _BINARY[suffix])
    exponent = _DECIMAL[suffix] if suffix in _DECIMAL else int(suffix[1:])
    exact = (number * Decimal(10) ** (exponent + 9)).to_integral_value(ROUND_CEILING)
    return _decimal(int(exact), "" if suffix in _DECIMAL else suffix[0])


def amount(text: str | int) -> Decimal:
    """Give a canonical quantity as a number.

    >>> amount("500m") < amount("1") < amount("1Ki")
    True
    """
    matched = _QUANTITY.fullmatch(str(text))
    if matched is None:
        raise ValueError(f"not a quantity: {text!r}")
    number, suffix = Decimal(matched[1]), matched[2]
    if suffix in _BINARY:
        return Decimal(number * 2 ** _BINARY[suffix])
    exponent = _DECIMAL[suffix] if suffix in _DECIMAL else int(suffix[1:])
    return Decimal(number.scaleb(exponent))


def _binary(found: Decimal) -> str:
    if found != found.to_integral_value():
        return _decimal(int((found * 10**9).to_integral_value(ROUND_CEILING)), "")
    whole = int(found)
    for suffix, bits in reversed(_BINARY.items()):
        if whole and whole % 2**bits == 0:
            return f"{whole >> bits}{suffix}"
    return str(whole)


def _decimal(nano: int, exponent_sign: str) -> str:
    """Write *nano* (billionths) with the largest suffix that leaves no fraction."""
    if nano == 0:
        return "0"
    for suffix, power in reversed(_DECIMAL.items()):
        unit = 10 ** (power + 9)
        if nano % unit == 0:
            shown = f"{exponent_sign}{power}" if exponent_sign and power else suffix
            return f"{nano // unit}{shown}"
    raise AssertionError(nano)
