"""What a write to a built-in kind resets or fills in before it is checked.

Source: the registry strategies of Kubernetes 1.37 (facts, checked by tests/contract).
"""

from __future__ import annotations

from tandem.sandbox.builtins.defaulting import containers, section
from tandem.sandbox.status import Json

_GATED = {
    "type": "PodScheduled",
    "status": "False",
    "lastProbeTime": None,
    "lastTransitionTime": None,
    "reason": "SchedulingGated",
    "message": "Scheduling is blocked due to non-empty scheduling gates",
}
_QUALITY = ("cpu", "memory")


def new_pod(obj: Json) -> None:
    spec = section(obj, "spec")
    obj["status"] = {"phase": "Pending", "qosClass": quality(spec)}
    if spec.get("schedulingGates"):
        obj["status"]["conditions"] = [dict(_GATED)]


def quality(spec: Json) -> str:
    """Give the pod's QoS class.

    >>> quality({"containers": [{"name": "a"}]})
    'BestEffort'
    >>> both = {"cpu": "1", "memory": "1Gi"}
    >>> quality({"containers": [{"name": "a", "resources": {"requests": both, "limits": both}}]})
    'Guaranteed'
    """
    found = [container.get("resources") or {} for container in containers(spec)]
    if not any(_amounts(each, "requests") or _amounts(each, "limits") for each in found):
        return "BestEffort"
    return "Guaranteed" if all(_guaranteed(each) for each in found) else "Burstable"


def _amounts(resources: Json, name: str) -> Json:
    amounts: Json = resources.get(name) or {}
    return {key: amounts[key] for key in _QUALITY if key in amounts}


def _guaranteed(resources: Json) -> bool:
    limits = _amounts(resources, "limits")
    return len(limits) == len(_QUALITY) and _amounts(resources, "requests") in (limits, {})


def new_namespace(obj: Json) -> None:
    obj["status"] = {"phase": "Active"}
    spec = section(obj, "spec")
    finalizers = list(spec.get("finalizers") or ())
    spec["finalizers"] = finalizers if "kubernetes" in finalizers else [*finalizers, "kubernetes"]


def changed_namespace(obj: Json, old: Json) -> None:
    obj["spec"] = {**obj.get("spec", {}), "finalizers": old.get("spec", {}).get("finalizers", [])}


def namespace_held(obj: Json) -> bool:
    return bool((obj.get("spec") or {}).get("finalizers"))


def leaving_namespace(obj: Json) -> Json:
    return obj | {"status": (obj.get("status") or {}) | {"phase": "Terminating"}}


def new_node(obj: Json) -> None:
    """A new node takes no pods until it is ready (the admission plugin TaintNodesByCondition)."""
    taint = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}
    spec = section(obj, "spec")
    taints = list(spec.get("taints") or ())
    if not any(
        each.get("key") == taint["key"] and each.get("effect") == taint["effect"] for each in taints
    ):
        spec["taints"] = [*taints, taint]


def new_service(obj: Json) -> None:
    """A service keeps one address for life; here it follows from its uid."""
    spec = section(obj, "spec")
    if spec.get("type") == "ExternalName":
        return
    if not spec.get("clusterIP"):
        high, low = bytes.fromhex(obj["metadata"]["uid"][:4])
        spec["clusterIP"] = f"10.96.{high}.{low}"
    spec.setdefault("clusterIPs", [spec["clusterIP"]])


def changed_service(obj: Json, old: Json) -> None:
    """An update that names no address keeps the one there is."""
    spec, before = section(obj, "spec"), old.get("spec") or {}
    if spec.get("type") == "ExternalName":
        return
    for name in ("clusterIP", "clusterIPs"):
        if not spec.get(name) and before.get(name):
            spec[name] = before[name]


def new_claim(obj: Json) -> None:
    obj["status"] = {"phase": "Pending"}


def new_job(obj: Json) -> None:
    """A job finds its pods by its own uid, unless it brings a selector.

    Its own labels, when it brings none, are those of its template, as upstream reads it back.
    """
    spec = section(obj, "spec")
    if spec.get("manualSelector"):
        return
    metadata = obj["metadata"]
    uid, name = metadata["uid"], metadata.get("name", "")
    labels = {"controller-uid": uid, "job-name": name}
    labels |= {f"batch.kubernetes.io/{key}": value for key, value in labels.items()}
    pod_template = section(spec, "template")
    of_pods = section(section(pod_template, "metadata"), "labels")
    of_pods.update(labels)
    metadata["labels"] = metadata.get("labels") or dict(of_pods)
    spec["selector"] = {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}


def new_budget(obj: Json) -> None:
    obj["status"] = {
        "disruptionsAllowed": 0,
        "currentHealthy": 0,
        "desiredHealthy": 0,
        "expectedPods": 0,
    }


def emptied(obj: Json) -> None:
    obj["status"] = {}


def pod_grace_s(obj: Json, asked: int | None) -> int:
    """Seconds that a pod has to stop; one that never ran, or has ended, has none."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    if not spec.get("nodeName") or status.get("phase") in {"Failed", "Succeeded"}:
        return 0
    if asked is not None:
        return asked
    return int(spec.get("terminationGracePeriodSeconds", 30))
