"""The triggers cpu and memory: what the pods of the scaled workload use.

The pods are those that the workload's /scale selects; what they use is what metrics.k8s.io says,
which metrics-server fills. Both are read once for all such triggers of a workload that ask at the
same time. How a count follows from it is the HPA's own arithmetic, elsewhere; `value` is for people
and formulas: percent of the requests, or cores or bytes per pod.

Blind: there are pods, but nothing is known of any that is ready. No pods at all is no trouble.
Source: https://keda.sh/docs/latest/scalers/cpu/
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

from kube.discovery import Discovery
from kube.errors import KubeError, NotFound
from kube.resources import POD_METRICS, PODS
from kube.scale import Scales, Target
from kube.values import quantity
from kube.values.usage import PodUsage, average, grouped, utilization
from scalers._pods import Wanted, pod_of, samples_of
from scalers.base import Around, Param, Sample, Scaler, ScalerError
from scalers.io import IO

UTILIZATION, AVERAGE = "Utilization", "AverageValue"
_PERCENT = re.compile("[0-9]{1,10}")
TYPE_GONE = "is gone; say metricType: Utilization or AverageValue beside 'metadata'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    value: Annotated[
        str,
        Param("value", doc="Utilization: percent of the request; AverageValue: a quantity per pod"),
    ]
    container: Annotated[str, Param("containerName", doc="count only this container")] = ""
    type: Annotated[str, Param("type", refused=TYPE_GONE)] = ""
    metric_type: Annotated[str, Around("metric_type")]
    workload: Annotated[Target | None, Around("target")]

    @property
    def target(self) -> float:
        """Percent, or cores or bytes."""
        if self.metric_type == UTILIZATION:
            return float(self.value)
        return quantity.milli(self.value) / 1000

    def problems(self) -> Iterator[str]:
        if self.workload is None:
            yield "there is no workload here whose pods could be measured; use it in a ScaledObject"
        if self.metric_type == UTILIZATION:
            if not (_PERCENT.fullmatch(self.value) and int(self.value) > 0):
                yield f"'value' must be a whole percentage above 0, got {self.value}"
            return
        try:
            if self.target <= 0:
                yield f"'value' must be above 0, got {self.value}"
        except (ValueError, OverflowError):
            yield f"'value' must be a quantity such as 500m or 256Mi, got {self.value}"


@dataclass(frozen=True, slots=True)
class _Seen:
    """A workload's pods and what was measured of them, as the API has them."""

    pods: list[dict[str, Any]]
    metrics: list[dict[str, Any]]


class _Workload:
    """Reads one workload; whoever asks while that is under way takes the same answer."""

    def __init__(self, io: IO, target: Target) -> None:
        self._io, self._target = io, target
        self._turn = asyncio.Lock()
        self._waiting = self._ended = 0
        self._seen: _Seen | None = None

    async def seen(self) -> _Seen:
        ended = self._ended
        self._waiting += 1
        try:
            async with self._turn:
                if self._seen is None or self._ended == ended:
                    self._seen = await self._read()
                    self._ended += 1
                return self._seen
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._seen = None

    async def _read(self) -> _Seen:
        client, target = self._io.kube, self._target
        scales = self._io.remembered(_Workload, lambda: Scales(client, Discovery(client)))
        scale = await scales.get(target)
        if not scale.selector:
            raise ScalerError(f"{target} selects no pods: its /scale has no selector")
        where = {"namespace": target.namespace, "labels": scale.selector}
        pods = await client.items(PODS, **where)
        return _Seen(pods, await self._metrics(where) if pods else [])

    async def _metrics(self, where: dict[str, str]) -> list[dict[str, Any]]:
        try:
            return await self._io.kube.items(POD_METRICS, **where)
        except NotFound as error:
            told = f"the cluster serves no {POD_METRICS.api_version}: is metrics-server installed?"
            raise ScalerError(told) from error


async def read(resource: str, meta: Resource, io: IO) -> Sample:
    """What the pods use of *resource*."""
    target = meta.workload
    assert target is not None, "parsing refuses it"  # noqa: S101
    by_request = meta.metric_type == UTILIZATION
    wanted = Wanted(resource=resource, container=meta.container, by_request=by_request)
    try:
        seen = await io.remembered((_Workload, target), lambda: _Workload(io, target)).seen()
        pods, samples = (
            [pod_of(each, wanted) for each in seen.pods],
            samples_of(seen.metrics, wanted),
        )
        usage = grouped(pods, samples, resource, io.now())
    except KubeError as error:
        raise ScalerError(f"the pods of {target} cannot be read: {error}") from error
    except ValueError as odd:
        raise ScalerError(str(odd)) from odd
    return Sample(_level(resource, usage, by_request=by_request), usage=usage)


def _level(resource: str, usage: PodUsage, *, by_request: bool) -> float:
    if not usage.pods:
        return 0.0
    if not usage.ready:
        raise ScalerError(
            f"no {resource} is known of any of {usage.pods} pods: "
            f"{len(usage.unready)} not ready, {len(usage.missing)} not measured"
        )
    if not by_request:
        return average(usage.ready) / 1000
    if not any(request for _, request in usage.ready):
        raise ScalerError(f"the pods request no {resource} at all; a Utilization has no meaning")
    return float(utilization(usage.ready))


def scaler(resource: str) -> Scaler[Resource]:
    """The trigger of this resource."""
    return Scaler(
        resource,
        Resource,
        partial(read, resource),
        target="target",
        cacheable=False,
        metric_types=(UTILIZATION, AVERAGE),
    )
