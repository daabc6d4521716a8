"""How much of the answers of sources is in memory at a time, over all triggers.

Whoever writes a trigger chooses who answers it. Without a common bound a thousand servers that send
megabytes each are gigabytes; with it they only keep each other waiting, and small answers, which
are those that autoscaling needs, never meet it.
"""

from __future__ import annotations

from types import TracebackType

UNCOUNTED = 64 * 1024  # of each answer
LARGEST = 64 * 1024**2


class Room:
    """Args: size: bytes of all answers together, beyond the first `UNCOUNTED` of each."""

    def __init__(self, size: int = LARGEST) -> None:
        self.free = size


class Held:
    """What one answer takes of a `Room`, until the block ends."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._taken = 0

    def __enter__(self) -> Held:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._room.free += self._taken

    def fits(self, size: int) -> bool:
        """Whether the answer may grow to *size* bytes."""
        more = max(size - UNCOUNTED, 0) - self._taken
        if more > self._room.free:
            return False
        self._room.free -= more
        self._taken += more
        return True
