"""Tokens of Azure and Google: what stands behind podIdentity and service-account keys.

Sources:
    https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-client-creds-grant-flow
    https://azure.github.io/azure-workload-identity/docs/topics/service-account-labels-and-annotations.html
    https://developers.google.com/identity/protocols/oauth2/service-account#httprest
    https://cloud.google.com/compute/docs/access/authenticate-workloads#applications
    https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from kube.values import times
from scalers._errors import Refused, Secret, refusal
from scalers._grants import OK, Grant, as_bearer, exchange, fields_of, lasting
from scalers._http import Call
from scalers._kept import Lasting
from scalers._lazily import imported
from scalers.io import IO

HOUR = timedelta(hours=1)
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SIGNER = "cryptography.hazmat.primitives.serialization"


@dataclass(frozen=True, slots=True, kw_only=True)
class Federated:
    """Azure workload identity: a token that Kubernetes wrote to a file, exchanged for Azure's.

    Args:
        token_url: at a login that the operator trusts; see `_pod_tokens`.
        file: read at each exchange, for Kubernetes rotates it.
    """

    token_url: str
    client_id: str
    file: str
    scopes: tuple[str, ...]

    async def fetch(self, io: IO) -> Lasting[Secret]:
        form = {
            "grant_type": "client_credentials",
            "client_id": self.client_id,
            "client_assertion_type": ASSERTION,
            "client_assertion": await _content(self.file),
            "scope": " ".join(self.scopes),
        }
        return await exchange(Call(self.token_url, data=form, own=True), io)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAccountKey:
    """A Google service account by its key: a signed statement, exchanged for a token.

    Args:
        key: the private key, PEM.
    """

    email: str
    key: Secret
    key_id: str
    token_url: str
    scopes: tuple[str, ...]

    async def fetch(self, io: IO) -> Lasting[Secret]:
        await imported(SIGNER)
        text = await asyncio.to_thread(self._signed, io.now())
        form = {"grant_type": JWT_BEARER, "assertion": text}
        return await exchange(Call(self.token_url, data=form), io)

    def _signed(self, now: datetime) -> str:
        issued = int(now.timestamp())
        claims = {
            "iss": self.email,
            "scope": " ".join(self.scopes),
            "aud": self.token_url,
            "iat": issued,
            "exp": issued + int(HOUR.total_seconds()),
        }
        return signed_jwt({"kid": self.key_id} if self.key_id else {}, claims, self.key)


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataServer:
    """The identity that Google's metadata server gives this pod.

    Args:
        server: its address, "http://metadata.google.internal".
    """

    server: str
    scopes: tuple[str, ...]

    async def fetch(self, io: IO) -> Lasting[Secret]:
        url = f"{self.server}/computeMetadata/v1/instance/service-accounts/default/token"
        query = {"scopes": ",".join(self.scopes)}
        call = Call(url, query, {"Metadata-Flavor": "Google"}, own=True)
        return await exchange(call, io)


@dataclass(frozen=True, slots=True, kw_only=True)
class Impersonated:
    """A Google service account as which *by* may act.

    Args:
        server: of the IAM credentials API.
    """

    by: Grant
    account: str
    server: str
    scopes: tuple[str, ...]

    async def fetch(self, io: IO) -> Lasting[Secret]:
        name = f"projects/-/serviceAccounts/{quote(self.account, safe='@')}"
        body = json.dumps({"scope": list(self.scopes), "lifetime": "3600s"})
        call = Call(f"{self.server}/v1/{name}:generateAccessToken", json=body, own=True)
        answer = await as_bearer(call, self.by, io)
        said = fields_of(answer)
        if answer.status != OK:
            why = f"{call.host} answered {answer.status}: may not act as '{self.account}'"
            raise refusal(answer.status, why)
        text, end = said.get("accessToken"), _time(said.get("expireTime"))
        if not isinstance(text, str) or end is None:
            raise Refused(f"{call.host} answered without an accessToken")
        return lasting(text, io.now(), end - io.now())


def signed_jwt(header: Mapping[str, str], claims: Mapping[str, Any], key: Secret) -> str:
    """A JSON web token signed with RS256; takes milliseconds, so not for the loop.

    Raises:
        Refused: *key* is no RSA private key in PEM.
    """
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - heavy
    from cryptography.hazmat.primitives.asymmetric import padding, rsa  # noqa: PLC0415 - heavy
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

    try:
        private = load_pem_private_key(key.reveal().encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise Refused("'private_key' is no private key in PEM without a password") from None
    if not isinstance(private, rsa.RSAPrivateKey):
        raise Refused("'private_key' is no RSA key")
    parts = [{"alg": "RS256", "typ": "JWT", **header}, claims]
    text = ".".join(_base64(json.dumps(part).encode()) for part in parts)
    return f"{text}.{_base64(private.sign(text.encode(), padding.PKCS1v15(), SHA256()))}"


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


async def _content(file: str) -> str:
    try:
        return (await asyncio.to_thread(Path(file).read_text)).strip()
    except (OSError, ValueError) as error:
        raise Refused(f"the token file '{file}' cannot be read: {_reason(error)}") from None


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or type(error).__name__)


def _time(written: object) -> datetime | None:
    try:
        return times.parse(str(written))
    except ValueError:
        return None
