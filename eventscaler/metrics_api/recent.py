"""Answers that hold for a few seconds: at most so many, the oldest given up first."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(Generic[K, V]):
    """A bounded memory; times are the loop's, in seconds."""

    def __init__(self, lasts_s: float, limit: int = 4096) -> None:
        self._lasts_s = lasts_s
        self._limit = limit
        self._held: dict[K, tuple[float, V]] = {}

    def get(self, key: K, now: float) -> V | None:
        found = self._held.get(key)
        return found[1] if found is not None and now < found[0] else None

    def put(self, key: K, value: V, now: float) -> None:
        self._held.pop(key, None)
        while len(self._held) >= self._limit:
            del self._held[next(iter(self._held))]  # the oldest: puts are in order of time
        self._held[key] = (now + self._lasts_s, value)
