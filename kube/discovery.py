"""Which resource a kind is: asked from the API once, remembered.

A kind that was not found is asked for again next time, because a CRD may have come since.
"""

from __future__ import annotations

import re

from kube.client import Client, Json
from kube.errors import NotFound
from kube.resources import Resource

_API_VERSION = re.compile(r"[a-z0-9][a-z0-9.-]*(/[a-z0-9]+)?")


class Discovery:
    """Kinds to resources."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._known: dict[tuple[str, str], Resource] = {}

    async def resource(self, api_version: str, kind: str) -> Resource:
        """The resource of a kind. Raises `NotFound` naming the kind."""
        key = (api_version, kind)
        if key not in self._known:
            self._known |= {(api_version, r.kind): r for r in await self._served(api_version, kind)}
        if key not in self._known:
            raise NotFound(f"the cluster has no kind {kind!r} in {api_version!r}", status=404)
        return self._known[key]

    async def _served(self, api_version: str, kind: str) -> list[Resource]:
        if not _API_VERSION.fullmatch(api_version):  # it becomes a part of a path
            raise NotFound(f"{api_version!r} is no apiVersion, wanted for kind {kind!r}")
        root = "apis" if "/" in api_version else "api"
        try:
            found = await self._client.get_path(f"/{root}/{api_version}")
        except NotFound as error:
            told = f"the cluster does not serve {api_version!r}, wanted for kind {kind!r}"
            raise NotFound(told, status=404) from error
        return resources_of(api_version, found)


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
