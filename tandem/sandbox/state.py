"""What every request works on: objects, served resources, time, randomness; and the request."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from kube.transport import Request
from tandem.sandbox.registry import Registry, Served
from tandem.sandbox.store import Store

SUFFIX_LETTERS = "bcdfghjklmnpqrstvwxz2456789"


class Randomness(Protocol):
    """The part of `random.Random` that the server needs."""

    def getrandbits(self, k: int, /) -> int: ...

    def choices(self, population: str, *, k: int) -> list[str]: ...


@dataclass(slots=True)
class State:
    store: Store
    registry: Registry
    now: Callable[[], datetime]
    rng: Randomness

    def new_uid(self) -> str:
        return str(uuid.UUID(int=self.rng.getrandbits(128), version=4))

    def new_suffix(self) -> str:
        return "".join(self.rng.choices(SUFFIX_LETTERS, k=5))

    def stamp(self) -> str:
        return self.now().strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True)
class Call:
    """A request for a resource, routed."""

    request: Request
    served: Served
    namespace: str = ""
    name: str = ""
    sub: str = ""
    warnings: list[str] = field(default_factory=list)

    @property
    def query(self) -> Mapping[str, str]:
        return self.request.query

    @property
    def key(self) -> tuple[str, str]:
        return (self.namespace, self.name)

    @property
    def dry_run(self) -> bool:
        return "All" in self.query.get("dryRun", "")
