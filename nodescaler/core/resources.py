"""Amounts of cpu, memory and everything else a pod asks for and a node offers.

One rule for units: ``cpu`` is in millicores, every other resource in whole base units (bytes,
pods, devices), rounded up for demands. All amounts are integers, so sums are exact and the order
of addition never matters. A resource that is not mentioned is zero.

Pure. Source of the pod rules:
https://kubernetes.io/docs/concepts/workloads/pods/init-containers/#resource-sharing-within-containers
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

Resources = Mapping[str, int]

CPU = "cpu"
MEMORY = "memory"
PODS = "pods"
EPHEMERAL_STORAGE = "ephemeral-storage"
NODES = "nodes"  # only in limits of a pool: how many nodes it may own


def total(amounts: Iterable[Resources]) -> dict[str, int]:
    """Sum every resource.

    >>> total([{"cpu": 100}, {"cpu": 50, "memory": 1}])
    {'cpu': 150, 'memory': 1}
    """
    out: dict[str, int] = {}
    for amount in amounts:
        for name, value in amount.items():
            out[name] = out.get(name, 0) + value
    return out


def largest(amounts: Iterable[Resources]) -> dict[str, int]:
    """The maximum of each resource on its own.

    >>> largest([{"cpu": 100}, {"cpu": 50, "memory": 1}])
    {'cpu': 100, 'memory': 1}
    """
    out: dict[str, int] = {}
    for amount in amounts:
        for name, value in amount.items():
            out[name] = max(out.get(name, 0), value)
    return out


def minus(have: Resources, used: Resources) -> dict[str, int]:
    """What is left; negative where more is used than there is.

    >>> minus({"cpu": 2000}, {"cpu": 500, "pods": 1})
    {'cpu': 1500, 'pods': -1}
    """
    out = dict(have)
    for name, value in used.items():
        out[name] = out.get(name, 0) - value
    return out


def times(amount: Resources, count: int) -> dict[str, int]:
    return {name: value * count for name, value in amount.items()}


def fits(need: Resources, free: Resources) -> bool:
    """Whether *need* goes into *free*; asking for nothing fits even where nothing is left.

    >>> fits({"cpu": 100}, {"cpu": 100}), fits({"gpu": 1}, {"cpu": 1}), fits({"gpu": 0}, {})
    (True, False, True)
    """
    return all(value <= 0 or value <= free.get(name, 0) for name, value in need.items())


def how_many(need: Resources, free: Resources, most: int) -> int:
    """How many pods of size *need* fit into *free*, at most *most*.

    >>> how_many({"cpu": 300}, {"cpu": 1000}, 10)
    3
    >>> how_many({"a": 0}, {}, 4), how_many({"a": 1}, {}, 4)
    (4, 0)
    """
    for name, value in need.items():
        if value > 0:
            most = min(most, free.get(name, 0) // value)
    return max(most, 0)


def missing(need: Resources, free: Resources) -> tuple[str, ...]:
    """Names of the resources of which *free* has too little, in alphabetical order."""
    return tuple(sorted(n for n, value in need.items() if value > max(free.get(n, 0), 0)))


def pod_requests(
    containers: Iterable[Resources],
    init: Iterable[tuple[Resources, bool]] = (),
    *,
    pod_level: Resources | None = None,
    overhead: Resources | None = None,
) -> dict[str, int]:
    """What the scheduler reserves for one pod, with one unit of ``pods``.

    Args:
        containers: requests of the ordinary containers.
        init: requests of the init containers in order, and whether each is a sidecar
            (``restartPolicy: Always``), which keeps running while later ones start.
        pod_level: ``spec.resources.requests``; replaces the computed amount where it speaks.
        overhead: of the RuntimeClass; added at the end.

    >>> pod_requests([{"cpu": 100}], [({"cpu": 50}, True), ({"cpu": 300}, False)])
    {'cpu': 350, 'pods': 1}
    """
    sidecars: dict[str, int] = {}
    peak: dict[str, int] = {}
    for amount, is_sidecar in init:
        if is_sidecar:
            sidecars = total([sidecars, amount])
            peak = largest([peak, sidecars])
        else:
            peak = largest([peak, total([sidecars, amount])])
    steady = total([sidecars, *containers])
    need = largest([steady, peak]) | dict(pod_level or {})
    return total([need, overhead or {}]) | {PODS: 1}


def amount_text(name: str, value: int) -> str:
    """An amount as a person writes it.

    >>> amount_text("cpu", 1500), amount_text("cpu", 9000), amount_text("memory", 6 * 2**30)
    ('1500m cpu', '9 cpu', '6Gi memory')
    >>> amount_text("memory", 1536 * 2**20), amount_text("memory", 7), amount_text("pods", 4)
    ('1.5Gi memory', '7 memory', '4 pods')
    """
    if name == CPU:
        return f"{value // 1000} {name}" if value % 1000 == 0 else f"{value}m {name}"
    if name in {MEMORY, EPHEMERAL_STORAGE}:
        for unit, size in (("Ti", 2**40), ("Gi", 2**30), ("Mi", 2**20), ("Ki", 2**10)):
            if abs(value) >= size:
                return f"{value / size:.4g}{unit} {name}"
    return f"{value} {name}"
