"""What every controller of the node half works with, and its settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kube.client import Client
from kube.events import Recorder, Reference
from kube.resources import NODE_CLAIMS
from kube.values.times import Now
from nodescaler.clouds.base import Cloud
from nodescaler.core.lifecycle import Patience
from nodescaler.core.model import ClaimState, NodeClassRef, PodSpec
from nodescaler.core.settings import PackSettings
from nodescaler.metrics import NodeMetrics

DEFAULT_CLASS = NodeClassRef("karpenter.kwok.sh", "KWOKNodeClass", "tandem-default")
PACK = PackSettings(budget_s=0.5)
CLOUD_OF_KIND = {"KWOKNodeClass": "kwok", "EC2NodeClass": "aws"}


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """How the node half behaves.

    Attributes:
        cluster: what the cluster is called at the cloud; machines of other clusters are not ours.
        default_cloud: a pool that names no node class is launched here, with the cloud's defaults.
        default_class: what the NodeClaims of such a pool name; it need not exist.
        batch_idle_s: plan when no new pod came for so long (at once when no more can come, or 0).
        batch_max_s: plan so long after the first pod in any case.
        pack: how to plan.
        plan_deadline_s: a plan is cut short after so long, wall clock; what it has not placed by
            then waits for the next one.
        node_startup_s: how long a kwok machine takes to join where its class does not say.
        nominated_s: a node that was chosen for a pending pod is not removed until the pod is bound,
            but for so long at most.
        settle_s: a plan waits at most so long for launches that were asked for before.
        resync_s: how often pools and node classes are listed again; 0 for never.
        sweep_s: how often the clouds are asked for machines that have no claim (a read).
        patience: how long a claim may take to launch and to register.
    """

    cluster: str = "tandem"
    default_cloud: str = "kwok"
    default_class: NodeClassRef = DEFAULT_CLASS
    batch_idle_s: float = 1.0
    batch_max_s: float = 10.0
    pack: PackSettings = PACK
    plan_deadline_s: float = 60.0
    node_startup_s: float = 0.0
    nominated_s: float = 20.0
    settle_s: float = 10.0
    resync_s: float = 600.0
    sweep_s: float = 120.0
    patience: Patience = field(default_factory=Patience)


@dataclass(frozen=True, slots=True)
class Kit:
    client: Client
    clouds: Mapping[str, Cloud]
    recorder: Recorder
    now: Now
    settings: NodeSettings
    metrics: NodeMetrics

    def cloud_of(self, ref: NodeClassRef | None) -> Cloud | None:
        """The cloud that a node class belongs to; None when it is not configured."""
        name = self.settings.default_cloud if ref is None else CLOUD_OF_KIND.get(ref.kind, "")
        return self.clouds.get(name)


def about_claim(claim: ClaimState) -> Reference:
    return Reference(NODE_CLAIMS.api_version, NODE_CLAIMS.kind, claim.name, uid=claim.uid)


def about_pod(pod: PodSpec) -> Reference:
    return Reference("v1", "Pod", pod.name, namespace=pod.namespace, uid=pod.uid)
