"""Numbers for HPAs, from the engine's own samples.

An HPA is answered with the last sample, so a source is read by one clock and not by two. A sample
that is older than the engine's own interval makes a turn happen at once, and the answer waits for
it; with `useCachedMetrics` the last sample does, however old.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

from eventscaler.core.model import Decision, MetricType, Vote
from eventscaler.decode import ScaledObject
from eventscaler.engine.schedule import Key
from eventscaler.engine.settings import EventSettings
from eventscaler.engine.tracked import Tracked
from eventscaler.metrics_api import Blind, Measured, Unknown
from kube.values.times import Now

SLACK_S = 2.0  # a turn takes its time, and need not be asked for while it does
LONGEST_S = 10.0


class ExternalMetrics:
    """Answers HPAs.

    Args:
        find: the object of a key, when it is handled here.
        hurry: have turns happen now.
    """

    def __init__(
        self,
        find: Callable[[Key], Tracked | None],
        hurry: Callable[[list[Tracked]], None],
        settings: EventSettings,
        now: Now,
    ) -> None:
        self._find = find
        self._hurry = hurry
        self._settings = settings
        self._now = now

    async def external(self, namespace: str, scaled_object: str, metric: str) -> Measured:
        """The metric of a ScaledObject. Raises `Unknown` or `Blind`."""
        tracked = self._find(Key(namespace, scaled_object))
        order = tracked.order if tracked is not None else None
        if tracked is None or not isinstance(order, ScaledObject):
            raise Unknown(f"there is no usable ScaledObject {namespace}/{scaled_object} here")
        if self._stale(tracked, order):
            await self._fresh(tracked)
        age_s = self._age_s(tracked)
        if tracked.decision is None or self._stale(tracked, order):
            raise Blind(f"{metric} of {namespace}/{scaled_object} was not read lately")
        value = value_of(tracked.decision, metric)
        return Measured(value, self._now() - timedelta(seconds=age_s))

    def _stale(self, tracked: Tracked, order: ScaledObject) -> bool:
        if tracked.decision is not None and order.cached:
            return False
        interval_s = min(order.polling_s, self._settings.busy_poll_s)
        return self._age_s(tracked) > interval_s + SLACK_S

    def _age_s(self, tracked: Tracked) -> float:
        return asyncio.get_running_loop().time() - tracked.sampled_at

    async def _fresh(self, tracked: Tracked) -> None:
        """Wait for a turn of *tracked*; as long as an HPA is ready to wait."""
        turned: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        tracked.waiting.append(turned)
        if not tracked.running:
            self._hurry([tracked])
        try:
            async with asyncio.timeout(LONGEST_S):
                await turned
        except TimeoutError as error:
            told = f"{tracked.name} was not read within {LONGEST_S:g} s"
            raise Blind(told) from error


def value_of(decision: Decision, metric: str) -> float:
    """What an HPA is told of *metric*: the reading, or what makes it want the fallback's count.

    Raises:
        Unknown: the HPA of this object has no such metric.
        Blind: it could not be read.
    """
    served = {vote.reading.metric: vote for vote in decision.votes if not vote.reading.passive}
    vote = served.get(metric)
    if vote is None:
        there = f"there are {', '.join(sorted(served))}" if served else "it has none"
        raise Unknown(f"{metric} is no metric of this ScaledObject; {there}")
    if vote.fallback and vote.wanted is not None:
        ready = decision.current if decision.ready is None else decision.ready
        return _standing_in(vote, vote.wanted, ready)
    if vote.reading.value is None:
        raise Blind(vote.reading.error or f"{metric} could not be read")
    return vote.reading.value


def _standing_in(vote: Vote, wanted: int, ready: int) -> float:
    """The value from which the HPA's own arithmetic gets *wanted*."""
    if vote.reading.metric_type is MetricType.VALUE:
        if ready == 0:
            raise Blind("no pod is ready to divide the fallback's value by")
        return vote.reading.target * wanted / ready
    return vote.reading.target * wanted
