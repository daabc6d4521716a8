"""Google's token endpoint, metadata server, IAM credentials and Secret Manager, in one.

https://developers.google.com/identity/protocols/oauth2/service-account#httprest
https://cloud.google.com/compute/docs/access/authenticate-workloads#applications
https://cloud.google.com/compute/docs/metadata/predefined-metadata-keys
https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken
https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets.versions/access
https://google.aip.dev/193
"""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.eventscaler.auth.servers.kit import bearer, serving

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
FLAVOR = {"Metadata-Flavor": "Google"}
KEY = rsa.generate_private_key(65537, 2048)


@dataclass
class Google:
    """One project with one service account and its secrets.

    Attributes:
        versions: data of secrets by name and version; None for one that is disabled.
        crc: a checksum to state instead of leaving it out.
        may_act_as: accounts that the pod's own may act as.
    """

    url: str = ""
    project: str = "shop-prod"
    email: str = "scaler@shop-prod.iam.gserviceaccount.com"
    versions: dict[tuple[str, str], bytes | None] = field(default_factory=dict)
    crc: dict[tuple[str, str], int] = field(default_factory=dict)
    may_act_as: frozenset[str] = frozenset({"reader@shop-prod.iam.gserviceaccount.com"})
    tokens: dict[str, str] = field(default_factory=dict)
    reads: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def key_file(self, **changed: object) -> str:
        """The JSON that Google makes for a service account."""
        pem = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        fields: dict[str, object] = {
            "type": "service_account",
            "project_id": self.project,
            "private_key_id": "0123abcd",
            "private_key": pem,
            "client_email": self.email,
            "token_uri": f"{self.url}/token",
        }
        return json.dumps(fields | changed)

    def given(self, account: str) -> str:
        token = f"canary-token-{len(self.tokens)}"
        self.tokens[token] = account
        return token

    async def token(self, request: web.Request) -> web.Response:
        self.asked.append("key")
        form = await request.post()
        if form.get("grant_type") != GRANT:
            return web.json_response({"error": "unsupported_grant_type"}, status=400)
        problem = self._problem(str(form.get("assertion", "")))
        if problem:
            body = {"error": "invalid_grant", "error_description": problem}
            return web.json_response(body, status=400)
        answer = {"access_token": self.given(self.email), "token_type": "Bearer"}
        return web.json_response(answer | {"expires_in": 3599})

    def _problem(self, assertion: str) -> str:
        """What is wrong with a signed statement; "" for a good one."""
        head, claims, signature = assertion.split(".")
        try:
            KEY.public_key().verify(
                _bytes(signature), f"{head}.{claims}".encode(), padding.PKCS1v15(), SHA256()
            )
        except InvalidSignature:
            return "Invalid JWT Signature."
        header, said = json.loads(_bytes(head)), json.loads(_bytes(claims))
        if (header["alg"], header["typ"], header["kid"]) != ("RS256", "JWT", "0123abcd"):
            return "Invalid JWT: a header that was not expected."
        if (said["iss"], said["aud"], said["scope"]) != (self.email, f"{self.url}/token", SCOPE):
            return "Invalid JWT: for somebody else."
        if not 0 < said["exp"] - said["iat"] <= 3600:
            return "Invalid JWT: Token must be a short-lived token (60 minutes)"
        return ""

    async def metadata(self, request: web.Request) -> web.Response:
        self.asked.append(f"metadata {request.match_info['key']}")
        if request.headers.get("Metadata-Flavor") != "Google":
            return web.Response(status=403)
        if request.match_info["key"] == "project/project-id":
            return web.Response(text=self.project, headers=FLAVOR)
        answer = {"access_token": self.given("own"), "expires_in": 3599, "token_type": "Bearer"}
        return web.json_response(answer, headers=FLAVOR)

    async def generate(self, request: web.Request) -> web.Response:
        """generateAccessToken."""
        account = request.match_info["account"]
        self.asked.append(f"act as {account}")
        body = await request.json()
        if self.tokens.get(bearer(request)) != "own" or account not in self.may_act_as:
            return _error(403, "PERMISSION_DENIED")
        if body["scope"] != [SCOPE] or body["lifetime"] != "3600s":
            return _error(400, "INVALID_ARGUMENT")
        end = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        return web.json_response({"accessToken": self.given(account), "expireTime": end})

    async def access(self, request: web.Request) -> web.Response:
        self.reads.append(request.path)
        project, name, version = (request.match_info[part] for part in ("p", "s", "v"))
        if bearer(request) not in self.tokens:
            return _error(401, "UNAUTHENTICATED")
        if project != self.project:
            return _error(403, "PERMISSION_DENIED")
        if (name, version) not in self.versions:
            return _error(404, "NOT_FOUND")
        data = self.versions[name, version]
        if data is None:
            return _error(400, "FAILED_PRECONDITION")
        payload: dict[str, Any] = {"data": base64.b64encode(data).decode()}
        if (name, version) in self.crc:
            payload["dataCrc32c"] = str(self.crc[name, version])
        full = f"projects/685789191942/secrets/{name}/versions/3"
        return web.json_response({"name": full, "payload": payload})


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _error(status: int, name: str) -> web.Response:
    error = {"code": status, "message": "in words", "status": name}
    return web.json_response({"error": error}, status=status)


@asynccontextmanager
async def google() -> AsyncIterator[Google]:
    server = Google()
    account = "/v1/projects/-/serviceAccounts/{account}:generateAccessToken"
    token = "/computeMetadata/v1/{key:instance/service-accounts/default/token}"
    routes = [
        web.post("/token", server.token),
        web.get(token, server.metadata),
        web.get("/computeMetadata/v1/{key:project/project-id}", server.metadata),
        web.post(account, server.generate),
        web.get("/v1/projects/{p}/secrets/{s}/versions/{v}:access", server.access),
    ]
    async with serving(routes) as url:
        server.url = url
        yield server
