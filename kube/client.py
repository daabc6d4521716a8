"""Raw JSON requests to a Kubernetes API: typed errors, a rate limit by priority, a write gate.

One method a verb; nothing is retried here, because only the caller knows whether its decision still
holds. Objects stay plain JSON: what a caller reads it decodes itself, what it writes it sends as
is.

Source: https://kubernetes.io/docs/reference/using-api/api-concepts/
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import msgspec

from kube.errors import Gone, Unavailable
from kube.resources import Resource
from kube.statuses import error_of
from kube.throttle import Priority, Throttle
from kube.transport import Request, Response, Transport, always

__all__ = ["Client", "ClientSettings", "Json", "Patch", "Priority"]

Json = dict[str, Any]
Objects = list[Json]  # within `Client` the name `list` is a verb

WHOLE = "application/json"
PARTIAL = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
PARTIAL_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
SILENCE_MARGIN_S = 15.0  # a watch that should have ended by itself is dead after this


class Patch(StrEnum):
    MERGE = "application/merge-patch+json"
    JSON = "application/json-patch+json"
    STRATEGIC = "application/strategic-merge-patch+json"
    APPLY = "application/apply-patch+yaml"


@dataclass(frozen=True, slots=True)
class ClientSettings:
    timeout_s: float = 30.0
    watch_s: float = 290.0
    per_s: float = 200.0
    burst: int = 400
    in_flight: int = 64
    page: int = 500
    user_agent: str = "tandem"


class Client:
    """The verbs of the API.

    Args:
        transport: how bytes travel.
        settings: rates and limits.
        gate: called right before each mutating request is sent; it may raise `NotLeading`, and then
            nothing is sent. The elector itself needs a client without a gate.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        settings: ClientSettings = ClientSettings(),
        gate: Callable[[], None] = always,
    ) -> None:
        self.settings = settings
        self._transport = transport
        self._gate = gate
        self._throttle = Throttle(
            per_s=settings.per_s, burst=settings.burst, in_flight=settings.in_flight
        )

    async def get(
        self,
        resource: Resource,
        name: str,
        *,
        namespace: str | None = None,
        subresource: str | None = None,
        priority: Priority = Priority.NORMAL,
    ) -> Json:
        path = resource.path(namespace, name, subresource)
        return _json(await self._send("GET", path, priority=priority))

    async def get_path(self, path: str) -> Json:
        """Read a document that is no object, such as `/version` or `/apis/apps/v1`."""
        return _json(await self._send("GET", path))

    async def list(
        self,
        resource: Resource,
        *,
        namespace: str | None = None,
        labels: str = "",
        fields: str = "",
        limit: int | None = None,
        continue_: str = "",
        resource_version: str = "",
    ) -> Json:
        """One page; follow `metadata.continue` for the next."""
        asked = query(
            labelSelector=labels,
            fieldSelector=fields,
            limit=limit,
            resourceVersion=resource_version,
            **{"continue": continue_},
        )
        return _json(await self._send("GET", resource.path(namespace), asked=asked))

    async def list_bytes(
        self,
        resource: Resource,
        *,
        namespace: str | None = None,
        labels: str = "",
        fields: str = "",
        limit: int | None = None,
        continue_: str = "",
        metadata_only: bool = False,
    ) -> bytes:
        """One page, undecoded, for readers of a few fields."""
        asked = query(
            labelSelector=labels,
            fieldSelector=fields,
            limit=limit,
            **{"continue": continue_},
        )
        accept = PARTIAL_LIST if metadata_only else WHOLE
        path = resource.path(namespace)
        return (await self._send("GET", path, asked=asked, accept=accept)).body

    async def items(
        self,
        resource: Resource,
        *,
        namespace: str | None = None,
        labels: str = "",
        fields: str = "",
    ) -> Objects:
        """All pages. When the server forgot the snapshot midway, once more and in one piece."""
        try:
            return await self._pages(resource, namespace, labels, fields)
        except Gone:
            page = await self.list(resource, namespace=namespace, labels=labels, fields=fields)
            return _items(page)

    async def _pages(
        self, resource: Resource, namespace: str | None, labels: str, fields: str
    ) -> Objects:
        found: Objects = []
        token = ""
        while True:
            page = await self.list(
                resource,
                namespace=namespace,
                labels=labels,
                fields=fields,
                limit=self.settings.page,
                continue_=token,
            )
            found += _items(page)
            token = page.get("metadata", {}).get("continue") or ""
            if not token:
                return found

    async def create(
        self,
        resource: Resource,
        body: Json,
        *,
        namespace: str | None = None,
        name: str | None = None,
        subresource: str | None = None,
        priority: Priority = Priority.NORMAL,
        stores: bool = True,
    ) -> Json:
        """POST; the namespace is the body's own unless given. `name` is for subresources.

        What *stores* nothing, such as a TokenRequest, passes no gate: no leader is needed for it.
        """
        path = resource.path(namespace or _namespace(body), name, subresource)
        if not stores:
            request = self._request("POST", path, None, json.dumps(body).encode())
            return _json(await self._exchange(request, priority))
        return _json(await self._write("POST", path, body, priority=priority))

    async def replace(
        self,
        resource: Resource,
        body: Json,
        *,
        namespace: str | None = None,
        name: str | None = None,
        subresource: str | None = None,
        priority: Priority = Priority.NORMAL,
    ) -> Json:
        """PUT; with a resourceVersion in the body, `Conflict` when it was changed under us."""
        name = name or body["metadata"]["name"]
        path = resource.path(namespace or _namespace(body), name, subresource)
        return _json(await self._write("PUT", path, body, priority=priority))

    async def patch(
        self,
        resource: Resource,
        name: str,
        body: Json | Objects,
        *,
        namespace: str | None = None,
        subresource: str | None = None,
        kind: Patch = Patch.MERGE,
        field_manager: str = "tandem",
        force: bool = False,
        priority: Priority = Priority.NORMAL,
    ) -> Json:
        """PATCH; `force` takes fields over from other managers and counts for APPLY only."""
        asked = query(fieldManager=field_manager, force="true" if force else "")
        path = resource.path(namespace, name, subresource)
        answer = await self._write("PATCH", path, body, asked, content_type=kind, priority=priority)
        return _json(answer)

    async def delete(
        self,
        resource: Resource,
        name: str,
        *,
        namespace: str | None = None,
        uid: str | None = None,
        resource_version: str | None = None,
        grace_s: int | None = None,
        propagation: str | None = None,
    ) -> None:
        """DELETE; with `uid` or `resource_version` only that very object, else `Conflict`."""
        wanted = {"uid": uid, "resourceVersion": resource_version}
        preconditions = {key: value for key, value in wanted.items() if value}
        options = {
            "preconditions": preconditions or None,
            "gracePeriodSeconds": grace_s,
            "propagationPolicy": propagation,
        }
        body: Json = {"apiVersion": "v1", "kind": "DeleteOptions"}
        body |= {key: value for key, value in options.items() if value is not None}
        await self._write("DELETE", resource.path(namespace, name), body)

    @asynccontextmanager
    async def watch(
        self,
        resource: Resource,
        *,
        namespace: str | None = None,
        labels: str = "",
        fields: str = "",
        resource_version: str = "",
        timeout_s: float | None = None,
        metadata_only: bool = False,
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Event lines from `resource_version` on, bookmarks included, until the server ends it."""
        lasts_s = self.settings.watch_s if timeout_s is None else timeout_s
        asked = query(
            watch="true",
            allowWatchBookmarks="true",
            labelSelector=labels,
            fieldSelector=fields,
            resourceVersion=resource_version,
            timeoutSeconds=max(1, round(lasts_s)),
        )
        request = self._request("GET", resource.path(namespace), asked)
        request = replace(request, accept=PARTIAL if metadata_only else WHOLE)
        silence_s = lasts_s + SILENCE_MARGIN_S
        async with self._transport.stream(request, timeout_s=silence_s) as stream:
            if stream.status != OK:
                body = b"".join([line async for line in stream.lines])
                raise error_of(f"WATCH {request.path}", stream.status, body, stream.headers)
            yield stream.lines

    async def close(self) -> None:
        await self._transport.close()

    async def _write(
        self,
        method: str,
        path: str,
        body: Json | Objects,
        asked: Mapping[str, str] | None = None,
        *,
        content_type: str = "application/json",
        priority: Priority = Priority.NORMAL,
    ) -> Response:
        request = self._request(method, path, asked, json.dumps(body).encode(), content_type)
        return await self._exchange(replace(request, gate=self._gate), priority)

    async def _send(
        self,
        method: str,
        path: str,
        *,
        asked: Mapping[str, str] | None = None,
        accept: str = WHOLE,
        priority: Priority = Priority.NORMAL,
    ) -> Response:
        request = replace(self._request(method, path, asked), accept=accept)
        return await self._exchange(request, priority)

    def _request(
        self,
        method: str,
        path: str,
        asked: Mapping[str, str] | None = None,
        body: bytes | None = None,
        content_type: str = "application/json",
    ) -> Request:
        agent = self.settings.user_agent
        return Request(method, path, asked or {}, body, content_type, user_agent=agent)

    async def _exchange(self, request: Request, priority: Priority) -> Response:
        async with self._throttle.slot(priority):
            request.gate()
            answer = await self._transport.send(request, timeout_s=self.settings.timeout_s)
        if answer.status >= FIRST_ERROR:
            doing = f"{request.method} {request.path}"
            raise error_of(doing, answer.status, answer.body, answer.headers)
        return answer


OK = 200
FIRST_ERROR = 300  # the API never redirects its clients


def query(**given: str | int | None) -> dict[str, str]:
    """Keep the parameters that say something.

    >>> query(limit=5, labelSelector="", resourceVersion=None)
    {'limit': '5'}
    """
    return {key: str(value) for key, value in given.items() if value not in ("", None)}


def _namespace(body: Json) -> str | None:
    namespace: str | None = body.get("metadata", {}).get("namespace")
    return namespace


def _items(page: Json) -> Objects:
    """Items of a list carry no kind of their own; give it back to them."""
    kind = str(page.get("kind", "")).removesuffix("List")
    typed = {"apiVersion": page.get("apiVersion", ""), "kind": kind} if kind else {}
    return [typed | item for item in page.get("items") or []]


def _json(answer: Response) -> Json:
    try:
        found: Json = msgspec.json.decode(answer.body, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise Unavailable(f"the answer is not a JSON object: {error}") from error
    return found
