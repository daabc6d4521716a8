"""Plain HTTP towards an API server, just enough for a case to read as its sentence."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

Json = dict[str, Any]

EVENT_S: Final = 10.0
PATCH_TYPES: Final = {
    "merge": "application/merge-patch+json",
    "json": "application/json-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "apply": "application/apply-patch+yaml",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of the API server."""

    status: int
    body: Json
    headers: Mapping[str, str]

    def ok(self) -> Json:
        assert self.status < 300, f"{self.status}: {self.body}"
        return self.body

    def refused(self, code: int, reason: str | None) -> Json:
        """The Status of a refusal, checked to be one."""
        assert self.status == code, f"expected {code}, got {self.status}: {self.body}"
        assert self.body["kind"] == "Status"
        assert self.body["apiVersion"] == "v1"
        assert self.body["status"] == "Failure"
        assert self.body["code"] == code
        assert self.body.get("reason") == reason, self.body
        return self.body


class Watch:
    """An open watch; `next` fails the case when nothing comes."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    @property
    def status(self) -> int:
        return self._response.status

    async def next(self, timeout_s: float = EVENT_S) -> Json:
        event = await self.next_or_end(timeout_s)
        assert event is not None, "the watch ended"
        return event

    async def next_or_end(self, timeout_s: float = EVENT_S) -> Json | None:
        async with asyncio.timeout(timeout_s):
            line = await self._response.content.readline()
        return json.loads(line) if line else None

    async def until(self, kind: str) -> list[Json]:
        """Everything up to and including the first event of type *kind*."""
        seen = [await self.next()]
        while seen[-1]["type"] != kind:
            seen.append(await self.next())
        return seen


class Api:
    """The verbs. Query arguments are keywords; True and False become the words."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def get(self, path: str, *, accept: str = "application/json", **query: Any) -> Answer:
        return await self.send("GET", path, headers={"Accept": accept}, **query)

    async def post(self, path: str, body: Any, **query: Any) -> Answer:
        return await self.send("POST", path, body, **query)

    async def put(self, path: str, body: Any, **query: Any) -> Answer:
        return await self.send("PUT", path, body, **query)

    async def delete(self, path: str, body: Any = None, **query: Any) -> Answer:
        return await self.send("DELETE", path, body, **query)

    async def patch(self, path: str, body: Any, kind: str = "merge", **query: Any) -> Answer:
        content = {"Content-Type": PATCH_TYPES.get(kind, kind)}
        return await self.send("PATCH", path, body, headers=content, **query)

    async def apply(self, path: str, body: Json, manager: str, **query: Any) -> Answer:
        return await self.patch(path, body, "apply", fieldManager=manager, **query)

    async def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        **query: Any,
    ) -> Answer:
        content = {"Content-Type": "application/json"} | dict(headers or {})
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        async with self._session.request(
            method, path, data=data, headers=content, params=_words(query)
        ) as response:
            raw = await response.read()
            return Answer(response.status, _parsed(raw), dict(response.headers))

    @asynccontextmanager
    async def watch(self, path: str, **query: Any) -> AsyncIterator[Watch]:
        """A watch; `allowWatchBookmarks` and the like are query arguments."""
        params = _words({"watch": True, "timeoutSeconds": 60} | query)
        limit = aiohttp.ClientTimeout(total=None)
        async with self._session.get(path, params=params, timeout=limit) as response:
            yield Watch(response)

    async def eventually(self, path: str, wanted: Any, timeout_s: float = 30.0) -> Json:
        """Poll *path* until *wanted* holds for its body; the last body is in the failure."""
        answer = await self.get(path)
        try:
            async with asyncio.timeout(timeout_s):
                while not (answer.status == 200 and wanted(answer.body)):
                    await asyncio.sleep(0.05)
                    answer = await self.get(path)
        except TimeoutError as late:
            raise AssertionError(f"{path} stayed {answer.status}: {answer.body}") from late
        return answer.body

    async def eventually_gone(self, path: str, timeout_s: float = 30.0) -> None:
        answer = await self.get(path)
        try:
            async with asyncio.timeout(timeout_s):
                while answer.status != 404:
                    await asyncio.sleep(0.05)
                    answer = await self.get(path)
        except TimeoutError as late:
            raise AssertionError(f"{path} is still there: {answer.body}") from late


def _words(query: Mapping[str, Any]) -> dict[str, str]:
    return {k: str(v).lower() if isinstance(v, bool) else str(v) for k, v in query.items()}


def _parsed(raw: bytes) -> Json:
    try:
        parsed = json.loads(raw)
    except ValueError:
        parsed = None
    return parsed if isinstance(parsed, dict) else {"raw": raw.decode(errors="replace")}
