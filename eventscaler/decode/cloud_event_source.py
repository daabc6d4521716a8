"""A CloudEventSource or ClusterCloudEventSource as one frozen value.

Source: https://keda.sh/docs/latest/operate/cloud-events/
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from eventscaler.core.cloud_events import EVENT_TYPES, Occurrence
from eventscaler.core.faults import Fault, Severity, errors
from eventscaler.decode.node import Node, did_you_mean
from eventscaler.decode.trigger_body import AUTH_KINDS, AuthRef
from kube.resources import CLUSTER_CLOUD_EVENT_SOURCES

CLUSTER_SOURCE = CLUSTER_CLOUD_EVENT_SOURCES.kind
HTTP, TOPIC = "http", "azureEventGridTopic"


@dataclass(frozen=True, slots=True)
class CloudEventSource:
    """Where CloudEvents are sent, and which.

    Attributes:
        namespace: "" for the cluster kind, which hears of all namespaces.
        sink: what the address is: "http" or "azureEventGridTopic".
        cluster: the name that this cluster has there; "" for the operator's.
        included: the only types that are sent; empty for all.
    """

    kind: str
    namespace: str
    name: str
    sink: str
    address: str
    cluster: str = ""
    auth: AuthRef | None = None
    included: frozenset[str] = frozenset()
    excluded: frozenset[str] = frozenset()

    def wants(self, what: Occurrence) -> bool:
        """Whether *what* is to be sent."""
        if self.kind != CLUSTER_SOURCE and what.namespace != self.namespace:
            return False
        return what.type not in self.excluded and what.type in (self.included or EVENT_TYPES)


def cloud_event_source(
    body: Mapping[str, Any],
) -> tuple[CloudEventSource | None, tuple[Fault, ...]]:
    """Read *body* of either kind; the value is None when some fault is an error."""
    faults: list[Fault] = []
    root = Node(dict(body), "", faults)
    meta, spec = root.child("metadata"), root.child("spec")
    kind = root.text("kind")
    sink, address = _destination(spec.child("destination"))
    subscription = spec.child("eventSubscription")
    included = _types(subscription, "includedEventTypes")
    excluded = _types(subscription, "excludedEventTypes")
    if included and excluded:
        want = "either includedEventTypes or excludedEventTypes"
        faults.append(Fault(spec.at("eventSubscription"), "both", want))
    subscription.unknown()
    value = CloudEventSource(
        kind=kind,
        namespace="" if kind == CLUSTER_SOURCE else meta.text("namespace") or "default",
        name=meta.text("name", required=True),
        sink=sink,
        address=address,
        cluster=spec.text("clusterName"),
        auth=spec.optional("authenticationRef", _auth),
        included=included,
        excluded=excluded,
    )
    if sink == TOPIC and value.auth is None:
        want = "a TriggerAuthentication with accessKey, or podIdentity azure-workload"
        spec.fault("authenticationRef", "nothing", want)
    spec.unknown()
    found = tuple(faults)
    return (None if errors(found) else value), found


def _destination(node: Node) -> tuple[str, str]:
    """What the destination is, and its address; of two http is taken."""
    keys = {HTTP: "uri", TOPIC: "endpoint"}
    given = {key: _address(node.child(key), keys[key]) for key in keys if node.has(key)}
    node.unknown()
    if not given:
        node.fault("", "nothing", f"one of {HTTP}, {TOPIC}")
        return HTTP, ""
    if len(given) > 1:
        want = f"one destination: only {HTTP} is used"
        node.fault("", f"{HTTP} and {TOPIC}", want, Severity.WARNING)
    return next(iter(given.items()))


def _address(node: Node, key: str) -> str:
    text = node.text(key, required=True)
    node.unknown()
    try:
        parts = urlsplit(text)
        sound = parts.scheme in {"http", "https"} and bool(parts.hostname)
        _ = parts.port
    except ValueError:
        sound = False
    if text and not sound:
        node.fault(key, "another text", "an address such as https://events.example.com/keda")
    return text


def _types(node: Node, key: str) -> frozenset[str]:
    found = node.text_list(key)
    for index, each in enumerate(found):
        if each not in EVENT_TYPES:
            want = did_you_mean(each, EVENT_TYPES, "a type of event")
            node.fault(f"{key}[{index}]", each, want)
    return frozenset(found)


def _auth(node: Node) -> AuthRef:
    name = node.text("name", required=True)
    kind = node.text("kind", AUTH_KINDS[0], of=AUTH_KINDS)
    node.unknown()
    return AuthRef(name, kind)
