"""What generated pods meet: machines, pools, nodes that are there, daemons, volumes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain

from nodescaler.core.demands import HostPort, PodTerm, Volume
from nodescaler.core.labels import (
    ARCH,
    CAPACITY_TYPE,
    HOSTNAME,
    INSTANCE_TYPE,
    NODE_POOL,
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
    PodSpec,
    Snapshot,
)
from nodescaler.core.taints import Taint, Toleration
from tests.nodescaler.core.generated import (
    EVERY,
    GPU,
    MIB,
    NAMESPACES,
    SOFT,
    TEAM,
    ZONES,
    Picker,
    Scope,
    app,
    pods,
)

STARTUP = Taint("cilium", "", "NoExecute")
NOT_READY = Taint("node.kubernetes.io/not-ready")
DRIVER = "ebs.csi.aws.com"


def snapshot(pick: Picker, scope: Scope = EVERY) -> Snapshot:
    """A cluster with every kind of constraint."""
    chosen = pools(pick)
    machines = instance_types(pick)
    nodes = standing_nodes(pick)
    moving = [pod for node in nodes if node.deleting for pod in node.pods if not pod.is_over]
    return Snapshot(
        pools=chosen,
        types={pool.name: machines for pool in chosen},
        nodes=nodes,
        pods=(*pods(pick, scope), *moving),
        daemons=pick.one((), (AGENT,), (AGENT, PROXY)),
        usage=_usage(chosen, nodes),
        namespaces=NAMESPACES,
        volumes=volumes(),
    )


# ---------------------------------------------------------------- what can be bought


def instance_types(pick: Picker) -> tuple[InstanceType, ...]:
    """One to five machines whose prices have nothing to do with their sizes."""
    return tuple(_machine(pick, number) for number in range(pick.number(1, 5)))


def _machine(pick: Picker, number: int) -> InstanceType:
    size = pick.one(2, 4, 8, 16, 1)
    return InstanceType(
        name=f"type-{number}",
        labels={ARCH: pick.one("amd64", "amd64", "arm64"), "size": str(size)},
        capacity={
            "cpu": 1000 * size,
            "memory": 1024 * MIB * pick.one(4, 16, 32, 1),
            "pods": pick.one(20, 20, 4, 2),
            **pick.one({}, {}, {GPU: 2}),
        },
        overhead={"cpu": 100, "memory": 100 * MIB},
        offerings=(*_plain_offerings(pick), *_reserved(pick)),
    )


def _plain_offerings(pick: Picker) -> tuple[Offering, ...]:
    zones = pick.one(ZONES[:2], ZONES, ZONES[:1])
    return tuple(
        Offering(zone, kind, pick.number(1, 20) / 10, pick.one(True, True, True, False))
        for zone in zones
        for kind in ("on-demand", "spot")
    )


def _reserved(pick: Picker) -> tuple[Offering, ...]:
    zone, name, count = pick.one("zone-a", "zone-b"), pick.one("cr-1", "cr-2"), COUNTS
    found = Offering(zone, "reserved", 0.0001, reservation=name, count=count[name])
    return pick.one((), (), (), (found,))


COUNTS = {"cr-1": 1, "cr-2": 2}  # one count a reservation, whoever names it


def pools(pick: Picker) -> tuple[NodePool, ...]:
    first = pick.one(*POOLS)
    return pick.one((first,), (first,), (first, pick.one(*SECOND_POOLS)))


def _asks(*lines: Requirement) -> Requirements:
    return Requirements.of(*lines)


MANY = Requirements({INSTANCE_TYPE: Allowed(complement=True, min_values=2)})
POOLS = (
    NodePool("default"),
    NodePool("default", taints=(TEAM,), weight=10),
    NodePool("default", taints=(SOFT,), startup_taints=(STARTUP,), weight=10),
    NodePool("default", limits={"cpu": 20_000, "nodes": 3}),
    NodePool("default", requirements=_asks(Requirement("team", "In", ("a", "b", "c")))),
    NodePool("default", requirements=_asks(Requirement(ZONE, "In", ("zone-a", "zone-b")))),
    NodePool("default", requirements=_asks(Requirement(CAPACITY_TYPE, "NotIn", ("spot",)))),
    NodePool("default", requirements=MANY, weight=5),
)
SECOND_POOLS = (
    NodePool("other", labels={"team": "a"}),
    NodePool("other", limits={"cpu": 8_000, GPU: 2}, weight=20),
    NodePool("other", taints=(TEAM,), labels={"team": "b"}, weight=7),
    NodePool("other", replicas=2),
    NodePool("other", deleting=True),
)


# ---------------------------------------------------------------- what is there


def standing_nodes(pick: Picker) -> tuple[NodeState, ...]:
    """Up to three nodes, of a pool or not, at any stage of their lives."""
    return tuple(_node(pick, f"node-{number}") for number in range(pick.number(0, 3)))


def _node(pick: Picker, name: str) -> NodeState:
    zone = pick.one("zone-a", "zone-a", "zone-b", "")
    initialised = pick.one(True, True, False)
    coming = () if initialised else pick.one((), (STARTUP, NOT_READY))
    ours = pick.one("", "default")
    guests = pick.often((), *GUESTS)
    room = {"cpu": pick.one(4000, 1000), "memory": 8192 * MIB, "pods": pick.one(10, 4)}
    return NodeState(
        name,
        labels={
            ARCH: "amd64",
            "size": "4",
            **({ZONE: zone} if zone else {}),
            **({NODE_POOL: ours, CAPACITY_TYPE: "on-demand"} if ours else {}),
            **pick.one({}, {"team": "a"}),
        },
        taints=(*pick.often((), (TEAM,), (SOFT,)), *coming),
        startup_taints=() if initialised else (STARTUP,),
        capacity=room,
        allocatable=room,
        pods=tuple(_named(each, name) for each in guests),
        reserved=pick.one({}, {}, {"cpu": 500}),
        pool=ours,
        initialised=initialised,
        unschedulable=pick.one(False, False, False, False, True),
        deleting=pick.one(False, False, False, False, True),
        attach_limits=pick.often({}, {DRIVER: 1}, {DRIVER: 2}),
    )


def _named(pod: PodSpec, node: str) -> PodSpec:
    return replace(pod, name=f"{pod.name}-on-{node}", uid=f"{pod.name}-on-{node}", node_name=node)


_SMALL = {"cpu": 500, "memory": 64 * MIB, "pods": 1}
GUESTS: Sequence[tuple[PodSpec, ...]] = (
    (PodSpec("shop", "old", labels={"app": "edge"}, requests=_SMALL),),
    (
        PodSpec(
            "shop",
            "shy",
            labels={"app": "db"},
            requests=_SMALL,
            apart=(PodTerm(ZONE, app("web"), frozenset({"shop"})),),
        ),
    ),
    (
        PodSpec(
            "bank",
            "loner",
            labels={"app": "web", "track": "stable"},
            requests=_SMALL,
            host_ports=(HostPort(80),),
            apart=(PodTerm(HOSTNAME, app("edge"), frozenset(), Requirements()),),
        ),
        PodSpec("shop", "mate", labels={"app": "web"}, requests=_SMALL, volumes=("shop/own-0",)),
    ),
    (PodSpec("shop", "done", labels={"app": "web"}, requests=_SMALL, phase="Succeeded"),),
)


def _usage(
    chosen: Sequence[NodePool], nodes: Sequence[NodeState]
) -> Mapping[str, Mapping[str, int]]:
    out: dict[str, Mapping[str, int]] = {}
    for pool in chosen:
        mine = [node.capacity for node in nodes if node.pool == pool.name]
        names = set(chain.from_iterable(mine))
        used = {name: sum(each.get(name, 0) for each in mine) for name in sorted(names)}
        if mine:
            out[pool.name] = {**used, "nodes": len(mine)}
    return out


# ---------------------------------------------------------------- daemons, volumes


def _daemon(pod: PodSpec) -> DaemonSpec:
    return DaemonSpec(pod.namespace, pod.name, pod.uid, pod)


AGENT = _daemon(
    PodSpec(
        "system",
        "agent",
        "agent",
        requests={"cpu": 100, "memory": 64 * MIB, "pods": 1},
        tolerations=(Toleration(operator="Exists"),),
        owner=Owner("DaemonSet", "agent", "agent"),
    )
)
PROXY = _daemon(
    PodSpec(
        "shop",
        "proxy",
        "proxy",
        labels={"app": "proxy"},
        requests={"cpu": 200, "memory": 64 * MIB, "pods": 1},
        alternatives=(Requirements.labels({ARCH: "amd64"}),),
        host_ports=(HostPort(53),),
        owner=Owner("DaemonSet", "proxy", "proxy"),
    )
)


def volumes() -> dict[str, Volume]:
    """The claims of each namespace; ``unheard-of`` is not among them."""
    out: dict[str, Volume] = {}
    for namespace in NAMESPACES:
        handle = f"{namespace}-shared"
        out[f"{namespace}/in-zone-a"] = Volume((Requirements.labels({ZONE: "zone-a"}),))
        out[f"{namespace}/shared"] = Volume(driver=DRIVER, handle=handle)
        out[f"{namespace}/on-node-0"] = Volume((Requirements.labels({HOSTNAME: "node-0"}),))
        out[f"{namespace}/broken"] = Volume(fault="the volume it was bound to is gone")
        for number in range(4):
            either = tuple(Requirements.labels({ZONE: zone}) for zone in ZONES[number % 2 :])
            out[f"{namespace}/own-{number}"] = Volume(either, DRIVER, f"{namespace}-{number}")
    return out
