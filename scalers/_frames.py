"""The longest frame that a broker may send.

Kafka's and AMQP's frames begin with their length, up to 2 and 4 GiB, and neither client library
has a bound for what it then reads into memory. Whoever writes a trigger chooses the broker, so here
is one: a longer frame ends the connection as if the broker had broken it off.
"""

from __future__ import annotations

import asyncio
from typing import Any

LARGEST = 8 * 1024 * 1024


class Bounded:
    """A stream's reader that takes no more than *largest* bytes at once."""

    def __init__(self, reader: asyncio.StreamReader, largest: int = LARGEST) -> None:
        self._reader = reader
        self._largest = largest

    async def readexactly(self, size: int) -> bytes:
        """As the reader's own.

        Raises:
            ConnectionResetError: *size* is no honest length.
        """
        if not 0 <= size <= self._largest:
            raise ConnectionResetError(f"a frame of {size} bytes; at most {self._largest} will do")
        return await self._reader.readexactly(size)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reader, name)
