"""The scale target, read at most once and only when some parameter needs it."""

from __future__ import annotations

from eventscaler.auth.environment import Environment
from eventscaler.auth.objects import AuthFault, Objects, unread
from kube.client import Client, Json
from kube.discovery import Discovery
from kube.errors import KubeError
from kube.scale import Target

DEFAULT_ACCOUNT = "default"


class Workload:
    """One scale target.

    Args:
        client, discovery: None where there is no cluster.
        body: the target's body where it is known; else it is read.
    """

    def __init__(
        self,
        client: Client | None,
        discovery: Discovery | None,
        target: Target,
        objects: Objects,
        body: Json | None = None,
    ) -> None:
        self._client = client
        self._discovery = discovery
        self._target = target
        self._objects = objects
        self._found: Json | AuthFault | None = body

    @property
    def namespace(self) -> str:
        return self._target.namespace

    @property
    def what(self) -> str:
        return f"{self._target.kind.lower()} {self._target.namespace}/{self._target.name}"

    async def environment(self) -> Environment:
        """The environments of its containers.

        Raises:
            AuthFault: it cannot be read.
        """
        return Environment(await self.body(), self._target.namespace, self._objects)

    async def service_account(self) -> str:
        """Name of the ServiceAccount that its pods run as.

        Raises:
            AuthFault: it cannot be read, or has no pod template.
        """
        template = ((await self.body()).get("spec") or {}).get("template")
        if not template:
            raise AuthFault(f"{self.what} has no pod template to read a service account from")
        return str((template.get("spec") or {}).get("serviceAccountName") or DEFAULT_ACCOUNT)

    async def body(self) -> Json:
        if self._found is None:
            self._found = await self._tried()
        if isinstance(self._found, AuthFault):
            raise AuthFault(str(self._found), passing=self._found.passing) from self._found
        return self._found

    async def _tried(self) -> Json | AuthFault:
        if self._client is None or self._discovery is None:
            return AuthFault(f"there is no cluster to read {self.what} from")
        target = self._target
        try:
            resource = await self._discovery.resource(target.api_version, target.kind)
            return await self._client.get(resource, target.name, namespace=target.namespace)
        except KubeError as error:
            return unread(self.what, error)
