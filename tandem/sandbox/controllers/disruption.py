"""The status of PodDisruptionBudgets, by which the eviction API decides. Pure.

Worked example: minAvailable 50 % of a Deployment of 5 asks for 3 healthy; with 4 ready pods one
disruption is allowed. Percentages, and maxUnavailable, count the replicas that the owners of the
pods want, not the pods that are there.

Source: https://kubernetes.io/docs/tasks/run-application/configure-pdb/
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from kube.client import Json
from kube.resources import POD_DISRUPTION_BUDGETS
from kube.values.times import parse as parse_time
from tandem.sandbox.controllers import pods as facts
from tandem.sandbox.controllers.conditions import Said, put
from tandem.sandbox.controllers.plans import Plan, status_change
from tandem.sandbox.controllers.shares import share
from tandem.sandbox.controllers.things import Thing

FORGET_EVICTION_S = 120


def reconcile(pdb: Thing, pods: Sequence[Thing], scale: int, now: datetime) -> Plan:
    """The status of *pdb*.

    Args:
        pdb: the budget.
        pods: those that it selects, finished ones left out.
        scale: replicas that the owners of these pods want together; a pod without owner counts 1.
        now: evictions that led to no deletion within two minutes are forgotten.
    """
    expected, desired = needed(pdb, len(pods), scale)
    evicted, again_s = _evicted(pdb, pods, now)
    healthy = sum(facts.ready(p) and not p.leaving and p.name not in evicted for p in pods)
    allowed = max(0, healthy - desired) if expected > 0 else 0
    status: Json = {
        "currentHealthy": healthy,
        "desiredHealthy": desired,
        "disruptionsAllowed": allowed,
        "expectedPods": expected,
        "disruptedPods": evicted or None,
        "observedGeneration": pdb.metadata.generation,
        "conditions": _conditions(pdb, allowed, now),
    }
    return Plan(status_change(POD_DISRUPTION_BUDGETS, pdb, status), again_s)


def needed(pdb: Thing, found: int, scale: int) -> tuple[int, int]:
    """Pods expected, and how many of them must be healthy."""
    limit = pdb.spec.get("maxUnavailable")
    if limit is not None:
        return scale, max(0, scale - share(limit, scale, up=True))
    least = pdb.spec.get("minAvailable")
    if least is None:
        return found, 1
    if isinstance(least, int) or not least.endswith("%"):
        return found, int(least)
    return scale, share(least, scale, up=True)


def _evicted(
    pdb: Thing, pods: Sequence[Thing], now: datetime
) -> tuple[dict[str, str], float | None]:
    """Evictions that the deletion has not been seen of yet, and when the next is forgotten."""
    staying = {pod.name for pod in pods if not pod.leaving}
    kept: dict[str, str] = {}
    waits: list[float] = []
    for name, stamp in (pdb.status.get("disruptedPods") or {}).items():
        left = (parse_time(stamp) + timedelta(seconds=FORGET_EVICTION_S) - now).total_seconds()
        if name in staying and left > 0:
            kept[name] = stamp
            waits.append(left)
    return kept, min(waits, default=None)


def _conditions(pdb: Thing, allowed: int, now: datetime) -> list[Json]:
    status, reason = ("True", "SufficientPods") if allowed else ("False", "InsufficientPods")
    said = Said("DisruptionAllowed", status, reason, "")
    old: list[Json] = pdb.status.get("conditions") or []
    fresh = put(old, said, now)
    return [
        {**c, "observedGeneration": pdb.metadata.generation}
        if c["type"] == said.kind and c.get("observedGeneration") != pdb.metadata.generation
        else c
        for c in fresh
    ]
