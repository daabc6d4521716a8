"""Google Secret Manager: `gcpSecretManager`.

As a service account by its JSON key, or as the identity of this pod, which may act as another
service account. Where no project is named in a secret's id, it is the one of the key or of the
metadata server.
Sources:
    https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets.versions/access
    https://cloud.google.com/secret-manager/docs/data-integrity
    https://google.aip.dev/193 (the shape of errors)
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from eventscaler.auth.objects import AuthFault
from eventscaler.auth.remote import kit
from eventscaler.auth.remote.crc32c import crc32c
from eventscaler.auth.where import Fetched, Where
from eventscaler.decode.sources import GcpManager, GcpSecret
from scalers._cloud_grants import ServiceAccountKey
from scalers._grants import Grant, as_bearer, fields_of
from scalers._http import Answer, Call, get_text
from scalers._kept import Lasting
from scalers._pod_tokens import GOOGLE, as_google
from scalers.base import Secret

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
FULL = re.compile(r"projects/([^/]+)/secrets/([^/]+)(?:/versions/([^/]+))?")
STATUSES = frozenset(
    {
        "FAILED_PRECONDITION",
        "INVALID_ARGUMENT",
        "NOT_FOUND",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "UNAUTHENTICATED",
        "UNAVAILABLE",
    }
)
HINTS = {
    "FAILED_PRECONDITION": "the version is disabled or destroyed",
    "NOT_FOUND": "no such secret or version",
    "PERMISSION_DENIED": "the account needs the role secretmanager.secretAccessor",
}
OK = 200


@dataclass(frozen=True, slots=True)
class Opened:
    """As whom secrets are read, and the project of those that name none; "" where it is unknown."""

    grant: Grant
    project: str


async def fetch(source: GcpManager, where: Where) -> Fetched:
    """The parameters of *source*; each version is read once."""
    async with kit.faults("gcpSecretManager", where):
        opened = await _opened(source, where)
        names = [await _name(secret, opened, where) for secret in source.secrets]
        found = await kit.all_of(names, lambda name: _kept(opened.grant, name, where))
        values = {
            secret.parameter: found[name].value
            for secret, name in zip(source.secrets, names, strict=True)
        }
        return kit.fetched(values, (each.until for each in found.values()))


async def _opened(source: GcpManager, where: Where) -> Opened:
    if source.credentials is not None:
        return by_key(await where.secret(source.credentials))
    if source.identity is None or source.identity.provider != GOOGLE:
        raise AuthFault("give 'credentials', or 'podIdentity' with provider gcp")
    return Opened(as_google(source.identity, (SCOPE,), where.io.settings.google), "")


def by_key(text: Secret) -> Opened:
    """A service account by the JSON key that Google made for it.

    Raises:
        AuthFault: it is another kind of credentials, or parts of it are missing.
    """
    try:
        key: Any = json.loads(text.reveal())
    except (ValueError, RecursionError):
        key = None
    if not isinstance(key, dict):
        raise AuthFault("the credentials are no JSON object")
    if key.get("type") != "service_account":
        raise AuthFault("the credentials are not of type 'service_account', the only one supported")
    parts = [key.get(name) for name in ("client_email", "private_key", "token_uri")]
    if not all(isinstance(part, str) and part for part in parts):
        raise AuthFault("the credentials lack client_email, private_key or token_uri")
    email, private, url = (str(part) for part in parts)
    if urlsplit(url).scheme not in ("http", "https"):
        raise AuthFault("the credentials' token_uri is no http address")
    grant = ServiceAccountKey(
        email=email,
        key=Secret(private),
        key_id=str(key.get("private_key_id") or ""),
        token_url=url,
        scopes=(SCOPE,),
    )
    return Opened(grant, str(key.get("project_id") or ""))


async def _name(secret: GcpSecret, opened: Opened, where: Where) -> str:
    """The full name of a secret's version."""
    full = FULL.fullmatch(secret.id)
    if full is not None:
        project, name, version = full.groups()
        return _path(project, name, version or secret.version)
    if "/" in secret.id:
        raise AuthFault(f"'{secret.id}' is neither a name nor projects/PROJECT/secrets/NAME")
    return _path(opened.project or await _project(where), secret.id, secret.version)


def _path(project: str, name: str, version: str) -> str:
    parts = (quote(part, safe="") for part in (project, name, version))
    return "projects/{}/secrets/{}/versions/{}".format(*parts)


async def _project(where: Where) -> str:
    server = where.io.settings.google.metadata
    url = f"{server}/computeMetadata/v1/project/project-id"

    async def read() -> Lasting[str]:
        text = await get_text(Call(url, {}, {"Metadata-Flavor": "Google"}, own=True), where.io)
        return kit.lasting(text.strip(), where)

    return (await kit.kept(("gcp project", url), read, where)).value


async def _kept(grant: Grant, name: str, where: Where) -> Lasting[Secret]:
    return await kit.kept(("gcp", grant, name), lambda: _read(grant, name, where), where)


async def _read(grant: Grant, name: str, where: Where) -> Lasting[Secret]:
    call = Call(f"{where.io.settings.google.secrets}/v1/{name}:access", own=True)
    answer = await as_bearer(call, grant, where.io)
    if answer.status != OK:
        why = f"'{name}': {call.host} answered {answer.status}{_why(answer)}"
        raise kit.refused(answer.status, why)
    return kit.lasting(Secret(payload(kit.json_object(answer), name)), where)


def payload(body: dict[str, Any], name: str) -> str:
    """The text in an answer, when its checksum agrees.

    Raises:
        AuthFault: it does not, or this is no text.
    """
    inside = body.get("payload")
    data = inside.get("data") if isinstance(inside, dict) else None
    if not isinstance(inside, dict) or not isinstance(data, str):
        raise AuthFault(f"'{name}': the answer has no payload")
    try:
        raw = base64.b64decode(data, validate=True)
        text = raw.decode()
    except (binascii.Error, UnicodeDecodeError):
        raise AuthFault(f"'{name}' is no text in UTF-8") from None
    stated = inside.get("dataCrc32c")  # a 64-bit number, which JSON carries as a text
    if stated is not None and str(stated) != str(crc32c(raw)):
        raise AuthFault(f"'{name}' arrived damaged: its checksum is another")
    return text


def _why(answer: Answer) -> str:
    error = fields_of(answer).get("error")
    status = error.get("status") if isinstance(error, dict) else None
    if not isinstance(status, str) or status not in STATUSES:
        return ""
    return f" {status}" + (f": {HINTS[status]}" if status in HINTS else "")
