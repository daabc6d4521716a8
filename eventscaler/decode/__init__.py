"""Raw bodies of our custom resources, read into frozen values; all faults at once.

Nothing past this package sees raw JSON of a custom resource, and nothing here raises on bad input:
each function returns the value, or None when an error forbids using it, and every finding.
"""

from __future__ import annotations

from eventscaler.decode.authentication import Authentication, authentication
from eventscaler.decode.cloud_event_source import CloudEventSource, cloud_event_source
from eventscaler.decode.data import data_of
from eventscaler.decode.scalable import Scalable
from eventscaler.decode.scaled_job import ScaledJob, scaled_job
from eventscaler.decode.scaled_object import ScaledObject, scaled_object
from eventscaler.decode.sources import EnvRef, KeyRef, Source
from eventscaler.decode.status import known_status
from eventscaler.decode.trigger_body import AuthRef, TriggerBody
from eventscaler.decode.triggers import spec_of, translated

__all__ = [
    "AuthRef",
    "Authentication",
    "CloudEventSource",
    "EnvRef",
    "KeyRef",
    "Scalable",
    "ScaledJob",
    "ScaledObject",
    "Source",
    "TriggerBody",
    "authentication",
    "cloud_event_source",
    "data_of",
    "known_status",
    "scaled_job",
    "scaled_object",
    "spec_of",
    "translated",
]
