"""Rows of nodes, namespaces, events, configuration, storage and services.

Source: the printers of kube-apiserver 1.37 (facts, checked by tests/contract)
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tandem.sandbox.printing.ages import UNKNOWN, age
from tandem.sandbox.printing.workloads import NONE, born, parts
from tandem.sandbox.status import Json

_ROLE = "node-role.kubernetes.io/"
_MODES = {
    "ReadWriteOnce": "RWO",
    "ReadOnlyMany": "ROX",
    "ReadWriteMany": "RWX",
    "ReadWriteOncePod": "RWOP",
}
_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"


def node(obj: Json, now: datetime) -> list[Any]:
    name, spec, status = parts(obj)
    info: Json = status.get("nodeInfo") or {}
    addresses = {each["type"]: each["address"] for each in status.get("addresses") or ()}
    return [
        name,
        _node_state(spec, status),
        _roles(obj["metadata"].get("labels") or {}),
        born(obj, now),
        info.get("kubeletVersion", ""),
        addresses.get("InternalIP") or NONE,
        addresses.get("ExternalIP") or NONE,
        info.get("osImage") or UNKNOWN,
        info.get("kernelVersion") or UNKNOWN,
        info.get("containerRuntimeVersion") or UNKNOWN,
    ]


def _node_state(spec: Json, status: Json) -> str:
    ready = [each for each in status.get("conditions") or () if each["type"] == "Ready"]
    found = "Unknown"
    if ready:
        found = "Ready" if ready[0]["status"] == "True" else "NotReady"
    return f"{found},SchedulingDisabled" if spec.get("unschedulable") else found


def _roles(labels: Json) -> str:
    roles = {key.removeprefix(_ROLE) for key in labels if key.startswith(_ROLE)}
    roles |= {value for key, value in labels.items() if key == "kubernetes.io/role" and value}
    return ",".join(sorted(roles)) or NONE


def namespace(obj: Json, now: datetime) -> list[Any]:
    name, _, status = parts(obj)
    return [name, status.get("phase", ""), born(obj, now)]


def event(obj: Json, now: datetime) -> list[Any]:
    involved: Json = obj.get("involvedObject") or {}
    source: Json = obj.get("source") or {}
    first = obj.get("firstTimestamp") or obj.get("eventTime")
    last = (obj.get("series") or {}).get("lastObservedTime") or obj.get("lastTimestamp") or first
    count = (obj.get("series") or {}).get("count") or obj.get("count") or 1
    places = [
        source.get("component") or obj.get("reportingComponent") or "",
        source.get("host") or obj.get("reportingInstance") or "",
    ]
    return [
        age(last, now),
        obj.get("type", ""),
        obj.get("reason", ""),
        f"{involved.get('kind', '').lower()}/{involved.get('name', '')}",
        involved.get("fieldPath", ""),
        ", ".join(place for place in places if place),
        (obj.get("message") or "").strip(),
        age(first, now),
        count,
        obj["metadata"]["name"],
    ]


def config_map(obj: Json, now: datetime) -> list[Any]:
    count = len(obj.get("data") or ()) + len(obj.get("binaryData") or ())
    return [obj["metadata"]["name"], count, born(obj, now)]


def secret(obj: Json, now: datetime) -> list[Any]:
    return [
        obj["metadata"]["name"],
        obj.get("type", ""),
        len(obj.get("data") or ()),
        born(obj, now),
    ]


def lease(obj: Json, now: datetime) -> list[Any]:
    name, spec, _ = parts(obj)
    return [name, spec.get("holderIdentity") or "", born(obj, now)]


def service(obj: Json, now: datetime) -> list[Any]:
    name, spec, status = parts(obj)
    selector = spec.get("selector") or {}
    return [
        name,
        spec.get("type", ""),
        spec.get("clusterIP") or NONE,
        _external(spec, status),
        ",".join(_port(each) for each in spec.get("ports") or ()) or NONE,
        born(obj, now),
        ",".join(f"{key}={value}" for key, value in sorted(selector.items())) or NONE,
    ]


def _external(spec: Json, status: Json) -> str:
    if spec.get("type") == "ExternalName":
        return str(spec.get("externalName", ""))
    if spec.get("type") == "LoadBalancer":
        found = (status.get("loadBalancer") or {}).get("ingress") or ()
        shown = ",".join(each.get("ip") or each.get("hostname", "") for each in found)
        return shown or "<pending>"
    return ",".join(spec.get("externalIPs") or ()) or NONE


def _port(port: Json) -> str:
    outside = f":{port['nodePort']}" if port.get("nodePort") else ""
    return f"{port.get('port')}{outside}/{port.get('protocol', 'TCP')}"


def _modes(spec: Json) -> str:
    return ",".join(_MODES.get(mode, mode) for mode in spec.get("accessModes") or ())


def claim(obj: Json, now: datetime) -> list[Any]:
    name, spec, status = parts(obj)
    bound = bool(spec.get("volumeName"))
    return [
        name,
        "Terminating" if "deletionTimestamp" in obj["metadata"] else status.get("phase", ""),
        spec.get("volumeName", ""),
        (status.get("capacity") or {}).get("storage", "") if bound else "",
        _modes(status) if bound else "",
        spec.get("storageClassName", ""),
        spec.get("volumeAttributesClassName") or "<unset>",
        born(obj, now),
        spec.get("volumeMode", UNKNOWN),
    ]


def volume(obj: Json, now: datetime) -> list[Any]:
    name, spec, status = parts(obj)
    owner: Json = spec.get("claimRef") or {}
    return [
        name,
        (spec.get("capacity") or {}).get("storage", ""),
        _modes(spec),
        spec.get("persistentVolumeReclaimPolicy", ""),
        "Terminating" if "deletionTimestamp" in obj["metadata"] else status.get("phase", ""),
        f"{owner['namespace']}/{owner['name']}" if owner.get("name") else "",
        spec.get("storageClassName", ""),
        spec.get("volumeAttributesClassName") or "<unset>",
        status.get("reason", ""),
        born(obj, now),
        spec.get("volumeMode", UNKNOWN),
    ]


def storage_class(obj: Json, now: datetime) -> list[Any]:
    metadata = obj["metadata"]
    default = (metadata.get("annotations") or {}).get(_DEFAULT_CLASS) == "true"
    return [
        f"{metadata['name']} (default)" if default else metadata["name"],
        obj.get("provisioner", ""),
        obj.get("reclaimPolicy", "Delete"),
        obj.get("volumeBindingMode", "Immediate"),
        bool(obj.get("allowVolumeExpansion")),
        born(obj, now),
    ]


def service_account(obj: Json, now: datetime) -> list[Any]:
    return [obj["metadata"]["name"], born(obj, now)]


def priority_class(obj: Json, now: datetime) -> list[Any]:
    return [
        obj["metadata"]["name"],
        obj.get("value", 0),
        bool(obj.get("globalDefault")),
        born(obj, now),
        obj.get("preemptionPolicy", ""),
    ]
