"""Which strategy each built-in kind follows."""

from __future__ import annotations

from collections.abc import Mapping

from tandem.sandbox.builtins import checks, defaulting, preparing
from tandem.sandbox.builtins.crd_checks import crd_faults
from tandem.sandbox.builtins.strategy import Strategy

PLAIN = Strategy()

STRATEGIES: Mapping[str, Strategy] = {
    "pods": Strategy(
        default=defaulting.pod,
        prepare_create=preparing.new_pod,
        faults=checks.pod,
        grace=preparing.pod_grace_s,
        counts_generation=True,
        returns_deleted=True,
        status_keeps=("ownerReferences",),
    ),
    "namespaces": Strategy(
        default=defaulting.namespace,
        prepare_create=preparing.new_namespace,
        prepare_update=preparing.changed_namespace,
        held=preparing.namespace_held,
        leave=preparing.leaving_namespace,
        returns_deleted=True,
    ),
    "nodes": Strategy(prepare_create=preparing.new_node, faults=checks.node, status_on_create=True),
    "services": Strategy(
        default=defaulting.service,
        prepare_create=preparing.new_service,
        prepare_update=preparing.changed_service,
        faults=checks.service,
        returns_deleted=True,
        create_on_update=True,
    ),
    "secrets": Strategy(
        default=defaulting.secret,
        faults=checks.secret,
    ),
    "configmaps": Strategy(default=defaulting.config_map, faults=checks.configuration),
    "serviceaccounts": Strategy(returns_deleted=True),
    "events": Strategy(create_on_update=True, faults=checks.event),
    "events.events.k8s.io": Strategy(create_on_update=True, faults=checks.event),
    "endpoints": Strategy(create_on_update=True),
    "limitranges": Strategy(create_on_update=True),
    "resourcequotas": Strategy(prepare_create=preparing.emptied, returns_deleted=True),
    "podtemplates": Strategy(counts_generation=True, returns_deleted=True),
    "replicationcontrollers": Strategy(
        default=defaulting.replication_controller, counts_generation=True
    ),
    "persistentvolumeclaims": Strategy(
        default=defaulting.volume_claim,
        prepare_create=preparing.new_claim,
        faults=checks.claim,
        returns_deleted=True,
    ),
    "persistentvolumes": Strategy(
        default=defaulting.volume, prepare_create=preparing.new_claim, returns_deleted=True
    ),
    "deployments.apps": Strategy(
        default=defaulting.deployment,
        prepare_create=preparing.emptied,
        faults=checks.workload,
        counts_generation=True,
        status_keeps=("labels",),
    ),
    "replicasets.apps": Strategy(
        default=defaulting.replica_set, faults=checks.workload, counts_generation=True
    ),
    "statefulsets.apps": Strategy(
        default=defaulting.stateful_set, faults=checks.stateful_set, counts_generation=True
    ),
    "daemonsets.apps": Strategy(
        default=defaulting.daemon_set, faults=checks.workload, counts_generation=True
    ),
    "jobs.batch": Strategy(
        default=defaulting.job,
        prepare_create=preparing.new_job,
        faults=checks.job,
        counts_generation=True,
    ),
    "cronjobs.batch": Strategy(
        default=defaulting.cron_job, faults=checks.cron_job, counts_generation=True
    ),
    "horizontalpodautoscalers.autoscaling": Strategy(default=defaulting.autoscaler),
    "poddisruptionbudgets.policy": Strategy(
        prepare_create=preparing.new_budget, faults=checks.budget, counts_generation=True
    ),
    "leases.coordination.k8s.io": Strategy(
        faults=checks.lease, create_on_update=True, unconditional_update=False
    ),
    "storageclasses.storage.k8s.io": Strategy(
        default=defaulting.storage_class, returns_deleted=True
    ),
    "csinodes.storage.k8s.io": Strategy(returns_deleted=True, unconditional_update=False),
    "csidrivers.storage.k8s.io": Strategy(returns_deleted=True),
    "volumeattachments.storage.k8s.io": Strategy(returns_deleted=True),
    "runtimeclasses.node.k8s.io": Strategy(create_on_update=True, returns_deleted=True),
    "priorityclasses.scheduling.k8s.io": Strategy(
        default=defaulting.priority_class, faults=checks.priority_class, counts_generation=True
    ),
    "customresourcedefinitions.apiextensions.k8s.io": Strategy(
        default=defaulting.custom_resource_definition,
        faults=crd_faults,
        counts_generation=True,
        returns_deleted=True,
    ),
    "ingresses.networking.k8s.io": Strategy(counts_generation=True),
    "networkpolicies.networking.k8s.io": Strategy(counts_generation=True),
}


def strategy_of(qualified: str) -> Strategy:
    return STRATEGIES.get(qualified, PLAIN)
