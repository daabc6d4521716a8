"""Cases put before the real HPA, all at once, and its answers.

The HPA reads pods from a cache of its own. It has surely seen every pod when it can answer for the
fence, whose one pod is written after all others.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http import HTTPStatus

from tests.clusters import Cluster
from tests.contract.http import Api
from tests.control_plane import ControlPlane
from tests.eventscaler.hpa_cases import (
    APP,
    NAMESPACE,
    Case,
    External,
    Json,
    Pod,
    Resource,
    autoscaler,
    deployment,
    pod_body,
    pod_metrics,
    pod_status,
)
from tests.eventscaler.metrics_server import Metrics, serving

PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
DEPLOYMENTS = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"
HPAS = f"/apis/autoscaling/v2/namespaces/{NAMESPACE}/horizontalpodautoscalers"
WITHIN_S = 60.0
AT_ONCE = 16
MEASURED = {APP: {"cpu": 100}}
FENCE = Case(
    name="fence",
    current=1,
    metrics=(Resource(type="AverageValue", target=100),),
    pods=(Pod(requests=MEASURED, usage=MEASURED),),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """Attributes:
    replicas: what the HPA wants; None: it could not say and holds.
    message: its ScalingActive and ScalingLimited conditions, for a failure to show.
    """

    replicas: int | None
    message: str = ""


class Stage:
    """Use it through `staged`."""

    def __init__(self, api: Api, metrics: Metrics) -> None:
        self._api, self._metrics = api, metrics
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._seen: dict[str, Json] = {}
        self._changed = asyncio.Condition()

    async def ask(self, cases: Iterable[Case]) -> dict[str, Answer]:
        """The HPA's first word on each case, by its name."""
        cases = list(cases)
        await self._at_once(self._write(case) for case in cases)
        await self._fence()
        await self._at_once(self._post(HPAS, autoscaler(case)) for case in cases)
        return {case.name: await self._answer(case.name) for case in cases}

    async def again(self, case: Case, value: int) -> Answer:
        """The HPA's next word, on a new *value* of the case's one external metric.

        The workload has meanwhile become what the HPA asked for.
        """
        self._measure(case.metric_name(0), (value,))
        path = f"{HPAS}/{case.name}"
        now = self._seen[case.name]["status"]["desiredReplicas"]
        await self._set_status(f"{DEPLOYMENTS}/{case.name}", {"replicas": now})
        await self._look_again(path)
        return await self._answer(case.name)

    # ------------------------------------------------------------ writing

    async def _write(self, case: Case) -> None:
        moment = datetime.now(UTC)
        await self._post(DEPLOYMENTS, deployment(case))
        there = case.current if case.status_replicas is None else case.status_replicas
        await self._set_status(f"{DEPLOYMENTS}/{case.name}", {"replicas": there})
        for index, metric in enumerate(case.metrics):
            if isinstance(metric, External):
                self._measure(case.metric_name(index), metric.values)
        for index, pod in enumerate(case.pods):
            await self._write_pod(case.name, f"{case.name}-{index}", pod, moment)

    async def _write_pod(self, case: str, name: str, pod: Pod, moment: datetime) -> None:
        await self._post(PODS, pod_body(case, name, pod))
        await self._set_status(f"{PODS}/{name}", pod_status(pod, moment))
        if pod.deleted:
            (await self._api.delete(f"{PODS}/{name}")).ok()
        measured = pod_metrics(case, name, pod, moment)
        if measured is not None:
            self._metrics.pods.append(measured)

    def _measure(self, name: str, values: tuple[int, ...]) -> None:
        self._metrics.external.pop(name, None)
        if values:
            self._metrics.external[name] = tuple(f"{value}m" for value in values)

    async def _post(self, path: str, body: Json) -> None:
        (await self._api.post(path, body)).ok()

    async def _set_status(self, path: str, status: Json) -> None:
        (await self._api.patch(f"{path}/status", {"status": status})).ok()

    async def _at_once(self, writes: Iterable[Awaitable[None]]) -> None:
        async def one(write: Awaitable[None]) -> None:
            async with self._slots:
                await write

        async with asyncio.TaskGroup() as group:
            for write in writes:
                group.create_task(one(write))

    # ------------------------------------------------------------ reading

    async def _fence(self) -> None:
        fence = replace(FENCE, name=f"fence-{uuid.uuid4().hex[:8]}")
        await self._write(fence)
        await self._post(HPAS, autoscaler(fence))
        while (await self._answer(fence.name)).replicas is None:
            await self._look_again(f"{HPAS}/{fence.name}")

    async def _look_again(self, path: str) -> None:
        """A change of the spec makes the HPA look at once; this one changes no answer."""
        name = path.rsplit("/", 1)[1]
        limit = self._seen[name]["spec"]["maxReplicas"]
        changed = (await self._api.patch(path, {"spec": {"maxReplicas": limit + 1}})).ok()
        await self._see(changed)

    async def _answer(self, name: str) -> Answer:
        async with asyncio.timeout(WITHIN_S), self._changed:
            await self._changed.wait_for(lambda: _is_current(self._seen.get(name)))
        status = self._seen[name]["status"]
        conditions = {each["type"]: each for each in status["conditions"]}
        active = conditions.get("ScalingActive", {"status": "Unknown", "message": ""})
        limited = conditions.get("ScalingLimited", {"message": ""})
        message = f"{active['message']}; {limited['message']}"
        failed = active["status"] == "False" and active["reason"] != "ScalingDisabled"
        return Answer(None if failed else status["desiredReplicas"], message)

    async def follow(self, since: str) -> None:
        """Hold what the API says of every HPA, for ever."""
        async with self._api.watch(HPAS, resourceVersion=since, timeoutSeconds=3600) as watch:
            while True:
                await self._see((await watch.next(timeout_s=3600))["object"])

    async def _see(self, found: Json) -> None:
        """Take *found* unless a newer one is there: answers and events overtake each other."""
        async with self._changed:
            name = found["metadata"]["name"]
            if _version(found) > _version(self._seen.get(name)):
                self._seen[name] = found
                self._changed.notify_all()

    async def prepare(self) -> str:
        made = await self._api.post("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
        if made.status != HTTPStatus.CONFLICT:  # an earlier stage made it
            made.ok()
        version: str = (await self._api.get(HPAS)).ok()["metadata"]["resourceVersion"]
        return version


def _version(found: Json | None) -> int:
    return int(found["metadata"]["resourceVersion"]) if found else 0


def _is_current(found: Json | None) -> bool:
    """Whether the HPA has looked at the spec as it is."""
    if found is None:
        return False
    seen = (found.get("status") or {}).get("observedGeneration")
    return bool(seen == found["metadata"]["generation"])


@asynccontextmanager
async def staged(plane: ControlPlane) -> AsyncIterator[Stage]:
    """A stage on *plane*; one at a time, and no two with cases of one name."""
    cluster = Cluster("hpa", plane.url, plane.folder, plane.token, plane.authority)
    async with cluster.http() as session:
        api, metrics = Api(session), Metrics()
        async with serving(metrics, plane, api), asyncio.TaskGroup() as group:
            stage = Stage(api, metrics)
            following = group.create_task(stage.follow(await stage.prepare()))
            yield stage
            following.cancel()
