"""All rules over the objects of some files: every fault of every object at once.

What cannot be judged from the given objects alone (a TriggerAuthentication that is not among them,
the environment of a running container) is a note, never an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from eventscaler.admission.around import (
    Around,
    Container,
    Hpa,
    Rival,
    Wanted,
    containers_of,
    defaulted_by,
    disputed,
    wanted,
)
from eventscaler.admission.held import hpa_of
from eventscaler.admission.objects import advice, hpa_name, judged
from eventscaler.admission.triggers import Known, judge_triggers
from eventscaler.core.faults import Fault
from eventscaler.decode import (
    AuthRef,
    ScaledObject,
    authentication,
    cloud_event_source,
    data_of,
    scaled_job,
)
from eventscaler.decode.node import LONGEST_KEY, Node
from eventscaler.decode.trigger_body import AUTH_KINDS
from kube.resources import CLOUD_EVENT_SOURCES, CLUSTER_CLOUD_EVENT_SOURCES
from kube.scale import Target

SOURCE_KINDS = (CLOUD_EVENT_SOURCES.kind, CLUSTER_CLOUD_EVENT_SOURCES.kind)

Body = Mapping[str, Any]
Bodies = Sequence[Body]


def validate(bodies: Bodies, *, strict: bool = False) -> list[Fault]:
    """Judge the objects of the event half among *bodies*; others are passed over.

    The path of each fault begins with the object's kind and name. With *strict* a key that a
    trigger does not read is an error, not a warning.
    """
    faults: list[Fault] = []
    known = _known(bodies, faults)
    orders: list[tuple[ScaledObject, Body]] = []
    for body in bodies:
        if body.get("kind") == "ScaledObject":
            order, found = judged(body)
            faults += _named(body, [finding.fault for finding in found])
            if order is not None:
                orders.append((order, body))
                faults += _named(body, judge_triggers(order, known, strict=strict))
                faults += _named(body, advice(order, body))
        elif body.get("kind") == "ScaledJob":
            job, wrong = scaled_job(body)
            faults += _named(body, wrong)
            if job is not None:
                faults += _named(body, judge_triggers(job, known, strict=strict))
        elif body.get("kind") in SOURCE_KINDS:
            faults += _named(body, cloud_event_source(body)[1])
    return faults + list(_disputes(orders, bodies))


def _disputes(orders: Sequence[tuple[ScaledObject, Body]], bodies: Bodies) -> Iterator[Fault]:
    """Who is in whose way; of two ScaledObjects the first has the right."""
    scene = _scene(bodies)
    for order, body in orders:
        around = scene.around(order)
        yield from _named(body, [finding.fault for finding in disputed(order, body, around)])
        rival = Rival(order.name, wanted(order.target), hpa_name(body))
        scene.rivals.setdefault(order.namespace, []).append(rival)


@dataclass(slots=True)
class _Scene:
    """The surroundings, as far as the files tell; all but the workloads by namespace."""

    hpas: dict[str, list[Hpa]] = field(default_factory=dict)
    rivals: dict[str, list[Rival]] = field(default_factory=dict)
    limits: dict[str, list[Body]] = field(default_factory=dict)
    workloads: dict[Wanted, tuple[Container, ...]] = field(default_factory=dict)

    def around(self, order: ScaledObject) -> Around:
        where = order.namespace
        return Around(
            rivals=self.rivals.get(where, ()),
            hpas=self.hpas.get(where, ()),
            containers=self.workloads.get(wanted(order.target)),
            defaulted=defaulted_by(self.limits.get(where, ())),
        )


def _scene(bodies: Bodies) -> _Scene:
    scene = _Scene()
    for body in bodies:
        kind, (namespace, name) = body.get("kind"), _place(body)
        if kind == "HorizontalPodAutoscaler":
            hpa = hpa_of(body)
            scene.hpas.setdefault(namespace, []).extend([hpa] if hpa else [])
        elif kind == "LimitRange":
            scene.limits.setdefault(namespace, []).append(body)
        elif kind in {"Deployment", "StatefulSet"}:
            target = Target(namespace, str(body.get("apiVersion")), str(kind), name)
            scene.workloads[wanted(target)] = containers_of(body)
    return scene


def _named(body: Body, faults: Iterable[Fault]) -> list[Fault]:
    prefix = f"{body['kind']}/{_place(body)[1]}"
    return [replace(fault, path=f"{prefix} {fault.path}") for fault in faults]


def _place(body: Body) -> tuple[str, str]:
    """Namespace and name; what is no text is told by the decoder."""
    meta = Node(body.get("metadata"), "metadata", [])
    return meta.text("namespace") or "default", meta.text("name")[:LONGEST_KEY]


def _known(bodies: Bodies, faults: list[Fault]) -> Known:
    authentications = {}
    data = {}
    for body in bodies:
        kind = str(body.get("kind"))
        if kind in AUTH_KINDS:
            value, found = authentication(body)
            faults += _named(body, found)
            if value is not None:
                authentications[value.namespace, AuthRef(value.name, value.kind)] = value
        elif kind in {"Secret", "ConfigMap"}:
            try:
                namespace, name = _place(body)
                data[namespace, kind, name] = data_of(body, kind)
            except ValueError as error:
                faults += _named(body, [Fault("data", "", str(error))])
    return Known(authentications, data)
