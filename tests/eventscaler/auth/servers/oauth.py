"""A token endpoint after RFC 6749: the client-credentials grant with the client in the form.

https://www.rfc-editor.org/rfc/rfc6749#section-4.4.2 (request), #section-5.1 (answer),
#section-5.2 (errors)
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from tests.eventscaler.auth.servers.kit import bearer, serving

UNCACHED = {"Cache-Control": "no-store", "Pragma": "no-cache"}


@dataclass
class TokenEndpoint:
    """Gives `token-1`, `token-2` and so on.

    Attributes:
        life_s: of each token; None leaves `expires_in` out, which the standard allows.
        scopes: known ones.
        mint: makes the n-th token.
        revoked: tokens that `/protected` does not accept, though they have not ended.
    """

    client_id: str = "scaler"
    client_secret: str = "canary-client-secret"
    scopes: frozenset[str] = frozenset({"read", "list"})
    life_s: int | None = 3600
    mint: Callable[[int], str] = "canary-token-{}".format
    url: str = ""
    forms: list[dict[str, str]] = field(default_factory=list)
    revoked: set[str] = field(default_factory=set)

    async def token(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.forms.append(form)
        if "grant_type" not in form:
            return _refused(400, "invalid_request")
        if (form.get("client_id"), form.get("client_secret")) != (
            self.client_id,
            self.client_secret,
        ):
            return _refused(401, "invalid_client")
        if form["grant_type"] != "client_credentials":
            return _refused(400, "unsupported_grant_type")
        if not set(form.get("scope", "").split()) <= self.scopes:
            return _refused(400, "invalid_scope")
        answer = {"access_token": self.mint(len(self.forms)), "token_type": "Bearer"}
        life = {} if self.life_s is None else {"expires_in": self.life_s}
        return web.json_response(answer | life, headers=UNCACHED)

    async def protected(self, request: web.Request) -> web.Response:
        """Something behind the token: 401 without a good one (RFC 6750, section 3)."""
        token = bearer(request)
        if not token or token in self.revoked:
            challenge = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
            return web.Response(status=401, headers=challenge)
        return web.json_response({"token": token})


def _refused(status: int, error: str) -> web.Response:
    body = {"error": error, "error_description": f"{error}, in words"}
    return web.json_response(body, status=status, headers=UNCACHED)


@asynccontextmanager
async def token_endpoint() -> AsyncIterator[TokenEndpoint]:
    server = TokenEndpoint()
    routes = [web.post("/token", server.token), web.get("/protected", server.protected)]
    async with serving(routes) as url:
        server.url = url
        yield server
