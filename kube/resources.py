"""Which URL an object lives at: the values `Resource` and the kinds that Tandem touches.

Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-uris
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from kube.errors import Invalid

_UNSAFE = re.compile(r"\A\.{1,2}\Z|[/%?#\\\s]")


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of the API.

    >>> PODS.path("shop", "web-0", "eviction")
    '/api/v1/namespaces/shop/pods/web-0/eviction'
    >>> NODES.path(name="a"), DEPLOYMENTS.path()
    ('/api/v1/nodes/a', '/apis/apps/v1/deployments')
    """

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(
        self, namespace: str | None = None, name: str | None = None, subresource: str | None = None
    ) -> str:
        """Where it is. Raises `Invalid` for a name that would lead to another place."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        parts = [root]
        if self.namespaced and namespace:
            parts += ["namespaces", namespace]
        parts.append(self.plural)
        parts += [part for part in (name, subresource) if part]
        for part in (namespace, name):
            if part and _UNSAFE.search(part):
                raise Invalid(f"{self.kind}: found {part!r}, which no object can be named")
        return "/".join(parts)


ENDPOINT_SLICES = Resource("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice")
PODS = Resource("", "v1", "pods", "Pod")
NODES = Resource("", "v1", "nodes", "Node", namespaced=False)
EVENTS = Resource("", "v1", "events", "Event")
POD_METRICS = Resource("metrics.k8s.io", "v1beta1", "pods", "PodMetrics")
SECRETS = Resource("", "v1", "secrets", "Secret")
SERVICE_ACCOUNTS = Resource("", "v1", "serviceaccounts", "ServiceAccount")
CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap")
LIMIT_RANGES = Resource("", "v1", "limitranges", "LimitRange")
NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
PERSISTENT_VOLUMES = Resource("", "v1", "persistentvolumes", "PersistentVolume", namespaced=False)
PERSISTENT_VOLUME_CLAIMS = Resource("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim")
DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment")
REPLICA_SETS = Resource("apps", "v1", "replicasets", "ReplicaSet")
STATEFUL_SETS = Resource("apps", "v1", "statefulsets", "StatefulSet")
DAEMON_SETS = Resource("apps", "v1", "daemonsets", "DaemonSet")
JOBS = Resource("batch", "v1", "jobs", "Job")
HORIZONTAL_POD_AUTOSCALERS = Resource(
    "autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler"
)
LEASES = Resource("coordination.k8s.io", "v1", "leases", "Lease")
POD_DISRUPTION_BUDGETS = Resource("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget")
STORAGE_CLASSES = Resource(
    "storage.k8s.io", "v1", "storageclasses", "StorageClass", namespaced=False
)
CSI_NODES = Resource("storage.k8s.io", "v1", "csinodes", "CSINode", namespaced=False)
CUSTOM_RESOURCE_DEFINITIONS = Resource(
    "apiextensions.k8s.io",
    "v1",
    "customresourcedefinitions",
    "CustomResourceDefinition",
    namespaced=False,
)
SCALED_OBJECTS = Resource("keda.sh", "v1alpha1", "scaledobjects", "ScaledObject")
SCALED_JOBS = Resource("keda.sh", "v1alpha1", "scaledjobs", "ScaledJob")
TRIGGER_AUTHENTICATIONS = Resource(
    "keda.sh", "v1alpha1", "triggerauthentications", "TriggerAuthentication"
)
CLUSTER_TRIGGER_AUTHENTICATIONS = Resource(
    "keda.sh",
    "v1alpha1",
    "clustertriggerauthentications",
    "ClusterTriggerAuthentication",
    namespaced=False,
)
CLOUD_EVENT_SOURCES = Resource(
    "eventing.keda.sh", "v1alpha1", "cloudeventsources", "CloudEventSource"
)
CLUSTER_CLOUD_EVENT_SOURCES = Resource(
    "eventing.keda.sh",
    "v1alpha1",
    "clustercloudeventsources",
    "ClusterCloudEventSource",
    namespaced=False,
)
NODE_POOLS = Resource("karpenter.sh", "v1", "nodepools", "NodePool", namespaced=False)
NODE_CLAIMS = Resource("karpenter.sh", "v1", "nodeclaims", "NodeClaim", namespaced=False)
PROVISIONERS = Resource(
    "karpenter.k8s.aws", "v1alpha1", "provisioners", "Provisioner", namespaced=False
)
EC2_NODE_CLASSES = Resource(
    "karpenter.k8s.aws", "v1", "ec2nodeclasses", "EC2NodeClass", namespaced=False
)
KWOK_NODE_CLASSES = Resource(
    "karpenter.kwok.sh", "v1alpha1", "kwoknodeclasses", "KWOKNodeClass", namespaced=False
)
VALIDATING_WEBHOOK_CONFIGURATIONS = Resource(
    "admissionregistration.k8s.io",
    "v1",
    "validatingwebhookconfigurations",
    "ValidatingWebhookConfiguration",
    namespaced=False,
)
