"""What the server serves: one `Kind` a resource, with the names kubectl calls it by.

Source of names, categories and verbs: discovery of kube-apiserver 1.37.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True, slots=True)
class Sub:
    """A subresource as discovery shows it."""

    name: str
    kind: str
    verbs: tuple[str, ...] = ("get", "patch", "update")
    group: str = ""
    version: str = ""


STATUS = "status"
SCALE = Sub("scale", "Scale", group="autoscaling", version="v1")


@dataclass(frozen=True, slots=True)
class Kind:
    """One served version of one resource.

    `storage` names the table the objects live in: equal for all versions of a custom resource, and
    for core and events.k8s.io Events.
    """

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    short: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    verbs: tuple[str, ...] = VERBS
    subs: Mapping[str, Sub] = field(default_factory=dict)
    singular: str = ""
    list_kind: str = ""
    storage: str = ""
    definition: str = ""
    custom: bool = False

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """Name of the resource in messages: "pods", "deployments.apps"."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def has_status(self) -> bool:
        return STATUS in self.subs


def _kind(
    api_version: str, plural: str, kind: str, short: str = "", *, subs: str = "", **extra: object
) -> Kind:
    group, _, version = api_version.rpartition("/")
    found = Kind(
        group,
        version,
        plural,
        kind,
        short=tuple(short.split()),
        subs={name: _sub(name, kind) for name in subs.split()},
        singular=kind.lower(),
        list_kind=f"{kind}List",
        storage=f"{plural}.{group}",
        definition=definition_name(group, version, kind),
    )
    return replace(found, **extra)  # type: ignore[arg-type]  # the table below names real fields


def _sub(name: str, kind: str) -> Sub:
    known = {
        "scale": SCALE,
        "binding": Sub("binding", "Binding", ("create",)),
        "eviction": Sub("eviction", "Eviction", ("create",), "policy", "v1"),
        "log": Sub("log", kind, ("get",)),
        "finalize": Sub("finalize", kind, ("update",)),
        "token": Sub("token", "TokenRequest", ("create",), "authentication.k8s.io", "v1"),
    }
    return known.get(name, Sub(name, kind))


_PACKAGES = {"": "core", "apiextensions.k8s.io": "", "rbac.authorization.k8s.io": "rbac"}


def definition_name(group: str, version: str, kind: str) -> str:
    """Name the published schema of a kind."""
    if kind == "DeleteOptions":
        return f"io.k8s.apimachinery.pkg.apis.meta.v1.{kind}"
    if group == "apiregistration.k8s.io":
        return f"io.k8s.kube-aggregator.pkg.apis.apiregistration.{version}.{kind}"
    if group == "apiextensions.k8s.io":
        return f"io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.{version}.{kind}"
    package = _PACKAGES.get(group, group.removesuffix(".k8s.io"))
    return f"io.k8s.api.{package}.{version}.{kind}"


_ALL = ("all",)
_CLUSTER = False
_CREATE = ("create",)
_RBAC = "rbac.authorization.k8s.io/v1"
_STORAGE = "storage.k8s.io/v1"
_AUTHZ = "authorization.k8s.io/v1"

