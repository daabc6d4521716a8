"""Rules of a ScaledObject that need nothing but the object. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from eventscaler.admission.findings import Finding, labelled
from eventscaler.core.faults import Fault, Severity
from eventscaler.decode import ScaledObject, scaled_object
from eventscaler.decode.hpa import ADOPT, YES
from eventscaler.decode.node import Node
from eventscaler.decode.scaled_object import NAME_LIMIT

BUSY_POLL_S = 15
"""With a replica running triggers are read at least this often; the HPA's own clock in KEDA."""

Body = Mapping[str, Any]


def judged(body: Body) -> tuple[ScaledObject | None, tuple[Finding, ...]]:
    """Decode *body* and apply the rules that need nothing else.

    Whoever scales an object only wants it decoded, as in KEDA: the rules here keep out what is
    hardly meant so, and an object that slipped past them can be scaled.
    """
    value, faults = scaled_object(body)
    found = tuple(labelled(faults))
    return value, found if value is None else found + tuple(_broken(value, body))


def advice(order: ScaledObject, body: Body) -> Iterator[Fault]:
    """What has no effect where it stands; worth a word to the author, never a refusal."""
    spec = _spec(body)
    if order.limits.min == 0 or order.limits.idle is not None:
        return
    always = f"with minReplicaCount {order.limits.min} and no idleReplicaCount"
    if spec.has("cooldownPeriod"):
        text = f"has no effect {always}: the workload never rests"
        yield Fault("spec.cooldownPeriod", "", text, Severity.WARNING)
    if spec.has("pollingInterval") and order.polling_s >= BUSY_POLL_S and not order.cached:
        text = (
            f"has no effect {always}: triggers are read every {BUSY_POLL_S} s, "
            "unless all have useCachedMetrics"
        )
        yield Fault("spec.pollingInterval", "", text, Severity.WARNING)


def hpa_name(body: Body) -> str:
    """What the HPA of this ScaledObject is called, where one is made."""
    meta = Node(body.get("metadata"), "", [])
    return own_hpa_name(body) or f"keda-hpa-{meta.text('name')}"


def own_hpa_name(body: Body) -> str:
    """The name that its author chose; "" when he chose none."""
    config = _spec(body).child("advanced").child("horizontalPodAutoscalerConfig")
    return config.text("name")


def transfers(body: Body) -> bool:
    """Whether it wants to take over an HPA that is there already."""
    meta = Node(body.get("metadata"), "", [])
    return meta.texts("annotations").get(ADOPT) == YES


def _broken(order: ScaledObject, body: Body) -> Iterator[Finding]:
    name = hpa_name(body)
    if len(name) > NAME_LIMIT:
        path = "spec.advanced.horizontalPodAutoscalerConfig.name"
        want = f"at most {NAME_LIMIT}: a shorter name here or of the ScaledObject"
        yield Finding(Fault(path, f"'{name}', {len(name)} characters", want), "hpa-name-too-long")
    if not all(trigger.passive for trigger in order.triggers):
        return
    if order.limits.min == 0:
        want = "at least 1, or a trigger of another type: cpu and memory cannot wake it from zero"
        yield Finding(
            Fault("spec.minReplicaCount", "0", want), "scale-to-zero-requirements-not-met"
        )
    if order.settings.fallback is not None and order.settings.composite is None:
        want = "a trigger that is not cpu or memory, or a formula: those two have no fallback"
        fault = Fault("spec.fallback", "only cpu and memory triggers", want)
        yield Finding(fault, "incorrect-fallback")


def _spec(body: Body) -> Node:
    """The spec, read for a single field: what is wrong with it is told by the decoder."""
    return Node(body.get("spec"), "spec", [])
