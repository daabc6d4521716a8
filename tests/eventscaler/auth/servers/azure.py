"""Microsoft's login and Azure Key Vault, as far as reading a secret needs them.

https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-client-creds-grant-flow
https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes
https://learn.microsoft.com/en-us/rest/api/keyvault/secrets/get-secret/get-secret
https://learn.microsoft.com/en-us/azure/key-vault/general/authentication-requests-and-responses
https://learn.microsoft.com/en-us/azure/key-vault/general/rest-error-codes
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from tests.eventscaler.auth.servers.kit import bearer, serving

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
BAD_SECRET, BAD_ASSERTION, NO_RESOURCE = 7000215, 700211, 500011


@dataclass
class Azure:
    """One tenant with one application and one vault.

    Attributes:
        assertions: federated tokens that the application accepts.
        secrets: values by name and version; the version "" is the current one.
        disabled: names that may not be read.
        forbidden: whether the application may not read secrets.
        minted: a token to give instead of one that this vault accepts.
    """

    url: str = ""
    tenant: str = "11111111-tenant"
    client_id: str = "22222222-client"
    client_secret: str = "canary-client-secret"
    assertions: frozenset[str] = frozenset({"canary.federated.token"})
    secrets: dict[tuple[str, str], str] = field(default_factory=dict)
    disabled: set[str] = field(default_factory=set)
    forbidden: bool = False
    minted: str = ""
    revoked: set[str] = field(default_factory=set)
    forms: list[dict[str, str]] = field(default_factory=list)
    reads: list[str] = field(default_factory=list)

    async def token(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.forms.append(form)
        if form.get("scope") != f"{self.url}/.default":
            return _refused(400, "invalid_resource", NO_RESOURCE)
        if "client_assertion" in form:
            known = form.get("client_assertion_type") == ASSERTION
            if not known or form["client_assertion"] not in self.assertions:
                return _refused(400, "invalid_request", BAD_ASSERTION)
        elif form.get("client_secret") != self.client_secret:
            return _refused(401, "invalid_client", BAD_SECRET)
        token = self.minted or f"canary-token-{len(self.forms)}-{form['client_id']}"
        answer = {"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599}
        return web.json_response(answer | {"access_token": token})

    async def secret(self, request: web.Request) -> web.Response:
        name, version = request.match_info["name"], request.match_info.get("version", "")
        self.reads.append(request.path)
        token = bearer(request)
        if not token.startswith("canary-token-") or token in self.revoked:
            return self._unauthorized()
        if request.query.get("api-version") != "7.4":
            return _error(400, "BadParameter")
        if self.forbidden:
            return _error(403, "Forbidden", "ForbiddenByPolicy")
        if name in self.disabled:
            return _error(403, "Forbidden", "SecretDisabled")
        if (name, version) not in self.secrets:
            return _error(404, "SecretNotFound")
        attributes = {"enabled": True, "created": 1493938410, "updated": 1493938410}
        identity = f"{self.url}/secrets/{name}/{version or 'f' * 32}"
        value = self.secrets[name, version]
        return web.json_response({"value": value, "id": identity, "attributes": attributes})

    def _unauthorized(self) -> web.Response:
        login = f'authorization="{self.url}/{self.tenant}"'
        challenge = {"WWW-Authenticate": f'Bearer {login}, resource="{self.url}"'}
        body = {"error": {"code": "Unauthorized", "message": "AKV10000: no Bearer token"}}
        return web.json_response(body, status=401, headers=challenge)


def _refused(status: int, error: str, number: int) -> web.Response:
    body = {
        "error": error,
        "error_description": f"AADSTS{number}: in words",
        "error_codes": [number],
        "timestamp": "2016-01-09 02:02:12Z",
        "trace_id": "255d1aef-8c98-452f-ac51-23d051240864",
        "correlation_id": "fb3d2015-bc17-4bb9-bb85-30c5cf1aaaa7",
    }
    return web.json_response(body, status=status)


def _error(status: int, code: str, inner: str = "") -> web.Response:
    error: dict[str, object] = {"code": code, "message": "in words"}
    if inner:
        error["innererror"] = {"code": inner}
    return web.json_response({"error": error}, status=status)


@asynccontextmanager
async def azure() -> AsyncIterator[Azure]:
    server = Azure()
    routes = [
        web.post(f"/{server.tenant}/oauth2/v2.0/token", server.token),
        web.get("/secrets/{name}", server.secret),
        web.get("/secrets/{name}/{version}", server.secret),
    ]
    async with serving(routes) as url:
        server.url = url
        yield server
