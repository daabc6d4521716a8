"""Logins to Vault: by a token, or by a Kubernetes ServiceAccount; renewed before they end.

The operator's own tokens go only to vaults that its settings trust, or that are named in the
operator's own namespace: whoever may write a TriggerAuthentication could else have them sent to a
server of his own. A token file must lie below a folder that the settings name and hold a JSON web
token, for the same reason.
"""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from eventscaler.auth.account_tokens import requested
from eventscaler.auth.objects import AuthFault
from eventscaler.auth.remote import kit
from eventscaler.auth.where import Where
from eventscaler.decode.sources import Vault
from scalers._http import Call, exchanged
from scalers._kept import Kept, Lasting
from scalers._tls import PLAIN, Tls
from scalers.base import Secret

OK = 200
NOT_IN = (400, 403)
USED = 0.9
"""Of its lease something is used at most; the rest is for clocks that differ."""
HOUR = timedelta(hours=1)
"""A token without an end is looked at again after this long."""
JWT = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+")
OWN = "the operator's own token is not sent to it"


@dataclass(frozen=True, slots=True)
class Session:
    """A token in use.

    Attributes:
        life: of its lease, from the last login or renewal; zero for a token without an end.
        until: when it must have been renewed or replaced; None where neither can be done.
    """

    login: Login
    token: Secret
    life: timedelta = timedelta()
    until: datetime | None = None
    renewable: bool = False

    def call(self, path: str, body: str | None = None) -> Call:
        headers = {"X-Vault-Token": self.token.reveal()}
        return self.login.call(path, body, headers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """How to get a session; equal logins share one.

    Attributes:
        token: of `authentication: token`; None for a login as a ServiceAccount.
        file: where the ServiceAccount's token is.
        account: namespace and name of a ServiceAccount whose token is asked for.
    """

    address: str
    namespace: str
    tls: Tls = PLAIN
    token: Secret | None = None
    role: str = ""
    mount: str = ""
    file: str = ""
    account: tuple[str, str] | None = None

    @property
    def can_log_in(self) -> bool:
        """Whether a new token can be had when one is refused."""
        return self.token is None

    def call(self, path: str, body: str | None, headers: dict[str, str] | None = None) -> Call:
        extra = {"X-Vault-Namespace": self.namespace} if self.namespace else {}
        all_headers = {"X-Vault-Request": "true", **extra, **(headers or {})}
        return Call(self.address.rstrip("/") + path, {}, all_headers, self.tls, json=body)

    async def session(self, where: Where) -> Session:
        """The shared session, begun or renewed when it is time.

        Raises:
            AuthFault: the vault does not let us in.
        """
        slot = self._slot(where)
        now = where.io.now()
        kept = await slot.kept.get(now, lambda: self._next(slot.last, where), kit.CALM)
        slot.last = kept.value
        return kept.value

    async def _next(self, old: Session | None, where: Where) -> Lasting[Session]:
        if old is not None and old.renewable:
            return await self._renewed(old, where)
        return await (self._begun if self.token is None else self._known)(where)

    def forget(self, session: Session, where: Where) -> None:
        """*session* was refused: the next one is a new login."""
        slot = self._slot(where)
        slot.kept.forget(session)
        if slot.last == session:
            slot.last = None

    def _slot(self, where: Where) -> _Slot:
        return where.io.remembered(("vault login", self), _Slot)

    async def _begun(self, where: Where) -> Lasting[Session]:
        jwt = await self._jwt(where)
        body = json.dumps({"role": self.role, "jwt": jwt})
        path = f"/v1/auth/{quote(self.mount.strip('/'), safe='/')}/login"
        answer = await exchanged(self.call(path, body), where.io)
        if answer.status != OK:
            what = f"login as role '{self.role}' at 'auth/{self.mount}'"
            hint = ": it does not accept the ServiceAccount" if answer.status in NOT_IN else ""
            raise kit.refused(answer.status, f"{what}: answered {answer.status}{hint}")
        return self._session(kit.json_object(answer).get("auth"), where)

    async def _known(self, where: Where) -> Lasting[Session]:
        """A session of a given token; when that ends is looked up, if it may be."""
        token = self.token or Secret("")
        bare = Session(self, token)
        answer = await exchanged(bare.call("/v1/auth/token/lookup-self"), where.io)
        trouble = kit.refused(answer.status, f"look at the token: answered {answer.status}")
        if answer.status != OK and trouble.passing:
            raise trouble
        data = kit.json_object(answer).get("data") if answer.status == OK else None
        if not isinstance(data, dict) or data.get("renewable") is not True:
            return Lasting(bare, where.io.now() + HOUR)
        auth = {
            "client_token": token.reveal(),
            "lease_duration": data.get("ttl"),
            "renewable": True,
        }
        return self._session(auth, where)

    async def _renewed(self, old: Session, where: Where) -> Lasting[Session]:
        """*old* with a new lease; a new login where that would be much shorter than the last.

        A lease cannot grow past the maximal life of its token: near that, renewing gains nothing.
        """
        answer = await exchanged(old.call("/v1/auth/token/renew-self", "{}"), where.io)
        if answer.status == OK:
            new = self._session(kit.json_object(answer).get("auth"), where)
            if new.value.life >= old.life / 2:
                return new
        if self.token is None:
            return await self._begun(where)
        return Lasting(Session(self, old.token), where.io.now() + HOUR)

    def _session(self, auth: Any, where: Where) -> Lasting[Session]:
        if not isinstance(auth, dict) or not isinstance(auth.get("client_token"), str):
            raise AuthFault("answered to the login without a client_token")
        life = timedelta(seconds=float(auth.get("lease_duration") or 0))
        token = Secret(auth["client_token"])
        if not life:
            return Lasting(Session(self, token), where.io.now() + HOUR)
        until = where.io.now() + life * USED
        renewable = auth.get("renewable") is True
        return Lasting(Session(self, token, life, until, renewable), until)

    async def _jwt(self, where: Where) -> str:
        if self.account is not None:
            return (await requested(where, self.account[1])).value.reveal()
        try:
            text = (await asyncio.to_thread(Path(self.file).read_text)).strip()
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "it is no text"
            raise AuthFault(f"the token file '{self.file}' cannot be read: {why}") from None
        if not JWT.fullmatch(text):
            raise AuthFault(f"the file '{self.file}' holds no token of a ServiceAccount")
        return text


class _Slot:
    """The session of one login."""

    def __init__(self) -> None:
        self.kept: Kept[Session] = Kept()
        self.last: Session | None = None


async def login_of(source: Vault, where: Where) -> Login:
    """How *source* wants to log in.

    Raises:
        AuthFault: it would need what it may not use, or nothing to log in with is given.
    """
    tls = await _tls(where)
    if source.authentication == "token":
        token = source.token or _own_token(source, where)
        return Login(address=source.address, namespace=source.namespace, tls=tls, token=token)
    account = (where.home, source.service_account) if source.service_account else None
    return Login(
        address=source.address,
        namespace=source.namespace,
        tls=tls,
        role=source.role,
        mount=source.mount,
        account=account,
        file="" if account else await _own_file(source, where),
    )


def _own_token(source: Vault, where: Where) -> Secret:
    token = where.settings.remote.vault_token
    if token is None:
        raise AuthFault("neither 'credential.token' nor VAULT_TOKEN of the operator is given")
    _check_trusted(source, where, "give 'credential.token', or")
    return token


async def _own_file(source: Vault, where: Where) -> str:
    _check_trusted(source, where, "give 'credential.serviceAccountName', or")
    settings = where.settings.remote
    if not source.token_file:
        return settings.token_file
    # symbolic links are followed first: Kubernetes itself projects tokens through them
    wanted = await asyncio.to_thread(Path(source.token_file).resolve)
    for folder in settings.token_folders:
        if wanted.is_relative_to(await asyncio.to_thread(Path(folder).resolve)):
            return source.token_file
    folders = ", ".join(settings.token_folders)
    raise AuthFault(f"'credential.serviceAccount' {source.token_file} is not below {folders}")


def _check_trusted(source: Vault, where: Where, instead: str) -> None:
    at_home = where.home == where.settings.cluster_namespace
    if not at_home and not where.settings.remote.trusts_vault(source.address):
        raise AuthFault(f"{OWN}: {instead} name the vault among the operator's vaults")


async def _tls(where: Where) -> Tls:
    file = where.settings.remote.vault_ca
    if not file:
        return PLAIN
    try:
        return Tls(ca=Secret(await asyncio.to_thread(Path(file).read_text)))
    except (OSError, ValueError):
        raise AuthFault(f"the certificate authorities in '{file}' cannot be read") from None
