"""How far a consumer group is behind, and how much of that is worth replicas. Pure.

Source of the rules: https://keda.sh/docs/latest/scalers/apache-kafka/ ; one of its warts is mended:
the cap is exact, where the original lets one replica more than there are partitions through.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

NO_COMMIT = -1


class ResetPolicy(StrEnum):
    LATEST = "latest"
    EARLIEST = "earliest"


@dataclass(frozen=True, slots=True, order=True)
class Partition:
    topic: str
    number: int


Offsets = Mapping[Partition, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a trigger says about its lag; the names are the keys of the trigger."""

    threshold: float
    policy: ResetPolicy = ResetPolicy.LATEST
    zero_on_invalid: bool = False
    allow_idle: bool = False
    only_with_lag: bool = False
    even: bool = False


@dataclass(frozen=True, slots=True)
class Lag:
    """`value` asks for replicas, `total` decides about zero: it keeps what is persistent."""

    value: float
    total: float


def lag(commits: Offsets, ends: Offsets, rules: Rules, before: Offsets | None = None) -> Lag:
    """The lag of a group.

    Args:
        commits: committed offset per partition, `NO_COMMIT` where there is none.
        ends: the offset that the next message gets; one for each of *commits*.
        rules: what the trigger says.
        before: commits of the sample before, to leave out partitions that did not move since.

    >>> a, b = Partition("orders", 0), Partition("orders", 1)
    >>> lag({a: 5, b: 7}, {a: 105, b: 57}, Rules(threshold=10))
    Lag(value=20.0, total=150.0)
    """
    every = {p: behind(commits[p], ends[p], rules) for p in sorted(commits)}
    stuck = {p for p, was in (before or {}).items() if commits.get(p) == was}
    moving = [amount for p, amount in every.items() if p not in stuck]
    return Lag(worth(moving, len(every), rules), float(sum(every.values())))


def behind(committed: int, end: int, rules: Rules) -> int:
    """Messages that the group has not committed on one partition.

    Without a commit (or with one past the end, as after a topic was made anew) the policy decides:
    `latest` counts 1, so that a consumer starts and commits; `earliest` counts everything.

    >>> behind(3, 10, Rules(threshold=10)), behind(NO_COMMIT, 10, Rules(threshold=10))
    (7, 1)
    """
    if 0 <= committed <= end:
        return end - committed
    if rules.zero_on_invalid:
        return 0
    return 1 if rules.policy is ResetPolicy.LATEST else end


def worth(lags: list[int], partitions: int, rules: Rules) -> float:
    """The part of the lag that more replicas could work on.

    A group has at most one busy consumer a partition, so without `allow_idle` the amount is at most
    one threshold a partition.

    >>> worth([109], 10, Rules(threshold=10)), worth([0] * 10, 10, Rules(threshold=10))
    (100.0, 0.0)
    >>> worth([500], 1, Rules(threshold=10, allow_idle=True))
    500.0
    """
    total = float(sum(lags))
    if rules.even and total > 0:
        return even_replicas(total, partitions, rules.threshold) * rules.threshold
    if rules.allow_idle and not rules.only_with_lag:
        return total
    busy = sum(1 for amount in lags if amount > 0) if rules.only_with_lag else partitions
    return min(total, float(busy * rules.threshold))


def even_replicas(total: float, partitions: int, threshold: float) -> int:
    """The smallest number of replicas that share *partitions* evenly and suffice, else all.

    >>> [even_replicas(total, 12, 10) for total in (5, 35, 45, 70, 500)]
    [1, 4, 6, 12, 12]
    """
    divisors = (n for n in range(1, partitions + 1) if partitions % n == 0)
    return next((n for n in divisors if n * threshold >= total), partitions)
