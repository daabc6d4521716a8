"""Pods, nodes and clusters for tests of the scheduler's core, made from the API's own JSON."""

from __future__ import annotations

from typing import Any

import msgspec

from kube.client import Json
from tandem.sandbox.controllers.scheduling.decode import (
    attach_limits_of,
    claim_of,
    class_of,
    node_of,
    pod_of,
    volume_of,
)
from tandem.sandbox.controllers.scheduling.model import Cluster, Node, Pod
from tandem.sandbox.controllers.things import StorageClass, Thing, thing

ZONE = "topology.kubernetes.io/zone"
HOST = "kubernetes.io/hostname"


def body(name: str, spec: Json, *, labels: Json | None = None, **more: Any) -> Thing:
    metadata = {"name": name, "namespace": "default", "uid": f"uid-{name}", "labels": labels or {}}
    return thing({"metadata": {**metadata, **more.pop("metadata", {})}, "spec": spec, **more})


def pod(
    name: str = "p",
    *,
    cpu: str = "0",
    app: str = "web",
    on: str = "",
    nominated: str = "",
    **spec: Any,
) -> Pod:
    container = {
        "name": "c",
        "resources": {"requests": {"cpu": cpu}},
        "ports": spec.pop("ports", []),
    }
    extra = {"namespace": spec.pop("namespace", "default")}
    given = {"containers": [container], "nodeName": on, **spec}
    status = {"nominatedNodeName": nominated} if nominated else {}
    return pod_of(body(name, given, labels={"app": app}, metadata=extra, status=status))


def node(
    name: str = "n", *, cpu: str = "4", pods: str = "110", labels: Json | None = None, **spec: Any
) -> Node:
    amounts = {"cpu": cpu, "memory": "8Gi", "pods": pods, **spec.pop("extra", {})}
    marks = {HOST: name, **(labels or {})}
    return node_of(body(name, spec, labels=marks, status={"allocatable": amounts}))


def cluster(*nodes: Node, pods: tuple[Pod, ...] = ()) -> Cluster:
    made = Cluster(namespaces={"default": {"team": "a"}, "other": {"team": "b"}})
    for there in nodes:
        made.put_node(there)
    for each in pods:
        if each.node:
            made.rooms[each.node].add(each)
        else:
            made.nominate(each)
    return made


def with_storage(
    made: Cluster,
    *,
    claims: dict[str, Json] | None = None,
    volumes: dict[str, Json] | None = None,
    classes: dict[str, Json] | None = None,
    limits: dict[str, dict[str, int]] | None = None,
) -> Cluster:
    for name, spec in (claims or {}).items():
        phase = "Bound" if spec.get("volumeName") else "Pending"
        made.claims["default", name] = claim_of(body(name, spec, status={"phase": phase}))
    for name, spec in (volumes or {}).items():
        labels = spec.pop("labels", {})
        made.volumes[name] = volume_of(body(name, spec, labels=labels))
    for name, fields in (classes or {}).items():
        found = msgspec.convert({"metadata": {"name": name}, **fields}, StorageClass)
        made.classes[name] = class_of(found)
    for name, drivers in (limits or {}).items():
        listed = [{"name": d, "allocatable": {"count": count}} for d, count in drivers.items()]
        made.attach_limits[name] = attach_limits_of(body(name, {"drivers": listed}))
    return made


def selector(app: str = "web") -> Json:
    return {"matchLabels": {"app": app}}


def near(app: str = "web", key: str = ZONE, **more: Any) -> Json:
    return {"labelSelector": selector(app), "topologyKey": key, **more}


def affinity(*terms: Json, anti: bool = False) -> Json:
    kind = "podAntiAffinity" if anti else "podAffinity"
    return {kind: {"requiredDuringSchedulingIgnoredDuringExecution": list(terms)}}


def node_affinity(*terms: Json) -> Json:
    required = {"nodeSelectorTerms": list(terms)}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}


def expression(key: str, operator: str, *values: str) -> Json:
    return {"key": key, "operator": operator, "values": list(values)}


def spread(skew: int = 1, key: str = ZONE, **more: Any) -> Json:
    given = {"whenUnsatisfiable": "DoNotSchedule", "labelSelector": selector()}
    return {"maxSkew": skew, "topologyKey": key, **given, **more}


def claimed(*names: str) -> list[Json]:
    return [{"name": name, "persistentVolumeClaim": {"claimName": name}} for name in names]
