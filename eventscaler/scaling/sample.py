"""A round of one object: its scale and its triggers are read together, then decided and written.

Whatever fails is a value of the `Round`; nothing here raises for a source or for the API.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from eventscaler.core.decide import decide
from eventscaler.core.journal import Entry, entry
from eventscaler.core.model import Decision, Limits, Memory, MetricType, Mode, Reading, State
from eventscaler.core.status import CHECK_FAILED, NO_REPLICAS, Problem
from eventscaler.decode import ScaledObject
from eventscaler.readings import Asked, Readings
from kube.client import Client, Json
from kube.errors import Conflict, KubeError, NotFound, NotLeading
from kube.resources import PODS
from kube.scale import Scale, Scales
from kube.values.times import Now


def always() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds that the parts of a round took."""

    read_s: float = 0.0
    decide_s: float = 0.0
    write_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What one round found and did.

    Attributes:
        decision: None when the scale could not be read; `problem` says why.
        entry: what is kept of it.
        memory: for the next round.
        written: whether the scale was set.
        refused: what the API said no with when it should be set; "" otherwise.
        changed: the scale was changed by somebody else just now; sample again soon.
        count: of the target afterwards; None when it could not be read.
    """

    decision: Decision | None = None
    entry: Entry | None = None
    memory: Memory = field(default_factory=Memory)
    problem: Problem | None = None
    written: bool = False
    refused: str = ""
    changed: bool = False
    count: int | None = None
    timings: Timings = Timings()


class Sampler:
    def __init__(self, client: Client, scales: Scales, readings: Readings, now: Now) -> None:
        self._client = client
        self._scales = scales
        self._readings = readings
        self._now = now

    async def round(
        self,
        order: ScaledObject,
        asked: Sequence[Asked],
        memory: Memory,
        count: int | None = None,
        *,
        current: Callable[[], bool] = always,
    ) -> Round:
        """Bring the target to what its triggers ask for.

        Another *count* than the one seen or written last is somebody's change: it is left alone in
        this round, unless it is out of the object's limits. And nothing is written when, after the
        reading, *order* is not *current* any more.
        """
        clock = asyncio.get_running_loop().time
        began = clock()
        scale, readings, ready = await self._read(order, asked)
        read = clock()
        if isinstance(scale, Problem):
            return Round(problem=scale, memory=memory, timings=Timings(read - began))
        now = self._now()
        state = State(
            current=scale.replicas,
            created=order.created,
            ready=ready,
            last_active=memory.last_active,
            history=memory.history,
            failures=memory.failures,
        )
        decision = decide(readings, order.limits, state, order.settings, now)
        decided = clock()
        changed = count not in (None, scale.replicas) and _within(order.limits, scale.replicas)
        if changed or not current():
            outcome = Round(decision=decision, memory=decision.memory, changed=True)
        else:
            outcome = await self._write(order, scale, decision)
        kept = entry(decision, now, written=outcome.written, refused=outcome.refused)
        timings = Timings(read - began, decided - read, clock() - decided)
        after = decision.replicas if outcome.written else scale.replicas
        return replace(outcome, count=after, entry=kept, timings=timings)

    async def _read(
        self, order: ScaledObject, asked: Sequence[Asked]
    ) -> tuple[Scale | Problem, tuple[Reading, ...], int | None]:
        wanted = tuple(asked) if order.reads else ()
        scale = self._scales.held(order.target)
        if scale is not None and not self._asks_for_pods(order, wanted, scale):
            return scale, await self._readings.sample(wanted), None
        async with asyncio.TaskGroup() as group:
            scale_task = group.create_task(self._scale(order, wanted))
            readings_task = group.create_task(self._readings.sample(wanted))
        found, ready = scale_task.result()
        return found, readings_task.result(), ready

    async def _scale(
        self, order: ScaledObject, asked: Sequence[Asked]
    ) -> tuple[Scale | Problem, int | None]:
        target = order.target
        try:
            scale = await self._scales.get(target)
            return scale, await self._ready(order, scale, asked)
        except NotFound as missing:
            return Problem(CHECK_FAILED, str(missing)), None
        except KubeError as error:
            return Problem(NO_REPLICAS, f"target {target} cannot be read: {error}"), None

    async def _ready(self, order: ScaledObject, scale: Scale, asked: Sequence[Asked]) -> int | None:
        """Ready pods, counted only where the Value arithmetic will ask for them."""
        if not self._asks_for_pods(order, asked, scale):
            return None
        namespace = order.target.namespace
        pods = await self._client.items(PODS, namespace=namespace, labels=scale.selector)
        return sum(1 for pod in pods if _is_ready(pod))

    def _asks_for_pods(self, order: ScaledObject, asked: Sequence[Asked], scale: Scale) -> bool:
        return bool(_counts_by_value(order, asked) and scale.replicas and scale.selector)

    async def _write(self, order: ScaledObject, scale: Scale, decision: Decision) -> Round:
        kept = Round(decision=decision, memory=decision.memory)
        if decision.replicas == scale.replicas or order.settings.mode is not Mode.AUTO:
            return kept
        try:
            await self._scales.put(order.target, decision.replicas, was=scale)
        except NotLeading:
            raise
        except Conflict:
            return replace(kept, changed=True)
        except KubeError as error:
            return replace(kept, refused=str(error))
        moved = decision.history.moved(decision.replicas - scale.replicas, self._now())
        return replace(kept, memory=replace(kept.memory, history=moved), written=True)


def _within(limits: Limits, replicas: int) -> bool:
    return replicas == limits.rest or limits.awake <= replicas <= limits.max


def _counts_by_value(order: ScaledObject, asked: Sequence[Asked]) -> bool:
    composite = order.settings.composite
    if composite is not None:
        return composite.metric_type is MetricType.VALUE
    return any(one.trigger and one.trigger.metric_type == MetricType.VALUE for one in asked)


def _is_ready(pod: Json) -> bool:
    if pod["metadata"].get("deletionTimestamp"):
        return False
    found = (pod.get("status") or {}).get("conditions") or ()
    return any(item["type"] == "Ready" and item["status"] == "True" for item in found)
