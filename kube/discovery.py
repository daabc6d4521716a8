"""Which resource a kind is: asked from the API once, remembered.

Who asks while the API is being asked waits for the same answer, however many they are. A kind that
was not found is asked for again next time, because a CRD may have come since.
"""

from __future__ import annotations

import asyncio
import re

from kube.client import Client, Json
from kube.errors import KubeError, NotFound
from kube.resources import Resource

_API_VERSION = re.compile(r"[a-z0-9][a-z0-9.-]*(/[a-z0-9]+)?")


class Discovery:
    """Kinds to resources."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._known: dict[tuple[str, str], Resource] = {}
        self._asked: dict[str, Asked] = {}

    async def resource(self, api_version: str, kind: str) -> Resource:
        """The resource of a kind. Raises `NotFound` naming the kind."""
        key = (api_version, kind)
        if key not in self._known:
            await self._learn(api_version, kind)
        if key not in self._known:
            raise NotFound(f"the cluster has no kind {kind!r} in {api_version!r}", status=404)
        return self._known[key]

    async def _learn(self, api_version: str, kind: str) -> None:
        """Know the kinds of *api_version*, by this call or by the one that it joins."""
        if not _API_VERSION.fullmatch(api_version):  # it becomes a part of a path
            raise NotFound(f"{api_version!r} is no apiVersion, wanted for kind {kind!r}")
        asked = self._asked.get(api_version)
        if asked is None:
            asked = self._asked[api_version] = asyncio.get_running_loop().create_future()
            await self._ask(api_version, asked)
        try:
            found = await asyncio.shield(asked)  # who is cancelled must not cancel the others
        except NotFound as error:
            told = f"the cluster does not serve {api_version!r}, wanted for kind {kind!r}"
            raise NotFound(told, status=404) from error
        if found is None:  # who asked was cancelled
            await self._learn(api_version, kind)

    async def _ask(self, api_version: str, asked: Asked) -> None:
        root = "apis" if "/" in api_version else "api"
        try:
            body = await self._client.get_path(f"/{root}/{api_version}")
            found = resources_of(api_version, body)
            self._known |= {(api_version, resource.kind): resource for resource in found}
            asked.set_result(found)
        except KubeError as error:
            asked.set_exception(error)
        finally:
            del self._asked[api_version]
            if not asked.done():
                asked.set_result(None)


Asked = asyncio.Future["list[Resource] | None"]


def resources_of(api_version: str, found: Json) -> list[Resource]:
    """Read an APIResourceList; subresources are left out.

    >>> kinds = [{"name": "pods", "kind": "Pod", "namespaced": True}, {"name": "pods/log"}]
    >>> [r.path("a", "b") for r in resources_of("v1", {"resources": kinds})]
    ['/api/v1/namespaces/a/pods/b']
    """
    group, _, version = api_version.rpartition("/")
    return [
        Resource(group, version, item["name"], item["kind"], namespaced=bool(item["namespaced"]))
        for item in found.get("resources", [])
        if "/" not in item["name"]
    ]
