"""Hypothesis strategies for the node core, small enough that collisions are common.

`clusters` and `asking_pods` have every constraint; `snapshots` and `pod_lists` only the plain ones.
"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from nodescaler.core.demands import HostPort, PodTerm
from nodescaler.core.labels import (
    ARCH,
    CAPACITY_TYPE,
    HOSTNAME,
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
from tests.nodescaler.core.generated import EVERY, Picker, Scope, pods
from tests.nodescaler.core.surroundings import snapshot

VALUES = st.sampled_from(["a", "b", "0", "1", "2", "3", "-1", "07"])
MAYBE_VALUE = st.none() | VALUES
BOUND = st.none() | st.integers(-2, 4)
FINITE = st.builds(
    Allowed,
    st.frozensets(VALUES, max_size=4),
    absent=st.booleans(),
    min_values=st.none() | st.integers(1, 3),
)
COFINITE = st.builds(
    Allowed,
    st.frozensets(VALUES, max_size=4),
    complement=st.just(True),
    absent=st.booleans(),
    low=BOUND,
    high=BOUND,
    min_values=st.none() | st.integers(1, 3),
)
ALLOWED = FINITE | COFINITE
REQUIREMENTS = st.builds(Requirements, st.dictionaries(st.sampled_from("xyz"), ALLOWED, max_size=3))

MIB = 2**20
ZONES = ("zone-a", "zone-b")
TEAM = Taint("team", "a")


@st.composite
def instance_types(draw: st.DrawFn) -> tuple[InstanceType, ...]:
    """Up to five machines whose prices have nothing to do with their sizes."""
    out = []
    for number in range(draw(st.integers(1, 5))):
        offerings = tuple(
            Offering(zone, kind, draw(st.integers(1, 50)) / 10, draw(st.booleans()))
            for zone in ZONES
            for kind in ("spot", "on-demand")
        )
        out.append(
            InstanceType(
                name=f"type-{number}",
                labels={ARCH: draw(st.sampled_from(["amd64", "arm64"]))},
                capacity={
                    "cpu": 1000 * draw(st.integers(1, 16)),
                    "memory": 1024 * MIB * draw(st.integers(1, 32)),
                    "pods": draw(st.integers(1, 20)),
                },
                overhead={"cpu": 100, "memory": 100 * MIB},
                offerings=offerings,
            )
        )
    return tuple(out)


PLACES = st.sampled_from(
    [
        (Requirements(),),
        (Requirements.labels({ZONE: "zone-a"}),),
        (Requirements.labels({ARCH: "arm64"}), Requirements.labels({ZONE: "zone-b"})),
        (Requirements.of(Requirement(CAPACITY_TYPE, "NotIn", ("spot",))),),
        (Requirements.labels({"team": "a"}),),
        (Requirements.labels({"team": "b"}),),
    ]
)
SELF_APART = PodTerm(HOSTNAME, Requirements.labels({"app": "edge"}), frozenset({"shop"}))


@st.composite
def pod_lists(draw: st.DrawFn) -> tuple[PodSpec, ...]:
    """Up to four kinds of pods, each with its own name range."""
    out: list[PodSpec] = []
    for kind in range(draw(st.integers(0, 4))):
        requests = {
            "cpu": draw(st.sampled_from([100, 500, 1500, 4000])),
            "memory": MIB * draw(st.sampled_from([64, 512, 4096])),
            "pods": 1,
        }
        app = draw(st.sampled_from(["edge", "web"]))
        sample = PodSpec(
            "shop",
            "",
            labels={"app": app},
            requests=requests,
            alternatives=draw(PLACES),
            tolerations=draw(st.sampled_from([(), (Toleration("team", "Exists"),)])),
            host_ports=draw(st.sampled_from([(), (), (HostPort(80),)])),
            apart=draw(st.sampled_from([(), (), (SELF_APART,)])),
            priority=draw(st.sampled_from([0, 0, 10])),
        )
        out += [_named(sample, f"kind-{kind}-{n}") for n in range(draw(st.integers(1, 12)))]
    return tuple(out)


def _named(pod: PodSpec, name: str) -> PodSpec:
    return replace(pod, name=name, uid=name)


POOLS = st.sampled_from(
    [
        (NodePool("default"),),
        (NodePool("default", taints=(TEAM,), weight=10), NodePool("other", labels={"team": "a"})),
        (NodePool("limited", limits={"cpu": 20_000, "nodes": 3}),),
        (
            NodePool(
                "open", requirements=Requirements.of(Requirement("team", "In", ("a", "b", "c")))
            ),
        ),
    ]
)
DAEMON_OWNER = Owner("DaemonSet", "agent", "agent")
DAEMON = DaemonSpec(
    "system",
    "agent",
    "agent",
    PodSpec(
        "system",
        "agent",
        requests={"cpu": 100, "memory": 64 * MIB, "pods": 1},
        tolerations=(Toleration(operator="Exists"),),
        owner=DAEMON_OWNER,
    ),
)


@st.composite
def nodes(draw: st.DrawFn) -> tuple[NodeState, ...]:
    """Up to three nodes that are there already."""
    guest = PodSpec("shop", "old", labels={"app": "edge"}, requests={"cpu": 500, "pods": 1})
    return tuple(
        NodeState(
            f"node-{number}",
            labels={ZONE: draw(st.sampled_from(ZONES)), ARCH: "amd64", "team": "a"},
            taints=draw(st.sampled_from([(), (TEAM,)])),
            allocatable={"cpu": 4000, "memory": 8192 * MIB, "pods": 10},
            pods=draw(st.sampled_from([(), (guest,)])),
            initialised=draw(st.booleans()),
        )
        for number in range(draw(st.integers(0, 3)))
    )


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    pools = draw(POOLS)
    types = draw(instance_types())
    return Snapshot(
        pools=pools,
        types={pool.name: types for pool in pools},
        nodes=draw(nodes()),
        pods=draw(pod_lists()),
        daemons=draw(st.sampled_from([(), (DAEMON,)])),
    )


@st.composite
def clusters(draw: st.DrawFn, scope: Scope = EVERY) -> Snapshot:
    """Snapshots with every kind of constraint."""
    return snapshot(_picker(draw), scope)


@st.composite
def asking_pods(draw: st.DrawFn, scope: Scope = EVERY) -> tuple[PodSpec, ...]:
    """Pods with every kind of constraint."""
    return pods(_picker(draw), scope)


def _picker(draw: st.DrawFn) -> Picker:
    return Picker(lambda options: options[draw(st.integers(0, len(options) - 1))])
