"""Resource lists of manifests as integers: cpu in millicores, the rest in whole units."""

from __future__ import annotations

from collections.abc import Mapping

from kube.values.quantity import parse
from nodescaler.core.resources import CPU
from nodescaler.decode.faults import Findings

Written = str | int | float


def amounts(raw: Mapping[str, Written] | None) -> dict[str, int]:
    """What the API wrote, rounded up.

    Raises:
        ValueError: not a quantity.

    >>> amounts({"cpu": "1.5", "memory": "1Ki", "pods": 4})
    {'cpu': 1500, 'memory': 1024, 'pods': 4}
    """
    return {name: amount(name, value) for name, value in (raw or {}).items()}


def amount(name: str, value: Written) -> int:
    quantity = parse(str(value))
    return quantity.milli if name == CPU else quantity.whole


def checked_amounts(
    raw: Mapping[str, Written] | None, path: str, findings: Findings
) -> dict[str, int]:
    """What a user wrote: anything but quantities of zero or more is a fault."""
    out: dict[str, int] = {}
    want = "a quantity of zero or more, such as 500m, 2 or 1.5Gi"
    for name, value in (raw or {}).items():
        where = f"{path}.{name}"
        read = findings.read(where, lambda text, name=name: amount(name, text), value, want, 0)  # type: ignore[misc] # mypy cannot infer a lambda with a default
        findings.check(where, value, want, ok=read >= 0)
        out[name] = max(read, 0)
    return out
