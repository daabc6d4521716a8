"""A case for the real HPA and for Tandem: one workload, its pods, its metrics, and what is wanted.

Ages are in seconds before the moment when the case is set up; they keep far from the HPA's own
limits (30 s, 5 min), so that a slow machine changes no answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from kube.values import times

Json = dict[str, Any]

NAMESPACE = "hpa"
HELD = "tandem.test/held"  # a finalizer: what is deleted stays until the test ends
APP, SIDE = "app", "side"  # the containers
OPEN: Json = {  # no policy, no window and so nothing but the arithmetic
    "scaleUp": {
        "stabilizationWindowSeconds": 0,
        "policies": [{"type": "Pods", "value": 100_000, "periodSeconds": 15}],
    },
    "scaleDown": {
        "stabilizationWindowSeconds": 0,
        "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}],
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """Attributes:
    ready: the Ready condition; None: there is none.
    started, turned, measured: ages of start, last transition and sample; None: no such time.
    requests, usage: milli-cores and bytes by container; usage None: not measured.
    """

    phase: str = "Running"
    ready: bool | None = True
    started: int | None = 3600
    turned: int = 3500
    measured: int = 10
    window: int = 15
    deleted: bool = False
    requests: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    usage: Mapping[str, Mapping[str, int]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class External:
    """A metric of a source, in thousandths; no values: the source is down."""

    type: str = "AverageValue"
    target: int
    values: tuple[int, ...] = ()

    def spec(self, name: str) -> Json:
        key = "averageValue" if self.type == "AverageValue" else "value"
        target = {"type": self.type, key: f"{self.target}m"}
        return {"type": "External", "external": {"metric": {"name": name}, "target": target}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """cpu or memory; the target is a percentage, or milli-cores or bytes per pod."""

    name: str = "cpu"
    type: str = "Utilization"
    target: int
    container: str = ""

    @property
    def target_text(self) -> str:
        milli = self.name == "cpu" and self.type == "AverageValue"
        return f"{self.target}m" if milli else str(self.target)

    def spec(self, _: str) -> Json:
        if self.type == "Utilization":
            target: Json = {"type": self.type, "averageUtilization": self.target}
        else:
            target = {"type": self.type, "averageValue": self.target_text}
        if not self.container:
            return {"type": "Resource", "resource": {"name": self.name, "target": target}}
        source = {"name": self.name, "container": self.container, "target": target}
        return {"type": "ContainerResource", "containerResource": source}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Attributes:
    status_replicas: what the workload's controller says there is; None: `current`.
    behavior: as in autoscaling/v2; None: the field is left out.
    """

    name: str
    current: int
    low: int = 1
    high: int = 100
    metrics: tuple[External | Resource, ...]
    pods: tuple[Pod, ...] = ()
    status_replicas: int | None = None
    behavior: Json | None = field(default_factory=lambda: OPEN)

    def metric_name(self, index: int) -> str:
        return f"{self.name}-{index}"


def labels(case: str) -> dict[str, str]:
    return {"case": case}


def deployment(case: Case) -> Json:
    containers = [{"name": APP, "image": "none"}]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": case.name, "namespace": NAMESPACE},
        "spec": {
            "replicas": case.current,
            "selector": {"matchLabels": labels(case.name)},
            "template": {
                "metadata": {"labels": labels(case.name)},
                "spec": {"containers": containers},
            },
        },
    }


def autoscaler(case: Case) -> Json:
    body: Json = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": case.name, "namespace": NAMESPACE},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": case.name},
            "minReplicas": case.low,
            "maxReplicas": case.high,
            "metrics": [each.spec(case.metric_name(i)) for i, each in enumerate(case.metrics)],
        },
    }
    if case.behavior is not None:
        body["spec"]["behavior"] = case.behavior
    return body


def pod_body(case: str, name: str, pod: Pod) -> Json:
    containers = [
        {
            "name": container,
            "image": "none",
            "resources": {"requests": quantities(pod.requests.get(container, {}))},
        }
        for container in (APP, SIDE)
    ]
    meta: Json = {"name": name, "namespace": NAMESPACE, "labels": labels(case)}
    if pod.deleted:
        meta["finalizers"] = [HELD]
    return {"metadata": meta, "spec": {"containers": containers}}


def pod_status(pod: Pod, now: datetime) -> Json:
    status: Json = {"phase": pod.phase}
    if pod.started is not None:
        status["startTime"] = ago(now, pod.started)
    if pod.ready is not None:
        turned = ago(now, pod.turned)
        condition = {"type": "Ready", "status": str(pod.ready), "lastTransitionTime": turned}
        status["conditions"] = [condition]
    return status


def pod_metrics(case: str, name: str, pod: Pod, now: datetime) -> Json | None:
    if pod.usage is None:
        return None
    return {
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": labels(case)},
        "timestamp": ago(now, pod.measured),
        "window": f"{pod.window}s",
        "containers": [
            {"name": container, "usage": quantities(usage)}
            for container, usage in pod.usage.items()
        ],
    }


def quantities(amounts: Mapping[str, int]) -> dict[str, str]:
    return {k: f"{amount}m" if k == "cpu" else str(amount) for k, amount in amounts.items()}


def ago(now: datetime, seconds: int) -> str:
    return times.seconds(now - timedelta(seconds=seconds))
