"""The HPA side of a turn: what an object's HPA should be, and what its status says of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from eventscaler.core.hpa import (
    External,
    Metric,
    Owner,
    PodResource,
    Range,
    Wish,
    active_condition,
)
from eventscaler.core.model import COMPOSITE, Mode
from eventscaler.core.status import Status
from eventscaler.decode import ScaledObject, TriggerBody
from eventscaler.engine.schedule import Key
from eventscaler.hpa import Change, Hpa, Keeper, Kept, concerns
from eventscaler.hpa.held import hpas
from eventscaler.readings import Asked
from kube.client import Client
from kube.resources import SCALED_OBJECTS
from kube.values.conditions import Condition, with_condition

ACTIVE = "HPAActive"
UNSERVED = (
    "its HPA would find no metrics: run with --metrics-api "
    '(chart: eventscaler.metricsApi.enabled), or annotate tandem.sh/hpa: "false"'
)


class Hpas:
    """HPAs of the objects that want one.

    Args:
        served: whether there is a metrics API; without one no HPA is made, and none is looked for
            but those that an object's status names.
    """

    def __init__(self, client: Client, *, served: bool) -> None:
        self._served = served
        self._cache = hpas(client)
        self._keeper = Keeper(client, self._cache)

    async def run(self, edited: Callable[[Key], None]) -> None:
        """Follow the cluster's HPAs, and tell whose was edited; until cancelled."""
        if not self._served:
            return

        def changed(change: Change[Hpa]) -> None:
            ours = change.new is not None and self._keeper.made(change.new)
            if self._cache.synced and not ours:
                for namespace, name in concerns(change):
                    edited(Key(namespace, name))

        self._cache.subscribe(changed)
        await self._cache.run()

    async def clear(self, order: ScaledObject, was: str, *, rival: bool = False) -> Kept | None:
        """Before the scale is written: take away an HPA that is not wanted (any more).

        None when there is nothing to take away. With a *rival* none is wanted: two HPAs of one
        workload both stop.

        Raises:
            NotLeading: this process may not write any more.
        """
        if wanted(order) and not rival:
            return None
        if not was and not self._served:
            return None
        owner = _owner(order)
        usual = Wish().name_for(order.name)
        if not was and self._keeper.owned(owner, usual):
            was = usual  # made, and then nobody came to write so into the status
        return await self._keeper.drop(owner, was) if was else None

    async def keep(self, order: ScaledObject, asked: Sequence[Asked], was: str) -> Kept | None:
        """Make the HPA what it should be; None when there should be none.

        Raises:
            NotLeading: this process may not write any more.
        """
        if order.hpa is None or not wanted(order):
            return None
        if not self._served:
            return Kept(was, problem=UNSERVED)
        metrics = metrics_of(order, asked)
        if metrics is None:  # some credentials are missing: the HPA stays as it is
            return Kept(was, self._cache.get(was, order.namespace) if was else None)
        return await self._keeper.keep(_owner(order), order.hpa, _range(order), metrics, was)


def wanted(order: ScaledObject) -> bool:
    """Whether there should be an HPA; one that is paused, or only advised, must not act."""
    acts = order.reads and order.settings.mode is Mode.AUTO
    return order.hpa is not None and acts


def metrics_of(order: ScaledObject, asked: Sequence[Asked]) -> tuple[Metric, ...] | None:
    """The HPA's metrics; None while some trigger cannot be read as written."""
    composite = order.settings.composite
    named = composite.formula.names if composite else frozenset()
    found: list[Metric] = []
    for body, one in zip(order.triggers, asked, strict=True):
        if one.trigger is None:
            return None
        if body.passive and one.label not in named:
            found.append(_resource(body))
        elif composite is None:
            trigger = one.trigger
            found.append(External(trigger.metric_name, trigger.metric_type, trigger.target))
    if composite is not None:
        found.append(External(COMPOSITE, composite.metric_type.value, composite.target))
    return tuple(found)


def _resource(body: TriggerBody) -> PodResource:
    return PodResource(
        name=body.type,
        type=body.metric_type,
        target=body.metadata["value"].strip(),
        container=body.metadata.get("containerName", "").strip(),
    )


def told(status: Status, kept: Kept, now: datetime) -> Status:
    """*status* with what became of the HPA; HPAActive as the HPA itself says it."""
    status = replace(status, hpa_name=kept.name)
    if not kept.name:
        rest = tuple(each for each in status.conditions if each.type != ACTIVE)
        return replace(status, conditions=rest)
    if kept.hpa is None:
        return status
    said = kept.hpa.status.conditions or ()
    active = active_condition({one.type: (one.status, one.reason, one.message) for one in said})
    if active is None:
        return status
    truth, reason, message = active
    condition = Condition(
        type=ACTIVE,
        status="True" if truth == "True" else "False",
        reason=reason,
        message=message,
        since=now,
    )
    return replace(status, conditions=with_condition(status.conditions, condition))


def _range(order: ScaledObject) -> Range:
    return Range(
        min=order.limits.min,
        max=order.limits.max,
        may_rise=not order.settings.keep_out,
        may_fall=not order.settings.keep_in,
    )


def _owner(order: ScaledObject) -> Owner:
    target = order.target
    return Owner(
        namespace=order.namespace,
        name=order.name,
        uid=order.uid,
        api_version=SCALED_OBJECTS.api_version,
        target_api_version=target.api_version,
        target_kind=target.kind,
        target_name=target.name,
    )
