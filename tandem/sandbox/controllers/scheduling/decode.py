"""From the API's JSON to the scheduler's model. Pure.

Source: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from kube.client import Json
from kube.values.quantity import milli
from tandem.sandbox.controllers.scheduling.filters import ANY_IP
from tandem.sandbox.controllers.scheduling.model import (
    Claim,
    Class,
    Node,
    NodeTerm,
    Pod,
    PodTerm,
    Port,
    Spread,
    Taint,
    Toleration,
    Volume,
)
from tandem.sandbox.controllers.scheduling.requests import requests_of
from tandem.sandbox.controllers.scheduling.selecting import label_selector, node_term, topology
from tandem.sandbox.controllers.things import SELECTED_NODE, StorageClass, Thing

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def pod_of(found: Thing) -> Pod:
    created = found.metadata.creation_timestamp
    return _pod(
        found.spec,
        namespace=found.namespace,
        name=found.name,
        uid=found.uid,
        labels=found.labels,
        created=created.timestamp() if created else 0.0,
        leaving=found.leaving,
        nominated=str(found.status.get("nominatedNodeName") or ""),
    )


def pod_of_template(owner: Thing, template: Json) -> Pod:
    """What a pod of *template* would demand."""
    labels = (template.get("metadata") or {}).get("labels") or {}
    spec = template.get("spec") or {}
    return _pod(spec, namespace=owner.namespace, name=owner.name, labels=labels)


def _pod(spec: Json, *, namespace: str, labels: Mapping[str, str], **identity: Any) -> Pod:
    affinity = spec.get("affinity") or {}
    node = affinity.get("nodeAffinity") or {}
    near, apart = affinity.get("podAffinity") or {}, affinity.get("podAntiAffinity") or {}
    required = node.get(REQUIRED)
    return Pod(
        namespace=namespace,
        labels=labels,
        requests=requests_of(spec),
        node=spec.get("nodeName") or "",
        node_selector=spec.get("nodeSelector") or {},
        node_terms=node_terms(required) if required else None,
        node_wishes=tuple(
            NodeTerm(node_term(each.get("preference") or {}), int(each["weight"]))
            for each in node.get(PREFERRED) or []
        ),
        tolerations=tuple(map(toleration_of, spec.get("tolerations") or [])),
        near=tuple(_pod_term(each, namespace, labels) for each in near.get(REQUIRED) or []),
        apart=tuple(_pod_term(each, namespace, labels) for each in apart.get(REQUIRED) or []),
        near_wishes=tuple(_weighted(near, namespace, labels)),
        apart_wishes=tuple(_weighted(apart, namespace, labels)),
        spreads=tuple(_spread(e, labels) for e in spec.get("topologySpreadConstraints") or []),
        ports=frozenset(_ports(spec)),
        claims=tuple(_claims(spec, identity["name"])),
        gates=tuple(gate["name"] for gate in spec.get("schedulingGates") or []),
        priority=int(spec.get("priority") or 0),
        alike=_alike(spec, namespace, labels),
        **identity,
    )


ALIKE = (
    "nodeSelector",
    "affinity",
    "tolerations",
    "topologySpreadConstraints",
    "overhead",
    "volumes",
)
ALIKE_CONTAINER = ("resources", "ports", "restartPolicy")


def _alike(spec: Json, namespace: str, labels: Mapping[str, str]) -> str:
    """A word that is equal for pods that every filter treats alike."""
    demands = [spec.get(name) for name in ALIKE]
    containers = [
        [each.get(name) for name in ALIKE_CONTAINER]
        for kind in ("initContainers", "containers")
        for each in spec.get(kind) or []
    ]
    told = [namespace, dict(labels), demands, len(spec.get("initContainers") or []), containers]
    told.append(spec.get("resources"))
    return json.dumps(told, sort_keys=True)


def toleration_of(raw: Json) -> Toleration:
    return Toleration(
        raw.get("key") or "",
        raw.get("operator") == "Exists",
        raw.get("value") or "",
        raw.get("effect") or "",
    )


def node_terms(selector: Json) -> tuple[NodeTerm, ...]:
    """The terms of a NodeSelector; one of them must match, and an empty one never does."""
    return tuple(NodeTerm(node_term(each)) for each in selector.get("nodeSelectorTerms") or [])


def _weighted(affinity: Json, namespace: str, labels: Mapping[str, str]) -> Iterator[PodTerm]:
    for each in affinity.get(PREFERRED) or []:
        yield _pod_term(each["podAffinityTerm"], namespace, labels, int(each["weight"]))


def _pod_term(raw: Json, namespace: str, labels: Mapping[str, str], weight: int = 0) -> PodTerm:
    extra = [_own(key, "In", labels) for key in raw.get("matchLabelKeys") or [] if key in labels]
    extra += [_own(k, "NotIn", labels) for k in raw.get("mismatchLabelKeys") or [] if k in labels]
    named = frozenset(raw.get("namespaces") or [])
    spaces = raw.get("namespaceSelector")
    if not named and spaces is None:
        named = frozenset({namespace})
    return PodTerm(
        raw["topologyKey"],
        label_selector(_narrowed(raw.get("labelSelector"), extra)),
        named,
        None if spaces is None else label_selector(spaces),
        weight,
    )


def _own(key: str, operator: str, labels: Mapping[str, str]) -> Json:
    return {"key": key, "operator": operator, "values": [labels[key]]}


def _narrowed(selector: Json | None, extra: list[Json]) -> Json | None:
    """Add requirements; a missing selector matches nothing and stays so."""
    if selector is None or not extra:
        return selector
    given = selector.get("matchExpressions") or []
    return {**selector, "matchExpressions": [*given, *extra]}


def _spread(raw: Json, labels: Mapping[str, str]) -> Spread:
    extra = [_own(key, "In", labels) for key in raw.get("matchLabelKeys") or [] if key in labels]
    return Spread(
        raw["topologyKey"],
        int(raw["maxSkew"]),
        raw.get("whenUnsatisfiable") != "ScheduleAnyway",
        label_selector(_narrowed(raw.get("labelSelector"), extra)),
        int(raw.get("minDomains") or 1),
        raw.get("nodeAffinityPolicy", "Honor") == "Honor",
        raw.get("nodeTaintsPolicy", "Ignore") == "Honor",
    )


def _ports(spec: Json) -> Iterator[Port]:
    for container in spec.get("containers") or []:
        for port in container.get("ports") or []:
            if port.get("hostPort"):
                ip, protocol = port.get("hostIP") or ANY_IP, port.get("protocol") or "TCP"
                yield ip, int(port["hostPort"]), protocol


def _claims(spec: Json, pod: str) -> Iterator[str]:
    for volume in spec.get("volumes") or []:
        if volume.get("persistentVolumeClaim"):
            yield volume["persistentVolumeClaim"]["claimName"]
        elif volume.get("ephemeral"):
            yield f"{pod}-{volume['name']}"


def node_of(found: Thing) -> Node:
    status = found.status
    amounts = status.get("allocatable") or status.get("capacity") or {}
    return Node(
        name=found.name,
        labels=found.labels,
        taints=tuple(
            Taint(each["key"], each.get("value") or "", each.get("effect") or "")
            for each in found.spec.get("taints") or []
        ),
        unschedulable=bool(found.spec.get("unschedulable")),
        allocatable={name: milli(str(amount)) for name, amount in amounts.items()},
    )


def class_name(spec: Json) -> str:
    return str(spec.get("storageClassName") or "")


def claim_of(found: Thing) -> Claim:
    requests = (found.spec.get("resources") or {}).get("requests") or {}
    bound = found.phase == "Bound"
    return Claim(
        volume=str(found.spec.get("volumeName") or "") if bound else "",
        storage_class=class_name(found.spec),
        selected_node=found.annotations.get(SELECTED_NODE, ""),
        request=milli(str(requests.get("storage", "0"))),
        modes=frozenset(found.spec.get("accessModes") or []),
    )


def volume_of(found: Thing) -> Volume:
    required = (found.spec.get("nodeAffinity") or {}).get("required")
    capacity = (found.spec.get("capacity") or {}).get("storage", "0")
    return Volume(
        name=found.name,
        node_terms=node_terms(required) if required else None,
        labels=found.labels,
        driver=str((found.spec.get("csi") or {}).get("driver") or ""),
        storage_class=class_name(found.spec),
        capacity=milli(str(capacity)),
        modes=frozenset(found.spec.get("accessModes") or []),
        claimed=bool(found.spec.get("claimRef")),
    )


def class_of(found: StorageClass) -> Class:
    return Class(
        waits=found.volume_binding_mode == "WaitForFirstConsumer",
        provisioner=found.provisioner,
        topologies=tuple(map(topology, found.allowed_topologies)),
    )


def attach_limits_of(csi_node: Thing) -> dict[str, int]:
    """How many volumes of each driver the node can attach, as its CSINode says."""
    return {
        driver["name"]: int(driver["allocatable"]["count"])
        for driver in csi_node.spec.get("drivers") or []
        if (driver.get("allocatable") or {}).get("count") is not None
    }
