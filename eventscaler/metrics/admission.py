"""The meters of the admission webhook."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter


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
