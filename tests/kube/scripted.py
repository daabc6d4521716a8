"""A small HTTP API server whose faults a test chooses: one kind of object, lists and watches.

It keeps a history as etcd does, so that a watch may start anywhere after the last compaction, and
it misbehaves on request: it breaks streams inside a line, forgets history, repeats events, sends
garbage.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

Json = dict[str, Any]


@dataclass
class Script:
    """State of the server, and the faults it has been told to commit."""

    objects: dict[str, Json] = field(default_factory=dict)
    history: list[tuple[int, str, Json]] = field(default_factory=list)
    base: dict[str, Json] = field(default_factory=dict)  # the objects before the history
    version: int = 100
    compacted: int = 0
    lists: int = 0
    watches: list[str] = field(default_factory=list)
    answers: list[tuple[int, Json, dict[str, str]]] = field(default_factory=list)
    change_between_pages: list[str] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    streams: list[web.StreamResponse] = field(default_factory=list)

    def write(self, name: str, **spec: Any) -> Json:
        """Create or change an object."""
        self.version += 1
        was = self.objects.get(name)
        uid = was["metadata"]["uid"] if was else f"uid-{self.version}"
        meta = {
            "name": name,
            "namespace": "shop",
            "uid": uid,
            "resourceVersion": str(self.version),
        }
        self.objects[name] = {"metadata": meta, "spec": spec or {"replicas": self.version}}
        self.history.append((self.version, "MODIFIED" if was else "ADDED", self.objects[name]))
        return self.objects[name]

    def remove(self, name: str) -> None:
        self.version += 1
        gone = self.objects.pop(name)
        meta = gone["metadata"] | {"resourceVersion": str(self.version)}
        self.history.append((self.version, "DELETED", gone | {"metadata": meta}))

    def at(self, version: int) -> list[Json]:
        """All objects as they were, by name; asked for versions that are not yet compacted."""
        then = dict(self.base)
        for at, type_, body in self.history:
            if at > version:
                break
            name = body["metadata"]["name"]
            if type_ == "DELETED":
                del then[name]
            else:
                then[name] = body
        return [then[name] for name in sorted(then)]

    def compact(self) -> None:
        """Forget the history: who was not up to date must list again."""
        self.compacted = self.version
        self.history.clear()
        self.base = dict(self.objects)

    async def publish(self) -> None:
        """Let open watches see what was written."""
        async with self.changed:
            self.changed.notify_all()

    async def send(self, raw: bytes) -> None:
        """Put these bytes on every open stream."""
        for stream in self.streams:
            await stream.write(raw)

    def break_streams(self) -> None:
        """Cut every connection without a word."""
        for stream in self.streams:
            transport = stream._req.transport if stream._req else None
            if transport is not None:
                transport.abort()
        self.streams.clear()


def status(code: int, reason: str, message: str = "no") -> Json:
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "code": code,
        "reason": reason,
        "message": message,
    }


async def _handle(request: web.Request) -> web.StreamResponse:
    script = request.app[SCRIPT]
    if script.answers:
        code, body, headers = script.answers.pop(0)
        return web.json_response(body, status=code, headers=headers)
    if request.query.get("watch"):
        return await _watch(request, script)
    return _list(request, script)


def _list(request: web.Request, script: Script) -> web.Response:
    """Pages of one snapshot; a token is "version:offset"."""
    script.lists += 1
    limit = int(request.query.get("limit", 1_000_000))
    version, offset = script.version, 0
    if token := request.query.get("continue"):
        version, offset = (int(part) for part in token.split(":"))
        if version < script.compacted:
            return web.json_response(status(410, "Expired"), status=410)
    names = sorted(script.objects)
    items = [script.objects[name] for name in names][offset : offset + limit]
    more = f"{version}:{offset + limit}" if offset + limit < len(names) else ""
    if script.change_between_pages and more:
        script.write(script.change_between_pages.pop())
        script.compact()
    return web.json_response(
        {
            "kind": "PodList",
            "metadata": {"resourceVersion": str(version), "continue": more},
            "items": items,
        }
    )


async def _watch(request: web.Request, script: Script) -> web.StreamResponse:
    start = int(request.query["resourceVersion"])
    script.watches.append(request.query["resourceVersion"])
    if start < script.compacted:
        return web.json_response(status(410, "Expired"), status=410)
    stream = web.StreamResponse()
    stream.content_type = "application/json"
    await stream.prepare(request)
    script.streams.append(stream)
    sent = start
    while stream in script.streams:
        for version, type_, body in list(script.history):
            if version > sent:
                await stream.write(line(type_, body))
                sent = version
        async with script.changed:
            await script.changed.wait()
    return stream


def line(type_: str, body: Json) -> bytes:
    return json.dumps({"type": type_, "object": body}).encode() + b"\n"


SCRIPT: web.AppKey[Script] = web.AppKey("script", Script)


@asynccontextmanager
async def serving(script: Script) -> AsyncIterator[str]:
    """Serve until the end of the block; the URL."""
    app = web.Application()
    app[SCRIPT] = script
    app.router.add_route("*", "/{path:.*}", _handle)
    async with TestServer(app, host="127.0.0.1") as server:
        try:
            yield str(server.make_url("")).rstrip("/")
        finally:
            script.streams.clear()
            await script.publish()
