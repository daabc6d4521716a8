"""What the server is asked and what it is told: the values between it and the engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

GROUP = "external.metrics.k8s.io"
VERSION = "v1beta1"
API_VERSION = f"{GROUP}/{VERSION}"


@dataclass(frozen=True, slots=True)
class Measured:
    """One number and when it was read."""

    value: float
    at: datetime


class Unknown(Exception):
    """There is no such object here, or it has no such metric."""


class Blind(Exception):
    """The metric has no number at the moment; never a reason to answer zero."""


class Source(Protocol):
    """Who has the numbers."""

    async def external(self, namespace: str, scaled_object: str, metric: str) -> Measured:
        """The metric of a ScaledObject. Raises `Unknown` or `Blind`."""
        ...


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks."""

    user: str
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Question:
    """What a caller wants: a *metric* of a *namespace*, or a *path* that is no object."""

    path: str
    namespace: str = ""
    metric: str = ""


class Refusal(Exception):
    """An answer that is no success, as the API's `Status` has it."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
