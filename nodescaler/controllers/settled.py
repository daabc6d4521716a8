"""What an initialised claim says about itself over time: last pod event, Consolidatable. Pure.

`lastPodEventTime` is written at most every ten seconds, and only because something happened.
Source: karpenter.md 1.7, "pod events" and "Consolidatable".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from nodescaler.controllers.status import CONSOLIDATABLE, with_condition
from nodescaler.core.lifecycle import INITIALIZED
from nodescaler.core.model import ClaimState, NodePool

POD_EVENT_EVERY_S = 10.0


@dataclass(frozen=True, slots=True)
class Settled:
    """The claim as it should read, and when that may change by time alone."""

    claim: ClaimState
    retry_after_s: float | None = None


def settled(
    claim: ClaimState, pool: NodePool | None, last_event: datetime | None, now: datetime
) -> Settled:
    """Bring both up to date."""
    noted = _with_event(claim, last_event, now)
    judged = _with_consolidatable(noted.claim, pool, last_event, now)
    waits = [w for w in (noted.retry_after_s, judged.retry_after_s) if w is not None]
    return Settled(judged.claim, min(waits, default=None))


def _with_event(claim: ClaimState, last_event: datetime | None, now: datetime) -> Settled:
    was = claim.last_pod_event
    if last_event is None or (was is not None and last_event.timestamp() < was.timestamp() + 1):
        return Settled(claim)  # known, to the second that the API keeps
    wait_s = 0.0 if was is None else POD_EVENT_EVERY_S - (now - was).total_seconds()
    if wait_s > 0:
        return Settled(claim, wait_s)
    return Settled(replace(claim, last_pod_event=last_event))


def _with_consolidatable(
    claim: ClaimState, pool: NodePool | None, last_event: datetime | None, now: datetime
) -> Settled:
    if pool is None or pool.consolidate_after_s is None:
        return Settled(claim)
    since = since_of(claim, last_event) or now
    wait_s = pool.consolidate_after_s - (now - since).total_seconds()
    if wait_s > 0:
        if CONSOLIDATABLE not in claim.conditions:
            return Settled(claim, wait_s)
        why = f"something happened in the last {pool.consolidate_after_s:g} s"
        new = with_condition(claim, CONSOLIDATABLE, "False", "NotConsolidatable", why, now)
        return Settled(new, wait_s)
    return Settled(with_condition(claim, CONSOLIDATABLE, "True", CONSOLIDATABLE, "", now))


def since_of(claim: ClaimState, last_event: datetime | None) -> datetime | None:
    """When the claim's node last changed: its initialisation or its last pod event."""
    begun = claim.conditions.get(INITIALIZED)
    known = (begun.since if begun is not None else None, claim.last_pod_event, last_event)
    return max((moment for moment in known if moment is not None), default=None)
