"""What Tandem makes of a case: the manifest decoded, cpu and memory read from the same cluster."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry

from eventscaler.core.decide import decide
from eventscaler.core.faults import errors
from eventscaler.core.history import History
from eventscaler.core.model import Decision, MetricType, Reading, State
from eventscaler.decode import ScaledObject, TriggerBody, scaled_object, spec_of
from eventscaler.metrics import Meters
from eventscaler.readings import Readings
from eventscaler.scaling.binding import asked
from scalers.base import parse
from scalers.io import IO
from tests.eventscaler import manifests
from tests.eventscaler.hpa_cases import NAMESPACE, Case, External, Json

CREATED = datetime(2026, 1, 1, tzinfo=UTC)
NOTHING = History()


def order_of(case: Case) -> ScaledObject:
    """The ScaledObject that says what the HPA of *case* says."""
    triggers = [_trigger(case, index) for index in range(len(case.metrics))]
    limits = {"minReplicaCount": case.low, "maxReplicaCount": case.high}
    config: Json = {} if case.behavior is None else {"behavior": case.behavior}
    body = manifests.scaled_object(
        case.name, *triggers, **limits, advanced={"horizontalPodAutoscalerConfig": config}
    )
    body["metadata"]["namespace"] = NAMESPACE
    order, faults = scaled_object(body)
    assert order is not None, errors(faults)
    return order


def _trigger(case: Case, index: int) -> Json:
    metric = case.metrics[index]
    if isinstance(metric, External):
        return manifests.pods_trigger(metricType=metric.type, name=case.metric_name(index))
    metadata = {"value": metric.target_text}
    if metric.container:
        metadata["containerName"] = metric.container
    name = case.metric_name(index)
    return {"type": metric.name, "metricType": metric.type, "name": name, "metadata": metadata}


async def decided(case: Case, io: IO) -> Decision:
    order = order_of(case)
    readings = [
        external(trigger, metric)
        if isinstance(metric, External)
        else await _read(order, trigger, io)
        for trigger, metric in zip(order.triggers, case.metrics, strict=True)
    ]
    return decided_on(case, order, readings)


def decided_on(
    case: Case,
    order: ScaledObject,
    readings: Sequence[Reading],
    history: History = NOTHING,
    now: datetime = CREATED,
) -> Decision:
    ready = sum(pod.ready is True and not pod.deleted for pod in case.pods)
    state = State(current=case.current, created=CREATED, ready=ready, history=history)
    return decide(readings, order.limits, state, order.settings, now)


def external(trigger: TriggerBody, metric: External) -> Reading:
    return Reading(
        trigger=trigger.name,
        value=sum(metric.values) / 1000 if metric.values else None,
        target=metric.target / 1000,
        metric_type=MetricType(metric.type),
        active=True,
        error="" if metric.values else "the source is down",
    )


async def _read(order: ScaledObject, trigger: TriggerBody, io: IO) -> Reading:
    ready = parse(spec_of(order, trigger, {}, {}))
    readings = Readings(io, Meters(CollectorRegistry()))
    (reading,) = await readings.sample([asked(order, trigger, ready)])
    return reading
