"""The triggers of an object as they were written, not yet read by their scalers.

Source: https://keda.sh/docs/latest/reference/scaledobject-spec/#triggers
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from eventscaler.decode.node import Node
from kube.resources import CLUSTER_TRIGGER_AUTHENTICATIONS, TRIGGER_AUTHENTICATIONS
from scalers._params import FROM_ENV

AUTH_KINDS = (TRIGGER_AUTHENTICATIONS.kind, CLUSTER_TRIGGER_AUTHENTICATIONS.kind)
METRIC_TYPES = ("AverageValue", "Value", "Utilization")
PASSIVE = frozenset({"cpu", "memory"})
UNCACHED = PASSIVE | {"cron"}
MOST_TRIGGERS = 256  # as in the definition, which compares their names with one another


@dataclass(frozen=True, slots=True)
class AuthRef:
    name: str
    kind: str = TRIGGER_AUTHENTICATIONS.kind


@dataclass(frozen=True, slots=True)
class TriggerBody:
    """One entry of `spec.triggers`, not yet read by its scaler."""

    index: int
    type: str
    metadata: Mapping[str, str]
    name: str = ""
    metric_type: str = "AverageValue"
    use_cached_metrics: bool = False
    auth: AuthRef | None = None

    @property
    def passive(self) -> bool:
        """Whether it tells how many replicas, but never whether there is work."""
        return self.type in PASSIVE

    @property
    def wants_env(self) -> bool:
        """Whether some key is read from the workload's environment."""
        return any(key.endswith(FROM_ENV) for key in self.metadata)


class Triggered:
    """What the triggers of an object tell together: worked out once, not with each sample."""

    triggers: tuple[TriggerBody, ...]

    @cached_property
    def borrows(self) -> bool:
        """Whether some trigger gets credentials or settings from elsewhere."""
        return any(trigger.auth or trigger.wants_env for trigger in self.triggers)

    @cached_property
    def types(self) -> tuple[str, ...]:
        """Of its triggers, each once."""
        return tuple(dict.fromkeys(trigger.type for trigger in self.triggers))

    @cached_property
    def auth_kinds(self) -> tuple[str, ...]:
        """Of the authentications that it refers to, each once."""
        return tuple(dict.fromkeys(trigger.auth.kind for trigger in self.triggers if trigger.auth))


def triggers_of(spec: Node) -> tuple[TriggerBody, ...]:
    """The triggers, their names unique; faults go to *spec*'s."""
    nodes = spec.children("triggers")
    if not nodes:
        spec.fault("triggers", None, "at least one trigger")
    if len(nodes) > MOST_TRIGGERS:
        spec.fault("triggers", f"{len(nodes)} triggers", f"at most {MOST_TRIGGERS}")
        nodes = nodes[:MOST_TRIGGERS]
    triggers = tuple(_trigger(node, index) for index, node in enumerate(nodes))
    seen: set[str] = set()
    for trigger, node in zip(triggers, nodes, strict=True):
        if trigger.name and trigger.name in seen:
            node.fault("name", trigger.name, "a name that no other trigger has")
        seen.add(trigger.name)
    return triggers


def _trigger(node: Node, index: int) -> TriggerBody:
    kind = node.text("type", required=True)
    cached = node.flag("useCachedMetrics")
    if cached and kind in UNCACHED:
        node.fault("useCachedMetrics", cached, f"false: a {kind} trigger cannot be cached")
    if not node.has("metadata"):
        node.fault("metadata", None, "an object of texts")
    trigger = TriggerBody(
        index=index,
        type=kind,
        metadata=node.texts("metadata"),
        name=node.text("name"),
        metric_type=_metric_type(node, kind),
        use_cached_metrics=cached,
        auth=_auth(node),
    )
    node.unknown()
    return trigger


def _metric_type(node: Node, kind: str) -> str:
    if kind in {"cpu", "memory"} and not node.has("metricType"):
        node.fault("metricType", None, "Utilization (value is a percentage) or AverageValue")
    found = node.text("metricType", "AverageValue", of=METRIC_TYPES)
    if found == "Utilization" and kind not in PASSIVE:
        node.fault(
            "metricType", found, "AverageValue or Value: only cpu and memory have Utilization"
        )
    return found


def _auth(node: Node) -> AuthRef | None:
    if not node.has("authenticationRef"):
        return None
    ref = node.child("authenticationRef")
    auth = AuthRef(ref.text("name", required=True), ref.text("kind", AUTH_KINDS[0], of=AUTH_KINDS))
    ref.unknown()
    return auth
