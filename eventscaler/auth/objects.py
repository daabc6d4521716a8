"""Keys of Secrets and ConfigMaps, each object read once for one use.

An instance lives as long as one resolution: what several parameters share is fetched once, and the
next resolution sees what was rotated since.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from eventscaler.auth.reads import Reads
from eventscaler.decode import data_of
from kube.client import Client, Json
from kube.errors import Denied, Invalid, KubeError, NotFound
from kube.resources import SECRETS, Resource

Given = Mapping[tuple[str, str, str], Mapping[str, str]]


class AuthFault(Exception):
    """Credentials cannot be had; the message names what is missing and holds no value.

    Args:
        passing: nothing is known to be wrong, somebody did not answer: what was had before
            may serve on.
    """

    def __init__(self, message: str, *, passing: bool = False) -> None:
        super().__init__(message)
        self.passing = passing


class Ref(NamedTuple):
    """Something that parameters are read from and that may change."""

    kind: str
    namespace: str
    name: str


class Objects:
    """Reads Secrets and ConfigMaps.

    Args:
        client: None where there is no cluster; then only what is *given* can be read.
        given: data from a file, by kind, namespace and name.
        secrets_in: the one namespace whose Secrets may be read; "" for all.
        reads: shares GETs with others; None for none.

    Attributes:
        used: what was read, and at which version; "" for what did not exist.
    """

    def __init__(
        self,
        client: Client | None,
        given: Given | None = None,
        *,
        secrets_in: str = "",
        reads: Reads | None = None,
    ) -> None:
        self._reads = reads or (Reads(client) if client else None)
        self._secrets_in = secrets_in
        self._held: dict[tuple[str, str, str], Mapping[str, str] | AuthFault | None] = dict(
            given or {}
        )
        self.used: dict[Ref, str] = {}

    def note(self, ref: Ref, version: str) -> None:
        """*ref* was read at that version."""
        self.used[ref] = version

    async def key(self, resource: Resource, namespace: str, name: str, key: str) -> str:
        """One value.

        Raises:
            AuthFault: no such object or key, or it cannot be read.
        """
        data = await self.data(resource, namespace, name)
        what = f"{resource.kind.lower()} {namespace}/{name}"
        if data is None:
            raise AuthFault(f"{what} does not exist")
        if key not in data:
            raise AuthFault(f"{what} has no key '{key}'")
        return data[key]

    async def data(self, resource: Resource, namespace: str, name: str) -> Mapping[str, str] | None:
        """All values of one object; None when it does not exist.

        Raises:
            AuthFault: it cannot be read.
        """
        where = (resource.kind, namespace, name)
        if where not in self._held:
            self._held[where] = await self._tried(resource, namespace, name)
        held = self._held[where]
        if isinstance(held, AuthFault):
            raise AuthFault(str(held), passing=held.passing) from held
        return held

    async def _tried(
        self, resource: Resource, namespace: str, name: str
    ) -> Mapping[str, str] | AuthFault | None:
        """A refusal is an answer too: who asks next must not ask the API again."""
        try:
            return await self._fetch(resource, namespace, name)
        except AuthFault as fault:
            return fault

    async def _fetch(
        self, resource: Resource, namespace: str, name: str
    ) -> Mapping[str, str] | None:
        what = f"{resource.kind.lower()} {namespace}/{name}"
        if self._reads is None:
            raise AuthFault(f"there is no cluster to read {what} from")
        if resource == SECRETS and self._secrets_in not in ("", namespace):
            raise AuthFault(
                f"{what} is not read: with --restrict-secret-access secrets are read in "
                f"namespace {self._secrets_in} only"
            )
        ref = Ref(resource.kind, namespace, name)
        try:
            body = await self._reads.get(resource, namespace, name)
        except NotFound:
            self.note(ref, "")
            return None
        except KubeError as error:
            raise unread(what, error) from error
        self.note(ref, str(body["metadata"].get("resourceVersion") or ""))
        return decoded(resource, body, what)


def unread(what: str, error: KubeError) -> AuthFault:
    """Why *what* was not read, told from the API's answer."""
    if isinstance(error, Denied):
        return AuthFault(f"{what} may not be read by this operator: {error}")
    passing = not isinstance(error, (NotFound, Invalid))
    return AuthFault(f"{what} cannot be read now: {error}", passing=passing)


def decoded(resource: Resource, body: Json, what: str) -> Mapping[str, str]:
    """The texts in *body*'s data.

    Raises:
        AuthFault: a Secret's value is not text in base64.
    """
    try:
        return data_of(body, resource.kind)
    except ValueError as error:
        raise AuthFault(f"{what}: {error}") from error
