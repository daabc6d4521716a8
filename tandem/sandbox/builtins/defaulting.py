"""Defaults that kube-apiserver gives to its own kinds, as far as kubectl and controllers see them.

Each function fills what is missing, in place, and leaves what is given.
Source: the defaulting of the API types of Kubernetes 1.37 (facts, checked by tests/contract)
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import Any

from tandem.sandbox.status import Json

NAMESPACES = "namespaces."
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_PROBE: Mapping[str, Any] = {
    "timeoutSeconds": 1,
    "periodSeconds": 10,
    "successThreshold": 1,
    "failureThreshold": 3,
}


def fill(target: Json, defaults: Mapping[str, Any]) -> None:
    for name, value in defaults.items():
        if target.get(name) is None:
            target[name] = dict(value) if isinstance(value, dict) else value


def section(obj: Json, name: str) -> Json:
    """Give the map at *name*, made when it is missing."""
    found = obj.get(name)
    if not isinstance(found, dict):
        found = obj[name] = {}
    return found


def pod_spec(spec: Json) -> None:
    fill(
        spec,
        {
            "restartPolicy": "Always",
            "terminationGracePeriodSeconds": 30,
            "dnsPolicy": "ClusterFirst",
            "securityContext": {},
            "schedulerName": "default-scheduler",
        },
    )
    if spec.get("serviceAccountName"):
        fill(spec, {"serviceAccount": spec["serviceAccountName"]})
    for container in containers(spec):
        _container(container, host_network=bool(spec.get("hostNetwork")))
    for volume in spec.get("volumes") or ():
        _volume(volume)
    for spread in spec.get("topologySpreadConstraints") or ():
        fill(spread, {"nodeAffinityPolicy": "Honor", "nodeTaintsPolicy": "Ignore"})


def containers(spec: Json) -> list[Json]:
    return [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]


def _container(container: Json, *, host_network: bool) -> None:
    fill(
        container,
        {
            "resources": {},
            "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "File",
            "imagePullPolicy": _pull_policy(container.get("image", "")),
        },
    )
    resources = container["resources"]
    limits: Json = resources.get("limits") or {}
    if limits:
        resources["requests"] = {**limits, **(resources.get("requests") or {})}
    for port in container.get("ports") or ():
        fill(port, {"protocol": "TCP"})
        if host_network and port.get("containerPort"):
            fill(port, {"hostPort": port["containerPort"]})
    for name in _PROBES:
        if container.get(name):
            _probe(container[name])
    for variable in container.get("env") or ():
        reference = (variable.get("valueFrom") or {}).get("fieldRef")
        if reference is not None:
            fill(reference, {"apiVersion": "v1"})


def _pull_policy(image: str) -> str:
    name = image.rpartition("/")[2]
    tagged = "@" in name or (":" in name and not name.endswith(":latest"))
    return "IfNotPresent" if tagged else "Always"


def _probe(probe: Json) -> None:
    fill(probe, _PROBE)
    if probe.get("httpGet") is not None:
        fill(probe["httpGet"], {"path": "/", "scheme": "HTTP"})


def _volume(volume: Json) -> None:
    modes = ("secret", "configMap", "projected", "downwardAPI")
    for name in modes:
        if volume.get(name) is not None:
            fill(volume[name], {"defaultMode": 420})
    if volume.get("hostPath") is not None:
        fill(volume["hostPath"], {"type": ""})
    if volume.keys() == {"name"}:
        volume["emptyDir"] = {}


def template(owner_spec: Json) -> None:
    pod_template = section(owner_spec, "template")
    section(pod_template, "metadata")
    pod_spec(section(pod_template, "spec"))


def pod(obj: Json) -> None:
    spec = section(obj, "spec")
    pod_spec(spec)
    fill(spec, {"enableServiceLinks": True})


def _percent(strategy: Json, names: Iterable[tuple[str, Any]]) -> None:
    if strategy.get("type") == "RollingUpdate":
        fill(section(strategy, "rollingUpdate"), dict(names))


def deployment(obj: Json) -> None:
    spec = section(obj, "spec")
    fill(spec, {"replicas": 1, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600})
    strategy = section(spec, "strategy")
    fill(strategy, {"type": "RollingUpdate"})
    _percent(strategy, [("maxUnavailable", "25%"), ("maxSurge", "25%")])
    template(spec)


def replica_set(obj: Json) -> None:
    spec = section(obj, "spec")
    fill(spec, {"replicas": 1})
    template(spec)


def replication_controller(obj: Json) -> None:
    spec = section(obj, "spec")
    fill(spec, {"replicas": 1})
    template(spec)
    labels = spec["template"]["metadata"].get("labels")
    if labels:
        fill(spec, {"selector": dict(labels)})
        fill(obj["metadata"], {"labels": dict(labels)})


def stateful_set(obj: Json) -> None:
    spec = section(obj, "spec")
    fill(
        spec,
        {
            "replicas": 1,
            "podManagementPolicy": "OrderedReady",
            "revisionHistoryLimit": 10,
            "serviceName": "",
        },
    )
    retention = section(spec, "persistentVolumeClaimRetentionPolicy")
    fill(retention, {"whenDeleted": "Retain", "whenScaled": "Retain"})
    strategy = section(spec, "updateStrategy")
    fill(strategy, {"type": "RollingUpdate"})
    _percent(strategy, [("partition", 0)])
    for claim in spec.get("volumeClaimTemplates") or ():
        fill(claim, {"apiVersion": "v1", "kind": "PersistentVolumeClaim"})
        volume_claim(claim)
        fill(section(claim, "status"), {"phase": "Pending"})
    template(spec)


def daemon_set(obj: Json) -> None:
    spec = section(obj, "spec")
    fill(spec, {"revisionHistoryLimit": 10})
    strategy = section(spec, "updateStrategy")
    fill(strategy, {"type": "RollingUpdate"})
    _percent(strategy, [("maxSurge", 0), ("maxUnavailable", 1)])
    template(spec)


def job(obj: Json) -> None:
    job_spec(section(obj, "spec"))
    template(obj["spec"])


def job_spec(spec: Json) -> None:
    if spec.get("completions") is None and spec.get("parallelism") is None:
        spec["completions"] = spec["parallelism"] = 1
    fill(
        spec,
        {
            "parallelism": 1,
            "backoffLimit": 2**31 - 1 if spec.get("backoffLimitPerIndex") is not None else 6,
            "completionMode": "NonIndexed",
            "suspend": False,
            "manualSelector": False,
            "podReplacementPolicy": "TerminatingOrFailed",
        },
    )


def cron_job(obj: Json) -> None:
    spec = section(obj, "spec")
    fill(
        spec,
        {
            "concurrencyPolicy": "Allow",
            "suspend": False,
            "successfulJobsHistoryLimit": 3,
            "failedJobsHistoryLimit": 1,
        },
    )
    nested = section(section(spec, "jobTemplate"), "spec")
    template(nested)


def service(obj: Json) -> None:
    spec = section(obj, "spec")
    fill(spec, {"type": "ClusterIP", "sessionAffinity": "None"})
    if spec["type"] == "ExternalName":
        return
    fill(spec, {"internalTrafficPolicy": "Cluster", "ipFamilyPolicy": "SingleStack"})
    spec.setdefault("ipFamilies", ["IPv4"])
    for port in spec.get("ports") or ():
        fill(port, {"protocol": "TCP"})
        fill(port, {"targetPort": port.get("port")})
    section(section(obj, "status"), "loadBalancer")


def namespace(obj: Json) -> None:
    name = obj["metadata"].get("name", "")
    section(obj["metadata"], "labels")["kubernetes.io/metadata.name"] = name


def config_map(obj: Json) -> None:
    """Leave out empty maps, as upstream does when it writes an object."""
    for name in ("data", "binaryData"):
        if name in obj and not obj[name]:
            del obj[name]


def secret(obj: Json) -> None:
    """What comes as text is kept in base64."""
    for name, value in (obj.pop("stringData", None) or {}).items():
        section(obj, "data")[name] = base64.b64encode(value.encode()).decode()
    fill(obj, {"type": "Opaque"})
    config_map(obj)


def volume_claim(obj: Json) -> None:
    fill(section(obj, "spec"), {"volumeMode": "Filesystem"})


def volume(obj: Json) -> None:
    defaults = {"persistentVolumeReclaimPolicy": "Retain", "volumeMode": "Filesystem"}
    fill(section(obj, "spec"), defaults)


def storage_class(obj: Json) -> None:
    fill(obj, {"reclaimPolicy": "Delete", "volumeBindingMode": "Immediate"})


def priority_class(obj: Json) -> None:
    fill(obj, {"preemptionPolicy": "PreemptLowerPriority"})


def autoscaler(obj: Json) -> None:
    spec = section(obj, "spec")
    fill(spec, {"minReplicas": 1})
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": 80}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]


def custom_resource_definition(obj: Json) -> None:
    spec = section(obj, "spec")
    fill(spec, {"conversion": {"strategy": "None"}})
    names = section(spec, "names")
    kind = names.get("kind") or ""
    fill(names, {"singular": kind.lower(), "listKind": f"{kind}List" if kind else ""})
