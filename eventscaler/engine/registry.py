"""Which objects there are, and which of them a change concerns. No I/O.

Bodies are decoded here and let go; a body that says nothing new changes nothing, so that our own
status writes, which come back as changes, cost one comparison.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from hashlib import blake2b

import msgspec

from eventscaler.auth import Resolver
from eventscaler.auth.resolver import Key as AuthKey
from eventscaler.auth.resolver import key_of
from eventscaler.core.faults import Fault
from eventscaler.core.history import History
from eventscaler.core.model import Memory
from eventscaler.decode import (
    Scalable,
    ScaledJob,
    ScaledObject,
    authentication,
    known_status,
    scaled_job,
    scaled_object,
)
from eventscaler.decode.authentication import CLUSTER_KIND
from eventscaler.engine.authentications import Authentications
from eventscaler.engine.finalizers import guards
from eventscaler.engine.labelling import is_labelled
from eventscaler.engine.schedule import Key
from eventscaler.engine.tracked import Tracked
from eventscaler.engine.users import Users
from eventscaler.metrics import Meters
from eventscaler.scaled_jobs.memory import JobMemory
from kube.client import Json
from kube.resources import SCALED_JOBS, SCALED_OBJECTS
from kube.scale import Target
from kube.values.conditions import is_true
from kube.values.times import EPOCH

Reader = Callable[[Json], tuple[ScaledObject | ScaledJob | None, tuple[Fault, ...]]]

SCALED = {resource.kind: resource for resource in (SCALED_OBJECTS, SCALED_JOBS)}
_PASSING = frozenset({"resourceVersion", "managedFields"})  # other with each write of a status
RESOURCE_TYPES = {SCALED_OBJECTS.kind: "scaled_object", SCALED_JOBS.kind: "scaled_job"}


def object_key(body: Json) -> Key:
    meta = body["metadata"]
    return Key(str(meta.get("namespace") or "default"), str(meta["name"]), str(body["kind"]))


def auth_key(kind: str, body: Json) -> AuthKey:
    namespace, name, _ = object_key(body)
    return (kind, "" if kind == CLUSTER_KIND else namespace, name)


class Registry:
    """The ScaledObjects and ScaledJobs, and the authentications that they refer to."""

    def __init__(
        self,
        resolver: Resolver,
        meters: Meters,
        authentications: Authentications,
        *,
        hpa: bool = False,
    ) -> None:
        read = partial(scaled_object, hpa=hpa)
        self._readers: Mapping[str, Reader] = {
            SCALED_OBJECTS.kind: read,
            SCALED_JOBS.kind: scaled_job,
        }
        self.users = Users()
        self._resolver = resolver
        self._authentications = authentications
        self._meters = meters
        self._objects: dict[Key, Tracked] = {}
        self._claims: dict[Target, set[Key]] = {}

    def __len__(self) -> int:
        return len(self._objects)

    def get(self, key: Key) -> Tracked | None:
        return self._objects.get(key)

    def keys(self, kind: str) -> frozenset[Key]:
        return frozenset(key for key in self._objects if key.kind == kind)

    def rival(self, tracked: Tracked) -> str:
        """The older ScaledObject of the same workload; "" when there is none.

        Two would undo each other's counts, so the older one has it; ties go by name.
        """
        if not isinstance(tracked.order, ScaledObject):
            return ""
        claims = self.of_target(tracked.order.target)
        first = min(claims, key=_seniority, default=tracked)
        return "" if first is tracked else first.key.name

    def of_target(self, target: Target) -> list[Tracked]:
        return [self._objects[key] for key in self._claims.get(target, ())]

    def is_current(self, tracked: Tracked, order: object) -> bool:
        """Whether *order* is what is asked for still, of this very object."""
        return tracked.order is order and self._objects.get(tracked.key) is tracked

    def of_shard(self, shard: int) -> list[Tracked]:
        return [tracked for tracked in self._objects.values() if tracked.shard == shard]

    def upsert(self, body: Json, shard: int = 0) -> Tracked | None:
        """Take an object in; None when it says nothing new."""
        key, essence = object_key(body), _essence(body)
        was = self._objects.get(key)
        if was is not None and essence is not None and was.essence == essence:
            return None
        order, faults = self._readers[key.kind](body)
        uid = str(body["metadata"].get("uid") or "")
        if was is not None and was.uid == uid:
            was.essence = essence
            was.shard, was.guarded, was.labelled = shard, guards(body), is_labelled(body)
            return self._edited(was, order, faults)
        if was is not None:
            self.forget(key)
        status = known_status(body)
        tracked = Tracked(
            key=key,
            uid=uid,
            essence=essence,
            shard=shard,
            order=order,
            faults=faults,
            status=status,
            guarded=guards(body),
            labelled=is_labelled(body),
            memory=Memory(last_active=status.last_active, failures=dict(status.failures)),
            jobs=JobMemory(last_active=status.last_active),
            resumed=is_true(status.conditions, "Active"),
        )
        _follow(tracked)
        self._objects[key] = tracked
        self._count(tracked, 1)
        return tracked

    def _edited(
        self, was: Tracked, order: ScaledObject | ScaledJob | None, faults: tuple[Fault, ...]
    ) -> Tracked | None:
        if (was.order, was.faults) == (order, faults):
            return None
        self._count(was, -1)
        self._meters.forget(was.key)  # a trigger that was taken out must not show its last value
        was.order, was.faults = order, faults
        _follow(was)
        was.start_anew()
        self._count(was, 1)
        return was

    def forget(self, key: Key) -> None:
        tracked = self._objects.pop(key, None)
        if tracked is not None:
            self._count(tracked, -1)
            self._meters.forget(key)

    def learn(self, kind: str, body: Json) -> list[Tracked]:
        """Take an authentication in; the objects that it concerns, to be bound anew."""
        value, faults = authentication({**body, "kind": kind})
        key = auth_key(kind, body)
        self.users.seen(key, body.get("status"))
        if not self._resolver.put(key, value or faults):
            return []
        self._authentications.learned(key, body, faults)
        return self._unbound(key)

    def unlearn(self, key: AuthKey) -> list[Tracked]:
        """An authentication is gone; the objects that it concerns."""
        self._resolver.drop(key)
        self._authentications.gone(key)
        self.users.gone(key)
        return self._unbound(key)

    def auth_keys(self, kind: str) -> frozenset[AuthKey]:
        return frozenset(key for key in self._resolver.known() if key[0] == kind)

    def _unbound(self, key: AuthKey) -> list[Tracked]:
        concerned = [
            tracked
            for tracked in self._objects.values()
            if tracked.order is not None and key in _references(tracked.order)
        ]
        for tracked in concerned:
            tracked.start_anew()
        return concerned

    def _count(self, tracked: Tracked, by: int) -> None:
        kind = RESOURCE_TYPES[tracked.key.kind]
        self._meters.resources.labels(kind, tracked.key.namespace).inc(by)
        if tracked.order is None:
            return
        for trigger in tracked.order.triggers:
            self._meters.triggers.labels(trigger.type).inc(by)
        if by > 0:
            self.users.use(tracked.key, _references(tracked.order))
        else:
            self.users.release(tracked.key, _references(tracked.order))
        if not isinstance(tracked.order, ScaledObject):
            return
        claims = self._claims.setdefault(tracked.order.target, set())
        claims ^= {tracked.key}  # in with the first call, out with the second
        if not claims:
            del self._claims[tracked.order.target]


def _essence(body: Json) -> bytes | None:
    """What an edit changes, in short; None where the API does not count edits.

    The generation stands for the spec, and the rest of the metadata for itself.
    """
    meta = body["metadata"]
    if not meta.get("generation"):
        return None
    told = {key: value for key, value in meta.items() if key not in _PASSING}
    return blake2b(msgspec.json.encode(told), digest_size=16).digest()


def _follow(tracked: Tracked) -> None:
    """What is remembered of another workload does not count for a new one."""
    target = tracked.order.target if isinstance(tracked.order, ScaledObject) else tracked.target
    if tracked.target not in (None, target):
        tracked.memory = replace(tracked.memory, history=History())
        tracked.status = replace(tracked.status, original_replicas=None)
        tracked.count = None
    tracked.target = target


def _seniority(tracked: Tracked) -> tuple[datetime, Key]:
    return (tracked.order.created if tracked.order else EPOCH, tracked.key)


def _references(order: Scalable) -> Iterable[AuthKey]:
    return (key_of(trigger.auth, order.namespace) for trigger in order.triggers if trigger.auth)
