"""Every Kubernetes Event about a ScaledJob, with its text: what a user reads in `describe`.

An Event tells of a turn or of a deed, never of a state. Reasons are KEDA's. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from eventscaler.core.jobs.status import CHECK_FAILED, CREATE_FAILED, PAUSED, UNPAUSED
from eventscaler.core.status import PAUSED_WHOLLY, Status
from eventscaler.scaled_jobs.rounds import Round
from eventscaler.scaled_jobs.store import Done
from eventscaler.scaling.events import STARTED, STOPPED, Notice, ready_turn

ROLLOUT = "ScaledJobRolloutCleanup"


def turns(was: Status, new: Status) -> Iterator[Notice]:
    """What the conditions tell."""
    ready = new.condition("Ready")
    if ready is None or ready.reason != CREATE_FAILED:  # which has an Event of its own
        yield from ready_turn(was, new, failed="KEDAScalerFailed", refused=CHECK_FAILED)
    yield from _pause_turn(was, new)
    yield from _active_turn(was, new)


def deeds(done: Round, refused_before: str) -> Iterator[Notice]:
    """What starts and deletions tell; a refusal that repeats is told once."""
    decision = done.decision
    if decision is None:
        return
    yield from _rollout(done.cleaned)
    if done.started.count:
        text = f"created {done.started.count} jobs: {decision.message}"
        yield Notice("KEDAJobsCreated", text)
    refused = done.started.refused
    if refused and refused != refused_before:
        yield Notice(CREATE_FAILED, f"could not create a job: {refused}", warning=True)


def _rollout(cleaned: Done) -> Iterator[Notice]:
    of = "jobs of an earlier generation"
    if cleaned.count or cleaned.refused:
        yield Notice(f"{ROLLOUT}Started", f"deleting {of}")
    if cleaned.refused:
        yield Notice(f"{ROLLOUT}Failed", f"could not delete a job: {cleaned.refused}", warning=True)
    elif cleaned.count and not cleaned.left:
        yield Notice(f"{ROLLOUT}Completed", f"deleted {cleaned.count} {of}")


def _pause_turn(was: Status, new: Status) -> Iterator[Notice]:
    before, after = was.condition("Paused"), new.condition("Paused")
    if after is None or (before and before.status == after.status):
        return
    if after.status == "True":
        if before is not None:
            yield STOPPED
        yield Notice(PAUSED, PAUSED_WHOLLY)
    elif before is not None and before.status == "True":
        yield STARTED
        yield Notice(UNPAUSED, "creating jobs again")


def _active_turn(was: Status, new: Status) -> Iterator[Notice]:
    before, after = was.condition("Active"), new.condition("Active")
    if after is None or (before and before.status == after.status):
        return
    if after.status == "True":
        yield Notice("ScaledJobActive", after.message)
    elif after.status == "False" and before is not None and before.status == "True":
        yield Notice("ScaledJobInactive", after.message)
