"""Who asks, and whether they may: by the front proxy's word, TokenReview and SubjectAccessReview.

Answers of the API server are kept for some seconds, refusals too, as its own extension servers do.

Source: https://kubernetes.io/docs/reference/access-authn-authz/authorization/ and
https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-review-v1/
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from aiohttp import web

from eventscaler.metrics_api.front_proxy import FrontProxy, spoken_for
from eventscaler.metrics_api.recent import Recent
from eventscaler.metrics_api.values import GROUP, VERSION, Caller, Question, Refusal
from kube.client import Client, Json
from kube.errors import KubeError
from kube.resources import Resource

TOKEN_REVIEWS = Resource(
    "authentication.k8s.io", "v1", "tokenreviews", "TokenReview", namespaced=False
)
ACCESS_REVIEWS = Resource(
    "authorization.k8s.io", "v1", "subjectaccessreviews", "SubjectAccessReview", namespaced=False
)
AUTHENTICATED = "system:authenticated"
SCHEME = "bearer "
LASTS_S = 10.0


class Access:
    """Asks the cluster, and remembers what it said for *lasts_s*.

    Attributes:
        proxy: whose headers count; replaced when the cluster's configuration changes.
    """

    def __init__(self, client: Client, *, lasts_s: float = LASTS_S) -> None:
        self.proxy = FrontProxy()
        self._client = client
        self._tokens: Recent[bytes, Caller | str] = Recent(lasts_s)
        self._allowed: Recent[tuple[Any, ...], str] = Recent(lasts_s)

    async def caller(self, request: web.Request) -> Caller:
        """Who sent *request*. Raises `Refusal` when nobody can tell."""
        transport = request.transport
        certificate = transport.get_extra_info("peercert") if transport else None
        known = spoken_for(self.proxy, certificate, request.headers)
        return _authenticated(known or await self._by_token(request))

    async def allow(self, caller: Caller, question: Question, verb: str) -> None:
        """Raises `Refusal` when the cluster says no."""
        now = asyncio.get_running_loop().time()
        extra = tuple(sorted(caller.extra.items()))
        key = (caller.user, caller.uid, caller.groups, extra, question, verb)
        denied = self._allowed.get(key, now)
        if denied is None:
            denied = await self._review(caller, question, verb)
            self._allowed.put(key, denied, now)
        if denied:
            raise Refusal(403, "Forbidden", denied)

    async def _by_token(self, request: web.Request) -> Caller:
        given = request.headers.get("Authorization", "")
        if given[: len(SCHEME)].lower() != SCHEME:
            raise Refusal(401, "Unauthorized", "found no bearer token and no front proxy")
        token = given[len(SCHEME) :].strip()
        digest, now = hashlib.sha256(token.encode()).digest(), asyncio.get_running_loop().time()
        found = self._tokens.get(digest, now)
        if found is None:
            found = _reviewed(await self._ask(TOKEN_REVIEWS, {"token": token}))
            self._tokens.put(digest, found, now)
        if isinstance(found, str):
            raise Refusal(401, "Unauthorized", found)
        return found

    async def _review(self, caller: Caller, question: Question, verb: str) -> str:
        """Why not; "" for a yes."""
        spec: Json = {"user": caller.user, "groups": list(caller.groups)}
        if caller.uid:
            spec["uid"] = caller.uid
        if caller.extra:
            spec["extra"] = {key: list(texts) for key, texts in caller.extra.items()}
        status = await self._ask(ACCESS_REVIEWS, spec | _attributes(question, verb))
        if status.get("allowed") is True and status.get("denied") is not True:
            return ""
        told = f": {status['reason']}" if status.get("reason") else ""
        what = f"{question.metric} in {question.namespace}" if question.metric else question.path
        return f"user '{caller.user}' may not {verb} {what}{told}"

    async def _ask(self, resource: Resource, spec: Json) -> Mapping[str, Any]:
        body = {"apiVersion": resource.api_version, "kind": resource.kind, "spec": spec}
        try:
            answer = await self._client.create(resource, body)
        except KubeError as error:
            told = f"the API server did not answer a {resource.kind}: {error}"
            raise Refusal(503, "ServiceUnavailable", told) from error
        return answer.get("status") or {}


def _authenticated(caller: Caller) -> Caller:
    """Every known caller is of that group; the front proxy does not say so."""
    if AUTHENTICATED in caller.groups:
        return caller
    return replace(caller, groups=(*caller.groups, AUTHENTICATED))


def _reviewed(status: Mapping[str, Any]) -> Caller | str:
    """Whose token it is, or why it is nobody's."""
    if status.get("authenticated") is not True:
        return "the cluster does not know this token"
    user = status.get("user") or {}
    return Caller(
        user=str(user.get("username") or ""),
        uid=str(user.get("uid") or ""),
        groups=tuple(user.get("groups") or ()),
        extra={key: tuple(texts) for key, texts in (user.get("extra") or {}).items()},
    )


def _attributes(question: Question, verb: str) -> Json:
    if not question.metric:
        return {"nonResourceAttributes": {"path": question.path, "verb": verb}}
    attributes = {
        "namespace": question.namespace,
        "verb": verb,
        "group": GROUP,
        "version": VERSION,
        "resource": question.metric,
    }
    return {"resourceAttributes": attributes}
