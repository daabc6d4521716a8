"""What was wanted and what was done lately: the memory of `behavior`.

A *recommendation* is a count that was wanted, before any restraint; windows look back over them.
A *move* is a change of the scale that was made; policies count them. Both are kept only as long
as some rule can ask for them, and a recommendation only while no later one answers for it, so that
a history stays short however often an object is sampled.

Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

At = tuple[datetime, int]


@dataclass(frozen=True, slots=True)
class History:
    """Oldest first; `moves` hold the change, above 0 for up.

    >>> from datetime import UTC
    >>> noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    >>> five = timedelta(minutes=5)
    >>> wanted = History().wanting(9, noon).wanting(4, noon + timedelta(minutes=1))
    >>> wanted.highest(noon + five, five), wanted.highest(noon + 1.1 * five, five)
    (4, 4)
    >>> wanted.highest(noon + 0.9 * five, five)
    9
    """

    recommendations: tuple[At, ...] = ()
    moves: tuple[At, ...] = ()

    def wanting(self, count: int, now: datetime) -> History:
        """With a recommendation of *count*."""
        return History((*self.recommendations, (now, count)), self.moves)

    def moved(self, change: int, now: datetime) -> History:
        """With a move that was made."""
        return History(self.recommendations, (*self.moves, (now, change))) if change else self

    def highest(self, now: datetime, window: timedelta) -> int:
        """The largest count wanted in *window*, or 0."""
        return max(self._within(now, window), default=0)

    def lowest(self, now: datetime, window: timedelta, otherwise: int) -> int:
        """The smallest count wanted in *window*."""
        return min(self._within(now, window), default=otherwise)

    def risen(self, now: datetime, period: timedelta) -> int:
        """Replicas added in *period*."""
        return sum(by for at, by in self.moves if by > 0 and now - at < period)

    def fallen(self, now: datetime, period: timedelta) -> int:
        """Replicas removed in *period*."""
        return -sum(by for at, by in self.moves if by < 0 and now - at < period)

    def not_after(self, now: datetime) -> History:
        """The same when nothing of it lies in the future, as after a clock was set back.

        What was written down by a clock ahead of this one counts as of now: it may hold a count
        for a window more, and never lets one go early.
        """
        if all(at <= now for at, _ in (*self.recommendations[-1:], *self.moves[-1:])):
            return self
        return History(
            tuple((min(at, now), count) for at, count in self.recommendations),
            tuple((min(at, now), change) for at, change in self.moves),
        )

    def pruned(self, now: datetime, up: timedelta, down: timedelta, period: timedelta) -> History:
        """Without what no window (*up*, *down*) and no policy (*period*) can ask for."""
        kept: list[At] = []
        low: int | None = None
        high: int | None = None
        for at, count in reversed(self.recommendations):
            lowest = now - at < up and (low is None or count < low)
            highest = now - at < down and (high is None or count > high)
            if lowest or highest:
                kept.append((at, count))
            low = count if low is None else min(low, count)
            high = count if high is None else max(high, count)
        moves = tuple((at, change) for at, change in self.moves if now - at < period)
        return History(tuple(reversed(kept)), moves)

    def _within(self, now: datetime, window: timedelta) -> list[int]:
        return [count for at, count in self.recommendations if now - at < window]
