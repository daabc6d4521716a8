"""A ScaledObject's body as one frozen value.

Fields and defaults are KEDA's (keda.sh/v1alpha1). The rules that need a trigger's own declaration
are in `admission`.

Source: https://keda.sh/docs/latest/reference/scaledobject-spec/
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from eventscaler.core.faults import Fault, errors
from eventscaler.core.hpa import Wish
from eventscaler.core.model import Limits, Mode, Settings
from eventscaler.decode.annotations import steering
from eventscaler.decode.behavior import behavior
from eventscaler.decode.hpa import wish
from eventscaler.decode.modifiers import composite, fallback
from eventscaler.decode.node import Node
from eventscaler.decode.trigger_body import TriggerBody, Triggered, triggers_of
from kube.scale import Target
from kube.values import times

NAME_LIMIT = 63


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaledObject(Triggered):
    """What the user asked for; equal values mean that nothing relevant changed.

    Attributes:
        restore: the count before the first decision comes back when this object is deleted.
        hpa: the HPA that counts from max(1, min) to max; None where Tandem does.
    """

    name: str
    namespace: str
    uid: str
    created: datetime
    target: Target
    container: str
    polling_s: int
    limits: Limits
    settings: Settings
    triggers: tuple[TriggerBody, ...]
    restore: bool = False
    hpa: Wish | None = None

    @property
    def reads(self) -> bool:
        """Whether its triggers are read at all."""
        return self.settings.pause is None and self.settings.mode is not Mode.OFF

    @property
    def kind(self) -> str:
        return "ScaledObject"

    @property
    def workload(self) -> dict[str, Any] | None:
        """The target's body, which only the cluster has."""
        return None

    @property
    def composed(self) -> bool:
        """Whether a formula makes one value of what the triggers read."""
        return self.settings.composite is not None

    @cached_property
    def cached(self) -> bool:
        """Whether every trigger is to be read no oftener than `polling_s`."""
        return all(trigger.use_cached_metrics for trigger in self.triggers)


def scaled_object(
    body: Mapping[str, Any], *, hpa: bool = False
) -> tuple[ScaledObject | None, tuple[Fault, ...]]:
    """Read *body*; the value is None when some fault is an error.

    *hpa* says who counts where the object does not: an HPA, or Tandem.
    """
    faults: list[Fault] = []
    root = Node(dict(body), "", faults)
    meta, spec = root.child("metadata"), root.child("spec")
    name = meta.text("name", required=True)
    if len(name) > NAME_LIMIT:
        meta.fault("name", f"{len(name)} characters", f"at most {NAME_LIMIT}")
    namespace = meta.text("namespace") or "default"
    target, container = _target(spec.child("scaleTargetRef"), namespace)
    limits = _limits(spec)
    polling_s = spec.whole("pollingInterval", 30, at_least=1)
    triggers = triggers_of(spec)
    advanced = spec.child("advanced")
    settings = _settings(spec, meta, advanced, triggers)
    restore = advanced.flag("restoreToOriginalReplicaCount")
    asked = _hpa(meta, advanced.child("horizontalPodAutoscalerConfig"), default=hpa)
    advanced.unknown()
    spec.unknown()
    created = created_of(meta)
    found = tuple(faults)
    if errors(found):
        return None, found
    value = ScaledObject(
        name=name,
        namespace=namespace,
        uid=meta.text("uid"),
        created=created,
        target=target,
        container=container,
        polling_s=polling_s,
        limits=limits,
        settings=replace(settings, hpa=asked is not None),
        triggers=triggers,
        restore=restore,
        hpa=asked,
    )
    return value, found


def created_of(meta: Node) -> datetime:
    """When it was made; the epoch for a manifest that is in no cluster yet."""
    found = meta.raw("creationTimestamp")
    if isinstance(found, datetime):  # YAML reads an unquoted time as one
        return found.replace(tzinfo=found.tzinfo or UTC)
    try:
        return times.parse(found) if isinstance(found, str) else times.EPOCH
    except ValueError:
        meta.fault("creationTimestamp", found, "a time such as 2026-05-01T10:00:00Z")
        return times.EPOCH


def _target(ref: Node, namespace: str) -> tuple[Target, str]:
    target = Target(
        namespace=namespace,
        api_version=ref.text("apiVersion") or "apps/v1",
        kind=ref.text("kind") or "Deployment",
        name=ref.text("name", required=True),
    )
    container = ref.text("envSourceContainerName")
    ref.unknown()
    return target, container


def _limits(spec: Node) -> Limits:
    low = spec.whole("minReplicaCount", 0)
    high = spec.whole("maxReplicaCount", 100, at_least=1)
    idle = spec.optional_whole("idleReplicaCount")
    if low > high:
        spec.fault("minReplicaCount", low, f"at most maxReplicaCount, which is {high}")
    if idle is not None and idle >= (max(low, 1) if spec.has("minReplicaCount") else 0):
        spec.fault("idleReplicaCount", idle, f"less than minReplicaCount, which is {low}")
    return Limits(low, high, idle)


def _settings(
    spec: Node, meta: Node, advanced: Node, triggers: tuple[TriggerBody, ...]
) -> Settings:
    steered = steering(meta)
    names = [trigger.name for trigger in triggers if trigger.name]
    made = composite(advanced.child("scalingModifiers"), names)
    hpa = advanced.child("horizontalPodAutoscalerConfig")
    return Settings(
        cooldown=timedelta(seconds=spec.whole("cooldownPeriod", 300)),
        initial_cooldown=timedelta(seconds=spec.whole("initialCooldownPeriod", 0)),
        behavior=behavior(hpa.child("behavior")),
        pause=steered.pause,
        fallback=fallback(spec, composed=advanced.child("scalingModifiers").has("formula")),
        composite=made,
        force=steered.force,
        keep_in=steered.keep_in,
        keep_out=steered.keep_out,
        jump=steered.jump,
        mode=steered.mode,
    )


def _hpa(meta: Node, hpa: Node, *, default: bool) -> Wish | None:
    asked = wish(meta, hpa, default=default)
    name = hpa.text("name")
    hpa.raw("behavior")
    if len(name) > NAME_LIMIT:
        hpa.fault("name", f"{len(name)} characters", f"at most {NAME_LIMIT}")
    hpa.unknown()
    return asked
