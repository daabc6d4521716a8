"""Pods of another workload: one replica for so many of them.

Counts the pods in the ScaledObject's namespace that have not ended; pending ones count. The API
server does the selecting, so that only those pods travel.
Source: https://keda.sh/docs/latest/scalers/kubernetes-workload/
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from kube.errors import KubeError
from kube.resources import PODS
from kube.values import selectors
from scalers.base import Around, Param, Scaler, ScalerError
from scalers.io import IO

NOT_ENDED = "status.phase!=Succeeded,status.phase!=Failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesWorkload:
    selector: Annotated[str, Param("podSelector", doc="labels of the pods; sets may be used")]
    value: Annotated[float, Param("value", doc="pods per replica", above=0, is_target=True)]
    activation: Annotated[
        float, Param("activationValue", doc="pods above which to leave zero", at_least=0)
    ] = 0
    by_node: Annotated[bool, Param("groupByNode", doc="count the nodes of those pods")] = False
    namespace: Annotated[str, Around("namespace")]

    def problems(self) -> Iterator[str]:
        try:
            selectors.parse(self.selector)
        except ValueError as error:
            yield f"'podSelector' is malformed: {error}"


async def read(meta: KubernetesWorkload, io: IO) -> float:
    try:
        pods = await io.kube.items(
            PODS, namespace=meta.namespace, labels=meta.selector, fields=NOT_ENDED
        )
    except KubeError as error:
        raise ScalerError(f"no pods of namespace {meta.namespace}: {error}") from error
    return float(len(nodes_of(pods)) if meta.by_node else len(pods))


def nodes_of(pods: Sequence[dict[str, Any]]) -> set[str]:
    """The nodes that *pods* are on; pods that wait for one have none.

    >>> nodes_of([{"spec": {"nodeName": "a"}}, {"spec": {"nodeName": "a"}}, {"spec": {}}])
    {'a'}
    """
    return {pod["spec"]["nodeName"] for pod in pods if pod["spec"].get("nodeName")}


SCALER = Scaler(
    "kubernetes-workload",
    KubernetesWorkload,
    read,
    target="value",
    activation="activation",
    metric=lambda meta: f"workload-{meta.namespace}",
)
