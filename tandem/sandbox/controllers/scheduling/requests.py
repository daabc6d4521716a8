"""How much a pod asks of its node: containers, init containers, sidecars and overhead. Pure.

Init containers run one after the other, beside the sidecars started before them; then all
containers run beside all sidecars. The pod asks for the larger of the two, resource by resource.

Source: https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/#resource-sharing-within-containers
"""

from __future__ import annotations

from kube.client import Json
from kube.values.quantity import milli

Amounts = dict[str, int]


def requests_of(spec: Json) -> Amounts:
    """Thousandths of each resource's unit; pod-level requests, where given, speak for the pod.

    >>> requests_of({"containers": [{"resources": {"requests": {"cpu": "1"}}},
    ...                             {"resources": {"limits": {"cpu": "500m"}}}]})
    {'cpu': 1500}
    """
    peak: Amounts = {}
    sidecars: Amounts = {}
    for container in spec.get("initContainers") or []:
        asked = _asked(container)
        if container.get("restartPolicy") == "Always":
            sidecars = _sum(sidecars, asked)
            peak = _max(peak, sidecars)
        else:
            peak = _max(peak, _sum(sidecars, asked))
    running = dict(sidecars)
    for container in spec.get("containers") or []:
        running = _sum(running, _asked(container))
    total = {**_max(peak, running), **_asked(spec)}
    overhead = {name: milli(str(amount)) for name, amount in (spec.get("overhead") or {}).items()}
    return {name: amount for name, amount in _sum(total, overhead).items() if amount}


def _asked(container: Json) -> Amounts:
    """Requests, and the limit of what has no request."""
    resources = container.get("resources") or {}
    given = {**(resources.get("limits") or {}), **(resources.get("requests") or {})}
    return {name: milli(str(amount)) for name, amount in given.items()}


def _sum(one: Amounts, other: Amounts) -> Amounts:
    return {name: one.get(name, 0) + other.get(name, 0) for name in {**one, **other}}


def _max(one: Amounts, other: Amounts) -> Amounts:
    return {name: max(one.get(name, 0), other.get(name, 0)) for name in {**one, **other}}
