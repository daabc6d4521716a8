"""Pods and PodMetrics of the API as the values that the arithmetic of cpu and memory takes.

Source: https://github.com/kubernetes/metrics/blob/master/pkg/apis/metrics/v1beta1/types.go
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kube.values import duration, quantity, times
from kube.values.usage import Measured, Pod

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is asked of the pods.

    Attributes:
        resource: cpu or memory.
        container: only this one's; "" for all.
        by_request: usage is compared with requests, so each container needs one.
    """

    resource: str
    container: str = ""
    by_request: bool = True


def pod_of(body: Json, wanted: Wanted) -> Pod:
    """Read a Pod.

    Raises:
        ValueError: a container has no request and *wanted* compares with it; it is named.
    """
    status = body.get("status") or {}
    conditions = status.get("conditions") or ()
    turn = next((each for each in conditions if each["type"] == "Ready"), None)
    return Pod(
        name=body["metadata"]["name"],
        phase=status.get("phase") or "Pending",
        is_going=bool(body["metadata"].get("deletionTimestamp")),
        ready=None if turn is None else turn["status"] != "False",
        started=times.parse(status["startTime"]) if status.get("startTime") else None,
        turned=times.parse(turn["lastTransitionTime"]) if turn else None,
        request=request_of(body, wanted) if wanted.by_request else 0,
    )


def request_of(body: Json, wanted: Wanted) -> int:
    """What a pod requests of the resource, in thousandths: as a whole, else by container.

    Raises:
        ValueError: a container that counts requests nothing of it, or is not there.

    >>> spec = {"containers": [{"name": "app", "resources": {"requests": {"cpu": "100m"}}}]}
    >>> request_of({"metadata": {"name": "a"}, "spec": spec}, Wanted(resource="cpu"))
    100
    """
    spec, name = body["spec"], body["metadata"]["name"]
    whole = (spec.get("resources") or {}).get("requests") or {}
    if not wanted.container and wanted.resource in whole:
        return quantity.milli(str(whole[wanted.resource]))
    counted = [each for each in _running(spec) if wanted.container in ("", each["name"])]
    if not counted:
        raise ValueError(f"pod {name} has no container {wanted.container}")
    return sum(_request(each, name, wanted.resource) for each in counted)


def _request(container: Json, pod: str, resource: str) -> int:
    requests = (container.get("resources") or {}).get("requests") or {}
    if resource not in requests:
        raise ValueError(
            f"container {container['name']} of pod {pod} requests no {resource}, "
            "so there is no Utilization: set the request, or use metricType AverageValue"
        )
    return quantity.milli(str(requests[resource]))


def _running(spec: Json) -> Iterator[Json]:
    """The containers that run for the pod's whole life: init containers only as sidecars."""
    yield from spec["containers"]
    for each in spec.get("initContainers") or ():
        if each.get("restartPolicy") == "Always":
            yield each


def samples_of(bodies: Iterable[Json], wanted: Wanted) -> dict[str, Measured]:
    """Read PodMetrics, by the pod's name; one container without an amount leaves its pod out."""
    return dict(_samples(bodies, wanted))


def _samples(bodies: Iterable[Json], wanted: Wanted) -> Iterator[tuple[str, Measured]]:
    for body in bodies:
        containers = [
            one for one in body.get("containers") or () if wanted.container in ("", one["name"])
        ]
        amounts = [(one.get("usage") or {}).get(wanted.resource) for one in containers]
        if amounts and None not in amounts:
            total = sum(quantity.milli(str(amount)) for amount in amounts)
            at, window = times.parse(body["timestamp"]), duration.parse(body["window"])
            yield body["metadata"]["name"], Measured(total, at, window)
