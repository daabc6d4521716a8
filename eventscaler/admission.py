"""Rules that manifests must keep, judged offline: every fault of every object at once.

What cannot be judged from the given files alone (a TriggerAuthentication that is not among them,
the environment of a running container) is a note, never an error. The operator applies the same
rules when it reads an object, so that an object which was let in is refused in its own status.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from eventscaler.core.faults import Fault, Severity
from eventscaler.decode import (
    Authentication,
    AuthRef,
    ScaledObject,
    TriggerBody,
    authentication,
    scaled_object,
    spec_of,
    translated,
)
from kube.scale import Target
from scalers._params import slots_of
from scalers.base import TriggerFaults, UnknownTrigger, load, parse

AUTH_KINDS = ("TriggerAuthentication", "ClusterTriggerAuthentication")
FROM_ENV = "FromEnv"

Bodies = Sequence[Mapping[str, Any]]
Known = Mapping[AuthRef, Authentication]


def validate(bodies: Bodies) -> list[Fault]:
    """Judge the objects of the event half among *bodies*; others are passed over.

    The path of each fault begins with the object's kind and name.
    """
    faults: list[Fault] = []
    known = _authentications(bodies, faults)
    orders: list[ScaledObject] = []
    for body in bodies:
        if body.get("kind") == "ScaledObject":
            order, found = scaled_object(body)
            faults += _named(body, found)
            if order is not None:
                orders.append(order)
                triggers = [_trigger(order, trigger, known) for trigger in order.triggers]
                faults += _named(body, [fault for found in triggers for fault in found])
        elif body.get("kind") == "ScaledJob":
            faults += _named(body, [Fault("kind", "", "not scaled yet", Severity.NOTE)])
    return faults + _rivals(orders)


def _named(body: Mapping[str, Any], faults: Iterable[Fault]) -> list[Fault]:
    meta = body.get("metadata")
    name = meta.get("name", "") if isinstance(meta, Mapping) else ""
    return [replace(fault, path=f"{body['kind']}/{name} {fault.path}") for fault in faults]


def _authentications(bodies: Bodies, faults: list[Fault]) -> Known:
    known = {}
    for body in bodies:
        if body.get("kind") in AUTH_KINDS:
            value, found = authentication(body)
            faults += _named(body, found)
            if value is not None:
                known[AuthRef(value.name, value.kind)] = value
    return known


def _trigger(order: ScaledObject, trigger: TriggerBody, known: Known) -> list[Fault]:
    """What is wrong with one trigger, short of what only its credentials can tell."""
    try:
        ready = parse(spec_of(order, trigger, {}, {}))
    except TriggerFaults as wrong:
        elsewhere = _from_elsewhere(trigger, known)
        found = translated(wrong.faults)
        return [_judged(fault, elsewhere) for fault in found] + _missing_auth(trigger, known)
    return [*translated(ready.warnings), *_missing_auth(trigger, known)]


def _judged(fault: Fault, elsewhere: frozenset[str]) -> Fault:
    """*fault*, as a note when the key may come from a place that is not at hand."""
    key = fault.path.rpartition(".metadata.")[2]
    if key not in elsewhere and not key.endswith(FROM_ENV):
        return fault
    return Fault(fault.path, "", f"'{key}' comes from elsewhere; not checked", Severity.NOTE)


def _from_elsewhere(trigger: TriggerBody, known: Known) -> frozenset[str]:
    """The keys that the trigger's authentication yields, or may yield when it is not given."""
    if trigger.auth is None:
        return frozenset()
    found = known.get(trigger.auth)
    if found is not None:
        return frozenset(found.parameters)
    try:
        slots = slots_of(load(trigger.type).meta)
    except UnknownTrigger:
        return frozenset()
    return frozenset(slot.param.key for slot in slots if "a" in slot.param.where)


def _missing_auth(trigger: TriggerBody, known: Known) -> list[Fault]:
    if trigger.auth is None or trigger.auth in known:
        return []
    path = f"spec.triggers[{trigger.index}].authenticationRef"
    text = f"{trigger.auth.kind} {trigger.auth.name} is not among these files; not checked"
    return [Fault(path, "", text, Severity.NOTE)]


def _rivals(orders: Iterable[ScaledObject]) -> list[Fault]:
    """A workload has one ScaledObject; two would undo each other's counts."""
    owner: dict[Target, str] = {}
    faults = []
    for order in orders:
        first = owner.setdefault(order.target, order.name)
        if first != order.name:
            path = f"ScaledObject/{order.name} spec.scaleTargetRef"
            want = f"a target of its own: ScaledObject/{first} scales this one"
            faults.append(Fault(path, str(order.target), want))
    return faults
