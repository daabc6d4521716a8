"""From a ScaledObject as written to triggers that can be read: credentials, environment, parsing.

Two kinds of trouble are kept apart. What is wrong with the manifest (`Binding.faults`) refuses the
object until it is edited; credentials that cannot be had now (`Asked.error`) make one trigger
blind until the next try.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from eventscaler.auth import (
    Acting,
    AuthFault,
    Fetched,
    Given,
    Objects,
    Reads,
    Ref,
    Resolver,
    Where,
    Workload,
)
from eventscaler.core.faults import Fault, errors
from eventscaler.decode import Scalable, TriggerBody, spec_of, translated
from eventscaler.readings import Asked
from kube.client import Client
from kube.discovery import Discovery
from scalers._params import FROM_ENV
from scalers.base import Trigger, TriggerFaults, TriggerSpec, parse
from scalers.io import IO


@dataclass(frozen=True, slots=True)
class Binding:
    """The triggers of one object, ready or not.

    Attributes:
        faults: what is wrong with them as written, warnings included.
        used: what they were bound with, and at which version.
        until: when some credential ends.
        passing: nothing is known to be wrong, only somebody did not answer.
    """

    asked: tuple[Asked, ...]
    faults: tuple[Fault, ...] = ()
    used: Mapping[Ref, str] = field(default_factory=dict, compare=False)
    until: datetime | None = field(default=None, compare=False)
    passing: bool = field(default=False, compare=False)

    @property
    def refused(self) -> tuple[Fault, ...]:
        return errors(self.faults)

    @property
    def complete(self) -> bool:
        """Whether every trigger has its credentials."""
        return all(one.trigger is not None for one in self.asked)


@dataclass(frozen=True, slots=True)
class _Bound:
    """One trigger."""

    asked: Asked
    faults: tuple[Fault, ...] = ()
    until: datetime | None = None
    missing: AuthFault | None = None


class Binder:
    """Binds objects to what the cluster holds now.

    Args:
        client: None in an offline check; then only what *given* holds can be resolved.
        io: what sources outside the cluster are read through; its clock counts.
        given: data of Secrets and ConfigMaps from a file, by kind, namespace and name.
        strict: refuse triggers with keys that they do not read.
    """

    def __init__(
        self,
        client: Client | None,
        discovery: Discovery | None,
        resolver: Resolver,
        io: IO,
        given: Given | None = None,
        *,
        strict: bool = False,
    ) -> None:
        self._client = client
        self._strict = strict
        self._discovery = discovery
        self._resolver = resolver
        self._io = io
        self._given = given or {}
        self._reads = Reads(client) if client else None

    def forget(self, ref: Ref) -> None:
        """*ref* changed: what was just read of it is old."""
        if self._reads is not None:
            self._reads.forget(ref)

    async def bind(self, order: Scalable, *, doubted: bool = False) -> Binding:
        """Resolve and parse every trigger of *order*; never raises for what is missing.

        Doubted is what was bound before when a reading failed with it.
        """
        settings = self._resolver.settings
        objects = Objects(
            self._client,
            self._given,
            secrets_in=settings.cluster_namespace if settings.restricted else "",
            reads=self._reads,
        )
        where = Where(
            home=order.namespace,
            namespace=order.namespace,
            objects=objects,
            workload=Workload(self._client, self._discovery, order.target, objects, order.workload),
            io=self._io,
            settings=settings,
            container=order.container,
            kube=self._client,
            doubted=doubted,
        )
        bound = [await self._one(order, trigger, where) for trigger in order.triggers]
        lacking = [one.missing for one in bound if one.missing]
        return Binding(
            asked=tuple(one.asked for one in bound),
            faults=tuple(fault for one in bound for fault in one.faults),
            used=objects.used,
            until=min((one.until for one in bound if one.until), default=None),
            passing=bool(lacking) and all(missing.passing for missing in lacking),
        )

    async def _one(self, order: Scalable, trigger: TriggerBody, where: Where) -> _Bound:
        try:
            spec, until = await self._spec(order, trigger, where)
        except AuthFault as missing:
            return _Bound(asked(order, trigger, None, str(missing)), missing=missing)
        try:
            ready = parse(spec)
        except TriggerFaults as wrong:
            return _Bound(asked(order, trigger, None, str(wrong)), translated(wrong.faults))
        return _Bound(asked(order, trigger, ready), translated(ready.warnings), until)

    async def _spec(
        self, order: Scalable, trigger: TriggerBody, where: Where
    ) -> tuple[TriggerSpec, datetime | None]:
        """The trigger with all that it refers to, and when the first of that ends."""
        found, acting = Fetched({}), Acting()
        if trigger.auth:
            found = await self._resolver.resolve(trigger.auth, where)
            acting = await self._resolver.identity(trigger.auth, where)
        env = await _variables(trigger, where) if trigger.wants_env else {}
        identity, strict = acting.identity, self._strict
        spec = spec_of(
            order, trigger, found.values, env, identity, grant=found.grant, strict=strict
        )
        return spec, min((end for end in (found.until, acting.until) if end), default=None)


async def _variables(trigger: TriggerBody, where: Where) -> Mapping[str, str]:
    """The variables that `...FromEnv` keys name, as far as the container sets them."""
    environment = await where.workload.environment()
    names = {value for key, value in trigger.metadata.items() if key.endswith(FROM_ENV)}
    found = {name: await environment.optional(name, where.container) for name in sorted(names)}
    return {name: value for name, value in found.items() if value is not None}


def asked(order: Scalable, trigger: TriggerBody, ready: Trigger | None, error: str = "") -> Asked:
    metric = ready.metric_name if ready else f"s{trigger.index}-{trigger.type}"
    return Asked(
        namespace=order.namespace,
        owner=order.name,
        kind=order.kind.lower(),
        index=trigger.index,
        label=trigger.name or metric,
        trigger=ready,
        error=error,
        passive=trigger.passive,
    )
