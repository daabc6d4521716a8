"""Cases by hand for the real HPA, with the answers that are expected of it and of Tandem."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tests.eventscaler.hpa_cases import APP, OPEN, SIDE, Case, External, Json, Pod, Resource

A, B = External(target=1000, values=(20_000,)), External(target=1000, values=(7000,))
DOWN = External(target=1000)
REQUESTS = {box: {"cpu": 100, "memory": 100 * 2**20} for box in (APP, SIDE)}


def pods(count: int, percent: int, **status: object) -> tuple[Pod, ...]:
    """Pods that use so much of what they request."""
    usage = {box: {"cpu": percent, "memory": percent * 2**20} for box in REQUESTS}
    return tuple(Pod(requests=REQUESTS, usage=usage, **status) for _ in range(count))  # type: ignore[arg-type]  # a pod's fields


def paced(way: str, percent: int) -> Json:
    policy = {"type": "Percent", "value": percent, "periodSeconds": 15}
    return OPEN | {way: {"stabilizationWindowSeconds": 0, "policies": [policy]}}


EDGES: list[tuple[Case, int | None, int]] = [
    # the largest of several, and what a silent one forbids
    (Case(name="largest", current=10, metrics=(A, B)), 20, 20),
    (Case(name="silent-up", current=10, metrics=(A, DOWN)), 20, 20),
    (Case(name="silent-down", current=10, metrics=(B, DOWN)), None, 10),
    (Case(name="all-silent", current=10, metrics=(DOWN, DOWN)), None, 10),
    # limits
    (Case(name="max", current=10, high=15, metrics=(A,)), 15, 15),
    (Case(name="min", current=10, low=9, metrics=(B,)), 9, 9),
    (Case(name="nothing", current=4, metrics=(External(target=1000, values=(0,)),)), 1, 1),
    # a workload that never ran: nothing is known of its pods
    (Case(name="no-pods", current=4, metrics=(replace(A, type="Value"),)), None, 4),
    (Case(name="no-pods-cpu", current=4, metrics=(Resource(target=50),)), None, 4),
    # cpu without what a percentage is of
    (
        Case(name="no-request", current=2, metrics=(Resource(target=50),),
             pods=(*pods(1, 90), replace(pods(1, 90)[0], requests={}))),
        None, 2,
    ),
    (
        Case(name="no-container", current=2, metrics=(Resource(target=50, container="ghost"),),
             pods=pods(2, 90)),
        None, 2,
    ),
    # from here on Tandem does otherwise, each for a reason that docs/differences.md gives
    (Case(name="unmade-up", current=4, metrics=(A,), behavior=None), 8, 20),
    (Case(name="unmade-down", current=10, metrics=(B,), behavior=None), 10, 10),
    (
        Case(name="unwritten-up", current=7, metrics=(A,),
             behavior={"scaleDown": {"stabilizationWindowSeconds": 0}}),
        14, 20,
    ),
    (Case(name="above-max", current=20, high=15, metrics=(B,)), 15, 7),
    (Case(name="below-min", current=3, low=5, metrics=(A,)), 5, 20),
    (
        Case(name="against", current=10, pods=pods(2, 50),
             metrics=(External(type="Value", target=1000, values=(1200,)),)),
        3, 10,
    ),
    (
        Case(name="against-cpu", current=10, metrics=(Resource(target=50),), pods=pods(2, 60)),
        3, 10,
    ),
    (
        Case(name="none-ready", current=4, pods=pods(4, 50, ready=False),
             metrics=(External(type="Value", target=1000, values=(500,)),)),
        1, 4,
    ),
    (
        Case(name="going", current=4, pods=(*pods(3, 50), *pods(1, 50, deleted=True)),
             metrics=(External(type="Value", target=1000, values=(1500,)),)),
        6, 5,
    ),
    (
        Case(name="lagging", current=10, status_replicas=5,
             metrics=(External(target=1000, values=(5400,)),)),
        5, 6,
    ),
    (Case(name="floats", current=15, metrics=(Resource(target=30),), pods=pods(15, 62)), 32, 31),
    (
        Case(name="floats-up", current=25, behavior=paced("scaleUp", 12),
             metrics=(External(target=1000, values=(40_000,)),)),
        29, 28,
    ),
    (Case(name="floats-down", current=10, behavior=paced("scaleDown", 80),
          metrics=(External(target=1000, values=(1000,)),)), 1, 2),
]  # fmt: skip

READY, UNREADY, MISSING, IGNORED = (4, 2), (2, 1), (2, 3), (3, 1)
"""Counts on the way up and down: two ready pods at 60 or at 20 per cent of 50, and one other."""

UNKNOWN: Json = {"usage": None}
OTHERS: list[tuple[str, Json, tuple[int, int], tuple[int, int]]] = [  # for cpu, for memory
    ("runs", {}, READY, READY),
    ("waits", {"phase": "Pending"}, UNREADY, UNREADY),
    ("failed", {"phase": "Failed"}, IGNORED, IGNORED),
    ("goes", {"deleted": True}, IGNORED, IGNORED),
    ("unmeasured", UNKNOWN, MISSING, MISSING),
    ("waits-unmeasured", {"phase": "Pending"} | UNKNOWN, UNREADY, UNREADY),
    ("done", {"phase": "Succeeded", "ready": False} | UNKNOWN, MISSING, MISSING),
    ("unseen", {"ready": None}, UNREADY, READY),
    ("unstarted", {"started": None}, UNREADY, READY),
    ("young", {"ready": False, "started": 120, "turned": 110}, UNREADY, READY),
    ("young-early", {"started": 120, "turned": 20, "window": 30, "measured": 5}, UNREADY, READY),
    ("young-measured", {"started": 120, "turned": 60, "window": 30, "measured": 5}, READY, READY),
    ("never-ready", {"ready": False, "turned": 3590}, UNREADY, READY),
    ("ready-once", {"ready": False, "turned": 100}, READY, READY),
]


def grouped() -> Iterator[tuple[Case, int]]:
    """Each sort of pod beside two that run, above and below the target; and the count to expect."""
    for name, other, *expected in OTHERS:
        for resource, (up, down) in zip(("cpu", "memory"), expected, strict=True):
            for way, current, percent, count in (("up", 2, 60, up), ("down", 3, 20, down)):
                beside = replace(pods(1, percent)[0], **other)
                case = Case(
                    name=f"{name}-{resource}-{way}",
                    current=current,
                    metrics=(Resource(name=resource, target=50),),
                    pods=(*pods(2, percent), beside),
                )
                yield case, count
