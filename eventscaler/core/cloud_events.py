"""Which of the things that users are told are CloudEvents too, and how those look. Pure.

Types, source, subject and data are KEDA's; an Event whose reason is not listed is no CloudEvent.
Source: https://keda.sh/docs/latest/operate/cloud-events/ and
https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

_OBJECT, _JOB = "keda.scaledobject", "keda.scaledjob"
_AUTH = "keda.authentication.triggerauthentication"
_CLUSTER_AUTH = "keda.authentication.clustertriggerauthentication"
TYPES: Mapping[str, str] = {
    "ScaledObjectReady": f"{_OBJECT}.ready.v1",
    "ScaledObjectCheckFailed": f"{_OBJECT}.failed.v1",
    "ScaledObjectUpdateFailed": f"{_OBJECT}.failed.v1",
    "ScaledObjectDeleted": f"{_OBJECT}.removed.v1",
    "ScaledObjectPaused": f"{_OBJECT}.paused.v1",
    "ScaledObjectUnpaused": f"{_OBJECT}.unpaused.v1",
    "ScaledJobReady": f"{_JOB}.ready.v1",
    "ScaledJobCheckFailed": f"{_JOB}.failed.v1",
    "ScaledJobUpdateFailed": f"{_JOB}.failed.v1",
    "ScaledJobDeleted": f"{_JOB}.removed.v1",
    "ScaledJobPaused": f"{_JOB}.paused.v1",
    "ScaledJobUnpaused": f"{_JOB}.unpaused.v1",
    "ScaledJobRolloutCleanupStarted": f"{_JOB}.rolloutcleanup.started.v1",
    "ScaledJobRolloutCleanupCompleted": f"{_JOB}.rolloutcleanup.completed.v1",
    "ScaledJobRolloutCleanupFailed": f"{_JOB}.rolloutcleanup.failed.v1",
    "TriggerAuthenticationAdded": f"{_AUTH}.created.v1",
    "TriggerAuthenticationUpdated": f"{_AUTH}.updated.v1",
    "TriggerAuthenticationDeleted": f"{_AUTH}.removed.v1",
    "ClusterTriggerAuthenticationAdded": f"{_CLUSTER_AUTH}.created.v1",
    "ClusterTriggerAuthenticationUpdated": f"{_CLUSTER_AUTH}.updated.v1",
    "ClusterTriggerAuthenticationDeleted": f"{_CLUSTER_AUTH}.removed.v1",
}
EVENT_TYPES = tuple(dict.fromkeys(TYPES.values()))
JSON = "application/json"
_PRINTABLE = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"%')


@dataclass(frozen=True, slots=True)
class Occurrence:
    """Something that happened to an object; its namespace is empty for one without."""

    id: str
    type: str
    kind: str
    namespace: str
    name: str
    reason: str
    message: str
    at: datetime

    def attributes(self, cluster: str, home: str) -> dict[str, str]:
        """The context attributes, as told by the operator of namespace *home* in *cluster*.

        >>> from datetime import UTC
        >>> noon = datetime(2026, 5, 1, 12, tzinfo=UTC)
        >>> what = Occurrence("1", "t", "ScaledObject", "shop", "orders", "r", "m", noon)
        >>> what.attributes("east", "keda")["subject"]
        '/east/shop/scaledobject/orders'
        """
        subject = f"{self.namespace}/{self.kind.lower()}/{self.name.lower()}"
        return {
            "specversion": "1.0",
            "id": self.id,
            "source": f"/{cluster}/{home}/keda",
            "type": self.type,
            "subject": f"/{cluster}/{subject}",
            "time": self.at.isoformat().replace("+00:00", "Z"),
        }

    @property
    def data(self) -> dict[str, str]:
        return {"reason": self.reason, "message": self.message}

    def binary(self, cluster: str, home: str) -> tuple[dict[str, str], str]:
        """Headers and body in the binary content mode.

        Characters of a header outside of printable ASCII, and `"` and `%`, are percent-encoded.
        """
        attributes = self.attributes(cluster, home).items()
        headers = {f"ce-{name}": quote(value, safe=_PRINTABLE) for name, value in attributes}
        return headers | {"Content-Type": JSON}, json.dumps(self.data)

    def structured(self, cluster: str, home: str) -> dict[str, object]:
        """The JSON object of the structured content mode."""
        return {**self.attributes(cluster, home), "datacontenttype": JSON, "data": self.data}
