"""What Prometheus reads of the event half, under KEDA's names: its dashboards go on working."""

from __future__ import annotations

from eventscaler.metrics.admission import AdmissionMeters
from eventscaler.metrics.build import build_info
from eventscaler.metrics.cloud_events import CloudEventMeters
from eventscaler.metrics.exposition import Exposed, text_of
from eventscaler.metrics.meters import KIND, Labels, Meters, Reader
from eventscaler.metrics.tables import owner_of

__all__ = [
    "KIND",
    "AdmissionMeters",
    "CloudEventMeters",
    "Exposed",
    "Labels",
    "Meters",
    "Reader",
    "build_info",
    "owner_of",
    "text_of",
]
