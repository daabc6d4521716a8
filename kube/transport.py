"""How bytes reach an API server: the protocol, so that sockets are only one way.

`kube.http.HttpTransport` speaks HTTP through aiohttp; the embedded cluster offers another that
calls its store directly, which is how the whole program runs under a virtual clock.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol


def always() -> None:
    """The gate of a request that may always be sent."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request; `gate` is asked right before the body leaves and may raise `NotLeading`."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    content_type: str = "application/json"
    accept: str = "application/json"
    user_agent: str = "tandem"
    gate: Callable[[], None] = field(default=always, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Response:
    """A whole answer; header names are lower case."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer that goes on: each item of `lines` is one complete line without its newline.

    With a status other than 200, `lines` yields the error body once.
    """

    status: int
    lines: AsyncIterator[bytes]
    headers: Mapping[str, str] = field(default_factory=dict)


class Transport(Protocol):
    """Raises `kube.errors.Unavailable` when there is no answer; every status is an answer.

    `timeout_s` bounds a whole `send`, and in a `stream` the longest silence between two lines.
    """

    async def send(self, request: Request, *, timeout_s: float) -> Response: ...

    def stream(
        self, request: Request, *, timeout_s: float
    ) -> AbstractAsyncContextManager[Stream]: ...

    async def close(self) -> None: ...
