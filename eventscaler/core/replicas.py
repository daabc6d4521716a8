"""The HPA's arithmetic: how many replicas one metric asks for.

    AverageValue   ceil(value / target); no change within 10 % of target x current
    Value          ceil(ready x value / target); no change within 10 % of target

The HPA multiplies floats; here all sides are whole thousandths and the quotient is exact, so that
15 pods at 62 % of a wanted 30 % are 31 and not 32. Value never moves against its own ratio: the
HPA, counting ready pods only, scales ten replicas with two ready to three when the load is 20 %
above target. Cpu and memory are counted pod by pod, in `resources`.

Pure. Source of the semantics:
https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#algorithm-details
"""

from __future__ import annotations

from functools import partial

from eventscaler.core import resources
from eventscaler.core.behavior import Behavior
from eventscaler.core.model import MetricType, Reading, State, Vote
from kube.values.usage import PodUsage

LARGEST = 1e15  # Kubernetes itself counts thousandths in 64 bits; no replica count gets near it


def vote(reading: Reading, state: State, behavior: Behavior) -> Vote:
    """Count what *reading* asks for, before any limit.

    >>> from datetime import UTC, datetime
    >>> state = State(current=4, created=datetime(2026, 1, 1, tzinfo=UTC))
    >>> vote(Reading(trigger="q", value=81, target=10), state, Behavior()).wanted
    9
    >>> vote(Reading(trigger="q", value=43, target=10), state, Behavior()).wanted
    4
    """
    if reading.value is None:
        return Vote(reading, None)
    if reading.usage is not None:
        return Vote(reading, _by_pods(reading, reading.usage, state.current, behavior))
    usage, target = milli(reading.value), max(1, milli(reading.target))
    if reading.metric_type is MetricType.VALUE:
        return Vote(reading, _by_value(usage, target, state, behavior))
    return Vote(reading, _by_average(usage, target, state.current, behavior))


def milli(amount: float) -> int:
    """Round to thousandths, the resolution of metrics in Kubernetes.

    >>> milli(0.3), milli(7)
    (300, 7000)
    """
    return round(min(amount, LARGEST) * 1000)


def _by_average(usage: int, target: int, current: int, behavior: Behavior) -> int:
    if current and _near(usage / (target * current), behavior):
        return current
    return _ceil(usage, target)


def _by_value(usage: int, target: int, state: State, behavior: Behavior) -> int:
    current = state.current
    if current == 0 or usage == 0:
        return _ceil(usage, target)
    ready = current if state.ready is None else state.ready
    if ready == 0 or _near(usage / target, behavior):
        return current  # with no pod ready the ratio says nothing about how many are needed
    wanted = _ceil(usage * ready, target)
    return max(current, wanted) if usage > target else min(current, wanted)


def _by_pods(reading: Reading, usage: PodUsage, current: int, behavior: Behavior) -> int:
    """The count for cpu or memory."""
    near = partial(_near, behavior=behavior)
    if reading.metric_type is MetricType.UTILIZATION:
        return resources.by_utilization(usage, max(1, round(reading.target)), current, near)
    return resources.by_average(usage, max(1, milli(reading.target)), current, near)


def _near(ratio: float, behavior: Behavior) -> bool:
    return 1.0 - behavior.down.tolerance <= ratio <= 1.0 + behavior.up.tolerance


def _ceil(amount: int, divisor: int) -> int:
    return -(-amount // divisor)
