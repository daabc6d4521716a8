"""Faults of built-in objects that this program, its tests and kubectl's users meet.

Not a full copy of upstream's validation: what is not checked here is let pass.
Source: the validation of the API types of Kubernetes 1.37 (facts, checked by tests/contract).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tandem.sandbox.quantities import amount
from tandem.sandbox.status import (
    Cause,
    Json,
    duplicate_value,
    forbidden_field,
    invalid_value,
    required,
    unsupported_value,
)

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LABEL_RULE = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "
    "must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used "
    "for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
_EFFECTS = ("NoExecute", "NoSchedule", "PreferNoSchedule")
_LAST_PORT = 65535
_IMMUTABLE = "field is immutable"
_POD_CHANGES = (
    "pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only "
    "additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be "
    "set to 1 if it was previously negative)"
)
_SET_CHANGES = (
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "
    "'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and "
    "'minReadySeconds' are forbidden"
)
_SET_MUTABLE = {
    "replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy", "minReadySeconds",
}  # fmt: skip


def pod(obj: Json, old: Json | None) -> Iterator[Cause]:
    spec: Json = obj.get("spec") or {}
    if old is None:
        yield from pod_spec(spec, "spec", ("Always", "OnFailure", "Never"))
    elif _frozen(spec) != _frozen(old["spec"]) or _taken(spec, old["spec"], "tolerations"):
        yield forbidden_field("spec", _POD_CHANGES)
    elif _taken(old["spec"], spec, "schedulingGates"):
        detail = "only deletion is allowed, but found new scheduling gates"
        yield forbidden_field("spec.schedulingGates", detail)
    else:
        yield from _images(spec)


def _taken(spec: Json, old: Json, name: str) -> bool:
    """Whether the list *name* lost an item of *old*."""
    return any(each not in (spec.get(name) or ()) for each in old.get(name) or ())


def _images(spec: Json) -> Iterator[Cause]:
    for index, container in enumerate(spec.get("containers") or ()):
        if not container.get("image"):
            yield required(f"spec.containers[{index}].image")


def _frozen(spec: Json) -> Json:
    """Leave out what a pod may change."""
    free = {"activeDeadlineSeconds", "tolerations", "schedulingGates"}
    kept = {name: value for name, value in spec.items() if name not in free and value}
    for name in ("containers", "initContainers", "ephemeralContainers"):
        if name in kept:
            kept[name] = [{**each, "image": ""} for each in kept[name]]
    return kept


def pod_spec(spec: Json, path: str, policies: tuple[str, ...]) -> Iterator[Cause]:
    if not spec.get("containers"):
        yield required(f"{path}.containers")
    seen: set[str] = set()
    for name in ("initContainers", "containers"):
        for index, container in enumerate(spec.get(name) or ()):
            yield from _container(container, f"{path}.{name}[{index}]", seen)
    policy = spec.get("restartPolicy")
    if policy not in policies:
        yield unsupported_value(f"{path}.restartPolicy", policy, policies)
    yield from _volumes(spec, path)
    grace = spec.get("terminationGracePeriodSeconds", 0)
    if grace < 0:
        field = f"{path}.terminationGracePeriodSeconds"
        yield invalid_value(field, grace, "must be greater than or equal to 0")


def _container(container: Json, path: str, seen: set[str]) -> Iterator[Cause]:
    name = container.get("name", "")
    if not name:
        yield required(f"{path}.name")
    elif not _LABEL.fullmatch(name):
        yield invalid_value(f"{path}.name", name, _LABEL_RULE)
    elif name in seen:
        yield duplicate_value(f"{path}.name", name)
    seen.add(name)
    if not container.get("image"):
        yield required(f"{path}.image")
    for index, port in enumerate(container.get("ports") or ()):
        yield from _port(port.get("containerPort", 0), f"{path}.ports[{index}].containerPort")
    yield from _resources(container.get("resources") or {}, f"{path}.resources")


def _port(port: int, path: str) -> Iterator[Cause]:
    if not 0 < port <= _LAST_PORT:
        yield invalid_value(path, port, "must be between 1 and 65535, inclusive")


def _resources(resources: Json, path: str) -> Iterator[Cause]:
    limits: Json = resources.get("limits") or {}
    for name, text in (resources.get("requests") or {}).items():
        if amount(text) < 0:
            field = f"{path}.requests[{name}]"
            yield invalid_value(field, text, "must be greater than or equal to 0")
        if name in limits and amount(text) > amount(limits[name]):
            detail = f"must be less than or equal to {name} limit of {limits[name]}"
            yield invalid_value(f"{path}.requests", text, detail)


def _volumes(spec: Json, path: str) -> Iterator[Cause]:
    known = {volume.get("name") for volume in spec.get("volumes") or ()}
    for index, container in enumerate(spec.get("containers") or ()):
        for place, mount in enumerate(container.get("volumeMounts") or ()):
            if mount.get("name") not in known:
                field = f"{path}.containers[{index}].volumeMounts[{place}].name"
                yield Cause("FieldValueNotFound", f'Not found: "{mount.get("name", "")}"', field)


def matches(selector: Json, labels: Mapping[str, str]) -> bool:
    """Whether a structured label selector selects *labels*."""
    wanted: Json = selector.get("matchLabels") or {}
    if any(labels.get(key) != value for key, value in wanted.items()):
        return False
    return all(_expression(each, labels) for each in selector.get("matchExpressions") or ())


def _expression(expression: Json, labels: Mapping[str, str]) -> bool:
    key, values = expression["key"], expression.get("values") or []
    match expression["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case _:
            return key not in labels


def _selecting(obj: Json, old: Json | None, policies: tuple[str, ...]) -> Iterator[Cause]:
    """Check what Deployments, ReplicaSets, StatefulSets and DaemonSets share."""
    spec: Json = obj.get("spec") or {}
    selector, template = spec.get("selector"), spec.get("template") or {}
    labels: Json = (template.get("metadata") or {}).get("labels") or {}
    replicas = spec.get("replicas", 0)
    if replicas < 0:
        yield invalid_value("spec.replicas", replicas, "must be greater than or equal to 0")
    if selector is None:
        yield required("spec.selector")
    elif not selector:
        yield invalid_value("spec.selector", {}, "empty selector is invalid for deployment")
    elif not matches(selector, labels):
        detail = "`selector` does not match template `labels`"
        yield invalid_value("spec.template.metadata.labels", labels, detail)
    if old is not None and old["spec"].get("selector") != selector:
        yield invalid_value("spec.selector", selector, _IMMUTABLE)
    yield from pod_spec(template.get("spec") or {}, "spec.template.spec", policies)


def workload(obj: Json, old: Json | None) -> Iterator[Cause]:
    yield from _selecting(obj, old, ("Always",))


def stateful_set(obj: Json, old: Json | None) -> Iterator[Cause]:
    if old is not None:
        names = (obj["spec"].keys() | old["spec"].keys()) - _SET_MUTABLE
        if any(obj["spec"].get(name) != old["spec"].get(name) for name in names):
            yield forbidden_field("spec", _SET_CHANGES)
            return
    yield from _selecting(obj, None, ("Always",))


def job(obj: Json, old: Json | None) -> Iterator[Cause]:
    spec: Json = obj.get("spec") or {}
    for name in ("parallelism", "completions", "backoffLimit"):
        if (spec.get(name) or 0) < 0:
            yield invalid_value(f"spec.{name}", spec[name], "must be greater than or equal to 0")
    if old is None:
        template: Json = spec.get("template") or {}
        yield from pod_spec(
            template.get("spec") or {}, "spec.template.spec", ("OnFailure", "Never")
        )
        return
    frozen = ["selector", "completionMode"]
    if not old["spec"].get("suspend"):
        frozen.append("template")
    if spec.get("completionMode") != "Indexed":
        frozen.append("completions")
    for name in frozen:
        if old["spec"].get(name) != spec.get(name):
            yield invalid_value(f"spec.{name}", spec.get(name), _IMMUTABLE)


def cron_job(obj: Json, old: Json | None) -> Iterator[Cause]:
    del old
    spec: Json = obj.get("spec") or {}
    if not spec.get("schedule"):
        yield required("spec.schedule")
    template: Json = ((spec.get("jobTemplate") or {}).get("spec") or {}).get("template") or {}
    path = "spec.jobTemplate.spec.template.spec"
    yield from pod_spec(template.get("spec") or {}, path, ("OnFailure", "Never"))


def service(obj: Json, old: Json | None) -> Iterator[Cause]:
    spec: Json = obj.get("spec") or {}
    headless = spec.get("clusterIP") == "None" or spec.get("type") == "ExternalName"
    if not spec.get("ports") and not headless:
        yield required("spec.ports")
    for index, port in enumerate(spec.get("ports") or ()):
        yield from _port(port.get("port", 0), f"spec.ports[{index}].port")
    before = old["spec"].get("clusterIP") if old is not None else None
    if before is not None and spec.get("clusterIP") != before:
        address = spec.get("clusterIP", "")
        yield invalid_value("spec.clusterIPs[0]", [address], "may not change once set")


def node(obj: Json, old: Json | None) -> Iterator[Cause]:
    spec: Json = obj.get("spec") or {}
    for index, taint in enumerate(spec.get("taints") or ()):
        path = f"metadata.taints[{index}]"
        if not taint.get("key"):
            yield required(f"{path}.key")
        if taint.get("effect") not in _EFFECTS:
            yield unsupported_value(f"{path}.effect", taint.get("effect", ""), _EFFECTS)
    known = (old or {}).get("spec", {}).get("providerID")
    if known and spec.get("providerID") != known:
        yield forbidden_field("spec.providerID", "node updates may not change providerID once set")


def budget(obj: Json, old: Json | None) -> Iterator[Cause]:
    del old
    spec: Json = obj.get("spec") or {}
    if spec.get("minAvailable") is not None and spec.get("maxUnavailable") is not None:
        yield invalid_value("spec", spec, "minAvailable and maxUnavailable cannot be both set")


def claim(obj: Json, old: Json | None) -> Iterator[Cause]:
    spec: Json = obj.get("spec") or {}
    if not spec.get("accessModes"):
        yield required("spec.accessModes", "at least 1 access mode is required")
    if not ((spec.get("resources") or {}).get("requests") or {}).get("storage"):
        yield required("spec.resources[storage]")
    if old is not None and old["spec"].get("accessModes") != spec.get("accessModes"):
        yield forbidden_field("spec", "spec is immutable after creation")


def lease(obj: Json, old: Json | None) -> Iterator[Cause]:
    del old
    spec: Json = obj.get("spec") or {}
    for name, low in (("leaseDurationSeconds", 1), ("leaseTransitions", 0)):
        if spec.get(name) is not None and spec[name] < low:
            bound = "greater than 0" if low else "greater than or equal to 0"
            yield invalid_value(f"spec.{name}", spec[name], f"must be {bound}")


def configuration(obj: Json, old: Json | None) -> Iterator[Cause]:
    """Check a ConfigMap or Secret; once immutable, its data stays."""
    if old is None or not old.get("immutable"):
        return
    if not obj.get("immutable"):
        yield forbidden_field("immutable", "field is immutable when `immutable` is set")
    for name in ("data", "binaryData"):
        if obj.get(name) != old.get(name):
            yield forbidden_field(name, "field is immutable when `immutable` is set")


def secret(obj: Json, old: Json | None) -> Iterator[Cause]:
    if old is not None and obj.get("type") != old.get("type"):
        yield invalid_value("type", obj.get("type"), _IMMUTABLE)
    yield from configuration(obj, old)


def priority_class(obj: Json, old: Json | None) -> Iterator[Cause]:
    if old is not None and obj.get("value", 0) != old.get("value", 0):
        yield forbidden_field("value", "may not be changed in an update.")


def event(obj: Json, old: Json | None) -> Iterator[Cause]:
    """Check that an event is in the namespace of its object."""
    if old is not None:
        return
    involved: Json = obj.get("involvedObject") or obj.get("regarding") or {}
    expected = involved.get("namespace") or "default"
    found: Any = obj["metadata"].get("namespace")
    if found != expected and (involved.get("namespace") or found not in {"default", "kube-system"}):
        yield invalid_value(
            "involvedObject.namespace",
            involved.get("namespace", ""),
            "does not match event.namespace",
        )
