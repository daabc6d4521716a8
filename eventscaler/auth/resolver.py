"""From a trigger's authenticationRef to its parameters.

Knows the TriggerAuthentications of the cluster by being told of them; a reference to one that is
missing or faulty is an `AuthFault`, and mends itself when the object comes.
"""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase

from eventscaler.auth.identities import Acting, acting
from eventscaler.auth.objects import AuthFault
from eventscaler.auth.sources import fetch
from eventscaler.auth.where import AuthSettings, Fetched, Where
from eventscaler.core.faults import Fault
from eventscaler.decode import Authentication, AuthRef
from eventscaler.decode.authentication import ALLOWED, CLUSTER_KIND
from scalers.base import Secret

Key = tuple[str, str, str]  # kind, namespace ("" for the cluster kind), name


def key_of(ref: AuthRef, namespace: str) -> Key:
    """What *ref*, in an object of *namespace*, refers to."""
    return (ref.kind, "" if ref.kind == CLUSTER_KIND else namespace, ref.name)


class Resolver:
    """The known authentications."""

    def __init__(self, settings: AuthSettings) -> None:
        self.settings = settings
        self._known: dict[Key, Authentication | tuple[Fault, ...]] = {}

    def put(self, key: Key, found: Authentication | tuple[Fault, ...]) -> bool:
        """Remember an authentication, or what is wrong with it; whether that is news."""
        news = self._known.get(key) != found
        self._known[key] = found
        return news

    def drop(self, key: Key) -> None:
        self._known.pop(key, None)

    def known(self) -> frozenset[Key]:
        return frozenset(self._known)

    async def resolve(self, ref: AuthRef, place: Where) -> Fetched:
        """The parameters that *ref*, in an object of *place*, yields; see `Authentication.sources`.

        Raises:
            AuthFault: something of it is missing; nothing is yielded then.
        """
        found = self._authentication(ref, place.namespace)
        where = replace(place, home=found.namespace or self.settings.cluster_namespace)
        values: dict[str, Secret] = {}
        ends, grant = [], None
        for source in found.sources:
            fetched = await fetch(source, where)
            values |= fetched.values
            ends += [fetched.until] if fetched.until else []
            grant = fetched.grant or grant
        return Fetched(values, min(ends, default=None), grant)

    async def identity(self, ref: AuthRef, place: Where) -> Acting:
        """As whom *ref* lets a scaler act.

        Raises:
            AuthFault: there is no such authentication, or something of the identity is missing.
        """
        found = self._authentication(ref, place.namespace)
        return await acting(found.identity, place)

    def _authentication(self, ref: AuthRef, namespace: str) -> Authentication:
        kind, where, name = key = key_of(ref, namespace)
        what = f"{kind} {where}/{name}" if where else f"{kind} {name}"
        found = self._known.get(key)
        if found is None:
            raise AuthFault(f"{what} does not exist")
        if isinstance(found, tuple):
            raise AuthFault(f"{what}: {'; '.join(str(fault) for fault in found)}")
        if not _allows(found, namespace):
            raise AuthFault(f"{what} is not for namespace {namespace}; its {ALLOWED} says so")
        return found


def _allows(found: Authentication, namespace: str) -> bool:
    """Whether an object of *namespace* may use it."""
    if found.allowed is None:
        return True
    return any(fnmatchcase(namespace, pattern) for pattern in found.allowed)
