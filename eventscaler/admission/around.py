"""Rules about what is around a ScaledObject: its workload, and who else wants that. Pure.

Source: https://keda.sh/docs/latest/concepts/admission-webhooks/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from eventscaler.admission.findings import Finding
from eventscaler.admission.objects import Body, hpa_name, own_hpa_name, transfers
from eventscaler.core.faults import Fault, Severity
from eventscaler.decode import ScaledObject, TriggerBody
from eventscaler.decode.node import Node
from eventscaler.decode.trigger_body import PASSIVE
from kube.scale import Target

IGNORED = "validations.keda.sh/hpa-ownership"
TARGET_PATH = "spec.scaleTargetRef"
HPA_PATH = "spec.advanced.horizontalPodAutoscalerConfig.name"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A workload as a reference names it: two versions of one group are the same workload."""

    namespace: str
    group: str
    kind: str
    name: str


def wanted(target: Target) -> Wanted:
    group, slash, _ = target.api_version.rpartition("/")
    return Wanted(target.namespace, group if slash else "", target.kind, target.name)


@dataclass(frozen=True, slots=True)
class Rival:
    """Another ScaledObject."""

    name: str
    target: Wanted
    hpa: str


@dataclass(frozen=True, slots=True)
class Hpa:
    """A HorizontalPodAutoscaler.

    Attributes:
        owners: ScaledObjects that its owner references name.
        ignored: its author says that it does not count.
    """

    name: str
    target: Wanted
    owners: tuple[str, ...] = ()
    ignored: bool = False


@dataclass(frozen=True, slots=True)
class Container:
    """What a container says of its resources: those with a request or a limit."""

    name: str
    sized: frozenset[str]


@dataclass(frozen=True, slots=True)
class Around:
    """What is known of the surroundings.

    Attributes:
        rivals, hpas: of the same namespace; the object's own may be among them.
        containers: of the workload; None when nobody looked or it has none that can be read.
        absent: somebody looked, and the workload is not there.
        defaulted: resources that a LimitRange of the namespace gives to every container.
    """

    rivals: Iterable[Rival] = ()
    hpas: Iterable[Hpa] = ()
    containers: tuple[Container, ...] | None = None
    absent: bool = False
    defaulted: frozenset[str] = field(default_factory=frozenset)


def disputed(order: ScaledObject, body: Body, around: Around) -> Iterator[Finding]:
    """Everything that *around* has against *order*."""
    yield from _rivals(order, body, around.rivals)
    yield from _hpas(order, body, around.hpas)
    yield from _sizes(order, around)


def wants_sizes(order: ScaledObject) -> bool:
    """Whether the workload's containers matter."""
    return any(trigger.passive for trigger in order.triggers)


def _rivals(order: ScaledObject, body: Body, rivals: Iterable[Rival]) -> Iterator[Finding]:
    target, hpa = wanted(order.target), hpa_name(body)
    for rival in rivals:
        if rival.name == order.name:
            continue
        if rival.target == target:
            want = f"a target of its own: ScaledObject/{rival.name} scales this one"
            yield Finding(Fault(TARGET_PATH, str(order.target), want), "other-scaled-object")
        if rival.hpa == hpa:
            want = f"a name of its own: ScaledObject/{rival.name} has this HPA"
            yield Finding(Fault(HPA_PATH, f"'{hpa}'", want), "other-scaled-object-hpa")


def _hpas(order: ScaledObject, body: Body, hpas: Iterable[Hpa]) -> Iterator[Finding]:
    target = wanted(order.target)
    for hpa in hpas:
        if hpa.ignored or hpa.target != target or order.name in hpa.owners:
            continue
        if not transfers(body):
            want = (
                f"a target that no HPA scales: HorizontalPodAutoscaler/{hpa.name} scales this one; "
                f'delete it, or annotate it with {IGNORED}: "false"'
            )
            yield Finding(Fault(TARGET_PATH, str(order.target), want), "other-hpa")
        elif own_hpa_name(body) != hpa.name:
            found = f"'{own_hpa_name(body)}'" if own_hpa_name(body) else "nothing"
            want = f"'{hpa.name}': the HPA of this workload is to be taken over, so name it"
            yield Finding(Fault(HPA_PATH, found, want), "transfer-ownership-missing-hpa-name")


def _sizes(order: ScaledObject, around: Around) -> Iterator[Finding]:
    if not wants_sizes(order):
        return
    if around.absent:
        text = f"{order.target} is not there yet: the requests of its containers are not checked"
        yield Finding(Fault(TARGET_PATH, "", text, Severity.WARNING), "")
    for trigger in order.triggers:
        if trigger.passive and trigger.type not in around.defaulted:
            yield from _unsized(order, trigger, around.containers or ())


def _unsized(
    order: ScaledObject, trigger: TriggerBody, containers: Iterable[Container]
) -> Iterator[Finding]:
    only = trigger.metadata.get("containerName", "")
    for container in containers:
        if (only and container.name != only) or trigger.type in container.sized:
            continue
        want = (
            f"container '{container.name}' of {order.target} to have a {trigger.type} request "
            "or limit, or a LimitRange that gives it one"
        )
        path = f"spec.triggers[{trigger.index}]"
        yield Finding(Fault(path, f"a {trigger.type} trigger", want), "missing-requests")


def containers_of(workload: Mapping[str, Any]) -> tuple[Container, ...]:
    """The containers of a workload's pod template."""
    template = Node(workload.get("spec"), "spec", []).child("template").child("spec")
    return tuple(
        Container(node.text("name"), _sized(node.child("resources"), ("requests", "limits")))
        for node in template.children("containers")
    )


def defaulted_by(limit_ranges: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """The resources that each container gets from one of these LimitRanges."""
    return frozenset(
        resource
        for body in limit_ranges
        for limit in Node(body.get("spec"), "spec", []).children("limits")
        if limit.text("type") == "Container"
        for resource in _sized(limit, ("default", "defaultRequest"))
    )


def _sized(node: Node, places: Iterable[str]) -> frozenset[str]:
    given = [node.child(place) for place in places]
    return frozenset(name for name in PASSIVE if any(amounts.has(name) for amounts in given))
