"""The Active condition of one source: what it should say, and what the cluster was told.

Reasons are KEDA's. Written when it turns; what could not be written is tried again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from kube.client import Json
from kube.values.conditions import Condition, Truth, find, with_condition, write
from kube.values.times import Now

ACTIVE = "CloudEventSourceActive"
FAILED = "CloudEventSourceFailed"
READY_TEXT = "events are sent to the destination"

Write = Callable[[Json], Awaitable[bool]]


class Standing:
    """One source's.

    Args:
        known: the conditions that the object has.
        write: makes a patch of the status; whether that worked.
    """

    def __init__(self, known: Sequence[Condition], write: Write, now: Now) -> None:
        self._told = tuple(known)
        self._wanted = self._told
        self._write = write
        self._now = now

    def works(self) -> None:
        self._turn("True", ACTIVE, READY_TEXT)

    def fails(self, why: str) -> None:
        """*why* holds no secret; while it fails already the first reason stays."""
        found = find(self._wanted, "Active")
        if found is None or found.reason != FAILED:
            self._turn("False", FAILED, why)

    async def settle(self) -> None:
        """Write what is not written yet."""
        wanted = self._wanted
        if wanted != self._told and await self._write({"status": {"conditions": write(wanted)}}):
            self._told = wanted

    def _turn(self, status: Truth, reason: str, message: str) -> None:
        found = find(self._wanted, "Active")
        if found is None or (found.status, found.reason, found.message) != (
            status,
            reason,
            message,
        ):
            new = Condition("Active", status, reason, message, self._now())
            self._wanted = with_condition(self._wanted, new)
