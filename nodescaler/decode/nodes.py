"""Nodes and NodeClaims as the model's `NodeState` and `ClaimState`.

Both are written by us or by kubelets, so they are read without looking for a user's mistakes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from kube.objects import ObjectMeta
from kube.values.duration import seconds, seconds_or_never
from nodescaler.core.labels import INITIALIZED, NODE_POOL, REGISTERED, Requirement, Requirements
from nodescaler.core.lifecycle import INITIALIZED as INITIALIZED_CONDITION
from nodescaler.core.model import ClaimCondition, ClaimState, NodeClassRef, NodeState, PodSpec
from nodescaler.decode.amounts import amounts
from nodescaler.decode.requirements import taints
from nodescaler.decode.structs import (
    ClassRef,
    Condition,
    Expression,
    NodeClaimObject,
    NodeObject,
)


def node_state(
    obj: NodeObject, pods: Iterable[PodSpec] = (), claim: ClaimState | None = None
) -> NodeState:
    """A Node with what runs on it; *claim* is its NodeClaim when it has one."""
    meta, labels = obj.metadata, obj.metadata.labels
    pool = labels.get(NODE_POOL, claim.pool if claim is not None else "")
    leaving = meta.deletion_timestamp is not None
    return NodeState(
        name=meta.name,
        uid=meta.uid,
        labels=labels,
        annotations=meta.annotations,
        taints=taints(obj.spec.taints),
        startup_taints=claim.startup_taints if claim is not None else (),
        capacity=amounts(obj.status.capacity),
        allocatable=amounts(obj.status.allocatable),
        pods=tuple(pods),
        provider_id=obj.spec.provider_id,
        pool=pool,
        claim=claim.name if claim is not None else "",
        ready=_is_ready(obj.status.conditions),
        registered=not pool or labels.get(REGISTERED) == "true",
        initialised=not pool or labels.get(INITIALIZED) == "true",
        unschedulable=obj.spec.unschedulable,
        deleting=leaving or (claim is not None and claim.deleting_since is not None),
        created=meta.creation_timestamp,
        since=_since(claim),
    )


def coming_node(claim: ClaimState) -> NodeState:
    """A claim whose node has not joined yet, as the space it is going to be."""
    return NodeState(
        name=claim.name,
        labels={**claim.requirements.single_values(), **claim.labels},
        annotations=claim.annotations,
        taints=claim.taints,
        startup_taints=claim.startup_taints,
        capacity=claim.capacity,
        allocatable=claim.allocatable,
        provider_id=claim.provider_id,
        pool=claim.pool,
        claim=claim.name,
        ready=False,
        registered=False,
        initialised=False,
        deleting=claim.deleting_since is not None,
        created=claim.created,
    )


def claim_state(obj: NodeClaimObject) -> ClaimState:
    """A NodeClaim."""
    meta, spec, status = obj.metadata, obj.spec, obj.status
    return ClaimState(
        name=meta.name,
        uid=meta.uid,
        pool=meta.labels.get(NODE_POOL, ""),
        created=_created(meta),
        requirements=_requirements(spec.requirements),
        requests=amounts(spec.resources.requests if spec.resources else None),
        labels=meta.labels,
        annotations=meta.annotations,
        taints=taints(spec.taints),
        startup_taints=taints(spec.startup_taints),
        node_class=_class_ref(spec.node_class_ref),
        expire_after_s=seconds_or_never(spec.expire_after),
        termination_grace_s=_seconds(spec.termination_grace_period),
        provider_id=status.provider_id,
        node_name=status.node_name,
        capacity=amounts(status.capacity),
        allocatable=amounts(status.allocatable),
        last_pod_event=status.last_pod_event_time,
        deleting_since=meta.deletion_timestamp,
        conditions={each.type: _condition(each) for each in status.conditions or ()},
    )


def _created(meta: ObjectMeta) -> datetime:
    """When the API accepted it.

    Raises:
        ValueError: the API did not say; such an object was never stored.
    """
    if meta.creation_timestamp is None:
        raise ValueError(f"NodeClaim {meta.name} has no creationTimestamp")
    return meta.creation_timestamp


def _since(claim: ClaimState | None) -> datetime | None:
    """The later of the initialisation and the last pod event; None before the former."""
    if claim is None or not claim.is_true(INITIALIZED_CONDITION):
        return None
    moments = (claim.conditions[INITIALIZED_CONDITION].since, claim.last_pod_event)
    return max((moment for moment in moments if moment is not None), default=None)


def _requirements(lines: Sequence[Expression] | None) -> Requirements:
    return Requirements.of(
        *(Requirement(e.key, e.operator, tuple(e.values or ()), e.min_values) for e in lines or ())
    )


def _class_ref(ref: ClassRef | None) -> NodeClassRef | None:
    return NodeClassRef(ref.group, ref.kind, ref.name) if ref is not None else None


def _seconds(text: str | None) -> float | None:
    return None if text is None else seconds(text)


def _condition(each: Condition) -> ClaimCondition:
    return ClaimCondition(each.status, each.reason, each.message, each.last_transition_time)


def _is_ready(conditions: Sequence[Condition] | None) -> bool:
    return any(each.type == "Ready" and each.status == "True" for each in conditions or ())
