"""How many nodes of a pool may be disrupted now.

A percentage is of the pool's initialised nodes, rounded up; of several active budgets the smallest
counts; none active means no limit. Nodes that are not ready or already leaving use the budget up.
A budget with a schedule counts at all times until its window is evaluated (fail closed).

Pure. Source: https://karpenter.sh/docs/concepts/disruption/#nodepool-disruption-budgets
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from math import ceil

from nodescaler.core.model import Budget, NodePool, NodeState


def allowed_disruptions(
    pool: NodePool, nodes: Sequence[NodeState], reason: str, now: datetime
) -> int:
    """How many of *nodes*, all of *pool*, may start to go for *reason*."""
    owned = [node for node in nodes if node.initialised]
    disrupting = sum(1 for node in owned if node.deleting or not node.ready)
    limits = [
        _limit(budget, len(owned))
        for budget in pool.budgets
        if _concerns(budget, reason) and _is_active(budget, now)
    ]
    return max(min(limits, default=len(owned)) - disrupting, 0)


def _concerns(budget: Budget, reason: str) -> bool:
    return not budget.reasons or reason in budget.reasons


def _is_active(budget: Budget, now: datetime) -> bool:
    return True


def _limit(budget: Budget, owned: int) -> int:
    """The budget in nodes.

    >>> _limit(Budget("10%"), 11), _limit(Budget("3"), 11)
    (2, 3)
    """
    if budget.nodes.endswith("%"):
        return ceil(int(budget.nodes[:-1]) * owned / 100)
    return int(budget.nodes)
