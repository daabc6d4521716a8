"""Where a case puts its objects, and the smallest valid objects to put there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from tests.contract.http import Api, Json

ROOTS: Final = {
    "pods": "/api/v1",
    "configmaps": "/api/v1",
    "secrets": "/api/v1",
    "events": "/api/v1",
    "serviceaccounts": "/api/v1",
    "services": "/api/v1",
    "replicationcontrollers": "/api/v1",
    "persistentvolumeclaims": "/api/v1",
    "deployments": "/apis/apps/v1",
    "replicasets": "/apis/apps/v1",
    "statefulsets": "/apis/apps/v1",
    "daemonsets": "/apis/apps/v1",
    "jobs": "/apis/batch/v1",
    "leases": "/apis/coordination.k8s.io/v1",
    "poddisruptionbudgets": "/apis/policy/v1",
}
NODES: Final = "/api/v1/nodes"
NAMESPACES: Final = "/api/v1/namespaces"
CRDS: Final = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
OWNER_LABEL: Final = "contract.tandem/space"


@dataclass(frozen=True, slots=True)
class Space:
    """One case's namespace; `suffix` makes names of cluster-wide objects its own.

    >>> Space("c-1", "1")("pods", "web", "status")
    '/api/v1/namespaces/c-1/pods/web/status'
    """

    name: str
    suffix: str

    def __call__(self, plural: str, *rest: str, root: str | None = None) -> str:
        return "/".join([root or ROOTS[plural], "namespaces", self.name, plural, *rest])

    def node_name(self, name: str) -> str:
        return f"{name}-{self.suffix}"


async def make_space(api: Api, suffix: str) -> Space:
    space = Space(f"contract-{suffix}", suffix)
    (await api.post(NAMESPACES, {"metadata": {"name": space.name}})).ok()
    return space


async def sweep_space(api: Api, space: Space) -> None:
    """Delete what could still react, and wait for the pods, lest they pend in the next case."""
    for plural in ("deployments", "statefulsets", "daemonsets", "jobs", "replicasets"):
        await api.delete(space(plural), {"propagationPolicy": "Background"})
    await api.delete(space("pods"), {"gracePeriodSeconds": 0})
    await api.eventually(space("pods"), lambda found: not found["items"])
    await api.delete(f"{NAMESPACES}/{space.name}")


async def sweep_nodes(api: Api, space: Space) -> None:
    await api.delete(NODES, labelSelector=f"{OWNER_LABEL}={space.suffix}")


def config_map(name: str = "a", **data: str) -> Json:
    return {"metadata": {"name": name}, "data": data}


def container(**fields: Any) -> Json:
    return {"name": "main", "image": "example.invalid/app:1"} | fields


def pod(name: str = "a", *, labels: Json | None = None, **spec: Any) -> Json:
    """A pod; keywords are fields of its spec."""
    return {
        "metadata": {"name": name, "labels": labels or {}},
        "spec": {"containers": [container()]} | spec,
    }


def workload(name: str, replicas: int, **spec: Any) -> Json:
    """A Deployment, ReplicaSet or StatefulSet whose pods are labelled app=name."""
    labels = {"app": name}
    template = {"metadata": {"labels": dict(labels)}, "spec": {"containers": [container()]}}
    fields = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return {"metadata": {"name": name}, "spec": fields | spec}


def budget(name: str, **spec: Any) -> Json:
    return {"metadata": {"name": name}, "spec": {"selector": {"matchLabels": {"app": "a"}}} | spec}


def node(name: str, space: Space, *, labels: Json | None = None, **spec: Any) -> Json:
    owned = {OWNER_LABEL: space.suffix} | (labels or {})
    return {"metadata": {"name": name, "labels": owned}, "spec": spec}
