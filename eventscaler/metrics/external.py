"""Meters of the metrics API."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter


class ExternalMeters:
    """What HPAs and others asked of the metrics API, on *registry*."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._answers = Counter(
            "tandem_metrics_api_requests",
            "Requests to the metrics API, by the status that was answered.",
            ("code",),
            registry=registry,
        )

    def answered(self, code: int) -> None:
        self._answers.labels(str(code)).inc()
