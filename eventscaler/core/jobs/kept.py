"""What is kept of a decision about Jobs, in the form that `tandem explain` knows. Pure."""

from __future__ import annotations

from datetime import datetime

from eventscaler.core.jobs.model import JobDecision
from eventscaler.core.journal import Entry, said


def entry_of(
    decision: JobDecision, now: datetime, *, written: bool = False, refused: str = ""
) -> Entry:
    """An entry whose replicas are the Jobs in flight, before and after.

    *written* says whether some Job was started or deleted.
    """
    in_flight = decision.tally.in_flight
    return Entry(
        since=now,
        until=now,
        times=1,
        current=in_flight,
        replicas=in_flight + decision.create,
        rule=decision.reason.value,
        message=decision.message,
        winner="",
        inputs=tuple(said(vote.reading) for vote in decision.votes),
        written=written,
        refused=refused,
    )
