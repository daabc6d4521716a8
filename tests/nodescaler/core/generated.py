"""Small clusters with every constraint there is, drawn by whoever picks.

A picker chooses one of several options, the simplest first: hypothesis' `draw` in the property
tests, a seeded generator in the tests against the real scheduler. Everything that is made here is
valid for a real API server, and small enough that pods get in each other's way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from nodescaler.core.demands import Gang, HostPort, PodPreference, PodTerm, Preference, Spread
from nodescaler.core.labels import (
    ARCH,
    CAPACITY_TYPE,
    HOSTNAME,
    ZONE,
    Allowed,
    Requirement,
    Requirements,
)
from nodescaler.core.model import PodSpec
from nodescaler.core.taints import Taint, Toleration

T = TypeVar("T")
MIB = 2**20
ZONES = ("zone-a", "zone-b", "zone-c")
GPU = "nvidia.com/gpu"
TEAM = Taint("team", "a")
SOFT = Taint("batch", "", "PreferNoSchedule")
NAMESPACES: Mapping[str, Mapping[str, str]] = {
    "shop": {"side": "front"},
    "bank": {"side": "back"},
}
EVERYTHING = Requirements()
NOTHING = Requirements({HOSTNAME: Allowed()})  # what the decoder makes of a missing selector


class Picker:
    """Chooses; *one_of* is told the options in order, the simplest first."""

    def __init__(self, one_of: Callable[[Sequence[object]], object]) -> None:
        self._one_of = one_of

    def one(self, *options: T) -> T:
        return self._one_of(options)  # type: ignore[return-value] # one of what went in

    def often(self, usual: T, *others: T) -> T:
        """The usual in half of all cases."""
        return self.one(*([usual] * len(others)), *others)

    def number(self, least: int, most: int) -> int:
        chosen: int = self.one(*range(least, most + 1))
        return chosen


@dataclass(frozen=True, slots=True)
class Scope:
    """What is to be drawn.

    Attributes:
        gangs: pods that come together or not at all.
        faults: volumes that cannot be used, and pods that no plan can place.
        picky: pods that are large, and ask for labels of nodes; else only company, spreads, ports
            and volumes keep a pod from a node.
    """

    gangs: bool = True
    faults: bool = True
    picky: bool = True
    most_of_a_kind: int = 8


EVERY = Scope()


def app(name: str) -> Requirements:
    return Requirements.labels({"app": name})


# ---------------------------------------------------------------- pods


def pods(pick: Picker, scope: Scope = EVERY) -> tuple[PodSpec, ...]:
    """One to four kinds of pods, one to eight of each."""
    out: list[PodSpec] = []
    for kind in range(pick.number(1, 4)):
        sample = one_pod(pick, scope)
        mounts = pick.one((), (), pick.one((), *_mounts(scope)))
        for number in range(pick.number(1, scope.most_of_a_kind)):
            name = f"kind-{kind}-{number}"
            claims = tuple(f"{sample.namespace}/{each.format(n=number % 4)}" for each in mounts)
            out.append(replace(sample, name=name, uid=name, volumes=claims))
    return tuple(out)


def one_pod(pick: Picker, scope: Scope) -> PodSpec:
    """A pod without a name: what one kind asks."""
    name = pick.one("web", "db", "edge")
    namespace = pick.one("shop", "shop", "bank")
    requests = {
        "cpu": pick.one(100, 500, 1500, 4000) if scope.picky else 10,
        "memory": MIB * (pick.one(64, 512, 4096) if scope.picky else 1),
        "pods": 1,
        **(pick.one({}, {}, {}, {}, {GPU: 1}) if scope.picky else {}),
    }
    least = pick.one(*[""] * 8, "3", "1") if scope.gangs else ""
    gang = {GANG_NAME: "team", GANG_LEAST: least} if least else {}
    priority = pick.one(0, 0, 10)
    tolerations = ((), (Toleration("team", "Exists"),), (ANYTHING_GOES,))
    return PodSpec(
        namespace,
        "",
        labels={"app": name, "track": pick.one("stable", "canary"), **gang},
        requests=requests,
        alternatives=pick.one((EVERYTHING,), pick.often((EVERYTHING,), *PLACES))
        if scope.picky
        else (EVERYTHING,),
        tolerations=pick.often(*tolerations) if scope.picky else (ANYTHING_GOES,),
        host_ports=pick.one((), (), (), (), (), *PORTS),
        beside=pick.one((), (), (), (), (_term(pick, name, namespace),)),
        apart=pick.one((), (), (), (_term(pick, name, namespace),)),
        spreads=_spreads(pick, name),
        preferences=pick.one((), (), (), WISHES),
        company=pick.one((), (), (), (_wish(pick, name, namespace),)),
        gang=Gang(f"{namespace}/team", int(gang[GANG_LEAST])) if gang else None,
        priority=priority,
        priority_class="important" if priority else "",
        unplannable=pick.one(*[""] * 15, "wants a device") if scope.faults else "",
    )


ANYTHING_GOES = Toleration(operator="Exists")
PORTS = (
    (HostPort(80),),
    (HostPort(80, ip="10.0.0.1"), HostPort(53, "UDP")),
    (HostPort(53, "TCP"),),
)
WISHES = (
    Preference(10, Requirements.labels({ZONE: "zone-b"})),
    Preference(5, Requirements.labels({ARCH: "arm64"})),
)
GANG_NAME = "pod-group.scheduling.sigs.k8s.io/name"
GANG_LEAST = "pod-group.scheduling.sigs.k8s.io/min-available"
PLACES = (
    (Requirements.labels({ZONE: "zone-a"}),),
    (Requirements.labels({ARCH: "arm64"}), Requirements.labels({ZONE: "zone-b"})),
    (Requirements.of(Requirement(CAPACITY_TYPE, "NotIn", ("spot",))),),
    (Requirements.labels({"team": "a"}),),
    (Requirements.of(Requirement("team", "In", ("b", "c"))),),
    (Requirements.of(Requirement("team", "DoesNotExist")),),
    (Requirements.of(Requirement("size", "Gt", ("2",))),),
    (Requirements.of(Requirement(ZONE, "Exists"), Requirement("size", "Lt", ("9",))),),
)


def _selector(pick: Picker, own: str) -> Requirements:
    """Mostly pods of its own kind, else others, everybody or nobody."""
    stable = Requirement("track", "In", ("stable",))
    others = (app("web"), app("db"), Requirements.of(stable), EVERYTHING, NOTHING)
    return pick.often(app(own), *others)


def _term(pick: Picker, own: str, namespace: str) -> PodTerm:
    named, chosen = pick.one(*_scopes(namespace))
    keys = (HOSTNAME, HOSTNAME, ZONE, ZONE, CAPACITY_TYPE, "team")
    return PodTerm(pick.one(*keys), _selector(pick, own), named, chosen)


def _scopes(namespace: str) -> Sequence[tuple[frozenset[str], Requirements | None]]:
    """Where a term looks: its own namespace, another, those with a label, all of them."""
    return (
        (frozenset({namespace}), None),
        (frozenset({namespace}), None),
        (frozenset({"bank"}), None),
        (frozenset(), Requirements.labels({"side": "front"})),
        (frozenset({"bank"}), Requirements.labels({"side": "front"})),
        (frozenset(), EVERYTHING),
    )


def _spreads(pick: Picker, own: str) -> tuple[Spread, ...]:
    """None, one or two; two have different keys, as the API server demands."""
    keys = pick.often((), (ZONE,), (HOSTNAME,), (CAPACITY_TYPE,), (ZONE, HOSTNAME))
    return tuple(_spread(pick, key, own) for key in keys)


def _spread(pick: Picker, key: str, own: str) -> Spread:
    hard = pick.one(True, True, True, False)
    return Spread(
        topology_key=key,
        max_skew=pick.one(1, 1, 2),
        selector=_selector(pick, own),
        hard=hard,
        min_domains=pick.one(1, 1, 1, 2, 3) if hard else 1,
        honours_affinity=pick.one(True, True, False),
        honours_taints=pick.one(False, False, True),
    )


def _wish(pick: Picker, own: str, namespace: str) -> PodPreference:
    return PodPreference(pick.one(10, -10), _term(pick, own, namespace))


def _mounts(scope: Scope) -> tuple[tuple[str, ...], ...]:
    """Names of claims; ``{n}`` counts the pods of a kind, so that some have their own."""
    good = (("in-zone-a",), ("shared",), ("own-{n}",), ("own-{n}", "shared"), ("on-node-0",))
    return (*good, ("broken",), ("unheard-of",)) if scope.faults else good
