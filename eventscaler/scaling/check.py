"""`tandem check`: one round for real, of which nothing is written.

With a cluster the current replicas, secrets and authentications come from it; what the same file
holds wins. Without one, the count is what would follow from zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from prometheus_client import CollectorRegistry

from eventscaler.auth import AuthSettings, Given, Resolver, decoded
from eventscaler.auth.resolver import key_of
from eventscaler.core.decide import decide
from eventscaler.core.faults import Fault, errors, sentence
from eventscaler.core.model import COMPOSITE, Memory, Reading, State
from eventscaler.decode import (
    AuthRef,
    Scalable,
    ScaledObject,
    TriggerBody,
    authentication,
    known_status,
    scaled_object,
)
from eventscaler.decode.authentication import CLUSTER_KIND
from eventscaler.metrics import Meters
from eventscaler.readings import Asked, Readings
from eventscaler.scaling.binding import Binder
from kube.client import Client, Json
from kube.discovery import Discovery
from kube.errors import KubeError, NotFound
from kube.resources import (
    CLUSTER_TRIGGER_AUTHENTICATIONS,
    CONFIG_MAPS,
    SECRETS,
    TRIGGER_AUTHENTICATIONS,
)
from kube.scale import Scales
from kube.values.times import EPOCH
from scalers.io import IO

Bodies = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedTrigger:
    name: str
    type: str
    metric_name: str
    value: float | None
    target: float
    metric_type: str
    activation: float
    active: bool | None
    error: str

    def json(self) -> Json:
        return {
            "name": self.name,
            "type": self.type,
            "metricName": self.metric_name,
            "value": self.value,
            "target": self.target,
            "metricType": self.metric_type,
            "activation": self.activation,
            "active": self.active,
            "error": self.error or None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedJobs:
    """What would be done to the Jobs of a ScaledJob.

    Attributes:
        begun, pending: those in flight.
        create: how many would be started.
        delete: the names of those that would be deleted.
    """

    begun: int
    pending: int
    create: int
    delete: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What one check leaves to the next, as if its decision had been carried out.

    Attributes:
        current, desired: the count that was found, and the one that was decided.
    """

    memory: Memory
    current: int = 0
    desired: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """What was read and what would follow.

    Attributes:
        active: None when nobody can tell.
        faults: what is wrong with the manifest; with an error nothing was read.
        jobs: for a ScaledJob, whose replicas are its Jobs in flight.
        polling_s: how often the manifest wants to be looked at.
        carried: for the next check of the same object; None when there was no decision.
    """

    triggers: tuple[CheckedTrigger, ...]
    active: bool | None
    current_replicas: int
    desired_replicas: int
    reason: str
    faults: tuple[Fault, ...] = ()
    jobs: CheckedJobs | None = None
    polling_s: float = 30.0
    carried: Carried | None = None

    @property
    def ok(self) -> bool:
        """Whether the manifest is sound and every trigger answered."""
        return not errors(self.faults) and not any(trigger.error for trigger in self.triggers)

    def json(self) -> Json:
        """The object that `tandem check --json` prints."""
        found: Json = {
            "triggers": [trigger.json() for trigger in self.triggers],
            "active": self.active,
            "currentReplicas": self.current_replicas,
            "desiredReplicas": self.desired_replicas,
            "reason": self.reason,
        }
        return found if self.jobs is None else found | {"jobs": asdict(self.jobs)}


async def check(
    body: Json,
    io: IO,
    *,
    client: Client | None = None,
    others: Bodies = (),
    auth: AuthSettings | None = None,
    before: Carried | None = None,
) -> CheckReport:
    """Read every trigger of *body* once and say what would follow; never raises for a source.

    Args:
        body: a ScaledObject.
        io: where to read; its clock is the decision's.
        client: the cluster; None to do without.
        others: further objects of the same file: authentications, secrets, config maps.
        auth: what authentications may read.
        before: what the check before this one left; None for a first one.
    """
    if body.get("kind") != "ScaledObject":
        return refused([Fault("kind", f"'{body.get('kind')}'", "ScaledObject")])
    order, faults = scaled_object(body)
    if order is None:
        return refused(faults)
    resolver = await resolver_of(order, client, others, auth or AuthSettings())
    discovery = Discovery(client) if client else None
    binding = await Binder(client, discovery, resolver, io, given_of(others)).bind(order)
    faults += binding.faults
    if binding.refused:
        return refused(faults)
    readings = await Readings(io, Meters(CollectorRegistry())).sample(binding.asked)
    current, whence = await _current(order, client, discovery, before)
    now = io.now()
    memory = _memory(body, before, current, now)
    state = State(
        current=current,
        created=now if order.created == EPOCH else order.created,
        last_active=memory.last_active,
        history=memory.history,
        failures=memory.failures,
    )
    decision = decide(readings, order.limits, state, order.settings, now)
    return CheckReport(
        triggers=(
            *(
                checked(trigger, asked, reading)
                for trigger, asked, reading in zip(
                    order.triggers, binding.asked, readings, strict=True
                )
            ),
            *(_computed(each) for each in decision.readings if each.trigger == COMPOSITE),
        ),
        active=decision.active,
        current_replicas=current,
        desired_replicas=decision.replicas,
        reason=decision.message + whence,
        faults=faults,
        polling_s=order.polling_s,
        carried=Carried(memory=decision.memory, current=current, desired=decision.replicas),
    )


