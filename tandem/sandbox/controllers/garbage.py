"""The garbage collector: what its owners leave behind goes too, before, after or never.

Background: the owner is gone, its dependents follow. Foreground: the owner waits until those that
block it are gone. Orphan: the dependents forget the owner. The rules are pure; the shell follows
every resource that can own or be owned, and asks the API before it believes that an owner is gone.

Source: https://kubernetes.io/docs/concepts/architecture/garbage-collection/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum, auto
from functools import partial

import structlog

from kube.client import Json
from kube.errors import NotFound
from kube.objects import OwnerReference
from kube.resources import CUSTOM_RESOURCE_DEFINITIONS, Resource
from tandem.sandbox.controllers.acting import act
from tandem.sandbox.controllers.adoption import plain
from tandem.sandbox.controllers.followed import BUILT_IN, custom, declared
from tandem.sandbox.controllers.plans import NOTHING, Action, Delete, Plan, change
from tandem.sandbox.controllers.things import Key, Thing
from tandem.sandbox.controllers.workqueue import WorkQueue, work
from tandem.sandbox.controllers.world import Seen, World

FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"
REMEMBERED = 10_000  # owners known to be gone, so that a thousand dependents cost one question
Item = tuple[Resource, Key]
Owned = tuple[Resource, Thing]

log = structlog.get_logger()


class Owner(Enum):
    """How an owner stands."""

    THERE = auto()
    WAITING = auto()  # leaving in the foreground: it waits for this dependent
    GONE = auto()


def collect(found: Owned, owners: Mapping[str, Owner], dependents: Sequence[Owned]) -> Plan:
    """What to do about one object.

    Args:
        found: the object and its resource.
        owners: the standing of each of its owners, by UID.
        dependents: the objects that name it as an owner.
    """
    resource, thing = found
    if thing.leaving and FOREGROUND in thing.metadata.finalizers:
        return Plan(_foreground(found, dependents))
    if thing.leaving and ORPHAN in thing.metadata.finalizers:
        forgotten = [_forget(each, {thing.uid}) for each in dependents]
        return Plan((*forgotten, _without_finalizer(found, ORPHAN)))
    if thing.leaving or not owners:
        return NOTHING
    lost = {uid for uid, state in owners.items() if state is not Owner.THERE}
    if lost and len(lost) < len(owners):
        return Plan((_forget(found, lost),))
    if not lost:
        return NOTHING
    waiting = Owner.WAITING in owners.values()
    policy = "Foreground" if waiting and dependents else "Background"
    namespace = thing.namespace or None
    return Plan((Delete(resource, namespace, thing.name, thing.uid, propagation=policy),))


def _foreground(found: Owned, dependents: Sequence[Owned]) -> tuple[Action, ...]:
    blocking = [each for each in dependents if _blocks(each[1], found[1].uid)]
    deletions = tuple(
        Delete(resource, each.namespace or None, each.name, each.uid, propagation="Foreground")
        for resource, each in dependents
        if not each.leaving and _only_owner(each, found[1].uid)
    )
    return deletions if blocking else (*deletions, _without_finalizer(found, FOREGROUND))


def _blocks(dependent: Thing, uid: str) -> bool:
    refs = dependent.metadata.owner_references
    return any(ref.uid == uid and ref.block_owner_deletion for ref in refs)


def _only_owner(dependent: Thing, uid: str) -> bool:
    return all(ref.uid == uid for ref in dependent.metadata.owner_references)


def _without_finalizer(found: Owned, name: str) -> Action:
    resource, thing = found
    kept = [each for each in thing.metadata.finalizers if each != name]
    metadata: Json = {
        "finalizers": kept or None,
        "resourceVersion": thing.metadata.resource_version,
    }
    return change(resource, thing, {"metadata": metadata})


def _forget(found: Owned, lost: set[str]) -> Action:
    resource, thing = found
    kept = [plain(ref) for ref in thing.metadata.owner_references if ref.uid not in lost]
    return change(
        resource, thing, {"metadata": {"ownerReferences": kept or None, "uid": thing.uid}}
    )


class Collector:
    """The shell: follows all resources, CRDs' as they come, and looks at what changed."""

    def __init__(self, world: World, *, spacing_s: float) -> None:
        self._world = world
        self._queue: WorkQueue[Item] = WorkQueue(spacing_s=spacing_s)
        self._followed: dict[tuple[str, str], Resource] = {}
        self._gone: set[str] = set()

    async def run(self) -> None:
        for resource in BUILT_IN:
            self._follow(resource)
        self._world.cache(CUSTOM_RESOURCE_DEFINITIONS).subscribe(self._on_definition)
        for definition in self._world.all(CUSTOM_RESOURCE_DEFINITIONS):
            self._define(definition)
        await self._world.wait_synced(BUILT_IN)
        await work("garbage", self._queue, self._look)

    def _follow(self, resource: Resource) -> None:
        group_kind = (resource.group, resource.kind)
        if group_kind in self._followed:
            return
        self._followed[group_kind] = resource
        cache = self._world.cache(resource)
        for found in list(cache.values()):
            self._consider(resource, found)
        cache.subscribe(partial(self._on_change, resource))

    def _on_definition(self, change: Seen) -> None:
        if change.new is not None:
            self._define(change.new)
        elif change.old is not None:
            self._undefine(change.old)

    def _define(self, definition: Thing) -> None:
        resource = custom(definition)
        if resource is not None:
            self._follow(resource)

    def _undefine(self, definition: Thing) -> None:
        resource = declared(definition)
        if resource is not None and (resource.group, resource.kind) in self._followed:
            del self._followed[resource.group, resource.kind]
            self._world.drop(resource)

    def _on_change(self, resource: Resource, change: Seen) -> None:
        if change.new is None:
            if change.old is not None:
                self._left(change.old)
        elif change.old is None or _turned(change.old, change.new):
            self._consider(resource, change.new)

    def _consider(self, resource: Resource, found: Thing) -> None:
        if found.metadata.owner_references or found.leaving:
            self._queue.add((resource, found.key))
        if found.leaving:
            self._wake_owners(found)

    def _left(self, gone: Thing) -> None:
        """Look at what it owned, and at owners that waited for it."""
        for resource, dependent in self._dependents(gone.uid):
            self._queue.add((resource, dependent.key))
        self._wake_owners(gone)

    def _wake_owners(self, dependent: Thing) -> None:
        for ref in dependent.metadata.owner_references:
            resource = self._resource(ref)
            if resource is not None:
                namespace = dependent.namespace if resource.namespaced else ""
                self._queue.add((resource, (namespace, ref.name)))

    def _dependents(self, uid: str) -> list[Owned]:
        return [
            (resource, found)
            for resource in self._followed.values()
            for found in self._world.owned(resource, uid)
        ]

    def _resource(self, ref: OwnerReference) -> Resource | None:
        group = ref.api_version.rpartition("/")[0]
        return self._followed.get((group, ref.kind))

    async def _look(self, item: Item) -> float | None:
        resource, key = item
        if (resource.group, resource.kind) not in self._followed:
            return None
        found = self._world.get(resource, key)
        if found is None:
            return None
        refs = found.metadata.owner_references
        owners = {ref.uid: await self._standing(found, ref) for ref in refs}
        plan = collect((resource, found), owners, self._dependents(found.uid))
        if plan.actions:
            log.debug("collecting", object=f"{resource.kind}/{'/'.join(key)}")
            await act(self._world, plan.actions)
        return plan.again_s

    async def _standing(self, dependent: Thing, ref: OwnerReference) -> Owner:
        """Ask the cache, and the API itself before saying that an owner is gone."""
        if ref.uid in self._gone:
            return Owner.GONE
        resource = self._resource(ref)
        if resource is None:
            return Owner.THERE  # a kind that nobody serves here: leave its dependents alone
        namespace = dependent.namespace if resource.namespaced else ""
        owner = self._world.get(resource, (namespace, ref.name))
        if owner is not None and owner.uid == ref.uid:
            waits = owner.leaving and FOREGROUND in owner.metadata.finalizers
            return Owner.WAITING if waits and ref.block_owner_deletion else Owner.THERE
        if await self._exists(resource, namespace, ref):
            return Owner.THERE
        if len(self._gone) >= REMEMBERED:
            self._gone.clear()
        self._gone.add(ref.uid)
        return Owner.GONE

    async def _exists(self, resource: Resource, namespace: str, ref: OwnerReference) -> bool:
        try:
            live = await self._world.client.get(resource, ref.name, namespace=namespace or None)
        except NotFound:
            return False
        return bool(live["metadata"]["uid"] == ref.uid)


def _turned(old: Thing, new: Thing) -> bool:
    """Did anything change that the collector reads?"""
    was, now = old.metadata, new.metadata
    return (was.owner_references, was.finalizers, old.leaving) != (
        now.owner_references,
        now.finalizers,
        new.leaving,
    )


async def run_garbage(world: World, *, spacing_s: float) -> None:
    await Collector(world, spacing_s=spacing_s).run()
