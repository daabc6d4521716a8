"""What the node half knows about the world, and what it decides: values, nothing else.

A `Snapshot` is everything that planning reads; a `Plan` is everything it answers. Nothing here
reads a clock or the API; times are aware datetimes that came in with the data. A Provisioner and a
NodePool are the same `NodePool` value, and nothing past the decoder knows which it was.

Units: cpu in millicores, other resources in base units (`core.resources`); prices in US dollars
per hour; durations in seconds, where None means never.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from nodescaler.core.demands import (
    NO_REQUIREMENTS,
    Gang,
    HostPort,
    PodPreference,
    PodTerm,
    Preference,
    Spread,
    Volume,
)
from nodescaler.core.labels import CAPACITY_TYPE, INSTANCE_TYPE, ZONE, Requirements
from nodescaler.core.resources import Resources, minus
from nodescaler.core.taints import Taint, Toleration

# ---------------------------------------------------------------- what can be bought


@dataclass(frozen=True, slots=True)
class Offering:
    """One way to buy an instance type.

    Attributes:
        reservation: identity of the capacity reservation it draws from; empty without one.
        count: how many machines are left of that reservation, over all offerings that name it;
            None without a limit.
    """

    zone: str
    capacity_type: str
    usd_per_hour: float
    available: bool = True
    reservation: str = ""
    count: int | None = None


@dataclass(frozen=True, slots=True)
class InstanceType:
    """A machine; its labels say all but the zone and capacity type, which are its offerings'."""

    name: str
    labels: Mapping[str, str]
    capacity: Resources
    overhead: Resources
    offerings: tuple[Offering, ...]

    @property
    def allocatable(self) -> dict[str, int]:
        """What pods can use: capacity less what the system keeps."""
        return {name: max(v, 0) for name, v in minus(self.capacity, self.overhead).items()}

    def labels_of(self, offering: Offering) -> dict[str, str]:
        """All labels of a node of this type that is bought as *offering*."""
        return {
            **self.labels,
            INSTANCE_TYPE: self.name,
            ZONE: offering.zone,
            CAPACITY_TYPE: offering.capacity_type,
        }


# ---------------------------------------------------------------- pools and claims


@dataclass(frozen=True, slots=True, order=True)
class NodeClassRef:
    group: str
    kind: str
    name: str


class Consolidation(StrEnum):
    WHEN_EMPTY = "WhenEmpty"
    WHEN_EMPTY_OR_UNDERUTILIZED = "WhenEmptyOrUnderutilized"
    BALANCED = "Balanced"


@dataclass(frozen=True, slots=True)
class Budget:
    """How many nodes of a pool may be disrupted at once; *nodes* is a count or a percentage."""

    nodes: str = "10%"
    reasons: tuple[str, ...] = ()
    schedule: str | None = None
    duration_s: float | None = None


@dataclass(frozen=True, slots=True)
class NodePool:
    """Which nodes may be made and when they go away.

    Attributes:
        kind: "NodePool" or "Provisioner": where status and events are written.
        node_class: None lets the engine choose its own cloud's default class.
        consolidate_after_s: None means never.
        template_hash: changes when nodes made from this template should be replaced.
    """

    name: str
    uid: str = ""
    kind: str = "NodePool"
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Taint, ...] = ()
    startup_taints: tuple[Taint, ...] = ()
    requirements: Requirements = NO_REQUIREMENTS
    node_class: NodeClassRef | None = None
    limits: Resources = field(default_factory=dict)
    weight: int = 0
    expire_after_s: float | None = None
    termination_grace_s: float | None = None
    consolidation: Consolidation = Consolidation.WHEN_EMPTY_OR_UNDERUTILIZED
    consolidate_after_s: float | None = 0.0
    budgets: tuple[Budget, ...] = (Budget(),)
    replicas: int | None = None
    template_hash: str = ""
    deleting: bool = False


