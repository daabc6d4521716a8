"""How many nodes of a pool may be disrupted now.

A percentage is of the pool's initialised nodes, rounded up; of several active budgets the smallest
counts; none active means no limit. Nodes that are not ready or already leaving use the budget up.
A budget with a schedule is active from each of its moments, in UTC, for its duration; one whose
schedule cannot be read allows nothing (fail closed).

Pure. Source: https://karpenter.sh/docs/concepts/disruption/#nodepool-disruption-budgets
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from math import ceil

from kube.values.cron import parse
from nodescaler.core.model import Budget, NodePool, NodeState


def allowed_disruptions(
    pool: NodePool, nodes: Sequence[NodeState], reason: str, now: datetime
) -> int:
    """How many of *nodes*, all of *pool*, may start to go for *reason*."""
    owned = [node for node in nodes if node.initialised]
    disrupting = sum(1 for node in owned if node.deleting or not node.ready)
    limits = [
        _limit(budget, len(owned), now) for budget in pool.budgets if _concerns(budget, reason)
    ]
    active = [limit for limit in limits if limit is not None]
    return max(min(active, default=len(owned)) - disrupting, 0)


def _concerns(budget: Budget, reason: str) -> bool:
    return not budget.reasons or reason in budget.reasons


def _limit(budget: Budget, owned: int, now: datetime) -> int | None:
    """The budget in nodes; None while it is not active.

    >>> noon = datetime(2026, 1, 1, 12, 20, tzinfo=UTC)
    >>> _limit(Budget("10%"), 11, noon), _limit(Budget("3"), 11, noon)
    (2, 3)
    >>> _limit(Budget("0", schedule="0 12 * * *", duration_s=600.0), 11, noon) is None
    True
    """
    try:
        if not _is_active(budget, now):
            return None
    except ValueError:
        return 0
    if budget.nodes.endswith("%"):
        return ceil(int(budget.nodes[:-1]) * owned / 100)
    return int(budget.nodes)


def _is_active(budget: Budget, now: datetime) -> bool:
    if budget.schedule is None or budget.duration_s is None:
        return True
    start = now - timedelta(seconds=budget.duration_s)
    opened = parse(budget.schedule).next_after(start, UTC)
    return opened is not None and opened <= now
