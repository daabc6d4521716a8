"""The ReplicaSet controller: as many pods as asked for, and the least useful one goes first. Pure.

Source: the order of victims in
https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/#scaling-down-a-replicaset
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

from kube.client import Json
from kube.resources import PODS, REPLICA_SETS
from tandem.sandbox.controllers import pods as facts
from tandem.sandbox.controllers.plans import Action, Create, Plan, deletions, status_change
from tandem.sandbox.controllers.things import Thing

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
BURST = 500
PHASE_RANK = {"Pending": 0, "": 0, "Unknown": 1, "Running": 2}
NEVER = datetime.max.replace(tzinfo=UTC)


def reconcile(
    rs: Thing, owned: Sequence[Thing], now: datetime, siblings: Sequence[Thing] = ()
) -> Plan:
    """What brings *rs* nearer to its replicas, and its status up to date.

    Args:
        rs: the ReplicaSet.
        owned: all pods that it controls, leaving and finished ones included.
        now: for minReadySeconds and for ages.
        siblings: pods of the other ReplicaSets of the same owner.
    """
    living = [pod for pod in owned if facts.active(pod)]
    status = _status(rs, living, now)
    if rs.leaving:
        return Plan(status_change(REPLICA_SETS, rs, status))
    min_ready_s = int(rs.spec.get("minReadySeconds") or 0)
    again_s = facts.next_available_s(living, min_ready_s, now) if min_ready_s else None
    related = [*living, *(pod for pod in siblings if facts.active(pod))]
    return Plan(
        (*_scale(rs, living, related, now), *status_change(REPLICA_SETS, rs, status)), again_s
    )


def wanted(rs: Thing) -> int:
    replicas = rs.spec.get("replicas")
    return 1 if replicas is None else int(replicas)


def _scale(
    rs: Thing, living: Sequence[Thing], related: Sequence[Thing], now: datetime
) -> tuple[Action, ...]:
    missing = wanted(rs) - len(living)
    if missing > 0:
        body = facts.from_template(rs.spec.get("template") or {}, rs, REPLICA_SETS)
        return tuple(Create(PODS, body, rs.namespace) for _ in range(min(missing, BURST)))
    return deletions(PODS, victims(living, related, min(-missing, BURST), now))


def _status(rs: Thing, living: Sequence[Thing], now: datetime) -> Json:
    labels = ((rs.spec.get("template") or {}).get("metadata") or {}).get("labels") or {}
    min_ready_s = int(rs.spec.get("minReadySeconds") or 0)
    full = sum(labels.items() <= pod.labels.items() for pod in living)
    return {
        "replicas": len(living),
        "fullyLabeledReplicas": facts.counted(full),
        "readyReplicas": facts.counted(sum(map(facts.ready, living))),
        "availableReplicas": facts.counted(
            sum(facts.available(pod, min_ready_s, now) for pod in living)
        ),
        "observedGeneration": rs.metadata.generation,
    }


def victims(
    living: Sequence[Thing], related: Sequence[Thing], count: int, now: datetime
) -> list[Thing]:
    """The *count* pods that go first, in the order of upstream.

    Args:
        living: the pods to choose from.
        related: active pods of every ReplicaSet of the same owner: who shares a node with more of
            them goes earlier.
        count: how many.
        now: ages count by powers of two, as upstream's LogarithmicScaleDown does; where that leaves
            a tie upstream throws dice (the UID), and we take the newer, then the name.
    """
    if count <= 0:
        return []
    together = Counter(pod.node for pod in related)
    return sorted(living, key=lambda pod: _usefulness(pod, together[pod.node], now))[:count]


def _usefulness(pod: Thing, neighbours: int, now: datetime) -> tuple[bool | float | str, ...]:
    """Smaller goes first: the order of upstream, one element a rule."""
    is_ready = facts.ready(pod)
    created = pod.metadata.creation_timestamp or NEVER
    return (
        bool(pod.node),
        PHASE_RANK.get(pod.phase, 2),
        is_ready,
        deletion_cost(pod),
        -neighbours,
        _age_rank(facts.ready_since(pod), now) if is_ready else 0,
        -_restarts(pod),
        _age_rank(created, now),
        -created.timestamp(),
        pod.name,
    )


def _age_rank(since: datetime | None, now: datetime) -> int:
    """How many times an age doubles a nanosecond; -1 when it has none."""
    age_ns = int((now - since).total_seconds() * 1e9) if since is not None else 0
    return age_ns.bit_length() - 1 if age_ns > 0 else -1


def deletion_cost(pod: Thing) -> int:
    """The annotation's number; upstream refuses others at creation, here they count 0."""
    text = pod.annotations.get(DELETION_COST, "0")
    return int(text) if text.removeprefix("-").isdecimal() else 0


def _restarts(pod: Thing) -> int:
    states = pod.status.get("containerStatuses") or []
    return max((int(state.get("restartCount") or 0) for state in states), default=0)
