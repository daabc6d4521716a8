"""One ScaledJob's turn: bind its triggers, make a round, report, and say when it wants the next."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

import structlog

from eventscaler.core.faults import errors, others, sentence
from eventscaler.core.jobs.status import CHECK_FAILED
from eventscaler.core.status import Problem, Status, worth_writing
from eventscaler.decode import ScaledJob
from eventscaler.engine.bindings import Bindings
from eventscaler.engine.reporting import BROKEN, Reporter
from eventscaler.engine.settings import EventSettings
from eventscaler.engine.tracked import Tracked
from eventscaler.metrics import Meters
from eventscaler.readings import Asked
from eventscaler.scaled_jobs.events import deeds, turns
from eventscaler.scaled_jobs.report import bare_status, patch, status_after
from eventscaler.scaled_jobs.rounds import Round, Rounds
from eventscaler.scaling.binding import Binding
from eventscaler.scaling.report import REFRESH_S
from kube.values.times import Now

log = structlog.get_logger()


class JobTurn:
    """What a turn needs; `take` makes one."""

    def __init__(
        self,
        *,
        current: Callable[[Tracked, object], bool],
        bindings: Bindings,
        rounds: Rounds,
        reporter: Reporter,
        meters: Meters,
        now: Now,
        settings: EventSettings,
    ) -> None:
        self._current = current
        self._bindings = bindings
        self._rounds = rounds
        self._reporter = reporter
        self._meters = meters
        self._now = now
        self._settings = settings

    async def take(self, tracked: Tracked) -> float | None:
        """Look at *tracked* once; seconds until the next turn, None for not before an edit.

        Raises:
            NotLeading: this process may not write any more.
        """
        order = tracked.order
        if not isinstance(order, ScaledJob):
            return await self._refuse(tracked)
        binding = await self._bound(tracked, order)
        if binding.refused:
            problem = Problem(CHECK_FAILED, sentence(binding.refused))
            await self._report(tracked, order, (), Round(problem=problem))
            return self._settings.refresh_s
        done = await self._rounds.round(
            order, binding.asked, tracked.jobs, current=partial(self._current, tracked, order)
        )
        if done.acted or self._current(tracked, order):
            self._account(tracked, order, done)
        tracked.report = partial(self._report, tracked, order, binding.asked, done)
        return self._settings.retry_s if done.is_unfinished else float(order.polling_s)

    def stumbled(self, tracked: Tracked) -> None:
        """Leave word that a turn broke; the log has the error."""
        if isinstance(tracked.order, ScaledJob):
            done = Round(problem=Problem(CHECK_FAILED, BROKEN))
            tracked.report = partial(self._report, tracked, tracked.order, (), done)

    async def _refuse(self, tracked: Tracked) -> float | None:
        problem = Problem(CHECK_FAILED, sentence(errors(tracked.faults)))
        status = bare_status(tracked.status, problem, self._now())
        if await self._write(tracked, status) or status == tracked.status:
            return None
        return self._settings.busy_poll_s

    async def _bound(self, tracked: Tracked, order: ScaledJob) -> Binding:
        """The triggers; what is odd about them is told when that is news."""
        if not order.settings.reads:
            return Binding(())
        binding = await self._bindings.of(tracked, order)
        self._reporter.warn(tracked, others(tracked.faults + binding.faults))
        return binding

    def _account(self, tracked: Tracked, order: ScaledJob, done: Round) -> None:
        """Remember, count and log what *done* brought."""
        memory, decision = tracked.jobs, done.decision
        blind = decision is not None and bool(decision.errors)
        wrong = blind or done.problem is not None
        self._meters.sampled(tracked.key, wrong=wrong, paused=order.settings.paused)
        if blind and order.borrows:
            self._bindings.doubt(tracked)
        self._reporter.say(tracked, deeds(done, memory.refused))
        self._log(tracked, done)
        memory.refused = done.started.refused
        if done.entry is not None:
            tracked.journal = tracked.journal.noted(done.entry)
        if decision is not None:
            memory.last_active = decision.last_active
            memory.decision = decision

    def _log(self, tracked: Tracked, done: Round) -> None:
        decision, was = done.decision, tracked.jobs.decision
        if decision is None:
            return
        turned = was is None or was.reason is not decision.reason
        acted = decision.create or decision.remove
        tell = log.info if acted or turned else log.debug
        tell(
            "jobs" if acted else "held",
            object=tracked.name,
            read={vote.reading.trigger: vote.reading.value for vote in decision.votes},
            begun=decision.tally.begun,
            pending=decision.tally.pending,
            decided=decision.create,
            created=done.started.count,
            deleted=done.cleaned.count + done.trimmed.count,
            reason=decision.reason.value,
            why=decision.message,
            refused=done.started.refused or done.cleaned.refused or done.trimmed.refused or None,
        )

    async def _report(
        self, tracked: Tracked, order: ScaledJob, asked: tuple[Asked, ...], done: Round
    ) -> None:
        if not self._current(tracked, order):
            return  # another object of that name may be there
        told = [str(fault) for fault in tracked.told]
        status = status_after(tracked.status, order, asked, done, self._now(), cautions=told)
        elapsed = asyncio.get_running_loop().time() - tracked.written_at
        if worth_writing(tracked.status, status, elapsed, REFRESH_S):
            await self._write(tracked, status)

    async def _write(self, tracked: Tracked, status: Status) -> bool:
        """Write *status* and tell of its turns; whether that worked."""
        was = tracked.status
        if not await self._reporter.write(tracked, status, patch(was, status)):
            return False
        self._reporter.say(tracked, turns(was, status))
        return True
