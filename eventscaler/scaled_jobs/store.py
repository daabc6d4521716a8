"""The Jobs of one ScaledJob in the API: list them, start some, delete some.

Starts and deletions go out in small batches, and a batch that meets a refusal is the last one of
its turn. What was started is not remembered anywhere but in the Jobs themselves, which the next
turn lists; `core.jobs.naming` says why no Job is started twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import structlog

from eventscaler.core.jobs import Job, Removal
from eventscaler.core.jobs.naming import numbers
from eventscaler.decode import ScaledJob
from eventscaler.decode.job import NAME_LABEL, is_finished, jobs_of
from eventscaler.scaled_jobs.making import job_body
from eventscaler.scaled_jobs.memory import JobMemory
from kube.client import Client
from kube.errors import (
    AlreadyExists,
    Conflict,
    KubeError,
    NotFound,
    NotLeading,
    Unavailable,
)
from kube.resources import JOBS, PODS

log = structlog.get_logger()

BATCH = 10  # calls at a time
PER_TURN = 100  # starts, and deletions, in one turn

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Done:
    """How far a series of calls came.

    Attributes:
        count: calls that did what they should.
        refused: why the first other one did not; "" when all did.
        left: what was not tried in this turn.
    """

    count: int = 0
    refused: str = ""
    left: int = 0


class Store:
    def __init__(self, client: Client) -> None:
        self._client = client

    async def listed(self, order: ScaledJob) -> tuple[Job, ...]:
        """All Jobs of *order*; with their pods where those make a difference.

        Raises:
            KubeError: the API did not answer.
        """
        where = {"namespace": order.namespace, "labels": f"{NAME_LABEL}={order.name}"}
        bodies = await self._client.items(JOBS, **where)
        if order.settings.sees_pods and not all(map(is_finished, bodies)):
            return jobs_of(bodies, await self._client.items(PODS, **where))
        return jobs_of(bodies, None)

    async def start(
        self, order: ScaledJob, count: int, jobs: Sequence[Job], memory: JobMemory
    ) -> Done:
        """Start *count* Jobs beside *jobs*, at most `PER_TURN` of them now.

        Raises:
            NotLeading: this process may not write any more.
        """
        memory.doubtful -= {job.sequence for job in jobs}
        chosen = numbers(min(count, PER_TURN), jobs, memory.last, tuple(memory.doubtful))

        async def start_one(sequence: int) -> str:
            memory.last = max(memory.last, sequence)
            memory.doubtful.add(sequence)
            try:
                await self._client.create(JOBS, job_body(order, sequence))
            except AlreadyExists:
                log.info("started before", object=f"{order.namespace}/{order.name}", job=sequence)
            except (Unavailable, NotLeading):
                raise
            except KubeError as error:
                return str(error)
            memory.doubtful.discard(sequence)
            return ""

        done = await _in_batches(chosen, start_one)
        return replace(done, left=done.left + count - len(chosen))

    async def remove(self, order: ScaledJob, removals: Sequence[Removal]) -> Done:
        """Delete these very Jobs, at most `PER_TURN` of them now.

        Raises:
            NotLeading: this process may not write any more.
        """

        async def remove_one(removal: Removal) -> str:
            try:
                await self._client.delete(
                    JOBS,
                    removal.name,
                    namespace=order.namespace,
                    uid=removal.uid,
                    propagation=removal.propagation,
                )
            except (NotFound, Conflict):
                return ""  # it is gone; a namesake is another Job
            except (Unavailable, NotLeading):
                raise
            except KubeError as error:
                return f"job {removal.name}: {error}"
            return ""

        chosen = removals[:PER_TURN]
        done = await _in_batches(chosen, remove_one)
        return replace(done, left=done.left + len(removals) - len(chosen))


async def _in_batches(items: Sequence[Item], call: Callable[[Item], Awaitable[str]]) -> Done:
    """Call for one batch after another until one meets a refusal.

    Raises:
        NotLeading: *call* did; the rest of its batch is finished.
    """

    async def settled(item: Item) -> str | KubeError:
        try:
            return await call(item)
        except (Unavailable, NotLeading) as error:
            return error

    count, tried, refused = 0, 0, ""
    while tried < len(items) and not refused:
        batch = items[tried : tried + BATCH]
        tried += len(batch)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(settled(item)) for item in batch]
        for answer in (task.result() for task in tasks):
            if isinstance(answer, NotLeading):
                raise answer
            refused = refused or str(answer)
            count += not str(answer)
    return Done(count, refused, len(items) - tried)
