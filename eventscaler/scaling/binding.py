"""From a ScaledObject as written to triggers that can be read: credentials, environment, parsing.

Two kinds of trouble are kept apart. What is wrong with the manifest (`Binding.faults`) refuses the
object until it is edited; credentials that cannot be had now (`Asked.error`) make one trigger
blind until the next try.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from eventscaler.auth import AuthFault, Environment, Given, Objects, Resolver
from eventscaler.core.faults import Fault, Severity
from eventscaler.decode import ScaledObject, TriggerBody, spec_of, translated
from eventscaler.readings import Asked
from kube.client import Client
from kube.discovery import Discovery
from kube.errors import KubeError
from scalers.base import Secret, Trigger, TriggerFaults, TriggerSpec, parse


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
        given: data of Secrets and ConfigMaps from a file, by kind, namespace and name.
    """

    def __init__(
        self,
        client: Client | None,
        discovery: Discovery | None,
        resolver: Resolver,
        given: Given | None = None,
    ) -> None:
        self._client = client
        self._discovery = discovery
        self._resolver = resolver
        self._given = given or {}

    async def bind(self, order: ScaledObject) -> Binding:
        """Resolve and parse every trigger of *order*; never raises for what is missing."""
        objects = Objects(self._client, self._given)
        workload = await self._workload(order, objects) if self._needs_env(order) else None
        bound = [await self._one(order, trigger, objects, workload) for trigger in order.triggers]
        faults = tuple(fault for _, found in bound for fault in found)
        return Binding(tuple(asked for asked, _ in bound), faults)

    async def _one(
        self,
        order: ScaledObject,
        trigger: TriggerBody,
        objects: Objects,
        workload: Environment | AuthFault | None,
    ) -> tuple[Asked, tuple[Fault, ...]]:
        try:
            spec = await self._spec(order, trigger, objects, workload)
        except AuthFault as missing:
            return asked(order, trigger, None, str(missing)), ()
        try:
            ready = parse(spec)
        except TriggerFaults as wrong:
            return asked(order, trigger, None, str(wrong)), translated(wrong.faults)
        return asked(order, trigger, ready), translated(ready.warnings)

    async def _spec(
        self,
        order: ScaledObject,
        trigger: TriggerBody,
        objects: Objects,
        workload: Environment | AuthFault | None,
    ) -> TriggerSpec:
        wants_env = trigger.wants_env or self._auth_wants_env(order, trigger)
        if wants_env and isinstance(workload, AuthFault):
            raise workload
        environment = workload if isinstance(workload, Environment) else None
        auth: Mapping[str, Secret] = {}
        if trigger.auth:
            auth = await self._resolver.resolve(
                trigger.auth, order.namespace, objects, environment, order.container
            )
        env = await _variables(trigger, environment, order.container)
        return spec_of(order, trigger, auth, env)

    def _auth_wants_env(self, order: ScaledObject, trigger: TriggerBody) -> bool:
        return bool(trigger.auth and self._resolver.wants_env(trigger.auth, order.namespace))

    def _needs_env(self, order: ScaledObject) -> bool:
        return any(
            trigger.wants_env or self._auth_wants_env(order, trigger) for trigger in order.triggers
        )

    async def _workload(self, order: ScaledObject, objects: Objects) -> Environment | AuthFault:
        """The workload's environment, or why there is none; only its readers are blind then."""
        target = order.target
        what = f"{target.kind.lower()} {target.namespace}/{target.name}"
        if self._client is None or self._discovery is None:
            return AuthFault(f"there is no cluster to read the environment of {what} from")
        try:
            resource = await self._discovery.resource(target.api_version, target.kind)
            body = await self._client.get(resource, target.name, namespace=target.namespace)
        except KubeError as error:
            return AuthFault(f"the environment of {what} cannot be read: {error}")
        return Environment(body, target.namespace, objects)


async def _variables(
    trigger: TriggerBody, environment: Environment | None, container: str
) -> Mapping[str, str]:
    """The variables that `...FromEnv` keys name, as far as the container sets them."""
    if environment is None:
        return {}
    names = {value for key, value in trigger.metadata.items() if key.endswith("FromEnv")}
    found = {name: await environment.optional(name, container) for name in sorted(names)}
    return {name: value for name, value in found.items() if value is not None}


def asked(
    order: ScaledObject, trigger: TriggerBody, ready: Trigger | None, error: str = ""
) -> Asked:
    metric = ready.metric_name if ready else f"s{trigger.index}-{trigger.type}"
    return Asked(
        namespace=order.namespace,
        owner=order.name,
        index=trigger.index,
        label=trigger.name or metric,
        trigger=ready,
        error=error,
    )
