"""An API in memory behind the `Transport` protocol: objects with versions, and answers on request.

For tests of what sits above the client, under a virtual clock and without sockets. It knows create,
read, replace with optimistic locking, merge patch of the top level, delete and nothing else.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from kube.errors import Unavailable
from kube.transport import Request, Response, Stream

Json = dict[str, Any]
Answer = tuple[int, Json]


@dataclass
class Memory:
    """One flat store by path.

    `planned` answers the next requests instead of the store; an exception in it is raised. `before`
    and `after` run around the store's work, so that a test can let time pass on either way.
    """

    objects: dict[str, Json] = field(default_factory=dict)
    counter: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    requests: list[Request] = field(default_factory=list)
    planned: deque[Answer | Exception] = field(default_factory=deque)
    before: Callable[[Request], float] = lambda _: 0.0
    after: Callable[[Request], float] = lambda _: 0.0
    lists: dict[str, Json] = field(default_factory=dict)
    closed: bool = False

    async def send(self, request: Request, *, timeout_s: float) -> Response:
        try:
            async with asyncio.timeout(timeout_s):
                await asyncio.sleep(self.before(request))
                status, body = self._answer(request)
                await asyncio.sleep(self.after(request))
        except TimeoutError as error:
            raise Unavailable("no answer in time") from error
        return Response(status, json.dumps(body).encode())

    @asynccontextmanager
    async def stream(self, request: Request, *, timeout_s: float) -> AsyncIterator[Stream]:
        self.requests.append(request)
        status, body = self._planned()

        async def lines() -> AsyncIterator[bytes]:
            yield json.dumps(body).encode()

        yield Stream(status, lines())

    async def close(self) -> None:
        self.closed = True

    def sent(self, method: str) -> list[str]:
        return [request.path for request in self.requests if request.method == method]

    def _planned(self) -> Answer:
        planned = self.planned.popleft()
        if isinstance(planned, Exception):
            raise planned
        return planned

    def _answer(self, request: Request) -> Answer:
        self.requests.append(request)
        if self.planned:
            return self._planned()
        body: Json = json.loads(request.body or b"{}")
        return getattr(self, f"_{request.method.lower()}")(request.path, body)  # type: ignore[no-any-return]  # one method a verb

    def _get(self, path: str, _: Json) -> Answer:
        found = self.objects.get(path) or self.lists.get(path)
        return (200, found) if found else failure(404, "NotFound")

    def _post(self, path: str, body: Json) -> Answer:
        if path.endswith(("/eviction", "/binding")):
            return 201, body
        path = f"{path}/{body['metadata']['name']}"
        if path in self.objects:
            return failure(409, "AlreadyExists")
        return 201, self._store(path, body)

    def _put(self, path: str, body: Json) -> Answer:
        held = self.objects.get(path)
        if held is None:
            return failure(404, "NotFound")
        wanted = body["metadata"].get("resourceVersion")
        if wanted and wanted != held["metadata"]["resourceVersion"]:
            return failure(409, "Conflict")
        return 200, self._store(path, body)

    def _patch(self, path: str, body: Json) -> Answer:
        held = self.objects.get(path)
        if held is None:
            return failure(404, "NotFound")
        return 200, self._store(path, held | body)

    def _delete(self, path: str, _: Json) -> Answer:
        return (200, {}) if self.objects.pop(path, None) else failure(404, "NotFound")

    def _store(self, path: str, body: Json) -> Json:
        version = str(next(self.counter))
        body = body | {"metadata": body["metadata"] | {"resourceVersion": version}}
        self.objects[path] = body
        return body


def failure(code: int, reason: str, message: str = "no") -> Answer:
    return code, {"kind": "Status", "code": code, "reason": reason, "message": message}
