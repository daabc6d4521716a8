"""A schedule: so many replicas between two points in time that repeat.

Outside the window the trigger asks for nothing; with several triggers the largest wins, so a
schedule is a floor and never a ceiling. Through a change of clocks it follows `kube.values.cron`.
Source: https://keda.sh/docs/latest/scalers/cron/
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Annotated
from zoneinfo import ZoneInfo

from kube.values import cron
from scalers.base import Param, Sample, Scaler
from scalers.io import IO

SPELLED = str.maketrans({" ": "", "*": "x", "/": "Sl", "?": "Qm"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Cron:
    start: Annotated[str, Param("start", doc="when the window opens: five cron fields")]
    end: Annotated[str, Param("end", doc="when it closes")]
    timezone: Annotated[str, Param("timezone", doc="IANA name, as Europe/Berlin")]
    replicas: Annotated[int, Param("desiredReplicas", doc="replicas in the window", above=0)]

    def problems(self) -> Iterator[str]:
        for key, text in (("start", self.start), ("end", self.end)):
            try:
                cron.parse(text)
            except ValueError as error:
                yield f"'{key}': {error}"
        if self.start == self.end:
            yield f"'start' and 'end' must differ, got {self.start} twice"
        try:
            ZoneInfo(self.timezone)
        except (LookupError, ValueError, OSError):
            yield f"'timezone' must be an IANA name such as Europe/Berlin, got {self.timezone}"


def inside(start: cron.Cron, end: cron.Cron, zone: tzinfo, now: datetime) -> bool:
    """Whether *now* is in a window: it closes before it next opens.

    >>> from datetime import UTC
    >>> nine, five = cron.parse("0 9 * * *"), cron.parse("0 17 * * *")
    >>> [inside(nine, five, UTC, datetime(2026, 5, 1, hour, tzinfo=UTC)) for hour in (8, 9, 17)]
    [False, True, False]
    """
    opens, closes = start.next_after(now, zone), end.next_after(now, zone)
    if closes is None:
        return False
    return opens is None or closes <= opens


async def read(meta: Cron, io: IO) -> Sample:
    start, end = cron.parse(meta.start), cron.parse(meta.end)
    if inside(start, end, ZoneInfo(meta.timezone), io.now()):
        return Sample(float(meta.replicas), active=True)
    return Sample(0.0, active=False)


def metric(meta: Cron) -> str:
    start, end = meta.start.translate(SPELLED), meta.end.translate(SPELLED)
    return f"cron-{meta.timezone}-{start}-{end}"


SCALER = Scaler("cron", Cron, read, target=1.0, metric=metric, cacheable=False)