@dataclass(frozen=True, slots=True)
class ClaimCondition:
    status: str
    reason: str = ""
    message: str = ""
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class ClaimState:
    """A NodeClaim: the promise of one node."""

    name: str
    uid: str
    pool: str
    created: datetime
    requirements: Requirements = NO_REQUIREMENTS
    requests: Resources = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Taint, ...] = ()
    startup_taints: tuple[Taint, ...] = ()
    node_class: NodeClassRef | None = None
    expire_after_s: float | None = None
    termination_grace_s: float | None = None
    provider_id: str = ""
    node_name: str = ""
    capacity: Resources = field(default_factory=dict)
    allocatable: Resources = field(default_factory=dict)
    last_pod_event: datetime | None = None
    deleting_since: datetime | None = None
    conditions: Mapping[str, ClaimCondition] = field(default_factory=dict)

    def is_true(self, condition: str) -> bool:
        return condition in self.conditions and self.conditions[condition].status == "True"


# ---------------------------------------------------------------- pods and nodes


@dataclass(frozen=True, slots=True, order=True)
class Owner:
    kind: str
    name: str
    uid: str = ""


@dataclass(frozen=True, slots=True)
class PodSpec:
    """A pod, with what decides where it may go.

    Attributes:
        alternatives: required node labels: the node selector joined with each OR-term of the
            required node affinity; one of them must accept the node. Never empty.
        beside: required pod affinity: each term wants such a pod in the same place.
        apart: required pod anti-affinity; it holds in both directions.
        company: preferred pod affinity and anti-affinity.
        volumes: keys of its PersistentVolumeClaims (``namespace/name``) in `Snapshot.volumes`.
        unplannable: why no plan can say where it may go, in words; empty when one can.
        node_name: where it is bound; empty for a pending pod.
        nominated_node: which node or claim it was planned for before; it goes there if it can, so
            that planning again while nodes are on their way changes nothing.
        deletes_at: its deletionTimestamp, which includes its grace period.
        protected_s: for how long after its start it must not be disrupted (the annotation
            karpenter.sh/do-not-disrupt); infinite for "true".
    """

    namespace: str
    name: str
    uid: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    requests: Resources = field(default_factory=dict)
    alternatives: tuple[Requirements, ...] = (NO_REQUIREMENTS,)
    preferences: tuple[Preference, ...] = ()
    tolerations: tuple[Toleration, ...] = ()
    host_ports: tuple[HostPort, ...] = ()
    beside: tuple[PodTerm, ...] = ()
    apart: tuple[PodTerm, ...] = ()
    company: tuple[PodPreference, ...] = ()
    spreads: tuple[Spread, ...] = ()
    volumes: tuple[str, ...] = ()
    gang: Gang | None = None
    unplannable: str = ""
    owner: Owner | None = None
    priority: int = 0
    priority_class: str = ""
    node_name: str = ""
    nominated_node: str = ""
    phase: str = "Pending"
    unschedulable: bool = False
    gated: bool = False
    mirror: bool = False
    created: datetime | None = None
    started: datetime | None = None
    deletes_at: datetime | None = None
    grace_s: float = 30.0
    protected_s: float = 0.0

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def is_daemon(self) -> bool:
        return self.owner is not None and self.owner.kind == "DaemonSet"

    @property
    def is_guarded(self) -> bool:
        """Whether it refuses some company, so that pods must be compared one by one."""
        return bool(self.apart or self.host_ports)

    @property
    def is_over(self) -> bool:
        return self.phase in {"Succeeded", "Failed"}


@dataclass(frozen=True, slots=True)
class DaemonSpec:
    """A DaemonSet: one such pod will run on each node that it accepts."""

    namespace: str
    name: str
    uid: str
    pod: PodSpec


