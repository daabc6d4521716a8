"""A server of its own process that keeps one Lease and records who writes.

Leases are read, created and replaced with optimistic locking, as an API server does it. Every other
write is taken down with its writer and the moment it came in, for the test to read afterwards.
"""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from kube.lease import boottime
from tests.kube.scripted import status

Json = dict[str, Any]


class LeaseServer:
    """State: leases by path, and the log of writes."""

    def __init__(self) -> None:
        self.version = 0
        self.leases: dict[str, Json] = {}
        self.writes: list[tuple[float, str]] = []
        self.holders: list[tuple[float, str]] = []

    async def handle(self, request: web.Request) -> web.Response:
        if "/leases" not in request.path:
            return await self._write(request)
        if request.method == "GET":
            found = self.leases.get(request.path)
            return _answer(200, found) if found else _fail(404, "NotFound")
        return await self._save(request)

    async def _write(self, request: web.Request) -> web.Response:
        if request.method == "POST":
            body = await request.json()
            self.writes.append((boottime(), body["metadata"]["labels"]["writer"]))
            return _answer(201, body)
        return _answer(200, {"writes": self.writes, "holders": self.holders})

    async def _save(self, request: web.Request) -> web.Response:
        body = await request.json()
        new = request.method == "POST"
        path = f"{request.path}/{body['metadata']['name']}" if new else request.path
        held = self.leases.get(path)
        if new and held:
            return _fail(409, "AlreadyExists")
        if held and held["metadata"]["resourceVersion"] != body["metadata"]["resourceVersion"]:
            return _fail(409, "Conflict")
        self.version += 1
        body["metadata"]["resourceVersion"] = str(self.version)
        self.leases[path] = body
        self.holders.append((boottime(), body["spec"]["holderIdentity"]))
        return _answer(200, body)


def _answer(code: int, body: Json) -> web.Response:
    return web.json_response(body, status=code)


def _fail(code: int, reason: str) -> web.Response:
    return web.json_response(text=json.dumps(status(code, reason)), status=code)


def application() -> web.Application:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", LeaseServer().handle)
    return app
