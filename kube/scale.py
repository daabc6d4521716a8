"""Reading and writing replica counts through the `/scale` subresource of any kind.

Writes are optimistic: the version that was read goes back with the new count, so a scale changed
under us is a `Conflict`, to be read and decided again.

Source: https://kubernetes.io/docs/reference/kubernetes-api/autoscaling-resources/scale-v1/
"""

from __future__ import annotations

from dataclasses import dataclass

from kube.client import Client, Json, Priority
from kube.discovery import Discovery
from kube.errors import NotFound


@dataclass(frozen=True, slots=True)
class Target:
    """The object whose replicas are set."""

    namespace: str
    api_version: str
    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.kind}/{self.name}"


@dataclass(frozen=True, slots=True)
class Scale:
    """What `/scale` said: replicas wanted, replicas that exist, the label selector of the pods."""

    replicas: int
    status_replicas: int = 0
    selector: str = ""
    resource_version: str = ""


class Scales:
    """The scales of a cluster."""

    def __init__(self, client: Client, discovery: Discovery) -> None:
        self._client = client
        self._discovery = discovery

    async def get(self, target: Target) -> Scale:
        """Read a scale. Raises `NotFound` when target, kind or `/scale` does not exist."""
        resource = await self._discovery.resource(target.api_version, target.kind)
        try:
            found = await self._client.get(
                resource,
                target.name,
                namespace=target.namespace,
                subresource="scale",
                priority=Priority.HIGH,
            )
        except NotFound as error:
            told = f"target {target} does not exist or has no /scale ({error})"
            raise NotFound(told, status=404) from error
        return scale_of(found)

    def held(self, target: Target) -> Scale | None:  # noqa: ARG002  # those that watch know some
        """The scale where it is known without asking; None: ask `get`."""
        return None

    async def put(self, target: Target, replicas: int, *, was: Scale) -> Scale:
        """Set the replicas of a scale that *was* read. Raises `Conflict` when it changed since."""
        resource = await self._discovery.resource(target.api_version, target.kind)
        body = {
            "apiVersion": "autoscaling/v1",
            "kind": "Scale",
            "metadata": {
                "name": target.name,
                "namespace": target.namespace,
                "resourceVersion": was.resource_version,
            },
            "spec": {"replicas": replicas},
        }
        answer = await self._client.replace(
            resource,
            body,
            namespace=target.namespace,
            subresource="scale",
            priority=Priority.HIGH,
        )
        return scale_of(answer)


def scale_of(found: Json) -> Scale:
    """Read an autoscaling/v1 Scale; a count of zero is left out on the wire.

    >>> scale_of({"metadata": {"resourceVersion": "7"}, "status": {"replicas": 2}})
    Scale(replicas=0, status_replicas=2, selector='', resource_version='7')
    """
    status = found.get("status") or {}
    return Scale(
        replicas=int((found.get("spec") or {}).get("replicas") or 0),
        status_replicas=int(status.get("replicas") or 0),
        selector=str(status.get("selector") or ""),
        resource_version=str(found.get("metadata", {}).get("resourceVersion") or ""),
    )
