"""What speaks for a trigger that failed too often: `fallback`, in its five behaviours.

Failures are counted per metric and per sample, one look at the source each; a reading resets its
count, and a count stops one above the threshold, where it says all it can. cpu and memory have no
fallback.

Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from eventscaler.core.model import Fallback, FallbackBehavior, Reading

Failures = Mapping[str, int]


def counted(readings: Sequence[Reading], failures: Failures, fallback: Fallback | None) -> Failures:
    """Failures in a row by metric, after these *readings*; empty without a fallback.

    >>> blind = Reading(trigger="q", metric="s0-q", value=None, target=1)
    >>> counted([blind], {"s0-q": 2}, Fallback(threshold=3, replicas=5))
    {'s0-q': 3}
    """
    if fallback is None:
        return {}
    able = [reading for reading in readings if not reading.passive]
    return {
        reading.metric: 0
        if reading.value is not None
        else min(failures.get(reading.metric, 0) + 1, fallback.threshold + 1)
        for reading in able
    }


def is_due(reading: Reading, failures: Failures, fallback: Fallback | None) -> bool:
    """Whether *fallback* speaks for this reading."""
    if fallback is None or reading.value is not None or reading.passive:
        return False
    return failures.get(reading.metric, 0) > fallback.threshold


def replicas(fallback: Fallback, current: int) -> int:
    """The count that stands in for a metric.

    >>> replicas(Fallback(0, 6, FallbackBehavior.CURRENT_IF_HIGHER), current=4)
    6
    """
    match fallback.behavior:
        case FallbackBehavior.CURRENT:
            return current
        case FallbackBehavior.CURRENT_IF_HIGHER:
            return max(current, fallback.replicas)
        case FallbackBehavior.CURRENT_IF_LOWER:
            return min(current, fallback.replicas)
        case _:
            return fallback.replicas
