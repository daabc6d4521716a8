"""HashiCorp Vault, and OpenBao, which speaks the same: `hashiCorpVault`.

A login is shared by all that log in alike, renewed before its lease ends and made anew when it
cannot be; a 403 makes one more login, for the token may have been revoked. What has a lease (a
certificate, a user made for us) is used for nine tenths of it, other values for `keep`.
Sources:
    https://developer.hashicorp.com/vault/api-docs (X-Vault-Token, X-Vault-Namespace, status codes)
    https://developer.hashicorp.com/vault/api-docs/auth/kubernetes#login
    https://developer.hashicorp.com/vault/api-docs/auth/token#renew-a-token-self
    https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v1, /kv-v2 and /pki
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from eventscaler.auth.objects import AuthFault
from eventscaler.auth.remote import kit
from eventscaler.auth.remote.vault_login import USED, Login, Session, login_of
from eventscaler.auth.where import Fetched, Where
from eventscaler.decode.sources import PkiData, Vault, VaultSecret
from scalers._http import Answer, exchanged
from scalers._kept import Lasting
from scalers.base import Secret

V2 = "secretV2"
PKI = "pki"
OK = range(200, 300)


@dataclass(frozen=True, slots=True)
class Place:
    """What one request asks for; of a certificate, with what."""

    path: str
    pki: PkiData | None = None

    @property
    def url(self) -> str:
        return f"/v1/{quote(self.path.strip('/'), safe='/')}"

    @property
    def body(self) -> str | None:
        if self.pki is None:
            return None
        given = {
            "common_name": self.pki.common_name,
            "alt_names": self.pki.alt_names,
            "ip_sans": self.pki.ip_sans,
            "uri_sans": self.pki.uri_sans,
            "other_sans": self.pki.other_sans,
            "ttl": self.pki.ttl,
            "format": self.pki.format,
        }
        return json.dumps({name: value for name, value in given.items() if value})


async def fetch(source: Vault, where: Where) -> Fetched:
    """The parameters of *source*; each path is read once, however many keys of it are wanted."""
    async with kit.faults(f"vault {source.address}", where):
        login = await login_of(source, where)
        places = [_place(secret) for secret in source.secrets]
        found = await kit.all_of(places, lambda place: _kept(login, place, where))
        session = await login.session(where)
        values = {
            secret.parameter: Secret(_value(secret, found[place].value))
            for secret, place in zip(source.secrets, places, strict=True)
        }
        ends = [each.until for each in found.values()]
        return Fetched(values, min(ends + ([session.until] if session.until else [])))


def _place(secret: VaultSecret) -> Place:
    """What to ask for. A certificate is made by writing, and nothing else may be written."""
    if secret.type != PKI:
        return Place(secret.path)
    if "issue" not in secret.path.split("/"):
        raise AuthFault(f"'{secret.path}' makes no certificates; want MOUNT/issue/ROLE")
    return Place(secret.path, secret.pki or PkiData())


async def _kept(login: Login, place: Place, where: Where) -> Lasting[Mapping[str, Any]]:
    """What is at *place*; read anew with each new login, for a lease ends with its token."""
    token = (await login.session(where)).token
    key = ("vault", login, token, place)
    return await kit.kept(key, lambda: _read(login, place, where), where)


async def _read(login: Login, place: Place, where: Where) -> Lasting[Mapping[str, Any]]:
    session = await login.session(where)
    answer = await _asked(session, place, where)
    if answer.status == kit.FORBIDDEN and login.can_log_in:
        login.forget(session, where)
        answer = await _asked(await login.session(where), place, where)
    if answer.status not in OK:
        why = f"'{place.path}': answered {answer.status}{_hint(answer.status, place)}"
        raise kit.refused(answer.status, why)
    body = kit.json_object(answer)
    life = _lease(body, where.io.now())
    if life is None:
        return kit.lasting(body, where)
    return Lasting(body, where.io.now() + life * USED, leased=True)


async def _asked(session: Session, place: Place, where: Where) -> Answer:
    return await exchanged(session.call(place.url, place.body), where.io)


def _lease(body: Mapping[str, Any], now: datetime) -> timedelta | None:
    """How long lives what was made for us: a certificate, a user; None for what just lies there."""
    data = body.get("data")
    end = data.get("expiration") if isinstance(data, dict) and "certificate" in data else None
    if isinstance(end, int):
        return max(datetime.fromtimestamp(end, UTC) - now, timedelta())
    if body.get("lease_id"):
        return timedelta(seconds=float(body.get("lease_duration") or 0))
    return None


def _value(secret: VaultSecret, body: Mapping[str, Any]) -> str:
    data = body.get("data")
    inner = data.get("data") if isinstance(data, dict) else None
    is_v2 = isinstance(data, dict) and isinstance(data.get("metadata"), dict)
    if secret.type == V2 or (not secret.type and is_v2 and isinstance(inner, dict)):
        data, is_v2 = inner, False
    where = f"'{secret.path}'"
    if not isinstance(data, dict):
        more = "; is its engine kv version 1? Then its type is 'secret'" if secret.type else ""
        raise AuthFault(f"{where} holds no values{more}")
    if secret.key not in data:
        more = "; its engine is kv version 2: type 'secretV2'" if is_v2 else ""
        raise AuthFault(f"{where} has no key '{secret.key}'{more}")
    found = data[secret.key]
    if isinstance(found, list) and all(isinstance(each, str) for each in found):
        return "\n".join(found)  # a certificate chain
    return kit.text_of(found, f"key '{secret.key}' of {where}")


def _hint(status: int, place: Place) -> str:
    if status == kit.FORBIDDEN:
        return ": the token is not valid, or its policy does not allow this"
    if status == kit.NOT_FOUND:
        return ": nothing is there; in kv version 2 the path is MOUNT/data/NAME"
    if place.pki is not None:
        return ": look at the role and at pkiData"
    return ""
