"""`tandem check`: one round for real, of which nothing is written.

With a cluster the current replicas, secrets and authentications come from it; what the same file
holds wins. Without one, the count is what would follow from zero.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from prometheus_client import CollectorRegistry

from eventscaler.auth import AuthSettings
from eventscaler.core.decide import decide
from eventscaler.core.faults import Fault
from eventscaler.core.model import COMPOSITE, Memory, State
from eventscaler.decode import (
    ScaledObject,
    known_status,
    scaled_object,
)
from eventscaler.metrics import Meters
from eventscaler.readings import Readings
from eventscaler.scaling.borrowed import Bodies, bound
from eventscaler.scaling.checked import Carried, CheckReport, checked, computed, refused
from kube.client import Client, Json
from kube.discovery import Discovery
from kube.errors import KubeError
from kube.scale import Scales
from kube.values.times import EPOCH
from scalers.io import IO


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
    binding = await bound(order, io, client, others, auth)
    faults += binding.faults
    if binding.refused:
        return refused(faults)
    readings = await Readings(io, Meters(CollectorRegistry())).sample(binding.asked)
    current, whence = await _current(order, client, before)
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
            *(computed(each) for each in decision.readings if each.trigger == COMPOSITE),
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


async def _current(
    order: ScaledObject, client: Client | None, before: Carried | None
) -> tuple[int, str]:
    """The target's replicas, and where they are from when not from the cluster."""
    if client is None:
        whence = "the last decision" if before else "zero"
        return before.desired if before else 0, f"; from {whence}, as there is no cluster"
    try:
        return (await Scales(client, Discovery(client)).get(order.target)).replicas, ""
    except KubeError as error:
        whence = "the last count" if before else "zero"
        return before.current if before else 0, f"; from {whence}: {error}"
