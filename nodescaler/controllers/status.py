"""The status of a NodeClaim as the next value of it. Pure; written only when it differs.

Conditions keep their time while their status stays. Ready is True when Launched, Registered and
Initialized are, and names the first that is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from kube.client import Json
from kube.values import times
from nodescaler.clouds.base import Instance
from nodescaler.clouds.offers import quantities
from nodescaler.core.lifecycle import INITIALIZED, LAUNCHED, READY, REGISTERED, Step
from nodescaler.core.model import ClaimCondition, ClaimState

CONSOLIDATABLE = "Consolidatable"
MESSAGE_LIMIT = 300
STAGES = (LAUNCHED, REGISTERED, INITIALIZED)


def with_condition(
    claim: ClaimState, kind: str, status: str, reason: str, message: str, now: datetime
) -> ClaimState:
    """*claim* with one condition set, and Ready following from the stages."""
    new = _set(claim.conditions, kind, ClaimCondition(status, reason, message, now))
    if kind in STAGES:
        new = _set(new, READY, _ready(new, now))
    return claim if new == dict(claim.conditions) else replace(claim, conditions=new)


def _set(
    conditions: Mapping[str, ClaimCondition], kind: str, new: ClaimCondition
) -> dict[str, ClaimCondition]:
    was = conditions.get(kind)
    if was is not None and was.status == new.status:
        new = replace(new, since=was.since)
    return {**conditions, kind: new}


def _ready(conditions: Mapping[str, ClaimCondition], now: datetime) -> ClaimCondition:
    for stage in STAGES:
        found = conditions.get(stage)
        if found is None:
            return ClaimCondition("Unknown", "AwaitingReconciliation", f"{stage} is to come", now)
        if found.status != "True":
            return ClaimCondition(found.status, found.reason, found.message, now)
    return ClaimCondition("True", READY, "", now)


def launched(claim: ClaimState, machine: Instance, now: datetime) -> ClaimState:
    known = replace(
        claim,
        provider_id=machine.provider_id,
        capacity=machine.capacity,
        allocatable=machine.allocatable,
        labels={**claim.labels, **machine.labels},
    )
    return with_condition(known, LAUNCHED, "True", LAUNCHED, "", now)


def waiting(claim: ClaimState, step: Step, now: datetime) -> ClaimState:
    """*claim* with the condition that says what *step* waits for."""
    message = step.message[:MESSAGE_LIMIT]
    return with_condition(claim, step.condition, "Unknown", step.reason, message, now)


def registered(claim: ClaimState, node: str, now: datetime) -> ClaimState:
    known = replace(claim, node_name=node)
    return with_condition(known, REGISTERED, "True", REGISTERED, "", now)


def initialised(claim: ClaimState, now: datetime) -> ClaimState:
    return with_condition(claim, INITIALIZED, "True", INITIALIZED, "", now)


def status_body(claim: ClaimState) -> Json:
    """The status as the API holds it."""
    out: Json = {
        "conditions": [
            {
                "type": kind,
                "status": found.status,
                "reason": found.reason or kind,
                "message": found.message,
                "lastTransitionTime": times.seconds(found.since or claim.created),
            }
            for kind, found in sorted(claim.conditions.items())
        ]
    }
    if claim.provider_id:
        out["providerID"] = claim.provider_id
        out["capacity"] = quantities(claim.capacity)
        out["allocatable"] = quantities(claim.allocatable)
    if claim.node_name:
        out["nodeName"] = claim.node_name
    if claim.last_pod_event is not None:
        out["lastPodEventTime"] = times.seconds(claim.last_pod_event)
    return out
