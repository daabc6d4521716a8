"""Keys of Secrets and ConfigMaps, each object read once for one use.

An instance lives as long as one resolution: what several parameters share is fetched once, and the
next resolution sees what was rotated since.
"""

from __future__ import annotations

from collections.abc import Mapping

from eventscaler.decode import data_of
from kube.client import Client, Json
from kube.errors import Denied, KubeError, NotFound
from kube.resources import Resource

Given = Mapping[tuple[str, str, str], Mapping[str, str]]


class AuthFault(Exception):
    """Credentials cannot be had; the message names what is missing and holds no value."""


class Objects:
    """Reads Secrets and ConfigMaps.

    Args:
        client: None where there is no cluster; then only what is *given* can be read.
        given: data from a file, by kind, namespace and name.
    """

    def __init__(self, client: Client | None, given: Given | None = None) -> None:
        self._client = client
        self._held: dict[tuple[str, str, str], Mapping[str, str] | AuthFault | None] = dict(
            given or {}
        )

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
            raise AuthFault(str(held)) from held
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
        if self._client is None:
            raise AuthFault(f"there is no cluster to read {what} from")
        try:
            body = await self._client.get(resource, name, namespace=namespace)
        except NotFound:
            return None
        except Denied as denied:
            raise AuthFault(f"{what} may not be read by this operator: {denied}") from denied
        except KubeError as error:
            raise AuthFault(f"{what} cannot be read now: {error}") from error
        return decoded(resource, body, what)


def decoded(resource: Resource, body: Json, what: str) -> Mapping[str, str]:
    """The texts in *body*'s data.

    Raises:
        AuthFault: a Secret's value is not text in base64.
    """
    try:
        return data_of(body, resource.kind)
    except ValueError as error:
        raise AuthFault(f"{what}: {error}") from error
