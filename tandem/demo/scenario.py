"""What the demo plays: its numbers, and the objects that a user would write for the same job."""

from __future__ import annotations

from dataclasses import dataclass

from kube.client import Json

NAMESPACE = "demo"
WORKER = "worker"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Times in seconds.

    Attributes:
        messages: published at once, `publish_after_s` into the demo.
        work_s: how long a worker takes for one message.
        per_replica: the trigger's target; 300 messages at 20 want 15 replicas, capped by `most`.
        node_start_s: from asking the cloud for an instance until its node joins.
        spare_s: the demo fails when it takes so much longer than the work by all workers.
    """

    messages: int = 300
    publish_after_s: float = 3.0
    work_s: float = 0.6
    per_replica: int = 20
    most: int = 10
    polling_s: int = 2
    cooldown_s: int = 6
    empty_s: int = 8
    node_start_s: float = 6.0
    pod_start_s: float = 1.0
    spare_s: float = 97.0

    @property
    def longest_s(self) -> float:
        """Room for the work itself, by the most workers, and for everything around it: 115 s."""
        return self.spare_s + self.messages * self.work_s / self.most

    def manifests(self, trigger: Json, *, namespace: str = NAMESPACE) -> list[Json]:
        """A Provisioner, and a Deployment at zero with the ScaledObject that scales it."""
        types = ["t3.micro", "m5.large"]
        provisioner = {
            "apiVersion": "karpenter.k8s.aws/v1alpha1",
            "kind": "Provisioner",
            "metadata": {"name": "default"},
            "spec": {
                "provider": {"instanceTypes": types, "capacityType": ["on-demand", "spot"]},
                "requirements": [
                    {"key": "node.kubernetes.io/instance-type", "operator": "In", "values": types}
                ],
                "ttlSecondsAfterEmpty": self.empty_s,
            },
        }
        scaled_object = {
            "apiVersion": "keda.sh/v1alpha1",
            "kind": "ScaledObject",
            "metadata": {"name": WORKER, "namespace": namespace},
            "spec": {
                "scaleTargetRef": {"name": WORKER},
                "pollingInterval": self.polling_s,
                "cooldownPeriod": self.cooldown_s,
                "minReplicaCount": 0,
                "maxReplicaCount": self.most,
                "triggers": [trigger],
            },
        }
        return [provisioner, _deployment(namespace), scaled_object]


def _deployment(namespace: str) -> Json:
    labels = {"app": WORKER}
    container = {
        "name": WORKER,
        "image": "registry.invalid/worker:1",
        "resources": {"requests": {"cpu": "900m", "memory": "1Gi"}},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": WORKER, "namespace": namespace},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"terminationGracePeriodSeconds": 1, "containers": [container]},
            },
        },
    }
