"""A ScaledJob's body as one frozen value.

Fields and defaults are KEDA's (keda.sh/v1alpha1). The spec of the Job is kept as it was written; it
is checked as far as the API server would refuse every Job made of it, because nobody sees those
refusals before a message waits.

Source: https://keda.sh/docs/latest/reference/scaledjob-spec/
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from fractions import Fraction
from math import isfinite
from typing import Any, TypeVar

from eventscaler.core.faults import Fault, Severity, errors
from eventscaler.core.jobs import Calculation, JobSettings, Rollout, Strategy
from eventscaler.core.model import Mode
from eventscaler.decode.annotations import MODE, PAUSED, one_of, says
from eventscaler.decode.node import Node, did_you_mean, show
from eventscaler.decode.scaled_object import NAME_LIMIT, created_of
from eventscaler.decode.trigger_body import TriggerBody, Triggered, triggers_of
from kube.resources import SCALED_JOBS
from kube.scale import Target

EXCLUDED_LABELS = "scaledjob.keda.sh/job-excluded-labels"
HISTORY = 100
SHARE_LIMIT = 1000
RESTARTS = ("OnFailure", "Never")
PROPAGATION = {"background": "Background", "foreground": "Foreground"}

Choice = TypeVar("Choice", bound=StrEnum)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaledJob(Triggered):
    """What the user asked for; equal values mean that nothing relevant changed.

    Attributes:
        generation: the API's count of edits of the spec; "" for a manifest in no cluster.
        job: the JobSpec to create, with a restartPolicy.
        labels: what Jobs get of the object's own labels.
    """

    name: str
    namespace: str
    uid: str
    created: datetime
    generation: str
    job: Mapping[str, Any]
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    container: str
    polling_s: int
    settings: JobSettings
    triggers: tuple[TriggerBody, ...]

    @property
    def kind(self) -> str:
        return SCALED_JOBS.kind

    @property
    def target(self) -> Target:
        """Whose containers have the environment: its own Jobs."""
        return Target(self.namespace, SCALED_JOBS.api_version, SCALED_JOBS.kind, self.name)

    @property
    def workload(self) -> dict[str, Any]:
        """A body with the pod template of its Jobs."""
        return {
            "kind": self.kind,
            "metadata": {"name": self.name},
            "spec": dict(self.job),
        }

    @property
    def composed(self) -> bool:
        """A ScaledJob has no formula."""
        return False


def scaled_job(body: Mapping[str, Any]) -> tuple[ScaledJob | None, tuple[Fault, ...]]:
    """Read *body*; the value is None when some fault is an error."""
    faults: list[Fault] = []
    root = Node(_without_replicas(body, faults), "", faults)
    meta, spec = root.child("metadata"), root.child("spec")
    name = meta.text("name", required=True)
    if len(name) > NAME_LIMIT:
        meta.fault("name", f"{len(name)} characters", f"at most {NAME_LIMIT}")
    annotations = meta.texts("annotations")
    excluded = {label.strip() for label in annotations.get(EXCLUDED_LABELS, "").split(",")}
    labels = meta.texts("labels")
    value = ScaledJob(
        name=name,
        namespace=meta.text("namespace") or "default",
        uid=meta.text("uid"),
        created=created_of(meta),
        generation=str(meta.raw("generation") or ""),
        job=_job(spec),
        labels={key: label for key, label in labels.items() if key not in excluded},
        annotations=annotations,
        container=spec.text("envSourceContainerName"),
        polling_s=spec.whole("pollingInterval", 30, at_least=1),
        settings=_settings(
            spec,
            paused=says(annotations, PAUSED),
            mode=Mode(one_of(meta, annotations, MODE, Mode.AUTO, tuple(Mode))),
        ),
        triggers=triggers_of(spec),
    )
    _refuse_replicas(spec, value.triggers)
    spec.unknown()
    found = tuple(faults)
    return (None if errors(found) else value), found


def _without_replicas(body: Mapping[str, Any], faults: list[Fault]) -> dict[str, Any]:
    """*body* without the fields of triggers that only replicas have, each with a warning."""
    spec = body.get("spec")
    if not isinstance(spec, dict) or not isinstance(triggers := spec.get("triggers"), list):
        return dict(body)
    ignored = ("metricType", "useCachedMetrics")
    kept = []
    for index, trigger in enumerate(triggers):
        if not isinstance(trigger, dict):
            kept.append(trigger)
            continue
        for key in ignored:
            if trigger.get(key):
                want = "no such field here: Jobs are counted by AverageValue and read each time"
                path = f"spec.triggers[{index}].{key}"
                faults.append(Fault(path, show(trigger[key]), want, Severity.WARNING))
        kept.append({key: value for key, value in trigger.items() if key not in ignored})
    return {**body, "spec": {**spec, "triggers": kept}}


def _refuse_replicas(spec: Node, triggers: tuple[TriggerBody, ...]) -> None:
    for trigger in triggers:
        if trigger.passive:
            want = "another trigger: Jobs have no replicas that share a load"
            spec.fault(f"triggers[{trigger.index}].type", trigger.type, want)


def _job(spec: Node) -> dict[str, Any]:
    """The JobSpec, complete enough to be created."""
    if not spec.has("jobTargetRef"):
        spec.fault("jobTargetRef", None, "a JobSpec")
        return {}
    ref = spec.child("jobTargetRef")
    if not ref.has("template"):
        ref.fault("template", None, "a pod template")
        return {}
    template = ref.child("template")
    template.child("metadata").texts("labels")
    pod = template.child("spec")
    containers = pod.children("containers")
    if not containers:
        pod.fault("containers", None, "at least one container")
    for container in containers:
        container.text("name", required=True)
    restart = pod.text("restartPolicy") or RESTARTS[0]
    if restart not in RESTARTS:
        pod.fault("restartPolicy", restart, "OnFailure or Never: a Job's pods may end")
    raw = spec.raw("jobTargetRef")
    made: dict[str, Any] = deepcopy(raw) if isinstance(raw, dict) else {}
    inner = made.get("template")
    if isinstance(inner, dict) and isinstance(inner.get("spec"), dict):
        inner["spec"]["restartPolicy"] = restart
    return made


def _settings(spec: Node, *, paused: bool, mode: Mode) -> JobSettings:
    low = spec.whole("minReplicaCount", 0)
    high = spec.whole("maxReplicaCount", 100, at_least=1)
    if low > high:
        want = f"at most maxReplicaCount, which is {high} and what counts"
        spec.fault("minReplicaCount", low, want, Severity.WARNING)
    strategy = spec.child("scalingStrategy")
    kind = _choice(strategy, "strategy", Strategy.DEFAULT)
    deduction = strategy.whole("customScalingQueueLengthDeduction", 0)
    share = _share(strategy, kind)
    conditions = _names(strategy, "pendingPodConditions")
    calculation = _choice(strategy, "multipleScalersCalculation", Calculation.MAX)
    strategy.unknown()
    rollout, propagation = _rollout(spec)
    return JobSettings(
        min=low,
        max=high,
        strategy=kind,
        deduction=deduction,
        share=share,
        calculation=calculation,
        begun_when=conditions,
        successes_kept=spec.whole("successfulJobsHistoryLimit", HISTORY),
        failures_kept=spec.whole("failedJobsHistoryLimit", HISTORY),
        rollout=rollout,
        propagation=propagation,
        paused=paused,
        mode=mode,
    )


def _choice(node: Node, key: str, default: Choice) -> Choice:
    """One of the names; another one counts as *default*, as in KEDA, but not silently."""
    names = [each.value for each in type(default)]
    found = node.text(key, default.value)
    if found in names:
        return type(default)(found)
    if found:
        want = did_you_mean(found, names, "one of " + ", ".join(names))
        node.fault(key, found, f"{want}; {default.value} is used", Severity.WARNING)
    return default


def _share(node: Node, kind: Strategy) -> Fraction:
    """The share of running Jobs that are still in the queue; all of them unless it is said."""
    key = "customScalingRunningJobPercentage"
    text = node.text(key)
    if not text:
        if kind is Strategy.CUSTOM:
            want = "a share such as '0.5'; every running Job is deducted"
            node.fault(key, None, want, Severity.WARNING)
        return Fraction(1)
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not isfinite(share) or not 0 <= share <= SHARE_LIMIT:
        node.fault(key, text, "a share of at least 0, such as '0.5'")
        return Fraction(1)
    return Fraction(share).limit_denominator(10**6)  # '0.29' is 29/100, not a float near it


def _names(node: Node, key: str) -> tuple[str, ...]:
    found = node.raw(key)
    if found is None:
        return ()
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        node.fault(key, found, "a list of texts")
        return ()
    return tuple(found)


def _rollout(spec: Node) -> tuple[Rollout, str]:
    """How edits reach Jobs that run, and how those are deleted."""
    strategies = [each.value for each in Rollout]
    node = spec.child("rollout")
    named = node.text("strategy", of=strategies)
    old = spec.text("rolloutStrategy", of=strategies)
    propagation = node.text("propagationPolicy", "background", of=tuple(PROPAGATION))
    node.unknown()
    if old:
        want = "deprecated; write rollout.strategy"
        spec.faults.append(Fault(spec.at("rolloutStrategy"), "", want, Severity.WARNING))
    return Rollout(old or named or Rollout.IMMEDIATE), PROPAGATION[propagation]