BUILTINS: tuple[Kind, ...] = (
    _kind("v1", "bindings", "Binding", verbs=_CREATE),
    _kind("v1", "configmaps", "ConfigMap", "cm"),
    _kind("v1", "endpoints", "Endpoints", "ep"),
    _kind("v1", "events", "Event", "ev"),
    _kind("v1", "limitranges", "LimitRange", "limits"),
    _kind(
        "v1", "namespaces", "Namespace", "ns", subs="finalize status", namespaced=_CLUSTER,
        verbs=tuple(verb for verb in VERBS if verb != "deletecollection"),
    ),
    _kind("v1", "nodes", "Node", "no", subs="status", namespaced=_CLUSTER),
    _kind("v1", "persistentvolumeclaims", "PersistentVolumeClaim", "pvc", subs="status"),
    _kind("v1", "persistentvolumes", "PersistentVolume", "pv", subs="status", namespaced=_CLUSTER),
    _kind("v1", "pods", "Pod", "po", subs="binding eviction log status", categories=_ALL),
    _kind("v1", "podtemplates", "PodTemplate"),
    _kind(
        "v1", "replicationcontrollers", "ReplicationController", "rc",
        subs="scale status", categories=_ALL,
    ),
    _kind("v1", "resourcequotas", "ResourceQuota", "quota", subs="status"),
    _kind("v1", "secrets", "Secret"),
    _kind("v1", "serviceaccounts", "ServiceAccount", "sa", subs="token"),
    _kind("v1", "services", "Service", "svc", subs="status", categories=_ALL),
    _kind("apps/v1", "controllerrevisions", "ControllerRevision"),
    _kind("apps/v1", "daemonsets", "DaemonSet", "ds", subs="status", categories=_ALL),
    _kind("apps/v1", "deployments", "Deployment", "deploy", subs="scale status", categories=_ALL),
    _kind("apps/v1", "replicasets", "ReplicaSet", "rs", subs="scale status", categories=_ALL),
    _kind("apps/v1", "statefulsets", "StatefulSet", "sts", subs="scale status", categories=_ALL),
    _kind("batch/v1", "cronjobs", "CronJob", "cj", subs="status", categories=_ALL),
    _kind("batch/v1", "jobs", "Job", subs="status", categories=_ALL),
    _kind(
        "autoscaling/v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler", "hpa",
        subs="status", categories=_ALL,
    ),
    _kind("policy/v1", "poddisruptionbudgets", "PodDisruptionBudget", "pdb", subs="status"),
    _kind("coordination.k8s.io/v1", "leases", "Lease"),
    _kind(_STORAGE, "csidrivers", "CSIDriver", namespaced=_CLUSTER),
    _kind(_STORAGE, "csinodes", "CSINode", namespaced=_CLUSTER),
    _kind(_STORAGE, "csistoragecapacities", "CSIStorageCapacity"),
    _kind(_STORAGE, "storageclasses", "StorageClass", "sc", namespaced=_CLUSTER),
    _kind(_STORAGE, "volumeattachments", "VolumeAttachment", subs="status", namespaced=_CLUSTER),
    _kind("scheduling.k8s.io/v1", "priorityclasses", "PriorityClass", "pc", namespaced=_CLUSTER),
    _kind("node.k8s.io/v1", "runtimeclasses", "RuntimeClass", namespaced=_CLUSTER),
    _kind(_RBAC, "clusterrolebindings", "ClusterRoleBinding", namespaced=_CLUSTER),
    _kind(_RBAC, "clusterroles", "ClusterRole", namespaced=_CLUSTER),
    _kind(_RBAC, "rolebindings", "RoleBinding"),
    _kind(_RBAC, "roles", "Role"),
    _kind("discovery.k8s.io/v1", "endpointslices", "EndpointSlice"),
    _kind("events.k8s.io/v1", "events", "Event", "ev", storage="events."),
    _kind(
        "apiextensions.k8s.io/v1", "customresourcedefinitions", "CustomResourceDefinition",
        "crd crds", subs="status", namespaced=_CLUSTER, categories=("api-extensions",),
    ),
    _kind(
        "apiregistration.k8s.io/v1", "apiservices", "APIService", subs="status",
        namespaced=_CLUSTER, categories=("api-extensions",),
    ),
    _kind("networking.k8s.io/v1", "ingresses", "Ingress", "ing", subs="status"),
    _kind("networking.k8s.io/v1", "networkpolicies", "NetworkPolicy", "netpol"),
    _kind(
        "admissionregistration.k8s.io/v1", "validatingwebhookconfigurations",
        "ValidatingWebhookConfiguration", namespaced=_CLUSTER, categories=("api-extensions",),
    ),
    _kind(
        "admissionregistration.k8s.io/v1", "mutatingwebhookconfigurations",
        "MutatingWebhookConfiguration", namespaced=_CLUSTER, categories=("api-extensions",),
    ),
    _kind(_AUTHZ, "localsubjectaccessreviews", "LocalSubjectAccessReview", verbs=_CREATE),
    _kind(
        _AUTHZ, "selfsubjectaccessreviews", "SelfSubjectAccessReview",
        namespaced=_CLUSTER, verbs=_CREATE,
    ),
    _kind(
        _AUTHZ, "selfsubjectrulesreviews", "SelfSubjectRulesReview",
        namespaced=_CLUSTER, verbs=_CREATE,
    ),
    _kind(
        _AUTHZ, "subjectaccessreviews", "SubjectAccessReview", namespaced=_CLUSTER, verbs=_CREATE
    ),
    _kind(
        "authentication.k8s.io/v1", "selfsubjectreviews", "SelfSubjectReview",
        namespaced=_CLUSTER, verbs=_CREATE,
    ),
    _kind(
        "authentication.k8s.io/v1", "tokenreviews", "TokenReview",
        namespaced=_CLUSTER, verbs=_CREATE,
    ),
)  # fmt: skip
