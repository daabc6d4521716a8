"""The meters of objects and their triggers.

Label sets are KEDA's. The series of an object are dropped with it.
Source: https://keda.sh/docs/latest/integrations/prometheus/
"""

from __future__ import annotations

from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Gauge, Histogram

from eventscaler.metrics.tables import Owner, Table, owner_of

TRIGGER_LABELS = ("namespace", "metric", "scaledObject", "scaler", "triggerIndex", "type")
EMPTY_LABELS = (
    "namespace",
    "scaledResource",
    "triggerName",
    "metricName",
    "resourceType",
    "ignoreNullValues",
)
HTTP_LABELS = (
    "namespace",
    "scaled_resource",
    "scaler",
    "trigger_name",
    "metric_name",
    "status_code",
)
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
KIND = "scaledobject"
RESOURCE_TYPES = {KIND: "ScaledObject", "scaledjob": "ScaledJob"}
NO_STATUS = "error"

Labels = tuple[str, str, str, str, str, str]
Key = tuple[str, str, str]  # namespace, name, kind


@dataclass(frozen=True, slots=True)
class Reader:
    """The trigger that a source is read for; where several share the read, the first of them.

    Attributes:
        scaler: the trigger's type.
        trigger: its own name; "" where it has none.
    """

    owner: Owner
    scaler: str
    trigger: str
    metric: str


class Meters:
    """The event half's meters on *registry*."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def table(name: str, text: str, labels: tuple[str, ...], *, counts: bool = False) -> Table:
            made = Table(name, text, labels, registry=registry, counts=counts)
            self._tables.append(made)
            return made

        self._tables: list[Table] = []
        self._value = table("keda_scaler_metrics_value", "The last value read.", TRIGGER_LABELS)
        self._latency = table(
            "keda_scaler_metrics_latency_seconds", "How long the last read took.", TRIGGER_LABELS
        )
        self._active = table("keda_scaler_active", "Whether the trigger is active.", TRIGGER_LABELS)
        self._trigger_errors = table(
            "keda_scaler_detail_errors", "Reads that failed.", TRIGGER_LABELS, counts=True
        )
        self._object_errors = table(
            "keda_scaled_object_errors",
            "Samples of an object with some failure.",
            ("namespace", "scaledObject"),
            counts=True,
        )
        self._job_errors = table(
            "keda_scaled_job_errors",
            "Rounds of a ScaledJob with some failure.",
            ("namespace", "scaledJob"),
            counts=True,
        )
        self._paused = table(
            "keda_scaled_object_paused", "Whether it is paused.", ("namespace", "scaledObject")
        )
        self._delay = table(
            "keda_internal_scale_loop_latency_seconds",
            "How late the last sample started.",
            ("namespace", "type", "resource"),
        )
        self._empty = table(
            "keda_scaler_empty_upstream_responses",
            "Answers of a source without a value.",
            EMPTY_LABELS,
            counts=True,
        )
        self._http = table(
            "keda_scaler_http_requests", "HTTP calls to sources.", HTTP_LABELS, counts=True
        )
        self._http_duration = Histogram(
            "keda_scaler_http_request_duration_seconds",
            "How long HTTP calls to sources took.",
            ("scaler", "status_code"),
            buckets=BUCKETS,
            registry=registry,
        )
        self.triggers = Gauge(
            "keda_trigger_registered_total", "Triggers in use.", ("type",), registry=registry
        )
        self.resources = Gauge(
            "keda_resource_registered_total",
            "Objects in use.",
            ("type", "namespace"),
            registry=registry,
        )

    def read(self, labels: Labels, value: float, *, active: bool, took_s: float) -> None:
        """A trigger gave a value."""
        owner = _owner(labels)
        self._value.put(owner, labels, value)
        self._active.put(owner, labels, float(active))
        self._latency.put(owner, labels, took_s)
        self._trigger_errors.add(owner, labels, 0.0)

    def failed(self, labels: Labels) -> None:
        """A trigger gave none."""
        self._trigger_errors.add(_owner(labels), labels)

    def began(self, key: Key, late_s: float) -> None:
        """A turn of an object began, so long after it was due."""
        owner = owner_of(key)
        self._delay.put(owner, (owner.namespace, owner.kind, owner.name), late_s)

    def sampled(self, key: Key, *, wrong: bool, paused: bool) -> None:
        """A turn of an object was made, with some failure or without."""
        owner = owner_of(key)
        labels = (owner.namespace, owner.name)
        if owner.kind != KIND:
            self._job_errors.add(owner, labels, float(wrong))
            return
        self._object_errors.add(owner, labels, float(wrong))
        self._paused.put(owner, labels, float(paused))

    def called(self, reader: Reader, status: int | None, took_s: float) -> None:
        """An HTTP call was made; without a status when there was no answer."""
        owner, code = reader.owner, NO_STATUS if status is None else str(status)
        trigger = (reader.scaler, reader.trigger, reader.metric)
        self._http.add(owner, (owner.namespace, owner.name, *trigger, code))
        self._http_duration.labels(reader.scaler, code).observe(took_s)

    def empty(self, reader: Reader, *, ignored: bool) -> None:
        """A source answered without a value; *ignored* when that counts as zero."""
        owner = reader.owner
        labels = (
            owner.namespace,
            owner.name,
            reader.trigger,
            reader.metric,
            RESOURCE_TYPES[owner.kind],
            str(ignored).lower(),
        )
        self._empty.add(owner, labels)

    def forget(self, key: Key) -> None:
        """Drop every series of one object."""
        owner = owner_of(key)
        for table in self._tables:
            table.forget(owner)


def _owner(labels: Labels) -> Owner:
    return Owner(labels[0], labels[2], labels[5])
