"""What the scheduler knows: pods as demands, nodes with the room that is left. Pure.

All amounts are integers, in thousandths of the resource's unit. The snapshot is changed in place
while pods are placed one after the other; everything it holds is frozen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

Key = tuple[str, str]
Labels = Mapping[str, str]
Selects = Callable[[Labels], bool]
NodeMatches = Callable[[Labels, str], bool]
Group = tuple[str, tuple[tuple[str, str], ...]]  # namespace, sorted labels
Port = tuple[str, int, str]  # host IP, port, protocol


@dataclass(frozen=True, slots=True)
class Taint:
    key: str
    value: str
    effect: str


@dataclass(frozen=True, slots=True)
class Toleration:
    """An empty key with Exists tolerates everything; an empty effect every effect."""

    key: str = ""
    exists: bool = False
    value: str = ""
    effect: str = ""

    def covers(self, taint: Taint) -> bool:
        if self.effect and self.effect != taint.effect:
            return False
        if self.key and self.key != taint.key:
            return False
        return self.exists or (bool(self.key) and self.value == taint.value)


@dataclass(frozen=True, slots=True)
class NodeTerm:
    """One term of a node affinity: labels of the node and its name (matchFields)."""

    matches: NodeMatches
    weight: int = 0


@dataclass(frozen=True, slots=True)
class PodTerm:
    """One term of a pod (anti-)affinity, with its namespaces resolved as far as the pod allows."""

    topology_key: str
    selects: Selects
    namespaces: frozenset[str]
    namespace_selects: Selects | None = None
    weight: int = 0

    def matches(self, pod: Pod, namespaces: Mapping[str, Labels]) -> bool:
        return self._covers(pod.namespace, namespaces) and self.selects(pod.labels)

    def _covers(self, namespace: str, namespaces: Mapping[str, Labels]) -> bool:
        if namespace in self.namespaces:
            return True
        if self.namespace_selects is None:
            return False
        return self.namespace_selects(namespaces.get(namespace, {}))


@dataclass(frozen=True, slots=True)
class Spread:
    topology_key: str
    max_skew: int
    hard: bool
    selects: Selects
    min_domains: int = 1
    honor_affinity: bool = True
    honor_taints: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """Everything about a pod that decides where it may run.

    `alike` is equal for pods that any node treats equally as far as the filters of one node go.
    `nominated` names the node where it is to go if it can; that node may not exist.
    """

    namespace: str
    name: str
    uid: str = ""
    labels: Labels = field(default_factory=dict)
    requests: Mapping[str, int] = field(default_factory=dict)
    node: str = ""
    nominated: str = ""
    node_selector: Labels = field(default_factory=dict)
    node_terms: tuple[NodeTerm, ...] | None = None
    node_wishes: tuple[NodeTerm, ...] = ()
    tolerations: tuple[Toleration, ...] = ()
    near: tuple[PodTerm, ...] = ()
    apart: tuple[PodTerm, ...] = ()
    near_wishes: tuple[PodTerm, ...] = ()
    apart_wishes: tuple[PodTerm, ...] = ()
    spreads: tuple[Spread, ...] = ()
    ports: frozenset[Port] = frozenset()
    claims: tuple[str, ...] = ()
    gates: tuple[str, ...] = ()
    priority: int = 0
    created: float = 0.0
    leaving: bool = False
    alike: str = ""

    @property
    def key(self) -> Key:
        return (self.namespace, self.name)

    @property
    def social(self) -> bool:
        """Do other pods' places decide where it may go?"""
        return bool(self.near or self.apart or self.spreads)

    @property
    def opinionated(self) -> bool:
        """Does it care who else comes near?"""
        return bool(self.near or self.apart or self.near_wishes or self.apart_wishes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    name: str
    labels: Labels = field(default_factory=dict)
    taints: tuple[Taint, ...] = ()
    unschedulable: bool = False
    allocatable: Mapping[str, int] = field(default_factory=dict)


# What a pod without requests counts for when nodes are compared, so that it weighs something.
LEAST_REQUEST = {"cpu": 100, "memory": 200 * 1024 * 1024 * 1000}


@dataclass(slots=True)
class Room:
    """A node and what is on it.

    `used` is kept equal to the sum of the pods' requests; `weight` counts at least `LEAST_REQUEST`
    for each pod and serves scores only. `groups` counts the pods that stay by namespace and labels,
    so that a selector is asked once a group and not once a pod; `opinionated` are the few pods
    whose own terms a newcomer must be held against.
    """

    node: Node
    pods: dict[Key, Pod] = field(default_factory=dict)
    used: dict[str, int] = field(default_factory=dict)
    weight: dict[str, int] = field(default_factory=lambda: dict.fromkeys(LEAST_REQUEST, 0))
    groups: Counter[Group] = field(default_factory=Counter)
    opinionated: dict[Key, Pod] = field(default_factory=dict)

    def add(self, pod: Pod) -> None:
        self.remove(pod.key)
        self.pods[pod.key] = pod
        if pod.opinionated:
            self.opinionated[pod.key] = pod
        self._count(pod, 1)

    def remove(self, key: Key) -> None:
        pod = self.pods.pop(key, None)
        self.opinionated.pop(key, None)
        if pod is not None:
            self._count(pod, -1)

    def crowded(self, guests: Iterable[Pod]) -> Room:
        """A copy in which *guests* are, too."""
        made = replace(
            self,
            pods=dict(self.pods),
            used=dict(self.used),
            weight=dict(self.weight),
            groups=Counter(self.groups),
            opinionated=dict(self.opinionated),
        )
        for guest in guests:
            made.add(guest)
        return made

    def _count(self, pod: Pod, sign: int) -> None:
        for name, amount in pod.requests.items():
            self.used[name] = self.used.get(name, 0) + sign * amount
        for name, least in LEAST_REQUEST.items():
            self.weight[name] += sign * (pod.requests.get(name, 0) or least)
        if not pod.leaving:
            group = (pod.namespace, tuple(sorted(pod.labels.items())))
            self.groups[group] += sign
            if not self.groups[group]:
                del self.groups[group]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A PersistentVolumeClaim; `volume` is empty until it is bound."""

    volume: str = ""
    storage_class: str = ""
    selected_node: str = ""
    request: int = 0
    modes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """A PersistentVolume: where it can be attached, and to whom it belongs."""

    name: str
    node_terms: tuple[NodeTerm, ...] | None = None
    labels: Labels = field(default_factory=dict)
    driver: str = ""
    storage_class: str = ""
    capacity: int = 0
    modes: frozenset[str] = frozenset()
    claimed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Class:
    """A StorageClass: whether binding waits for a pod, and where it can make volumes."""

    waits: bool = False
    provisioner: str = ""
    topologies: tuple[Selects, ...] = ()


@dataclass(slots=True)
class Cluster:
    """The snapshot that pods are placed on.

    `nominated` holds, by the name of the node, the pods that wait and are to go there: their room
    is kept against all pods of no higher priority.
    """

    rooms: dict[str, Room] = field(default_factory=dict)
    namespaces: dict[str, Labels] = field(default_factory=dict)
    claims: dict[Key, Claim] = field(default_factory=dict)
    volumes: dict[str, Volume] = field(default_factory=dict)
    classes: dict[str, Class] = field(default_factory=dict)
    attach_limits: dict[str, Mapping[str, int]] = field(default_factory=dict)
    nominated: dict[str, dict[Key, Pod]] = field(default_factory=dict)

    def put_node(self, node: Node) -> None:
        room = self.rooms.get(node.name)
        if room is None:
            self.rooms[node.name] = Room(node)
        else:
            room.node = node

    def nominate(self, pod: Pod) -> None:
        """Keep room for *pod* where it is nominated, if it is."""
        if pod.nominated:
            self.nominated.setdefault(pod.nominated, {})[pod.key] = pod

    def withdraw(self, pod: Pod) -> None:
        """Keep it no longer."""
        there = self.nominated.get(pod.nominated, {})
        if there.pop(pod.key, None) is not None and not there:
            del self.nominated[pod.nominated]

    def guests(self, pod: Pod, node: str) -> list[Pod]:
        """The pods that *pod* must leave room for on *node*."""
        there = self.nominated.get(node, {})
        return [p for p in there.values() if p.key != pod.key and p.priority >= pod.priority]
