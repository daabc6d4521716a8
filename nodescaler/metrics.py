"""What the node half counts, under the names that Karpenter's dashboards read, and our own.

Every metric is made on the registry that is passed in, so that two engines in one process (tests,
the simulator) never share a number. Limits: the part of Karpenter's list that this round measures.
Source: https://karpenter.sh/docs/reference/metrics/
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

STARTUP_BUCKETS_S = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 45, 60, 90, 120, 180, 300, 600, 900)
SOLVE_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class NodeMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, what: str, *labels: str) -> Counter:
            return Counter(f"karpenter_{name}", what, labels, registry=registry)

        def gauge(name: str, what: str, *labels: str) -> Gauge:
            return Gauge(f"karpenter_{name}", what, labels, registry=registry)

        def histogram(name: str, what: str, buckets: tuple[float, ...]) -> Histogram:
            return Histogram(f"karpenter_{name}", what, buckets=buckets, registry=registry)

        def plan(name: str, what: str) -> Gauge:
            return Gauge(f"tandem_plan_{name}", what, registry=registry)

        self.claims_created = counter(
            "nodeclaims_created", "NodeClaims created, by pool and reason", "nodepool", "reason"
        )
        self.claims_terminated = counter(
            "nodeclaims_terminated", "NodeClaims whose machine is gone", "nodepool"
        )
        self.claims_disrupted = counter(
            "nodeclaims_disrupted", "NodeClaims removed by decision", "nodepool", "reason"
        )
        self.nodes_created = counter("nodes_created", "Nodes that registered", "nodepool")
        self.nodes_terminated = counter("nodes_terminated", "Nodes drained and let go", "nodepool")
        self.scheduling_duration = histogram(
            "scheduler_scheduling_duration_seconds", "Time of one planning pass", SOLVE_BUCKETS_S
        )
        self.queue_depth = gauge("scheduler_queue_depth", "Pods in the planning pass")
        self.unschedulable_pods = gauge(
            "scheduler_unschedulable_pods_count", "Pods that no pool can take"
        )
        self.ignored_pods = gauge(
            "ignored_pods_count", "Pods of which no plan can say where they may go"
        )
        self.plan_usd = plan("usd_per_hour", "What the new nodes of the last plan cost")
        self.plan_bound_usd = plan(
            "bound_usd_per_hour", "What no set of new nodes for the last plan's pods undercuts"
        )
        self.plan_first_fit_usd = plan(
            "first_fit_usd_per_hour", "What those pods would cost packed first-fit-decreasing"
        )
        self.pods_startup = histogram(
            "pods_startup_duration_seconds", "From a pod's creation to Running", STARTUP_BUCKETS_S
        )
        self.pool_usage = gauge(
            "nodepools_usage", "What a pool's nodes have", "nodepool", "resource_type"
        )
        self.pool_limit = gauge(
            "nodepools_limit", "What a pool may have", "nodepool", "resource_type"
        )
