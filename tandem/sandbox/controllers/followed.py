"""Which resources can own or be owned, and fill a namespace: built-in ones and those of CRDs."""

from __future__ import annotations

from kube import resources as known
from kube.resources import Resource
from tandem.sandbox.controllers.things import Thing, is_true

SERVICES = Resource("", "v1", "services", "Service")
SERVICE_ACCOUNTS = Resource("", "v1", "serviceaccounts", "ServiceAccount")
CSI_NODES = Resource("storage.k8s.io", "v1", "csinodes", "CSINode", namespaced=False)

BUILT_IN: tuple[Resource, ...] = (
    known.PODS,
    known.NODES,
    known.REPLICA_SETS,
    known.DEPLOYMENTS,
    known.STATEFUL_SETS,
    known.DAEMON_SETS,
    known.JOBS,
    known.PERSISTENT_VOLUME_CLAIMS,
    known.PERSISTENT_VOLUMES,
    known.CONFIG_MAPS,
    known.SECRETS,
    known.LEASES,
    known.POD_DISRUPTION_BUDGETS,
    known.NAMESPACES,
    known.CUSTOM_RESOURCE_DEFINITIONS,
    SERVICES,
    SERVICE_ACCOUNTS,
    Resource("apps", "v1", "controllerrevisions", "ControllerRevision"),
    Resource("batch", "v1", "cronjobs", "CronJob"),
    Resource("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler"),
)


def custom(definition: Thing) -> Resource | None:
    """The resource that an established CRD declares, in its stored version."""
    usable = is_true(definition, "Established") and not definition.leaving
    return declared(definition) if usable else None


def declared(definition: Thing) -> Resource | None:
    """The resource that a CRD declares, served or not."""
    spec, names = definition.spec, definition.spec["names"]
    version = next((v["name"] for v in spec["versions"] if v.get("storage")), None)
    if version is None:
        return None
    scoped = spec.get("scope") == "Namespaced"
    return Resource(spec["group"], version, names["plural"], names["kind"], namespaced=scoped)
