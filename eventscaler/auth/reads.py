"""One GET for all who want the same object at a time.

When a Secret that a thousand objects use is rotated, all of them are bound anew at once. An answer
is kept for `share_s`, or until the object is known to have changed, and no longer: values of
Secrets stay in memory only where they are used.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from kube.client import Client, Json
from kube.errors import KubeError
from kube.resources import Resource

Key = tuple[str, str, str]  # kind, namespace, name


@dataclass(slots=True)
class _Flight:
    """A read under way or just over; without an answer when its reader was cancelled."""

    landed: asyncio.Event = field(default_factory=asyncio.Event)
    answer: Json | KubeError | None = None


class Reads:
    def __init__(self, client: Client, share_s: float = 1.0) -> None:
        self._client = client
        self._share_s = share_s
        self._flights: dict[Key, _Flight] = {}

    async def get(self, resource: Resource, namespace: str, name: str) -> Json:
        """The object.

        Raises:
            KubeError: what the API answered instead; for all who asked.
        """
        key = (resource.kind, namespace, name)
        while (flight := self._flights.get(key)) is not None:
            await flight.landed.wait()
            if isinstance(flight.answer, KubeError):
                raise flight.answer
            if flight.answer is not None:
                return flight.answer
        return await self._fly(key, resource)

    def forget(self, key: Key) -> None:
        """The object changed: who asks from now on must not get what was read before."""
        self._flights.pop(key, None)

    async def _fly(self, key: Key, resource: Resource) -> Json:
        _, namespace, name = key
        flight = self._flights[key] = _Flight()
        try:
            flight.answer = await self._client.get(resource, name, namespace=namespace)
        except KubeError as error:
            flight.answer = error
            raise
        finally:
            flight.landed.set()
            if isinstance(flight.answer, dict):
                loop = asyncio.get_running_loop()
                loop.call_later(self._share_s, self._drop, key, flight)
            else:
                self._drop(key, flight)
        return flight.answer

    def _drop(self, key: Key, flight: _Flight) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]
