"""What Prometheus reads of the event half, under KEDA's names: its dashboards go on working.

Label sets are KEDA's too. The series of an object are dropped with it.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge

TRIGGER_LABELS = ("namespace", "metric", "scaledObject", "scaler", "triggerIndex", "type")
KIND = "scaledobject"

Labels = tuple[str, str, str, str, str, str]


class Meters:
    """The event half's meters on *registry*."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, text: str, labels: tuple[str, ...]) -> Gauge:
            return Gauge(name, text, labels, registry=registry)

        def counter(name: str, text: str, labels: tuple[str, ...]) -> Counter:
            return Counter(name, text, labels, registry=registry)

        self.value = gauge("keda_scaler_metrics_value", "The last value read.", TRIGGER_LABELS)
        self.latency = gauge(
            "keda_scaler_metrics_latency_seconds", "How long the last read took.", TRIGGER_LABELS
        )
        self.active = gauge("keda_scaler_active", "Whether the trigger is active.", TRIGGER_LABELS)
        self.trigger_errors = counter(
            "keda_scaler_detail_errors", "Reads that failed.", TRIGGER_LABELS
        )
        self.object_errors = counter(
            "keda_scaled_object_errors",
            "Samples of an object with some failure.",
            ("namespace", "scaledObject"),
        )
        self.job_errors = counter(
            "keda_scaled_job_errors",
            "Rounds of a ScaledJob with some failure.",
            ("namespace", "scaledJob"),
        )
        self.paused = gauge(
            "keda_scaled_object_paused", "Whether it is paused.", ("namespace", "scaledObject")
        )
        self.delay = gauge(
            "keda_internal_scale_loop_latency_seconds",
            "How late the last sample started.",
            ("namespace", "type", "resource"),
        )
        self.triggers = gauge("keda_trigger_registered_total", "Triggers in use.", ("type",))
        self.resources = gauge(
            "keda_resource_registered_total", "Objects in use.", ("type", "namespace")
        )

    def read(self, labels: Labels, value: float, *, active: bool, took_s: float) -> None:
        self.value.labels(*labels).set(value)
        self.active.labels(*labels).set(active)
        self.latency.labels(*labels).set(took_s)

    def failed(self, labels: Labels) -> None:
        self.trigger_errors.labels(*labels).inc()

    def forget(self, namespace: str, name: str, kind: str) -> None:
        """Drop every series of one object."""
        here, of_kind = {"namespace": namespace}, {"type": kind.lower()}
        for meter in (self.value, self.active, self.latency, self.trigger_errors):
            meter.remove_by_labels(here | {"scaledObject": name} | of_kind)
        self.delay.remove_by_labels(here | {"resource": name} | of_kind)
        if kind.lower() != KIND:
            self.job_errors.remove_by_labels(here | {"scaledJob": name})
            return
        for each in (self.object_errors, self.paused):
            each.remove_by_labels(here | {"scaledObject": name})


class AdmissionMeters:
    """The webhook's meters on *registry*."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._judged = Counter(
            "keda_webhook_scaled_object_validation",
            "ScaledObjects that the webhook judged.",
            ("namespace", "action"),
            registry=registry,
        )
        self._refused = Counter(
            "keda_webhook_scaled_object_validation_errors",
            "ScaledObjects that the webhook refused, by the rule they broke.",
            ("namespace", "action", "reason"),
            registry=registry,
        )

    def judged(self, namespace: str, action: str) -> None:
        self._judged.labels(namespace, action).inc()

    def refused(self, namespace: str, action: str, reason: str) -> None:
        self._refused.labels(namespace, action, reason).inc()
