"""The objects of the API, cut down to the fields that decoding reads.

Unknown fields are skipped by msgspec and never held. Attributes are snake_case, the JSON's
camelCase. `tests/nodescaler/decode/test_crds.py` holds the custom kinds against `crds/`.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from kube.objects import ObjectMeta

Amounts = dict[str, str | int | float]
Labels = dict[str, str]
META = ObjectMeta()


class Part(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """A piece of JSON of which only the named fields are read."""


# ---------------------------------------------------------------- pods


class Resourced(Part, frozen=True):
    requests: Amounts | None = None
    limits: Amounts | None = None


class Port(Part, frozen=True):
    host_port: int = 0
    protocol: str = "TCP"
    host_ip: str = msgspec.field(default="", name="hostIP")


class Container(Part, frozen=True):
    name: str = ""
    resources: Resourced | None = None
    ports: tuple[Port, ...] | None = None
    restart_policy: str = ""


class Expression(Part, frozen=True):
    key: str
    operator: str
    values: tuple[str, ...] | None = None
    min_values: int | None = None


class SelectorTerm(Part, frozen=True):
    match_expressions: tuple[Expression, ...] | None = None
    match_fields: tuple[Expression, ...] | None = None


class NodeSelector(Part, frozen=True):
    node_selector_terms: tuple[SelectorTerm, ...] = ()


class PreferredTerm(Part, frozen=True):
    weight: int = 0
    preference: SelectorTerm = SelectorTerm()


class NodeAffinity(Part, frozen=True):
    required: NodeSelector | None = msgspec.field(
        default=None, name="requiredDuringSchedulingIgnoredDuringExecution"
    )
    preferred: tuple[PreferredTerm, ...] | None = msgspec.field(
        default=None, name="preferredDuringSchedulingIgnoredDuringExecution"
    )


class LabelSelector(Part, frozen=True):
    match_labels: Labels | None = None
    match_expressions: tuple[Expression, ...] | None = None


class PodTermPart(Part, frozen=True):
    topology_key: str = ""
    label_selector: LabelSelector | None = None
    namespaces: tuple[str, ...] | None = None
    namespace_selector: LabelSelector | None = None
    match_label_keys: tuple[str, ...] | None = None
    mismatch_label_keys: tuple[str, ...] | None = None


class PreferredPodTerm(Part, frozen=True):
    weight: int = 0
    pod_affinity_term: PodTermPart = PodTermPart()


class PodAffinity(Part, frozen=True):
    """``podAffinity`` or ``podAntiAffinity``."""

    required: tuple[PodTermPart, ...] | None = msgspec.field(
        default=None, name="requiredDuringSchedulingIgnoredDuringExecution"
    )
    preferred: tuple[PreferredPodTerm, ...] | None = msgspec.field(
        default=None, name="preferredDuringSchedulingIgnoredDuringExecution"
    )


class Affinity(Part, frozen=True):
    node_affinity: NodeAffinity | None = None
    pod_affinity: PodAffinity | None = None
    pod_anti_affinity: PodAffinity | None = None


class TolerationPart(Part, frozen=True):
    key: str = ""
    operator: str = "Equal"
    value: str = ""
    effect: str = ""


class SpreadPart(Part, frozen=True):
    topology_key: str = ""
    max_skew: int = 1
    when_unsatisfiable: str = "DoNotSchedule"
    label_selector: LabelSelector | None = None
    min_domains: int | None = None
    node_affinity_policy: str | None = None
    node_taints_policy: str | None = None
    match_label_keys: tuple[str, ...] | None = None


class ClaimSource(Part, frozen=True):
    claim_name: str = ""


class StorageAsked(Part, frozen=True):
    """``spec`` of a PersistentVolumeClaim, also of the template of an ephemeral one.

    Attributes:
        storage_class_name: None leaves it to the default class; "" wants a volume of no class.
    """

    volume_name: str = ""
    storage_class_name: str | None = None
    access_modes: tuple[str, ...] | None = None
    volume_mode: str | None = None
    resources: Resourced | None = None
    selector: LabelSelector | None = None


class StorageTemplate(Part, frozen=True):
    spec: StorageAsked = StorageAsked()


class EphemeralSource(Part, frozen=True):
    volume_claim_template: StorageTemplate = StorageTemplate()


class VolumePart(Part, frozen=True):
    name: str = ""
    persistent_volume_claim: ClaimSource | None = None
    ephemeral: EphemeralSource | None = None


class NamePart(Part, frozen=True):
    name: str = ""


class PodBody(Part, frozen=True):
    """``spec`` of a pod, also of a pod template."""

    node_name: str = ""
    node_selector: Labels | None = None
    affinity: Affinity | None = None
    tolerations: tuple[TolerationPart, ...] | None = None
    containers: tuple[Container, ...] = ()
    init_containers: tuple[Container, ...] | None = None
    resources: Resourced | None = None
    overhead: Amounts | None = None
    priority: int | None = None
    priority_class_name: str = ""
    topology_spread_constraints: tuple[SpreadPart, ...] | None = None
    volumes: tuple[VolumePart, ...] | None = None
    resource_claims: tuple[NamePart, ...] | None = None
    scheduling_gates: tuple[NamePart, ...] | None = None
    termination_grace_period_seconds: int | None = None


class Condition(Part, frozen=True):
    type: str
    status: str = "Unknown"
    reason: str = ""
    message: str = ""
    last_transition_time: datetime | None = None


class PodStatus(Part, frozen=True):
    phase: str = "Pending"
    nominated_node_name: str = ""
    start_time: datetime | None = None
    conditions: tuple[Condition, ...] | None = None


class PodObject(Part, frozen=True):
    metadata: ObjectMeta
    spec: PodBody = PodBody()
    status: PodStatus = PodStatus()


class PodTemplate(Part, frozen=True):
    metadata: ObjectMeta = META
    spec: PodBody = PodBody()


class DaemonSetBody(Part, frozen=True):
    template: PodTemplate = PodTemplate()


class DaemonSetObject(Part, frozen=True):
    metadata: ObjectMeta
    spec: DaemonSetBody = DaemonSetBody()


class Replicas(Part, frozen=True):
    replicas: int = 1


class ReplicaSetObject(Part, frozen=True):
    metadata: ObjectMeta
    spec: Replicas = Replicas()


# ---------------------------------------------------------------- nodes, claims, pools


class TaintPart(Part, frozen=True):
    key: str
    effect: str = ""
    value: str | None = None


class NodeBody(Part, frozen=True):
    provider_id: str = msgspec.field(default="", name="providerID")
    taints: tuple[TaintPart, ...] | None = None
    unschedulable: bool = False


class NodeStatus(Part, frozen=True):
    capacity: Amounts | None = None
    allocatable: Amounts | None = None
    conditions: tuple[Condition, ...] | None = None


class NodeObject(Part, frozen=True):
    metadata: ObjectMeta
    spec: NodeBody = NodeBody()
    status: NodeStatus = NodeStatus()


class ClassRef(Part, frozen=True):
    group: str = ""
    kind: str = ""
    name: str = ""


class ClaimBody(Part, frozen=True):
    taints: tuple[TaintPart, ...] | None = None
    startup_taints: tuple[TaintPart, ...] | None = None
    requirements: tuple[Expression, ...] | None = None
    resources: Resourced | None = None
    node_class_ref: ClassRef | None = None
    expire_after: str = "720h"
    termination_grace_period: str | None = None


class ClaimStatus(Part, frozen=True):
    node_name: str = ""
    provider_id: str = msgspec.field(default="", name="providerID")
    capacity: Amounts | None = None
    allocatable: Amounts | None = None
    last_pod_event_time: datetime | None = None
    conditions: tuple[Condition, ...] | None = None


class NodeClaimObject(Part, frozen=True):
    metadata: ObjectMeta
    spec: ClaimBody = ClaimBody()
    status: ClaimStatus = ClaimStatus()


class TemplateMeta(Part, frozen=True):
    labels: Labels | None = None
    annotations: Labels | None = None


class ClaimTemplate(Part, frozen=True):
    metadata: TemplateMeta = TemplateMeta()
    spec: ClaimBody = ClaimBody()


class BudgetPart(Part, frozen=True):
    nodes: str = "10%"
    reasons: tuple[str, ...] | None = None
    schedule: str | None = None
    duration: str | None = None


class Disruption(Part, frozen=True):
    consolidate_after: str = "0s"
    consolidation_policy: str = "WhenEmptyOrUnderutilized"
    budgets: tuple[BudgetPart, ...] | None = None


class NodePoolBody(Part, frozen=True):
    template: ClaimTemplate = ClaimTemplate()
    disruption: Disruption = Disruption()
    limits: Amounts | None = None
    weight: int | None = None
    replicas: int | None = None


class NodePoolObject(Part, frozen=True):
    metadata: ObjectMeta
    spec: NodePoolBody = NodePoolBody()


class Provider(Part, frozen=True):
    """The inline settings; what else AWS had there belongs into an EC2NodeClass now."""

    instance_types: tuple[str, ...] | None = None
    capacity_type: tuple[str, ...] | str | None = None


class ProviderRef(Part, frozen=True):
    name: str = ""
    kind: str = "EC2NodeClass"
    api_version: str = ""


class ResourceLimits(Part, frozen=True):
    resources: Amounts | None = None


class Enabled(Part, frozen=True):
    enabled: bool = False


class ProvisionerBody(Part, frozen=True):
    annotations: Labels | None = None
    labels: Labels | None = None
    taints: tuple[TaintPart, ...] | None = None
    startup_taints: tuple[TaintPart, ...] | None = None
    requirements: tuple[Expression, ...] | None = None
    provider: Provider | None = None
    provider_ref: ProviderRef | None = None
    ttl_seconds_after_empty: int | None = None
    ttl_seconds_until_expired: int | None = None
    limits: ResourceLimits | None = None
    weight: int | None = None
    consolidation: Enabled | None = None


class ProvisionerObject(Part, frozen=True):
    metadata: ObjectMeta
    spec: ProvisionerBody = ProvisionerBody()


class KwokNodeClassBody(Part, frozen=True):
    node_registration_delay: str | None = None


class KwokNodeClassObject(Part, frozen=True):
    metadata: ObjectMeta
    spec: KwokNodeClassBody = KwokNodeClassBody()
