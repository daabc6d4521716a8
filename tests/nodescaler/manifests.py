"""The model's values written back as manifests: what the decoder reads comes out the same.

Only what a manifest can say: a label selector or a node term cannot ask for "this value or none",
and a bound is an integer. `tests/nodescaler/test_manifests.py` holds both directions together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from nodescaler.core.demands import HostPort, PodPreference, PodTerm, Preference, Spread, Volume
from nodescaler.core.labels import HOSTNAME, Allowed, Requirement, Requirements
from nodescaler.core.model import PodSpec
from nodescaler.core.taints import Taint, Toleration

Json = dict[str, Any]
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
BOUND_BY = "pv.kubernetes.io/bind-completed"
IMAGE = "registry.k8s.io/pause:3.10"


def pod_manifest(pod: PodSpec) -> Json:
    """A v1.Pod that asks what *pod* asks."""
    spec: Json = {
        "containers": [_container(pod)],
        "terminationGracePeriodSeconds": int(pod.grace_s),
    }
    spec |= _present(
        nodeName=pod.node_name,
        affinity=_affinity(pod),
        tolerations=[_toleration(each) for each in pod.tolerations],
        topologySpreadConstraints=[_spread(each) for each in pod.spreads],
        volumes=[_mount(number, key) for number, key in enumerate(pod.volumes)],
        priority=pod.priority,
        priorityClassName=pod.priority_class,
    )
    metadata: Json = {"name": pod.name, "namespace": pod.namespace, "labels": dict(pod.labels)}
    metadata |= _present(
        uid=pod.uid, annotations=dict(pod.annotations), ownerReferences=_owner(pod)
    )
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": spec,
        "status": {"phase": pod.phase},
    }


def _present(**fields: Any) -> Json:
    return {name: value for name, value in fields.items() if value}


def _owner(pod: PodSpec) -> list[Json]:
    if pod.owner is None:
        return []
    of = {"apiVersion": "apps/v1", "kind": pod.owner.kind, "controller": True}
    return [{**of, "name": pod.owner.name, "uid": pod.owner.uid}]


def _container(pod: PodSpec) -> Json:
    asked = {name: value for name, value in pod.requests.items() if name != "pods"}
    extended = {name: value for name, value in asked.items() if "/" in name}
    return {
        "name": "main",
        "image": IMAGE,
        "resources": _present(requests=quantities(asked), limits=quantities(extended)),
        "ports": [_port(number, each) for number, each in enumerate(pod.host_ports)],
    }


def quantities(amounts: Mapping[str, int]) -> dict[str, str]:
    """Amounts as the API writes them."""
    return {
        name: f"{value}m" if name == "cpu" else str(value)
        for name, value in sorted(amounts.items())
    }


def _port(number: int, port: HostPort) -> Json:
    out: Json = {"containerPort": 8000 + number, "hostPort": port.port, "protocol": port.protocol}
    return out if port.ip == "0.0.0.0" else {**out, "hostIP": port.ip}


def _toleration(each: Toleration) -> Json:
    out = {"operator": each.operator}
    return out | _present(key=each.key, value=each.value, effect=each.effect)


def _mount(number: int, key: str) -> Json:
    claim = key.split("/", 1)[1]
    return {"name": f"v{number}", "persistentVolumeClaim": {"claimName": claim}}


# ---------------------------------------------------------------- where, beside whom


def _affinity(pod: PodSpec) -> Json:
    node = _present(
        **{
            REQUIRED: node_selector(pod.alternatives),
            PREFERRED: [_node_wish(each) for each in pod.preferences],
        }
    )
    return _present(
        nodeAffinity=node,
        podAffinity=_side(pod.beside, [each for each in pod.company if each.weight > 0]),
        podAntiAffinity=_side(pod.apart, [each for each in pod.company if each.weight < 0]),
    )


def node_selector(alternatives: Iterable[Requirements]) -> Json:
    """A node selector with one term for each alternative; empty when there is no demand."""
    terms = [{"matchExpressions": list(_node_lines(each))} for each in alternatives if each]
    return {"nodeSelectorTerms": terms} if terms else {}


def _node_wish(each: Preference) -> Json:
    return {
        "weight": each.weight,
        "preference": {"matchExpressions": list(_node_lines(each.terms))},
    }


def _node_lines(demands: Requirements) -> Iterator[Json]:
    """Pods know Gt and Lt only."""
    strict = {"Gte": ("Gt", -1), "Lte": ("Lt", 1)}
    for line in demands.lines():
        if line.operator in strict:
            operator, step = strict[line.operator]
            yield _line(Requirement(line.key, operator, (str(int(line.values[0]) + step),)))
        else:
            yield _line(line)


def _line(line: Requirement) -> Json:
    return {"key": line.key, "operator": line.operator} | _present(values=list(line.values))


def _side(required: Iterable[PodTerm], wishes: Iterable[PodPreference]) -> Json:
    wanted = [
        {"weight": abs(each.weight), "podAffinityTerm": _pod_term(each.term)} for each in wishes
    ]
    return _present(**{REQUIRED: [_pod_term(each) for each in required], PREFERRED: wanted})


def _pod_term(term: PodTerm) -> Json:
    out: Json = {"topologyKey": term.topology_key, **_selecting(term.selector)}
    if term.namespace_selector is not None:
        out["namespaceSelector"] = _label_selector(term.namespace_selector)
    return out | _present(namespaces=sorted(term.namespaces))


def _spread(each: Spread) -> Json:
    out: Json = {
        "topologyKey": each.topology_key,
        "maxSkew": each.max_skew,
        "whenUnsatisfiable": "DoNotSchedule" if each.hard else "ScheduleAnyway",
        "nodeAffinityPolicy": "Honor" if each.honours_affinity else "Ignore",
        "nodeTaintsPolicy": "Honor" if each.honours_taints else "Ignore",
        **_selecting(each.selector),
    }
    return {**out, "minDomains": each.min_domains} if each.min_domains > 1 else out


def _selecting(selector: Requirements) -> Json:
    """No selector at all selects nothing, which the model says with an impossible demand."""
    if selector.get(HOSTNAME) == Allowed():
        return {}
    return {"labelSelector": _label_selector(selector)}


def _label_selector(selector: Requirements) -> Json:
    lines = [_line(each) for each in selector.lines()]
    return {"matchExpressions": lines} if lines else {}


# ---------------------------------------------------------------- nodes and volumes


def node_manifest(
    name: str,
    labels: Mapping[str, str],
    taints: Iterable[Taint] = (),
    room: Mapping[str, int] | None = None,
    *,
    unschedulable: bool = False,
) -> Json:
    """A v1.Node that is ready."""
    have = quantities(room or {})
    keys = [{"key": t.key, "effect": t.effect, **_present(value=t.value)} for t in taints]
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": dict(labels)},
        "spec": _present(taints=keys, unschedulable=unschedulable),
        "status": {"capacity": have, "allocatable": have, "conditions": [ready]},
    }


def csi_node(name: str, limits: Mapping[str, int]) -> Json:
    """What the drivers on a node can attach."""
    drivers = [
        {"name": driver, "nodeID": name, "allocatable": {"count": count}}
        for driver, count in sorted(limits.items())
    ]
    return {"metadata": {"name": name}, "spec": {"drivers": drivers}}


def bound_claim(key: str, volume: Volume) -> tuple[Json, Json]:
    """The PersistentVolumeClaim ``namespace/name`` and the volume that it is bound to."""
    namespace, name = key.split("/", 1)
    pv = f"{namespace}-{name}"
    source: Json = {"hostPath": {"path": "/data"}}
    if volume.driver:
        source = {"csi": {"driver": volume.driver, "volumeHandle": volume.handle or pv}}
    shared = {"accessModes": ["ReadWriteMany"], "storageClassName": "manual"}
    affinity = node_selector(volume.alternatives)
    persistent = {
        "metadata": {"name": pv},
        "spec": {
            **shared,
            **source,
            "capacity": {"storage": "1Gi"},
            "claimRef": {"namespace": namespace, "name": name},
            **({"nodeAffinity": {"required": affinity}} if affinity else {}),
        },
    }
    claim = {
        "metadata": {"name": name, "namespace": namespace, "annotations": {BOUND_BY: "yes"}},
        "spec": {**shared, "volumeName": pv, "resources": {"requests": {"storage": "1Gi"}}},
    }
    return claim, persistent
