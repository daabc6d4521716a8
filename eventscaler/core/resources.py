"""The HPA's arithmetic for cpu and memory: a count from what each pod uses.

    ceil(pods x level / target); no change when the level is within the tolerance

where the level is a whole percentage of the requests (Utilization), or thousandths per pod
(AverageValue). Pods without a sample, and on the way up those that still start, damp the move: they
count as idle on the way up, and as using their whole request (or the target) on the way down. No
move goes against the level: above target never fewer, below it never more.

Pure. Source:
https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#algorithm-details
"""

from __future__ import annotations

from collections.abc import Callable

from kube.values.usage import WHOLE, PodUsage, Used, average, utilization

Near = Callable[[float], bool]


def by_utilization(usage: PodUsage, percent: int, current: int, near: Near) -> int:
    """The count that brings usage to *percent* of the requests.

    >>> loads = PodUsage(ready=((90, 100), (70, 100)))
    >>> by_utilization(loads, 50, 2, lambda ratio: ratio == 1)
    4
    """
    full = max(WHOLE, percent)
    resting = [(request * full // WHOLE, request) for request in usage.missing]
    return _wanted(usage, resting, utilization, percent, current, near)


def by_average(usage: PodUsage, target: int, current: int, near: Near) -> int:
    """The count that brings usage per pod to *target* thousandths.

    >>> loads = PodUsage(ready=((90, 0), (70, 0)), missing=(0,))
    >>> by_average(loads, 40, 3, lambda ratio: ratio == 1)
    4
    """
    resting = [(target, request) for request in usage.missing]
    return _wanted(usage, resting, average, target, current, near)


def _wanted(
    usage: PodUsage,
    resting: Used,
    level_of: Callable[[Used], int],
    target: int,
    current: int,
    near: Near,
) -> int:
    """The count; *resting* are the pods without a sample, as they count on the way down."""
    if not usage.ready or current == 0:
        return current
    used = list(usage.ready)
    level = level_of(used)
    is_above, is_below = level > target, level < target
    if is_above:
        used += [(0, request) for request in (*usage.missing, *usage.unready)]
    elif is_below:
        used += resting
    level = level_of(used)
    if near(level / target) or (is_above and level < target) or (is_below and level > target):
        return current
    wanted = -(-level * len(used) // target)
    return max(wanted, current) if is_above else min(wanted, current)
