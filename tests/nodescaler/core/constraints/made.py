"""Small clusters and what became of their pods, in a few words each.

The default world has three zones (a, b, c) and three machines whose price is proportional to
their size, so that nothing but the constraint under test decides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from nodescaler.core.demands import PodPreference, PodTerm, Preference, Spread
from nodescaler.core.labels import (
    ARCH,
    CAPACITY_TYPE,
    HOSTNAME,
    OS,
    ZONE,
    Allowed,
    Requirement,
    Requirements,
)
from nodescaler.core.model import (
    DaemonSpec,
    InstanceType,
    NodePool,
    NodeState,
    Offering,
    Owner,
    Plan,
    PlannedNode,
    PodSpec,
    Snapshot,
)
from nodescaler.core.packing import pack
from nodescaler.core.resources import total
from nodescaler.core.settings import PackSettings
from tests.nodescaler.core.staging import launches
from tests.nodescaler.core.validator import faults

GIB = 2**30
ZONES = ("a", "b", "c")
GPU = "nvidia.com/gpu"
NOTHING = Requirements({HOSTNAME: Allowed()})  # what a null label selector selects

# ---------------------------------------------------------------- machines, pools, nodes


def machine(  # noqa: PLR0917 -- the four figures of a machine are read like a table's row
    name: str,
    cpu: int,
    gib: int,
    usd: float,
    zones: tuple[str, ...] = ZONES,
    how: tuple[str, ...] = ("on-demand",),
    labels: Mapping[str, str] | None = None,
    more: Mapping[str, int] | None = None,
) -> InstanceType:
    """A machine of *cpu* cores; spot costs half."""
    return InstanceType(
        name=name,
        labels={ARCH: "amd64", OS: "linux", **(labels or {})},
        capacity={"cpu": cpu * 1000, "memory": gib * GIB, "pods": 100, **(more or {})},
        overhead={},
        offerings=tuple(
            Offering(zone, kind, usd / 2 if kind == "spot" else usd)
            for zone in zones
            for kind in how
        ),
    )


SMALL = machine("small", 2, 4, 0.1)
MEDIUM = machine("medium", 4, 8, 0.2)
LARGE = machine("large", 8, 16, 0.4)
TYPES = (SMALL, MEDIUM, LARGE)
POOL = NodePool("default")
RACKS = NodePool("default", requirements=Requirements.of(Requirement("rack", "In", ("r1", "r2"))))


def node(name: str, zone: str = "a", cpu: int = 0, **fields: Any) -> NodeState:
    """A node with *cpu* millicores of room beside its pods; without it, a full one."""
    labels = {ZONE: zone, HOSTNAME: name, ARCH: "amd64", OS: "linux", **fields.pop("labels", {})}
    pods = tuple(replace(each, node_name=name) for each in fields.pop("pods", ()))
    used = total(each.requests for each in pods)
    room = {"cpu": cpu, "memory": 64 * GIB, "pods": 100, **fields.pop("room", {})}
    return NodeState(name, labels=labels, allocatable=total([used, room]), pods=pods, **fields)


# ---------------------------------------------------------------- pods and what they ask


def pod(name: str, cpu: int = 500, app: str = "web", **fields: Any) -> PodSpec:
    labels = {"app": app, **fields.pop("labels", {})}
    more = fields.pop("more", {})
    requests = {"cpu": cpu, "memory": GIB // 4, "pods": 1, **more}
    namespace = fields.pop("namespace", "shop")
    return PodSpec(namespace, name, uid=name, labels=labels, requests=requests, **fields)


def crowd(count: int, name: str = "web", cpu: int = 500, **fields: Any) -> tuple[PodSpec, ...]:
    """So many equal pods, ``web-0`` and on; their app is called as they are."""
    fields.setdefault("app", name)
    return tuple(pod(f"{name}-{number}", cpu, **fields) for number in range(count))


def demand(key: str, operator: str, *values: str, least: int | None = None) -> Requirements:
    return Requirements.of(Requirement(key, operator, values, least))


def only(*alternatives: Requirements) -> dict[str, Any]:
    """Fields of a pod that goes where one of these holds."""
    return {"alternatives": alternatives}


def zone(*names: str) -> Requirements:
    return demand(ZONE, "In", *names)


def like(app: str) -> Requirements:
    """A selector of pods."""
    return Requirements.labels({"app": app})


def term(key: str, app: str = "web", *namespaces: str, **fields: Any) -> PodTerm:
    return PodTerm(key, like(app), frozenset(namespaces or ("shop",)), **fields)


def wish(weight: int, key: str, app: str = "web") -> PodPreference:
    """Company that is wanted, or with a negative weight not wanted."""
    return PodPreference(weight, term(key, app))


def prefer(weight: int, terms: Requirements) -> Preference:
    return Preference(weight, terms)


def spread(key: str = ZONE, skew: int = 1, app: str = "web", **fields: Any) -> Spread:
    return Spread(key, skew, like(app), **fields)


def daemon(name: str, cpu: int = 0, **fields: Any) -> DaemonSpec:
    owner = Owner("DaemonSet", name, name)
    fields.setdefault("namespace", "system")
    return DaemonSpec("system", name, name, pod(name, cpu, app=name, owner=owner, **fields))


def cluster(*waiting: PodSpec, **fields: Any) -> Snapshot:
    """Pods that wait; *types* may be one tuple for all pools or a mapping by pool."""
    pools: tuple[NodePool, ...] = fields.pop("pools", (POOL,))
    types = fields.pop("types", TYPES)
    by_pool = types if isinstance(types, Mapping) else {pool.name: types for pool in pools}
    return Snapshot(pools=pools, types=by_pool, pods=waiting, **fields)


# ---------------------------------------------------------------- what became of them


@dataclass(frozen=True)
class Outcome:
    """A plan, asked by the names of its pods."""

    snapshot: Snapshot
    plan: Plan

    @property
    def left(self) -> list[str]:
        """The pods that stay out."""
        return sorted(each.pod.name for each in self.plan.unschedulable)

    @property
    def new(self) -> dict[str, list[str]]:
        """The pods on each new node."""
        return {each.name: sorted(p.name for p in each.pods) for each in self.plan.new_nodes}

    @property
    def old(self) -> dict[str, list[str]]:
        """The pods that go onto each node that is there."""
        return {each.node: sorted(p.name for p in each.pods) for each in self.plan.existing}

    @property
    def sizes(self) -> list[int]:
        """How many pods each new node takes, the smallest first."""
        return sorted(len(names) for names in self.new.values())

    @property
    def kinds(self) -> dict[str, int]:
        """How many new nodes of each instance type."""
        return dict(Counter(each.instance_type for each in self.plan.new_nodes))

    @property
    def relaxed(self) -> str:
        return "\n".join(self.plan.relaxed)

    def node(self, name: str) -> PlannedNode:
        """The new node of this pod."""
        found = [n for n in self.plan.new_nodes if name in {p.name for p in n.pods}]
        assert found, f"{name} is on no new node: {self.plan.unschedulable} {self.old}"
        return found[0]

    def host(self, name: str) -> str:
        """The node of this pod, be it new or there already."""
        for host, names in {**self.new, **self.old}.items():
            if name in names:
                return host
        raise AssertionError(f"{name} stays out: {self.reason(name)}")

    def labels(self, name: str, key: str) -> set[str | None]:
        """What the label of the pod's node may be, over all that the cloud might launch."""
        host = self.host(name)
        if key == HOSTNAME:
            return {host}
        for state in self.snapshot.nodes:
            if state.name == host:
                return {state.labels.get(key)}
        return {each.labels.get(key) for each in launches(self.snapshot, self.node(name))}

    def label(self, name: str, key: str) -> str | None:
        """The label of the pod's node, which must be certain whatever the cloud launches."""
        values = self.labels(name, key)
        assert len(values) == 1, f"{self.host(name)} may have any of {values} for {key}"
        return values.pop()

    def may(self, key: str, prefix: str = "web") -> set[str | None]:
        """What the label may be, over the nodes of all pods of that name."""
        return {v for n in self.placed if n.startswith(prefix) for v in self.labels(n, key)}

    @property
    def placed(self) -> list[str]:
        return sorted(n for group in (*self.new.values(), *self.old.values()) for n in group)

    def zone(self, name: str) -> str | None:
        return self.label(name, ZONE)

    def count(self, key: str, prefix: str = "web") -> dict[str, int]:
        """How many pods of that name are at each value of the label."""
        mine = [self.label(name, key) for name in self.placed if name.startswith(prefix)]
        return dict(Counter(str(value) for value in mine))

    def reason(self, name: str) -> str:
        return next(e.reason for e in self.plan.unschedulable if e.pod.name == name)


def planned(snapshot: Snapshot, settings: PackSettings | None = None) -> Outcome:
    """Plan; the independent validator finds no fault with it."""
    plan = pack(snapshot, settings)
    wrong = faults(snapshot, plan, settings or PackSettings())
    assert not wrong, "\n".join(wrong)
    return Outcome(snapshot, plan)


ON_DEMAND, SPOT = demand(CAPACITY_TYPE, "In", "on-demand"), demand(CAPACITY_TYPE, "In", "spot")
