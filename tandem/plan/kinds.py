"""The kinds that planning reads, and where a cluster keeps them.

An `apiVersion` that is not one of ours makes another kind of the same name: Knative has a Service
too. One that is missing is not held against a manifest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kube import resources as api
from kube.client import Json
from kube.resources import Resource

CSI_NODES = Resource("storage.k8s.io", "v1", "csinodes", "CSINode", namespaced=False)
RUNTIME_CLASSES = Resource("node.k8s.io", "v1", "runtimeclasses", "RuntimeClass", namespaced=False)
PRIORITY_CLASSES = Resource(
    "scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", namespaced=False
)

WORKLOADS = {
    "Deployment": api.DEPLOYMENTS,
    "ReplicaSet": api.REPLICA_SETS,
    "StatefulSet": api.STATEFUL_SETS,
    "Job": api.JOBS,
}
STORAGE = {
    "PersistentVolume": api.PERSISTENT_VOLUMES,
    "PersistentVolumeClaim": api.PERSISTENT_VOLUME_CLAIMS,
    "StorageClass": api.STORAGE_CLASSES,
    "CSINode": CSI_NODES,
}
NODE_CLASSES = {"KWOKNodeClass": api.KWOK_NODE_CLASSES, "EC2NodeClass": api.EC2_NODE_CLASSES}
POOLS = {"NodePool": api.NODE_POOLS, "Provisioner": api.PROVISIONERS}
OTHERS = {
    "Pod": api.PODS,
    "Node": api.NODES,
    "NodeClaim": api.NODE_CLAIMS,
    "DaemonSet": api.DAEMON_SETS,
    "Namespace": api.NAMESPACES,
    "RuntimeClass": RUNTIME_CLASSES,
    "PriorityClass": PRIORITY_CLASSES,
    "PodDisruptionBudget": api.POD_DISRUPTION_BUDGETS,
}
KINDS: Mapping[str, Resource] = {**WORKLOADS, **STORAGE, **NODE_CLASSES, **POOLS, **OTHERS}
OLD_GROUPS = {"Provisioner": ("karpenter.sh",)}  # v1alpha5

# What a cluster is asked for beside its pods. Budgets do not decide what is launched.
LIVE = (
    *NODE_CLASSES.values(),
    *POOLS.values(),
    api.NODES,
    api.NODE_CLAIMS,
    api.DAEMON_SETS,
    api.NAMESPACES,
    RUNTIME_CLASSES,
    PRIORITY_CLASSES,
    *STORAGE.values(),
)


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """Which object it is; *namespace* is empty for a kind that has none."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        path = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.kind} {path}"


def is_read(body: Json) -> bool:
    """Whether planning knows the kind.

    >>> is_read({"kind": "Pod"}), is_read({"kind": "Pod", "apiVersion": "example.com/v1"})
    (True, False)
    """
    kind = str(body["kind"])
    if kind not in KINDS:
        return False
    version = str(body.get("apiVersion") or "")
    group = version.rpartition("/")[0]
    return not version or group in {KINDS[kind].group, *OLD_GROUPS.get(kind, ())}
