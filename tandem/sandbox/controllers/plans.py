"""What an actor decided to do: values that the shell carries out, in order.

A plan is compared, printed and tested without an API. Empty means that nothing is to be done, and
that is what every actor must say about a settled cluster.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kube.client import Json, Patch
from kube.resources import Resource
from tandem.sandbox.controllers.things import Thing


@dataclass(frozen=True, slots=True)
class Create:
    resource: Resource
    body: Json
    namespace: str | None = None
    name: str | None = None
    subresource: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A patch of the object or of one subresource."""

    resource: Resource
    namespace: str | None
    name: str
    body: Json
    subresource: str | None = None
    kind: Patch = Patch.MERGE


@dataclass(frozen=True, slots=True)
class Replace:
    """PUT of the whole object or subresource."""

    resource: Resource
    namespace: str | None
    name: str
    body: Json
    subresource: str | None = None


@dataclass(frozen=True, slots=True)
class Delete:
    """Deletion of that very object; `grace_s` None leaves the object's own grace period."""

    resource: Resource
    namespace: str | None
    name: str
    uid: str | None = None
    grace_s: int | None = None
    propagation: str | None = "Background"


Action = Create | Change | Replace | Delete


@dataclass(frozen=True, slots=True)
class Plan:
    """Actions in order, and when to look again although nothing changed."""

    actions: tuple[Action, ...] = ()
    again_s: float | None = None

    def __add__(self, other: Plan) -> Plan:
        waits = [wait for wait in (self.again_s, other.again_s) if wait is not None]
        return Plan(self.actions + other.actions, min(waits, default=None))


NOTHING = Plan()


def status_change(resource: Resource, found: Thing, status: Json) -> tuple[Change, ...]:
    """The merge patch that makes the named fields of the status so; nothing when they are.

    A field given as None is removed, which is how upstream shows a zero.
    """
    old = found.status
    body = {key: _patch(old.get(key), new) for key, new in status.items() if old.get(key) != new}
    if not body:
        return ()
    return (Change(resource, found.namespace or None, found.name, {"status": body}, "status"),)


def _patch(old: object, new: object) -> object:
    """A merge patch keeps the entries of an object that it does not name: name those that went."""
    if isinstance(old, dict) and isinstance(new, dict):
        return {**dict.fromkeys(old.keys() - new.keys()), **new}
    return new


def change(resource: Resource, found: Thing, body: Json) -> Change:
    return Change(resource, found.namespace or None, found.name, body)


def delete(resource: Resource, found: Thing, *, grace_s: int | None = None) -> Delete:
    return Delete(resource, found.namespace or None, found.name, found.uid, grace_s)


def deletions(resource: Resource, gone: Sequence[Thing]) -> tuple[Delete, ...]:
    return tuple(delete(resource, each) for each in gone)
