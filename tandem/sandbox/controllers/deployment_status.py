"""What a Deployment reports: counts and the conditions Available and Progressing. Pure.

`kubectl rollout status` waits for observedGeneration, updatedReplicas, replicas and
availableReplicas, in this order, and gives up on the reason ProgressDeadlineExceeded.

Source: https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#deployment-status
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from kube.client import Json
from kube.values.times import parse as parse_time
from tandem.sandbox.controllers import rollout
from tandem.sandbox.controllers.conditions import Said, put
from tandem.sandbox.controllers.pods import counted
from tandem.sandbox.controllers.things import Thing, condition

NO_DEADLINE_S = 2**31 - 1


def status(
    deployment: Thing, new: Thing | None, sets: Sequence[Thing], now: datetime
) -> tuple[Json, float | None]:
    """The status to have, and in how many seconds its deadline wants another look."""
    counts = _counts(new, sets)
    said, again_s = _progress(deployment, new, counts, now)
    conditions = deployment.status.get("conditions") or []
    for each in (_availability(deployment, counts), said):
        conditions = put(conditions, each, now, updates=True) if each else conditions
    shown = {name: counted(count) for name, count in counts.items()}
    shown["observedGeneration"] = deployment.metadata.generation
    return {**shown, "conditions": conditions or None}, again_s


def _counts(new: Thing | None, sets: Sequence[Thing]) -> dict[str, int]:
    def total(field: str) -> int:
        return sum(int(rs.status.get(field) or 0) for rs in sets)

    asked = sum(map(rollout.wanted, sets))
    return {
        "replicas": total("replicas"),
        "updatedReplicas": int(new.status.get("replicas") or 0) if new else 0,
        "readyReplicas": total("readyReplicas"),
        "availableReplicas": total("availableReplicas"),
        "unavailableReplicas": max(0, asked - total("availableReplicas")),
    }


def _availability(deployment: Thing, counts: dict[str, int]) -> Said:
    least = rollout.wanted(deployment) - rollout.unavailable(deployment)
    if counts["availableReplicas"] >= least:
        message = "Deployment has minimum availability."
        return Said("Available", "True", "MinimumReplicasAvailable", message)
    message = "Deployment does not have minimum availability."
    return Said("Available", "False", "MinimumReplicasUnavailable", message)


def complete(deployment: Thing) -> bool:
    """Did the last status show the rollout done?"""
    shown = deployment.status
    total = rollout.wanted(deployment)
    numbers = [
        int(shown.get(name) or 0) for name in ("updatedReplicas", "replicas", "availableReplicas")
    ]
    seen = int(shown.get("observedGeneration") or 0) >= deployment.metadata.generation
    return numbers == [total] * 3 and seen


def _progress(
    deployment: Thing, new: Thing | None, counts: dict[str, int], now: datetime
) -> tuple[Said | None, float | None]:
    """The Progressing condition to have (None: as it is), and when its deadline passes."""
    deadline_s = deployment.spec.get("progressDeadlineSeconds", 600)
    if deadline_s is None or deadline_s >= NO_DEADLINE_S or new is None:
        return None, None
    total = rollout.wanted(deployment)
    numbers = [counts[name] for name in ("updatedReplicas", "replicas", "availableReplicas")]
    if numbers == [total] * 3:
        return _finished(new), None
    was = condition(deployment, "Progressing")
    if was.get("reason") == "NewReplicaSetAvailable" and counts["updatedReplicas"] >= total:
        return None, None  # a settled rollout that lost a pod is not a rollout
    if not was or _moved(deployment, counts) or was.get("reason") == "NewReplicaSetAvailable":
        return _going(new), float(deadline_s)
    due = parse_time(was["lastUpdateTime"]) + timedelta(seconds=deadline_s)
    if now >= due:
        return _late(new), None
    return None, (due - now).total_seconds()


def _moved(deployment: Thing, counts: dict[str, int]) -> bool:
    """More updated, ready or available than last reported, or fewer old ones."""
    was = {name: int(deployment.status.get(name) or 0) for name in counts}
    more = any(
        counts[name] > was[name]
        for name in ("updatedReplicas", "readyReplicas", "availableReplicas")
    )
    old_was, old = (each["replicas"] - each["updatedReplicas"] for each in (was, counts))
    return more or old < old_was


def _finished(new: Thing) -> Said:
    message = f'ReplicaSet "{new.name}" has successfully progressed.'
    return Said("Progressing", "True", "NewReplicaSetAvailable", message)


def _going(new: Thing) -> Said:
    return Said(
        "Progressing", "True", "ReplicaSetUpdated", f'ReplicaSet "{new.name}" is progressing.'
    )


def _late(new: Thing) -> Said:
    message = f'ReplicaSet "{new.name}" has timed out progressing.'
    return Said("Progressing", "False", "ProgressDeadlineExceeded", message)
