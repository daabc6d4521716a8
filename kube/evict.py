"""Asking for a pod to leave, which PodDisruptionBudgets may refuse.

A refusal is an answer and no error: it carries the server's reason and when to ask again.

Source: https://kubernetes.io/docs/concepts/scheduling-eviction/api-eviction/
"""

from __future__ import annotations

from dataclasses import dataclass

from kube.client import Client, Json
from kube.errors import Conflict, KubeError, NotFound, Throttled, Unavailable
from kube.resources import PODS

AGAIN_S = 10.0
INTERNAL = 500  # what the server answers when more than one budget covers a pod


@dataclass(frozen=True, slots=True)
class Evicted:
    """The pod is gone or on its way."""


@dataclass(frozen=True, slots=True)
class Blocked:
    """The pod stays for now."""

    message: str
    retry_after_s: float


async def evict(
    client: Client, namespace: str, name: str, *, uid: str, grace_s: int | None = None
) -> Evicted | Blocked:
    """Evict this very pod; one that is gone, or replaced by a namesake, counts as evicted.

    `grace_s` is how long the pod gets to stop; its own terminationGracePeriodSeconds when None.

    Raises:
        KubeError: anything that is no answer to the question, such as `Denied`.
    """
    body = eviction(namespace, name, uid=uid, grace_s=grace_s)
    try:
        await client.create(PODS, body, namespace=namespace, name=name, subresource="eviction")
    except NotFound:
        return Evicted()
    except (Conflict, Throttled, Unavailable) as error:
        refusal = _refusal(error)
        if refusal is None:
            raise
        return refusal if await _is_there(client, namespace, name, uid) else Evicted()
    return Evicted()


def eviction(namespace: str, name: str, *, uid: str, grace_s: int | None) -> Json:
    options: Json = {"preconditions": {"uid": uid}}
    if grace_s is not None:
        options["gracePeriodSeconds"] = grace_s
    return {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": name, "namespace": namespace},
        "deleteOptions": options,
    }


def _refusal(error: KubeError) -> Blocked | None:
    """What an error means when the pod is still there; None when it is no answer."""
    if isinstance(error, Throttled):
        return Blocked(str(error), max(error.retry_after_s, AGAIN_S))
    if isinstance(error, Conflict):  # the uid, or a budget that was being changed
        return Blocked(str(error), 1.0)
    return Blocked(str(error), AGAIN_S) if error.status == INTERNAL else None


async def _is_there(client: Client, namespace: str, name: str, uid: str) -> bool:
    """The server looks at budgets before it looks at the uid: a namesake may have been refused."""
    try:
        found = await client.get(PODS, name, namespace=namespace)
    except NotFound:
        return False
    return bool(found["metadata"]["uid"] == uid)
