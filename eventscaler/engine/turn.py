"""One object's turn: bind its triggers, sample, report, and say when it wants the next.

Reports are written on change only. The scale comes first, so that nothing slow or broken about
status and events delays it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

import structlog

from eventscaler.core.faults import errors, others, sentence
from eventscaler.core.model import Mode
from eventscaler.core.status import CHECK_FAILED, Problem, Status, worth_writing
from eventscaler.decode import ScaledObject
from eventscaler.engine.bindings import Bindings
from eventscaler.engine.finalizers import guard
from eventscaler.engine.hpas import Hpas, told
from eventscaler.engine.labelling import label
from eventscaler.engine.reporting import BROKEN, Reporter
from eventscaler.engine.settings import EventSettings
from eventscaler.engine.tracked import Counts, Tracked
from eventscaler.hpa import Kept
from eventscaler.metrics import Meters
from eventscaler.readings import Asked
from eventscaler.scaling.binding import Binding
from eventscaler.scaling.events import Notice, scaled, turns
from eventscaler.scaling.report import REFRESH_S, bare_status, status_after, status_patch
from eventscaler.scaling.sample import Round, Sampler
from kube.client import Client
from kube.discovery import Discovery
from kube.errors import KubeError, NotLeading
from kube.values.times import Now

log = structlog.get_logger()


class Turn:
    """What a turn needs; `take` makes one."""

    def __init__(
        self,
        client: Client,
        discovery: Discovery,
        *,
        rival: Callable[[Tracked], str],
        current: Callable[[Tracked, object], bool],
        bindings: Bindings,
        sampler: Sampler,
        reporter: Reporter,
        hpas: Hpas,
        meters: Meters,
        counts: Counts,
        now: Now,
        settings: EventSettings,
    ) -> None:
        self._client = client
        self._discovery = discovery
        self._rival = rival
        self._current = current
        self._bindings = bindings
        self._sampler = sampler
        self._reporter = reporter
        self._hpas = hpas
        self._meters = meters
        self._counts = counts
        self._now = now
        self._settings = settings

    async def take(self, tracked: Tracked) -> float | None:
        """Sample *tracked* once; seconds until the next turn, None for not before an edit.

        Raises:
            NotLeading: this process may not write any more.
        """
        order = tracked.order
        if not isinstance(order, ScaledObject):
            return await self._refuse(tracked)
        if await self._is_kept_from(tracked, order):
            return self._settings.busy_poll_s
        binding = await self._bound(tracked, order)
        if binding.refused:
            problem = Problem(CHECK_FAILED, sentence(binding.refused))
            await self._report(tracked, order, (), Round(problem=problem))
            return self._settings.refresh_s
        return await self._sample(tracked, order, binding)

    def stumbled(self, tracked: Tracked) -> None:
        """Leave word that a turn broke; the log has the error."""
        if isinstance(tracked.order, ScaledObject):
            done = Round(problem=Problem(CHECK_FAILED, BROKEN))
            tracked.report = partial(self._report, tracked, tracked.order, (), done)

    async def _is_kept_from(self, tracked: Tracked, order: ScaledObject) -> bool:
        """Whether something keeps *order* from being scaled; that is reported then."""
        rival = self._rival(tracked)
        if rival:
            text = f"{order.target} is scaled by ScaledObject/{rival} already"
            kept = await self._hpas.clear(order, tracked.status.hpa_name, rival=True)
            done = Round(problem=Problem(CHECK_FAILED, text))
            await self._report(tracked, order, (), done, kept)
            return True
        if not order.restore or tracked.guarded:
            return False
        try:
            await guard(self._client, order.namespace, order.name)
        except NotLeading:
            raise
        except KubeError as error:
            problem = Problem(CHECK_FAILED, f"the finalizer cannot be put on: {error}")
            await self._report(tracked, order, (), Round(problem=problem))
            return True
        return False

    async def _sample(self, tracked: Tracked, order: ScaledObject, binding: Binding) -> float:
        """Read, decide, act and report; seconds until the next turn."""
        if tracked.resumed:
            tracked.resumed = False
            tracked.memory = replace(tracked.memory, last_active=self._now())
        kept = await self._hpas.clear(order, tracked.status.hpa_name)
        done = await self._sampler.round(
            order,
            binding.asked,
            tracked.memory,
            tracked.count,
            current=partial(self._current, tracked, order),
        )
        if done.written or self._current(tracked, order):
            self._account(tracked, order, done)
        if not self._current(tracked, order):
            return self._settings.retry_s  # what it is now has a turn of its own, right after
        if kept is None and done.problem is None:
            kept = await self._hpas.keep(order, binding.asked, tracked.status.hpa_name)
        done = _with_hpa(done, kept)
        tracked.report = partial(self._told, tracked, order, binding.asked, done, kept)
        return self._wait(order, done)

    async def _told(
        self,
        tracked: Tracked,
        order: ScaledObject,
        asked: tuple[Asked, ...],
        done: Round,
        kept: Kept | None,
    ) -> None:
        """Report *done*, and put the label on when that is due."""
        await self._report(tracked, order, asked, done, kept)
        if not tracked.labelled and order.settings.mode is Mode.AUTO:
            tracked.labelled = True  # or so tried
            await label(self._client, order.namespace, order.name)

    async def _refuse(self, tracked: Tracked) -> float | None:
        problem = Problem(CHECK_FAILED, sentence(errors(tracked.faults)))
        status = bare_status(tracked.status, problem, self._now())
        if await self._write(tracked, status) or status == tracked.status:
            return None
        return self._settings.busy_poll_s

    async def _bound(self, tracked: Tracked, order: ScaledObject) -> Binding:
        """The triggers; what is odd about them is told when that is news."""
        if not order.reads:
            return Binding(())
        binding = await self._bindings.of(tracked, order)
        self._reporter.warn(tracked, others(tracked.faults + binding.faults))
        return binding

    def _account(self, tracked: Tracked, order: ScaledObject, done: Round) -> None:
        """Remember, count and log what *done* brought."""
        decision = done.decision
        blind = decision is not None and bool(decision.errors)
        wrong = blind or done.problem is not None
        self._meters.sampled(tracked.key, wrong=wrong, paused=order.settings.pause is not None)
        if blind and order.borrows:
            self._bindings.doubt(tracked)
        self._counts.scaled += done.written
        self._say(tracked, scaled(order, done, tracked.refused))
        self._log(tracked, done)
        tracked.refused = done.refused
        if tracked.target == order.target:
            tracked.memory, tracked.count = done.memory, done.count
        if done.entry is not None:
            tracked.journal = tracked.journal.noted(done.entry)
        if decision is not None:
            tracked.decision = decision
            tracked.sampled_at = asyncio.get_running_loop().time()

    def _log(self, tracked: Tracked, done: Round) -> None:
        decision, was = done.decision, tracked.decision
        if decision is None:
            return
        before = (was.reason, was.replicas) if was else None
        turned = before != (decision.reason, decision.replicas)
        news = turned or done.written or done.changed
        tell = log.info if news or done.refused != tracked.refused else log.debug
        tell(
            _word(done),
            object=tracked.name,
            read={reading.trigger: reading.value for reading in decision.readings},
            current=decision.current,
            decided=decision.replicas,
            reason=decision.reason.value,
            why=decision.message,
            refused=done.refused or None,
            read_ms=round(done.timings.read_s * 1000, 1),
            decide_ms=round(done.timings.decide_s * 1000, 3),
            write_ms=round(done.timings.write_s * 1000, 1),
        )

    async def _report(
        self,
        tracked: Tracked,
        order: ScaledObject,
        asked: tuple[Asked, ...],
        done: Round,
        kept: Kept | None = None,
    ) -> None:
        if not self._current(tracked, order):
            return  # another object of that name may be there
        cautions = [str(fault) for fault in tracked.told]
        status = status_after(tracked.status, order, asked, done, self._now(), cautions=cautions)
        if done.decision is not None:
            target = await self._gvkr(order, status)
            if target != status.scale_target:
                status = replace(status, scale_target=target)
        if kept is not None:
            status = told(status, kept, self._now())
        elapsed = asyncio.get_running_loop().time() - tracked.written_at
        if worth_writing(tracked.status, status, elapsed, REFRESH_S):
            await self._write(tracked, status)

    async def _gvkr(self, order: ScaledObject, status: Status) -> tuple[str, str, str, str] | None:
        """Group, version, kind and resource of the target; as known before when nobody answers."""
        try:
            found = await self._discovery.resource(order.target.api_version, order.target.kind)
        except KubeError:
            return status.scale_target
        return (found.group, found.version, found.kind, found.plural)

    async def _write(self, tracked: Tracked, status: Status) -> bool:
        """Write *status* and tell of its turns; whether that worked."""
        was = tracked.status
        if not await self._reporter.write(tracked, status, status_patch(was, status)):
            return False
        self._say(tracked, turns(was, status, tracked.order))
        return True

    def _say(self, tracked: Tracked, notices: Iterable[Notice]) -> None:
        self._reporter.say(tracked, notices)

    def _wait(self, order: ScaledObject, done: Round) -> float:
        """Seconds until the next sample."""
        decision = done.decision
        if done.changed:
            return self._settings.retry_s
        if decision is None or not order.reads:
            return float(order.polling_s)
        at_work = decision.replicas > 0 and not order.cached
        wait = float(
            min(order.polling_s, self._settings.busy_poll_s) if at_work else order.polling_s
        )
        if decision.retry_at is None:
            return wait
        return min(wait, (decision.retry_at - self._now()).total_seconds())


def _word(done: Round) -> str:
    """What became of a decision, in a word of the log."""
    if done.written:
        return "scaled"
    if done.changed:
        return "conflict"
    if done.refused:
        return "refused"
    decision = done.decision
    return "held" if decision is None or decision.replicas == decision.current else "recommended"


def _with_hpa(done: Round, kept: Kept | None) -> Round:
    """*done* with what is wrong about the HPA."""
    if kept is None:
        return done
    problem = Problem(CHECK_FAILED, kept.problem) if kept.problem else done.problem
    return replace(done, problem=problem, changed=done.changed or kept.again)
