"""A round of one ScaledJob: its Jobs are listed, then its triggers read, decided and acted on.

The order matters: see `core.jobs.decide`. For the same reason an answer that another object got
before the listing is not shared. While no Job is in flight and no trigger is active nothing is
listed: an idle ScaledJob costs the API nothing.

Whatever fails is a value of the `Round`; nothing here raises for a source or for the API.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from eventscaler.core.jobs import Job, JobDecision, RemovalReason, Tally, decide
from eventscaler.core.jobs.kept import entry_of
from eventscaler.core.jobs.status import CHECK_FAILED, CREATE_FAILED
from eventscaler.core.journal import Entry
from eventscaler.core.model import Mode, Reading
from eventscaler.core.status import Problem
from eventscaler.decode import ScaledJob
from eventscaler.readings import Asked, Readings
from eventscaler.scaled_jobs.memory import JobMemory
from eventscaler.scaled_jobs.store import Done, Store
from kube.errors import KubeError
from kube.values.times import Now

NOTHING = Done()


def always() -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What one round found and did.

    Attributes:
        decision: None when the Jobs could not be listed; `problem` says why.
        problem: also set when Jobs could not be started.
        entry: what is kept of the decision.
        started, cleaned, trimmed: the starts, the deletions of a rollout, those of the history.
    """

    decision: JobDecision | None = None
    problem: Problem | None = None
    entry: Entry | None = None
    started: Done = NOTHING
    cleaned: Done = NOTHING
    trimmed: Done = NOTHING

    @property
    def acted(self) -> bool:
        """Whether some Job was started or deleted."""
        return self.started.count + self.cleaned.count + self.trimmed.count > 0

    @property
    def is_unfinished(self) -> bool:
        """Whether the next round should come soon: something is left to do, and nothing failed.

        After a rollout there is: what it deleted had slots.
        """
        parts = (self.started, self.cleaned, self.trimmed)
        refused = any(part.refused for part in parts)
        return not refused and (self.cleaned.count > 0 or any(part.left for part in parts))


class Rounds:
    def __init__(self, store: Store, readings: Readings, now: Now) -> None:
        self._store = store
        self._readings = readings
        self._now = now

    async def round(
        self,
        order: ScaledJob,
        asked: Sequence[Asked],
        memory: JobMemory,
        *,
        current: Callable[[], bool] = always,
    ) -> Round:
        """Start and delete what follows from the queue and the Jobs.

        Nothing, when after the reading *order* is not *current* any more.

        Raises:
            NotLeading: this process may not write any more.
        """
        settings = order.settings
        try:
            jobs, readings = await self._look(order, asked, memory)
        except KubeError as error:
            return Round(problem=Problem(CHECK_FAILED, f"its Jobs cannot be listed: {error}"))
        now = self._now()
        made = decide(readings, jobs, settings, order.generation, now, memory.last_active)
        rests = made.tally == Tally() and not made.create and not made.remove
        memory.quiet = order if rests else None
        if settings.mode is Mode.RECOMMEND or not current():
            return Round(decision=made, entry=entry_of(made, now))
        by_reason = {
            reason: [removal for removal in made.remove if removal.reason is reason]
            for reason in RemovalReason
        }
        cleaned = await self._store.remove(order, by_reason[RemovalReason.ROLLOUT])
        started = await self._store.start(order, made.create, jobs, memory)
        trimmed = await self._store.remove(order, by_reason[RemovalReason.HISTORY])
        done = Round(
            decision=made,
            problem=Problem(CREATE_FAILED, started.refused) if started.refused else None,
            started=started,
            cleaned=cleaned,
            trimmed=trimmed,
        )
        kept = entry_of(made, now, written=done.acted, refused=started.refused)
        return replace(done, entry=kept)

    async def _look(
        self, order: ScaledJob, asked: Sequence[Asked], memory: JobMemory
    ) -> tuple[tuple[Job, ...], tuple[Reading, ...]]:
        """The Jobs, and then the queue; while nothing is in flight the queue alone is enough.

        Raises:
            KubeError: the Jobs cannot be listed.
        """
        wanted = tuple(asked) if order.settings.reads else ()
        if memory.quiet is order:
            readings = await self._readings.sample(wanted)
            if not any(reading.is_active() for reading in readings):
                return (), readings
        jobs = await self._store.listed(order)
        listed_at = asyncio.get_running_loop().time()
        return jobs, await self._readings.sample(wanted, since=listed_at)
