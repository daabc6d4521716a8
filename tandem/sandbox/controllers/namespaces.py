"""Namespaces: each gets its default ServiceAccount; one that is deleted is emptied, then released.

Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/namespaces/
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial

from kube.client import Json
from kube.resources import CUSTOM_RESOURCE_DEFINITIONS, EVENTS, NAMESPACES, Resource
from kube.values.backoff import Backoff
from tandem.sandbox.controllers.acting import act
from tandem.sandbox.controllers.actors import Actor, itself
from tandem.sandbox.controllers.followed import BUILT_IN, SERVICE_ACCOUNTS, custom
from tandem.sandbox.controllers.plans import NOTHING, Create, Delete, Plan, Replace
from tandem.sandbox.controllers.things import Key, Thing
from tandem.sandbox.controllers.workqueue import WorkQueue, work
from tandem.sandbox.controllers.world import Seen, World

PATIENCE = Backoff(first_s=0.5, ceiling_s=30.0, spread=0.0)  # some finalizers take their time


def default_account(namespace: Thing, accounts: Iterable[Key]) -> Plan:
    """Make the ServiceAccount that pods run as unless they say otherwise."""
    if namespace.leaving or (namespace.name, "default") in accounts:
        return NOTHING
    metadata = {"name": "default", "namespace": namespace.name}
    body: Json = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
    return Plan((Create(SERVICE_ACCOUNTS, body, namespace.name),))


def _decide_account(world: World, key: Key) -> Plan:
    namespace = world.get(NAMESPACES, key)
    if namespace is None:
        return NOTHING
    present = world.get(SERVICE_ACCOUNTS, (namespace.name, "default"))
    return default_account(namespace, () if present is None else (present.key,))


def _its_namespace(_: World, account: Thing) -> Iterable[Key]:
    return [("", account.namespace)] if account.name == "default" else ()


ACCOUNTS = Actor(
    "serviceaccounts",
    _decide_account,
    {NAMESPACES: itself, SERVICE_ACCOUNTS: _its_namespace},
)


def terminate(namespace: Thing, remaining: Sequence[tuple[Resource, Json]], looks: int = 1) -> Plan:
    """Delete what is left in *namespace*; release it when nothing is.

    Args:
        namespace: one that is being deleted.
        remaining: every object in it.
        looks: how often this was asked, this time included; the next look is later each time.
    """
    if remaining:
        deletions = tuple(
            Delete(resource, namespace.name, each["metadata"]["name"], each["metadata"].get("uid"))
            for resource, each in remaining
            if not each["metadata"].get("deletionTimestamp")
        )
        return Plan(deletions, PATIENCE.after(looks))
    metadata = {"name": namespace.name, "uid": namespace.uid}
    metadata["resourceVersion"] = namespace.metadata.resource_version
    body: Json = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
    body["spec"] = {"finalizers": []}
    return Plan((Replace(NAMESPACES, None, namespace.name, body, "finalize"),))


async def run_termination(world: World, *, spacing_s: float) -> None:
    """Empty deleted namespaces, until cancelled."""
    queue: WorkQueue[str] = WorkQueue(spacing_s=spacing_s)

    def on_namespace(change: Seen) -> None:
        if change.new is not None and change.new.leaving:
            queue.add(change.new.name)

    namespaces = world.cache(NAMESPACES)
    namespaces.subscribe(on_namespace)
    await world.wait_synced([NAMESPACES, CUSTOM_RESOURCE_DEFINITIONS])
    for found in list(namespaces.values()):
        if found.leaving:
            queue.add(found.name)
    await work("namespaces", queue, partial(_look, world, Counter()))


async def _look(world: World, looks: Counter[str], name: str) -> float | None:
    namespace = world.get(NAMESPACES, ("", name))
    if namespace is None or not namespace.leaving:
        del looks[name]
        return None
    looks[name] += 1
    plan = terminate(namespace, await _remaining(world, name), looks[name])
    await act(world, plan.actions)
    return plan.again_s


async def _remaining(world: World, namespace: str) -> list[tuple[Resource, Json]]:
    """Ask the API itself: a cache may not have seen the newest object yet."""
    customs = (custom(each) for each in world.all(CUSTOM_RESOURCE_DEFINITIONS))
    resources = [*BUILT_IN, EVENTS, *(each for each in customs if each is not None)]
    return [
        (resource, item)
        for resource in resources
        if resource.namespaced
        for item in await world.client.items(resource, namespace=namespace)
    ]