@dataclass(frozen=True, slots=True)
class NodeState:
    """A node that exists, or a claim whose node is on its way (then *name* is the claim's).

    Attributes:
        pods: everything bound to it; what they request is used space.
        reserved: space that is spoken for beside them.
        pool: name of its pool; empty for a node that is not ours.
        since: when it last changed: the later of its initialisation and its last pod event.
        claim: name of its NodeClaim; empty for a node that is not ours.
        attach_limits: how many volumes of each CSI driver may be attached (from its CSINode).
    """

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Taint, ...] = ()
    startup_taints: tuple[Taint, ...] = ()
    capacity: Resources = field(default_factory=dict)
    allocatable: Resources = field(default_factory=dict)
    pods: tuple[PodSpec, ...] = ()
    reserved: Resources = field(default_factory=dict)
    provider_id: str = ""
    pool: str = ""
    claim: str = ""
    ready: bool = True
    registered: bool = True
    initialised: bool = True
    unschedulable: bool = False
    deleting: bool = False
    nominated: bool = False
    created: datetime | None = None
    since: datetime | None = None
    uid: str = ""
    attach_limits: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that planning reads, at one moment.

    Attributes:
        types: for each pool, by its name, the instance types its node class offers.
        pods: the pods to place; where they are bound is not looked at.
        usage: for each pool, what its claims already count against its limits (with ``nodes``).
        namespaces: labels of each namespace, for the terms that choose namespaces by label.
        volumes: the PersistentVolumeClaims that some pod mounts, by ``namespace/name``; a claim
            that a pod names and that is not here does not exist.
    """

    pools: tuple[NodePool, ...] = ()
    types: Mapping[str, tuple[InstanceType, ...]] = field(default_factory=dict)
    nodes: tuple[NodeState, ...] = ()
    pods: tuple[PodSpec, ...] = ()
    daemons: tuple[DaemonSpec, ...] = ()
    usage: Mapping[str, Resources] = field(default_factory=dict)
    namespaces: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    volumes: Mapping[str, Volume] = field(default_factory=dict)


# ---------------------------------------------------------------- the answer


@dataclass(frozen=True, slots=True)
class PlannedNode:
    """A node to launch.

    Attributes:
        name: within this plan only; the claim gets its own.
        instance_types: every type that would do, cheapest first; the first is *instance_type*.
        requirements: what the NodeClaim asks for: those types, zones and capacity types.
        labels: decided already, beside those of the instance.
        requests: of the pods and the daemons together.
        allocatable: of *instance_type*, before daemons and pods.
        min_values_relaxed: fewer types are left than some ``minValues`` asks for (BestEffort).
    """

    name: str
    pool: str
    instance_type: str
    zone: str
    capacity_type: str
    usd_per_hour: float
    instance_types: tuple[str, ...]
    pods: tuple[PodSpec, ...]
    requirements: Requirements = NO_REQUIREMENTS
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Taint, ...] = ()
    startup_taints: tuple[Taint, ...] = ()
    requests: Resources = field(default_factory=dict)
    allocatable: Resources = field(default_factory=dict)
    min_values_relaxed: bool = False


@dataclass(frozen=True, slots=True)
class Placement:
    """Pods that go onto a node that exists or is on its way."""

    node: str
    pods: tuple[PodSpec, ...]


@dataclass(frozen=True, slots=True)
class Unschedulable:
    pod: PodSpec
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Where each pod goes, and why some stay out.

    Attributes:
        lower_bound_per_hour: no set of new nodes can hold the pods of `new_nodes` for less.
        first_fit_per_hour: what the same pods cost packed first-fit-decreasing, as Karpenter does.
        relaxed: the preferences that were given up, one sentence for each class of pods.
        notes: what else a reader should know.
        is_partial: the deadline came first; what is not placed waits for the next plan.
    """

    new_nodes: tuple[PlannedNode, ...] = ()
    existing: tuple[Placement, ...] = ()
    unschedulable: tuple[Unschedulable, ...] = ()
    lower_bound_per_hour: float = 0.0
    first_fit_per_hour: float = 0.0
    method: str = ""
    relaxed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    is_partial: bool = False

    @property
    def usd_per_hour(self) -> float:
        return sum(node.usd_per_hour for node in self.new_nodes)
