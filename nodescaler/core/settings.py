"""What an operator may choose about packing. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class PreferencePolicy(StrEnum):
    """What becomes of preferred affinity and ScheduleAnyway: honoured while possible, or not."""

    RESPECT = "Respect"
    IGNORE = "Ignore"


class MinValuesPolicy(StrEnum):
    """What happens when too few instance types are left for a ``minValues``."""

    STRICT = "Strict"
    BEST_EFFORT = "BestEffort"


@dataclass(frozen=True, slots=True)
class PackSettings:
    """How to plan.

    Attributes:
        budget_s: how much work may go into a plan cheaper than the fast one's, in seconds of a
            reference machine. It is counted, not measured, so a plan depends on its input alone.
        most_types: instance types a node may be launched as; a cloud's request has a limit.
        usd_per_node: added to each node's price when plans are compared: fewer, larger nodes.
        performance: for each instance family, how much work one of its vCPUs does (1 is usual);
            a node's price is divided by it when plans are compared.
    """

    budget_s: float = 0.0
    most_types: int = 60
    preferences: PreferencePolicy = PreferencePolicy.RESPECT
    min_values: MinValuesPolicy = MinValuesPolicy.STRICT
    usd_per_node: float = 0.0
    performance: Mapping[str, float] = field(default_factory=dict)
