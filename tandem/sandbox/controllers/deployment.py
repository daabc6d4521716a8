"""The Deployment controller: one ReplicaSet a template, and the steps from old to new. Pure.

Each look makes one step; what it causes to change brings the next. `rollout.py` has the arithmetic
of the steps, `deployment_status.py` the report.

Source: https://kubernetes.io/docs/concepts/workloads/controllers/deployment/
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from kube.client import Json
from kube.resources import DEPLOYMENTS, REPLICA_SETS
from tandem.sandbox.controllers import pods as facts
from tandem.sandbox.controllers import rollout
from tandem.sandbox.controllers.deployment_status import complete, status
from tandem.sandbox.controllers.plans import Action, Create, Plan, change, delete, status_change
from tandem.sandbox.controllers.things import Thing, owner_reference

HASH = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"
NOT_INHERITED = frozenset(
    {
        "kubectl.kubernetes.io/last-applied-configuration",
        REVISION,
        "deployment.kubernetes.io/revision-history",
        rollout.DESIRED,
        rollout.MAXIMUM,
        "deprecated.deployment.rollback.to",
    }
)


@dataclass(frozen=True, slots=True)
class Sets:
    """The ReplicaSets of a Deployment: the one of today's template, and the others oldest first."""

    new: Thing | None
    old: tuple[Thing, ...]

    @property
    def all(self) -> tuple[Thing, ...]:
        return (*self.old, self.new) if self.new else self.old


def reconcile(
    deployment: Thing, owned: Sequence[Thing], pods: Sequence[Thing], now: datetime
) -> Plan:
    """The next step of the rollout, and the status.

    Args:
        deployment: what is wanted.
        owned: its ReplicaSets.
        pods: of all these ReplicaSets; `Recreate` waits for the old ones to stop.
        now: for the conditions and the progress deadline.
    """
    sets = divide(deployment, owned)
    report, again_s = status(deployment, sets.new, sets.all, now)
    reported = Plan(status_change(DEPLOYMENTS, deployment, report), again_s)
    if deployment.leaving:
        return reported
    return Plan(_step(deployment, sets, pods)) + reported


def divide(deployment: Thing, owned: Sequence[Thing]) -> Sets:
    """Find the set of today's template: the oldest that is equal but for its hash."""
    template = deployment.spec.get("template") or {}
    by_age = sorted(owned, key=_age)
    new = next((rs for rs in by_age if _plain(rs.spec.get("template") or {}) == template), None)
    return Sets(new, tuple(rs for rs in by_age if rs is not new))


def _age(rs: Thing) -> tuple[float, str]:
    created = rs.metadata.creation_timestamp
    return (created.timestamp() if created else 0.0, rs.name)


def _plain(template: Json) -> Json:
    """A ReplicaSet's template as its Deployment wrote it, without the hash label."""
    metadata = dict(template.get("metadata") or {})
    metadata["labels"] = {k: v for k, v in (metadata.get("labels") or {}).items() if k != HASH}
    return {**template, "metadata": metadata}


def _step(deployment: Thing, sets: Sets, pods: Sequence[Thing]) -> tuple[Action, ...]:
    if deployment.spec.get("paused"):
        return rollout.rescale(deployment, sets.new, sets.old)
    if recreate(deployment):
        return _recreate(deployment, sets, pods)
    if sets.new is None:
        return (_create(deployment, sets),)
    described = _describe(deployment, sets)
    if described or rollout.resized(deployment, sets.all):
        return (*described, *rollout.rescale(deployment, sets.new, sets.old))
    return rollout.roll(deployment, sets.new, sets.old) or _clean(deployment, sets)


def recreate(deployment: Thing) -> bool:
    return bool((deployment.spec.get("strategy") or {}).get("type") == "Recreate")