def _memory(body: Json, before: Carried | None, current: int, now: datetime) -> Memory:
    """What the decision may look back on: the object's status, or the check before."""
    if before is None:
        known = known_status(body)
        return Memory(last_active=known.last_active, failures=dict(known.failures))
    moved = before.memory.history.moved(current - before.current, now)
    return replace(before.memory, history=moved)


def refused(faults: Sequence[Fault]) -> CheckReport:
    reason = sentence(errors(faults))
    return CheckReport(
        triggers=(),
        active=None,
        current_replicas=0,
        desired_replicas=0,
        reason=reason,
        faults=tuple(faults),
    )


def checked(trigger: TriggerBody, asked: Asked, reading: Reading) -> CheckedTrigger:
    return CheckedTrigger(
        name=asked.label,
        type=trigger.type,
        metric_name=asked.trigger.metric_name if asked.trigger else "",
        value=reading.value,
        target=reading.target,
        metric_type=trigger.metric_type,
        activation=reading.activation,
        active=reading.is_active(),
        error=reading.error,
    )


def _computed(reading: Reading) -> CheckedTrigger:
    """What the formula made of the others."""
    return CheckedTrigger(
        name=reading.trigger,
        type="formula",
        metric_name=reading.metric,
        value=reading.value,
        target=reading.target,
        metric_type=reading.metric_type.value,
        activation=reading.activation,
        active=reading.is_active(),
        error=reading.error,
    )


async def _current(
    order: ScaledObject,
    client: Client | None,
    discovery: Discovery | None,
    before: Carried | None,
) -> tuple[int, str]:
    """The target's replicas, and where they are from when not from the cluster."""
    if client is None or discovery is None:
        whence = "the last decision" if before else "zero"
        return before.desired if before else 0, f"; from {whence}, as there is no cluster"
    try:
        return (await Scales(client, discovery).get(order.target)).replicas, ""
    except KubeError as error:
        whence = "the last count" if before else "zero"
        return before.current if before else 0, f"; from {whence}: {error}"


async def resolver_of(
    order: Scalable, client: Client | None, others: Bodies, auth: AuthSettings
) -> Resolver:
    resolver = Resolver(auth)
    for body in others:
        if body.get("kind") in {TRIGGER_AUTHENTICATIONS.kind, CLUSTER_KIND}:
            _learn(resolver, dict(body), order.namespace)
    wanted = dict.fromkeys(trigger.auth for trigger in order.triggers if trigger.auth)
    for ref in wanted:
        if client and key_of(ref, order.namespace) not in resolver.known():
            await _fetch(resolver, client, ref, order.namespace)
    return resolver


def _learn(resolver: Resolver, body: Json, namespace: str) -> None:
    found, faults = authentication(body)
    meta = body.get("metadata") or {}
    ref = AuthRef(str(meta.get("name", "")), body["kind"])
    resolver.put(key_of(ref, str(meta.get("namespace") or namespace)), found or faults)


async def _fetch(resolver: Resolver, client: Client, ref: AuthRef, namespace: str) -> None:
    cluster = ref.kind == CLUSTER_KIND
    resource = CLUSTER_TRIGGER_AUTHENTICATIONS if cluster else TRIGGER_AUTHENTICATIONS
    try:
        body = await client.get(resource, ref.name, namespace=None if cluster else namespace)
    except NotFound:
        return  # resolving it says that it does not exist
    except KubeError as error:
        resolver.put(key_of(ref, namespace), (Fault("", "", f"cannot be read: {error}"),))
        return
    _learn(resolver, {**body, "kind": ref.kind}, namespace)


def given_of(others: Bodies) -> Given:
    """The data of the secrets and config maps of the file."""
    held = {}
    for resource in (SECRETS, CONFIG_MAPS):
        for body in others:
            if body.get("kind") == resource.kind:
                meta = body["metadata"]
                namespace, name = meta.get("namespace") or "default", meta["name"]
                what = f"{resource.kind.lower()} {namespace}/{name}"
                held[resource.kind, namespace, name] = decoded(resource, dict(body), what)
    return held


__all__ = ["Carried", "CheckReport", "CheckedJobs", "CheckedTrigger", "check"]
