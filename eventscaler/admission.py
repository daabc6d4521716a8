"""Rules that manifests must keep, judged offline: every fault of every object at once.

What cannot be judged from the given files alone (a TriggerAuthentication that is not among them,
the environment of a running container) is a note, never an error. The operator applies the same
rules when it reads an object, so that an object which was let in is refused in its own status.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any

from eventscaler.core.faults import Fault, Severity
from eventscaler.decode import (
    Authentication,
    AuthRef,
    ScaledObject,
    TriggerBody,
    authentication,
    data_of,
    scaled_object,
    spec_of,
    translated,
)
from kube.scale import Target
from scalers._params import slots_of
from scalers.base import Secret, TriggerFaults, UnknownTrigger, load, parse

AUTH_KINDS = ("TriggerAuthentication", "ClusterTriggerAuthentication")
FROM_ENV = "FromEnv"

Bodies = Sequence[Mapping[str, Any]]


def validate(bodies: Bodies) -> list[Fault]:
    """Judge the objects of the event half among *bodies*; others are passed over.

    The path of each fault begins with the object's kind and name.
    """
    faults: list[Fault] = []
    known = _known(bodies, faults)
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
    prefix = f"{body['kind']}/{_name(body)}"
    return [replace(fault, path=f"{prefix} {fault.path}") for fault in faults]


def _name(body: Mapping[str, Any]) -> str:
    meta = body.get("metadata")
    return str(meta.get("name", "")) if isinstance(meta, Mapping) else ""


@dataclass(frozen=True, slots=True)
class _Known:
    """What of the triggers' credentials is among the files."""

    authentications: Mapping[AuthRef, Authentication]
    data: Mapping[tuple[str, str], Mapping[str, str]]

    def values(self, found: Authentication) -> Mapping[str, Secret]:
        """The parameters of *found* whose values are at hand."""
        refs = [("ConfigMap", ref) for ref in found.config_maps]
        refs += [("Secret", ref) for ref in found.secrets]
        return {
            ref.parameter: Secret(self.data[kind, ref.name][ref.key])
            for kind, ref in refs
            if ref.key in self.data.get((kind, ref.name), {})
        }


def _known(bodies: Bodies, faults: list[Fault]) -> _Known:
    authentications = {}
    data = {}
    for body in bodies:
        kind = str(body.get("kind"))
        if kind in AUTH_KINDS:
            value, found = authentication(body)
            faults += _named(body, found)
            if value is not None:
                authentications[AuthRef(value.name, value.kind)] = value
        elif kind in {"Secret", "ConfigMap"}:
            try:
                data[kind, _name(body)] = data_of(body, kind)
            except ValueError as error:
                faults += _named(body, [Fault("data", "", str(error))])
    return _Known(authentications, data)


def _trigger(order: ScaledObject, trigger: TriggerBody, known: _Known) -> list[Fault]:
    """What is wrong with one trigger, short of what only its credentials can tell."""
    found = known.authentications.get(trigger.auth) if trigger.auth else None
    values = known.values(found) if found else {}
    missing = _missing_auth(trigger, found)
    identity = found.identity if found else None
    try:
        ready = parse(spec_of(order, trigger, values, {}, identity))
    except TriggerFaults as wrong:
        elsewhere = _elsewhere(trigger, found) - values.keys()
        return [_judged(fault, elsewhere) for fault in translated(wrong.faults)] + missing
    return [*translated(ready.warnings), *missing]


def _judged(fault: Fault, elsewhere: Set[str]) -> Fault:
    """*fault*, as a note when what it misses may come from a place that is not at hand."""
    key = fault.path.rpartition(".metadata.")[2]
    unseen = key in elsewhere or key.endswith(FROM_ENV)
    if unseen or (elsewhere and fault.path.endswith(".metadata")):
        return Fault(fault.path, "", f"{fault.want}; not checked", Severity.NOTE)
    return fault


def _elsewhere(trigger: TriggerBody, found: Authentication | None) -> Set[str]:
    """The keys that the trigger's authentication yields, or may yield when it is not given."""
    if trigger.auth is None:
        return frozenset()
    if found is not None and not found.is_open:
        return frozenset(found.parameters)
    try:
        slots = slots_of(load(trigger.type).meta)
    except UnknownTrigger:
        return frozenset()
    return frozenset(slot.param.key for slot in slots if "a" in slot.param.where)


def _missing_auth(trigger: TriggerBody, found: Authentication | None) -> list[Fault]:
    if trigger.auth is None or found is not None:
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
