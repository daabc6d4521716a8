"""What a live cluster has of the kinds that planning reads. Lists only; nothing is written.

A kind that the API does not know is none of: its CRD is not installed. One that we may not list is
left out with a note, except pods and nodes, without which there is nothing to plan.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from kube.client import Client, Json
from kube.errors import Denied, Gone, NotFound
from kube.objects import Held, Partial
from kube.resources import NODES, PODS, REPLICA_SETS, Resource
from kube.wire import Codec
from nodescaler.decode import PodObject
from tandem.errors import BadInput
from tandem.files import Document
from tandem.plan.kinds import LIVE, WORKLOADS, Key
from tandem.plan.world import CLUSTER

T = TypeVar("T", bound=Held)

OWNING = {*WORKLOADS, "DaemonSet"}


@dataclass(frozen=True, slots=True)
class Live:
    """What was found.

    Attributes:
        namespace: of objects in files that name none: that of the kubeconfig's context.
        owners: the Deployment of each ReplicaSet.
        notes: what could not be read.
    """

    namespace: str
    documents: tuple[Document, ...] = ()
    pods: tuple[PodObject, ...] = ()
    owners: dict[Key, Key] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def read_cluster(kubeconfig: str | None, context: str | None) -> Live:
    """Everything at once.

    Raises:
        BadInput: no usable kubeconfig.
        KubeError: the API does not answer, or not to us.
    """
    from kube import config  # noqa: PLC0415 - slow to load, and most plans need no cluster

    async def read() -> Live:
        found = await config.load(kubeconfig, context)
        transport = config.connect(found)
        try:
            return replace(await read_api(Client(transport)), namespace=found.namespace)
        finally:
            await transport.close()

    try:
        return asyncio.run(read())
    except config.ConfigError as error:
        raise BadInput(f"--from-cluster: {error}") from error


async def read_api(client: Client) -> Live:
    """What the API of *client* has."""
    try:
        async with asyncio.TaskGroup() as group:
            lists = [group.create_task(_documents(client, resource)) for resource in LIVE]
            pods = group.create_task(_all(client, PODS, PodObject))
            sets = group.create_task(_owners(client))
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from errors
    found = [task.result() for task in lists]
    return Live(
        namespace="default",
        documents=tuple(each for documents, _ in found for each in documents),
        pods=tuple(pods.result()),
        owners=sets.result(),
        notes=tuple(note for _, note in found if note),
    )


async def _documents(client: Client, resource: Resource) -> tuple[list[Document], str]:
    """All objects of one kind, and a note when we may not see them."""
    try:
        items = await client.items(resource)
    except NotFound:
        return [], ""
    except Denied as error:
        if resource is NODES:
            raise
        return [], f"{resource.plural} are not looked at: {error}"
    return [Document(CLUSTER, _slim(item, resource)) for item in items], ""


def _slim(item: Json, resource: Resource) -> Json:
    """Without what nobody here reads and what is most of a large answer."""
    meta = {k: v for k, v in item.get("metadata", {}).items() if k != "managedFields"}
    typed = {"apiVersion": resource.api_version, "kind": resource.kind}
    slim = item | typed | {"metadata": meta}
    status = slim.get("status")
    if isinstance(status, dict):
        slim["status"] = {k: v for k, v in status.items() if k not in {"images", "nodeInfo"}}
    return slim


async def _owners(client: Client) -> dict[Key, Key]:
    """The owner of each ReplicaSet; where we may not see them, none."""
    try:
        found = await _all(client, REPLICA_SETS, Partial)
    except (NotFound, Denied):
        return {}
    return {
        Key("ReplicaSet", *each.metadata.key): Key(ref.kind, each.metadata.namespace, ref.name)
        for each in found
        for ref in each.metadata.owner_references
        if ref.controller
    }


async def _all(client: Client, resource: Resource, kind: type[T]) -> list[T]:
    """Every object as a struct with the fields that are read: pods are many.

    A list whose snapshot the server forgot midway is asked for again in one piece.
    """
    codec = Codec(kind)
    found: list[T] = []
    token = ""
    try:
        while True:
            page = codec.page(
                await client.list_bytes(resource, limit=client.settings.page, continue_=token)
            )
            found += page.objects
            token = page.next
            if not token:
                return found
    except Gone:
        return codec.page(await client.list_bytes(resource)).objects


def kept(live: Live, given: Collection[Key]) -> Iterable[PodObject]:
    """The pods of the cluster that no file takes the place of.

    Args:
        live: the cluster.
        given: the objects of files: a pod itself, or a workload that makes its pods anew.
    """
    for pod in live.pods:
        namespace, name = pod.metadata.key
        owners = [
            Key(ref.kind, namespace, ref.name)
            for ref in pod.metadata.owner_references
            if ref.controller and ref.kind in OWNING
        ]
        owners += [live.owners[owner] for owner in owners if owner in live.owners]
        if Key("Pod", namespace, name) not in given and not any(o in given for o in owners):
            yield pod
