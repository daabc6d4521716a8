"""From a ScaledObject as written to triggers that can be read: credentials, environment, parsing.

Two kinds of trouble are kept apart. What is wrong with the manifest (`Binding.faults`) refuses the
object until it is edited; credentials that cannot be had now (`Asked.error`) make one trigger
blind until the next try.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from eventscaler.auth import AuthFault, Fetched, Given, Objects, Resolver, Where, Workload
from eventscaler.core.faults import Fault, Severity
from eventscaler.decode import Scalable, TriggerBody, spec_of, translated
from eventscaler.readings import Asked
from kube.client import Client
from kube.discovery import Discovery
from scalers.base import Trigger, TriggerFaults, TriggerSpec, parse
from scalers.io import IO


@dataclass(frozen=True, slots=True)
class Binding:
    """The triggers of one object, ready or not.

    Attributes:
        faults: what is wrong with them as written, warnings included.
    """

    asked: tuple[Asked, ...]
    faults: tuple[Fault, ...] = ()

    @property
    def refused(self) -> tuple[Fault, ...]:
        return tuple(fault for fault in self.faults if fault.severity is Severity.ERROR)

    @property
    def complete(self) -> bool:
        """Whether every trigger has its credentials."""
        return all(one.trigger is not None for one in self.asked)


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

    async def bind(self, order: Scalable) -> Binding:
        """Resolve and parse every trigger of *order*; never raises for what is missing."""
        objects = Objects(self._client, self._given)
        where = Where(
            home=order.namespace,
            namespace=order.namespace,
            objects=objects,
            workload=Workload(self._client, self._discovery, order.target, objects, order.workload),
            io=self._io,
            settings=self._resolver.settings,
            container=order.container,
            kube=self._client,
        )
        bound = [await self._one(order, trigger, where) for trigger in order.triggers]
        faults = tuple(fault for _, found in bound for fault in found)
        return Binding(tuple(asked for asked, _ in bound), faults)

    async def _one(
        self, order: Scalable, trigger: TriggerBody, where: Where
    ) -> tuple[Asked, tuple[Fault, ...]]:
        try:
            spec = await self._spec(order, trigger, where)
        except AuthFault as missing:
            return asked(order, trigger, None, str(missing)), ()
        try:
            ready = parse(spec)
        except TriggerFaults as wrong:
            return asked(order, trigger, None, str(wrong)), translated(wrong.faults)
        return asked(order, trigger, ready), translated(ready.warnings)

    async def _spec(self, order: Scalable, trigger: TriggerBody, where: Where) -> TriggerSpec:
        found, identity = Fetched({}), None
        if trigger.auth:
            found = await self._resolver.resolve(trigger.auth, where)
            identity = self._resolver.identity(trigger.auth, order.namespace)
        env = await _variables(trigger, where) if trigger.wants_env else {}
        return spec_of(
            order, trigger, found.values, env, identity, grant=found.grant, strict=self._strict
        )


async def _variables(trigger: TriggerBody, where: Where) -> Mapping[str, str]:
    """The variables that `...FromEnv` keys name, as far as the container sets them."""
    environment = await where.workload.environment()
    names = {value for key, value in trigger.metadata.items() if key.endswith("FromEnv")}
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