def _recreate(deployment: Thing, sets: Sets, pods: Sequence[Thing]) -> tuple[Action, ...]:
    stopping = tuple(rollout.resize(deployment, rs, 0) for rs in sets.old if rollout.wanted(rs) > 0)
    if stopping:
        return stopping
    if _old_pods_run(sets, pods):
        return ()
    if sets.new is None:
        return (_create(deployment, sets),)
    if rollout.wanted(sets.new) != rollout.wanted(deployment):
        return (rollout.resize(deployment, sets.new, rollout.wanted(deployment)),)
    return _describe(deployment, sets) or _clean(deployment, sets)


def _old_pods_run(sets: Sets, pods: Sequence[Thing]) -> bool:
    old = {rs.uid for rs in sets.old}
    return any(
        owner.uid in old and not facts.finished(pod)
        for pod in pods
        for owner in pod.metadata.owner_references
    )


def _create(deployment: Thing, sets: Sets) -> Create:
    template = deployment.spec.get("template") or {}
    named = facts.template_hash(template, int(deployment.status.get("collisionCount") or 0))
    metadata = template.get("metadata") or {}
    labels = {**(metadata.get("labels") or {}), HASH: named}
    selector = deployment.spec.get("selector") or {}
    matched = {**(selector.get("matchLabels") or {}), HASH: named}
    spec: Json = {
        "replicas": rollout.first_replicas(deployment, sets.old),
        "selector": {**selector, "matchLabels": matched},
        "template": {**template, "metadata": {**metadata, "labels": labels}},
    }
    if deployment.spec.get("minReadySeconds"):
        spec["minReadySeconds"] = deployment.spec["minReadySeconds"]
    body: Json = {
        "apiVersion": REPLICA_SETS.api_version,
        "kind": REPLICA_SETS.kind,
        "metadata": {
            "name": f"{deployment.name}-{named}",
            "namespace": deployment.namespace,
            "labels": labels,
            "annotations": _annotations(deployment, sets),
            "ownerReferences": [owner_reference(deployment, DEPLOYMENTS)],
        },
        "spec": spec,
    }
    return Create(REPLICA_SETS, body, deployment.namespace)


def revision(found: Thing) -> int:
    text = found.annotations.get(REVISION, "0")
    return int(text) if text.isdecimal() else 0


def _annotations(deployment: Thing, sets: Sets) -> dict[str, str]:
    inherited = {k: v for k, v in deployment.annotations.items() if k not in NOT_INHERITED}
    highest = max((revision(rs) for rs in sets.old), default=0)
    current = revision(sets.new) if sets.new else 0
    number = current if current > highest else highest + 1
    return {**inherited, REVISION: str(number), **rollout.size_marks(deployment)}


def _describe(deployment: Thing, sets: Sets) -> tuple[Action, ...]:
    """Keep revision numbers and the inherited annotations up to date on both objects."""
    if sets.new is None:
        return ()
    wanted = _annotations(deployment, sets)
    for mark in rollout.size_marks(deployment):  # written together with the size
        wanted.pop(mark)
    actions: list[Action] = []
    if not wanted.items() <= sets.new.annotations.items():
        body = {"metadata": {"annotations": wanted}}
        actions.append(change(REPLICA_SETS, sets.new, body))
    if deployment.annotations.get(REVISION) != wanted[REVISION]:
        body = {"metadata": {"annotations": {REVISION: wanted[REVISION]}}}
        actions.append(change(DEPLOYMENTS, deployment, body))
    return tuple(actions)


def _clean(deployment: Thing, sets: Sets) -> tuple[Action, ...]:
    """Drop the oldest empty revisions past the history limit, once the rollout is complete."""
    if sets.new is None or not complete(deployment):
        return ()
    limit = deployment.spec.get("revisionHistoryLimit")
    keep = 10 if limit is None else int(limit)
    empty = [
        rs
        for rs in sorted(sets.old, key=revision)
        if not rollout.wanted(rs) and not rs.status.get("replicas") and not rs.leaving
    ]
    return tuple(delete(REPLICA_SETS, rs) for rs in empty[: max(0, len(sets.old) - keep)])
