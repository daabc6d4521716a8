"""A cluster API that gives one answer: a transport under the real client."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from kube.transport import Request, Response, Stream


async def _nothing() -> AsyncIterator[bytes]:
    """Scalers list, they do not watch."""
    yield b""


class Answers:
    """Gives `answer` (or `refusal`) to every request and keeps what was asked."""

    def __init__(self, answer: dict[str, Any], refusal: Response | None = None) -> None:
        self.asked: list[Request] = []
        body = json.dumps({"metadata": {"resourceVersion": "1"}} | answer).encode()
        self._response = refusal or Response(200, body)

    async def send(self, request: Request, *, timeout_s: float) -> Response:
        self.asked.append(request)
        return self._response

    @asynccontextmanager
    async def stream(self, request: Request, *, timeout_s: float) -> AsyncIterator[Stream]:
        self.asked.append(request)
        yield Stream(405, _nothing())

    async def close(self) -> None:
        """Nothing is open."""
