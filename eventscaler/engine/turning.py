"""Turns as tasks: one is taken, the next is set, and then what was found is reported.

A report waits for its place at the API server, for minutes when ten thousand objects have something
to tell. No sample waits with it: the next turn goes on meanwhile, and only the newest report of an
object is kept for when the one before is through.
"""

from __future__ import annotations

import asyncio
import random  # noqa: TID251 - the type only; an instance is passed in
from collections.abc import Mapping

import structlog

from eventscaler.engine.job_turn import JobTurn
from eventscaler.engine.registry import Registry
from eventscaler.engine.schedule import Schedule
from eventscaler.engine.settings import EventSettings
from eventscaler.engine.share import Share
from eventscaler.engine.tracked import Counts, Tracked
from eventscaler.engine.turn import Turn
from eventscaler.metrics import Meters
from kube.errors import NotLeading

log = structlog.get_logger()

STUMBLE_S = 30.0  # after a turn broke


class Turning:
    """Takes the turns of all objects.

    Args:
        turns: by kind.
        rng: spreads the polls.
    """

    def __init__(
        self,
        turns: Mapping[str, Turn | JobTurn],
        registry: Registry,
        schedule: Schedule,
        share: Share,
        meters: Meters,
        counts: Counts,
        *,
        settings: EventSettings,
        rng: random.Random,
    ) -> None:
        self._turns = turns
        self._registry = registry
        self._schedule = schedule
        self._share = share
        self._meters = meters
        self._counts = counts
        self._settings = settings
        self._rng = rng

    async def take(self, tracked: Tracked, due: float) -> None:
        """A turn, and the time of the next; whatever happens, the object is not lost."""
        with self._share.turn(tracked.shard):
            order = tracked.order
            wait = await self._taken(tracked, due)
            if not self._registry.is_current(tracked, order):
                self._meters.forget(tracked.key)  # what this turn counted of triggers that are gone
            self._after(tracked, due, wait)
            await self._report(tracked)

    async def _taken(self, tracked: Tracked, due: float) -> float | None:
        """Seconds until the next turn; None for not before an edit."""
        late = asyncio.get_running_loop().time() - due
        self._meters.began(tracked.key, late)
        self._counts.latest_s = late
        self._counts.samples += 1
        self._counts.running += 1
        try:
            return await self._turns[tracked.key.kind].take(tracked)
        except NotLeading:
            return STUMBLE_S  # whoever runs this engine is about to cancel it
        except Exception:  # outermost frame: one object's trouble must not end the rest
            log.exception("turn broke", object=tracked.name, retry_s=STUMBLE_S)
            self._turns[tracked.key.kind].stumbled(tracked)
            return STUMBLE_S
        finally:
            self._counts.running -= 1
            tracked.running = False
            tracked.turned()

    async def _report(self, tracked: Tracked) -> None:
        """Report what the turns of *tracked* left to be told, one report at a time."""
        if tracked.reporting:
            return
        tracked.reporting = True
        try:
            while (report := tracked.report) is not None:
                tracked.report = None
                await report()
        except NotLeading:
            return  # as above
        except Exception:  # as above
            log.exception("report broke", object=tracked.name)
        finally:
            tracked.reporting = False

    def _after(self, tracked: Tracked, due: float, wait: float | None) -> None:
        held = self._registry.get(tracked.key)
        if held is not tracked:
            return
        now = asyncio.get_running_loop().time()
        if tracked.again:
            tracked.again = False
            self._schedule.put(tracked.key, now)
        elif wait is not None:
            # counted from when it was due, so that slow samples do not stretch the interval
            at = due + self._spread(tracked, wait)
            self._schedule.put(tracked.key, max(at, now + min(wait, 1.0)))

    def _spread(self, tracked: Tracked, wait: float) -> float:
        """A poll somewhat earlier, so that objects made or woken together do not stay in step.

        The first one at any time of the interval: that is the object's place in it.
        """
        order = tracked.order
        jitter = self._settings.jitter
        if not jitter or order is None or wait < min(order.polling_s, self._settings.busy_poll_s):
            return wait  # for a reason of its own, such as the end of a cooldown
        placed, tracked.placed = tracked.placed, True
        return wait * self._rng.uniform(1.0 - jitter if placed else 0.0, 1.0)
