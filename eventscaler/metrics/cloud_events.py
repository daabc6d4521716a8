"""The meters of CloudEvents."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge

from eventscaler.metrics.tables import Table, owner_of

LABELS = ("namespace", "cloudeventsource", "eventsink", "state")


class CloudEventMeters:
    """The meters of (Cluster)CloudEventSources on *registry*."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._emitted = Table(
            "keda_cloudeventsource_events_emitted",
            "CloudEvents sent (emitted), tries that failed, events lost (dropped).",
            LABELS,
            registry=registry,
            counts=True,
        )
        self._queued = Gauge(
            "keda_cloudeventsource_events_queued",
            "CloudEvents that wait, by the namespace of what they are about.",
            ("namespace",),
            registry=registry,
        )

    def count(self, key: tuple[str, str, str], about: str, sink: str, state: str) -> None:
        """Something became of an event about an object of namespace *about*.

        *key* is namespace, name and kind of the source; *state* is emitted, failed or dropped.
        """
        self._emitted.add(owner_of(key), (about, key[1], sink, state))

    def queued(self, namespace: str, by: int) -> None:
        self._queued.labels(namespace).inc(by)

    def forget(self, key: tuple[str, str, str]) -> None:
        """A source is gone."""
        self._emitted.forget(owner_of(key))
