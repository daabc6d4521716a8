"""All rules for the API server: an object is judged before it is stored.

Who else wants a workload is read from caches of ScaledObjects and HPAs, which keep a few fields of
each and are looked up by name: a burst of new objects costs no list. The workload itself is asked
for only when a cpu or memory trigger makes its containers matter. What cannot be learnt is not held
against the object: the engine judges it again, and its status says what is wrong.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, NoReturn, TypeVar

import structlog

from eventscaler.admission.around import (
    Around,
    containers_of,
    defaulted_by,
    disputed,
    wants_sizes,
)
from eventscaler.admission.findings import Finding, labelled
from eventscaler.admission.held import HpaObject, ScaledObjectObject
from eventscaler.admission.objects import advice, hpa_name, judged
from eventscaler.admission.triggers import judge_triggers
from eventscaler.core.faults import Severity
from eventscaler.decode import ScaledObject, authentication, scaled_job
from eventscaler.decode.trigger_body import AUTH_KINDS
from eventscaler.metrics import AdmissionMeters
from kube.cache import Cache, Change
from kube.client import Client, Json
from kube.discovery import Discovery
from kube.errors import KubeError, NotFound
from kube.objects import Held
from kube.resources import HORIZONTAL_POD_AUTOSCALERS, LIMIT_RANGES, SCALED_OBJECTS

log = structlog.get_logger()

T = TypeVar("T", bound=Held)


@dataclass(frozen=True, slots=True)
class Request:
    """What the API server asks.

    Attributes:
        action: `create` or `update`.
        old: what is stored so far.
        dry_run: nothing will be stored; then the workload is not looked up.
    """

    action: str
    body: Json
    old: Json | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer: refused when there is any refusal. Warnings are shown to the author."""

    refusals: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


ALLOWED = Verdict()


class Reviewer:
    """Judges objects of the event half.

    Args:
        strict: a key that a trigger does not read refuses the object.
    """

    def __init__(self, client: Client, meters: AdmissionMeters, *, strict: bool = False) -> None:
        self._client = client
        self._discovery = Discovery(client)
        self._meters = meters
        self._strict = strict
        self._objects = Cache(client, SCALED_OBJECTS, ScaledObjectObject)
        self._hpas = Cache(client, HORIZONTAL_POD_AUTOSCALERS, HpaObject)
        self._by_target = _Index(self._objects, lambda held: (held.spec.scale_target_ref.name,))
        self._by_hpa = _Index(self._objects, lambda held: (held.rival.hpa,))
        self._hpas_of = _Index(self._hpas, lambda held: (held.spec.scale_target_ref.name,))

    async def run(self) -> NoReturn:
        """Keep the caches true until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._objects.run())
            group.create_task(self._hpas.run())
        raise AssertionError("a cache ended by itself")

    async def synced(self) -> None:
        """Until the first lists are in; before that rivals are not known."""
        await self._objects.wait_synced()
        await self._hpas.wait_synced()

    async def review(self, request: Request) -> Verdict:
        """Judge one object; never raises for what it finds in it."""
        kind = str(request.body.get("kind"))
        if _on_its_way_out(request):
            return ALLOWED
        if kind == "ScaledObject":
            return self._counted(request, await self._scaled_object(request))
        if kind == "ScaledJob":
            return _verdict(self._scaled_job(request.body))
        if kind in AUTH_KINDS:
            return _verdict(labelled(authentication(request.body)[1]))
        return ALLOWED

    def _counted(self, request: Request, findings: Iterable[Finding]) -> Verdict:
        found = list(findings)
        namespace = str(_metadata(request.body).get("namespace") or "default")
        self._meters.judged(namespace, request.action)
        for reason in {finding.reason for finding in found if finding.refuses}:
            self._meters.refused(namespace, request.action, reason)
        return _verdict(found)

    async def _scaled_object(self, request: Request) -> list[Finding]:
        body = request.body
        order, found = judged(body)
        findings = list(found)
        if order is None:
            return findings
        findings += labelled(judge_triggers(order, strict=self._strict))
        findings += labelled(advice(order, body))
        around = await self._around(order, body, dry_run=request.dry_run)
        findings += disputed(order, body, around)
        return findings

    def _scaled_job(self, body: Json) -> list[Finding]:
        order, found = scaled_job(body)
        if order is not None:
            found += tuple(judge_triggers(order, strict=self._strict))
        return labelled(found)

    async def _around(self, order: ScaledObject, body: Json, *, dry_run: bool) -> Around:
        namespace, name = order.namespace, order.target.name
        rivals = {
            held.metadata.name: held.rival
            for held in (
                *self._by_target.of(namespace, name),
                *self._by_hpa.of(namespace, hpa_name(body)),
            )
        }
        hpas = [held.hpa for held in self._hpas_of.of(namespace, name)]
        around = Around(rivals=tuple(rivals.values()), hpas=hpas)
        if dry_run or not wants_sizes(order):
            return around
        return await self._measured(order, around)

    async def _measured(self, order: ScaledObject, around: Around) -> Around:
        """*around* with what is known of the workload's containers."""
        target = order.target
        try:
            resource = await self._discovery.resource(target.api_version, target.kind)
            body = await self._client.get(resource, target.name, namespace=target.namespace)
            limits = await self._client.items(LIMIT_RANGES, namespace=target.namespace)
        except NotFound:
            return Around(around.rivals, around.hpas, absent=True)
        except KubeError as error:
            log.warning("workload not looked at", object=str(target), why=str(error))
            return around
        return Around(
            around.rivals,
            around.hpas,
            containers=containers_of(body),
            defaulted=defaulted_by(limits),
        )


class _Index(Generic[T]):
    """The objects of a cache by namespace and by names that they mention."""

    def __init__(self, cache: Cache[T], mentioned: Callable[[T], Iterable[str]]) -> None:
        self._mentioned = mentioned
        self._held: dict[tuple[str, str], dict[str, T]] = {}
        cache.subscribe(self._changed)

    def of(self, namespace: str, name: str) -> Iterable[T]:
        return self._held.get((namespace, name), {}).values()

    def _changed(self, change: Change[T]) -> None:
        for key, obj in self._keys(change.old):
            held = self._held.get(key, {})
            held.pop(obj.metadata.name, None)
            if not held:
                self._held.pop(key, None)
        for key, obj in self._keys(change.new):
            self._held.setdefault(key, {})[obj.metadata.name] = obj

    def _keys(self, obj: T | None) -> Iterable[tuple[tuple[str, str], T]]:
        if obj is None:
            return ()
        return [((obj.metadata.namespace, name), obj) for name in self._mentioned(obj)]


def _on_its_way_out(request: Request) -> bool:
    """Whether it is being deleted, or only loses a finalizer: neither must be kept from it."""
    meta, was = _metadata(request.body), _metadata(request.old)
    if meta.get("deletionTimestamp"):
        return True
    fewer = len(meta.get("finalizers") or ()) < len(was.get("finalizers") or ())
    return fewer and request.body.get("spec") == (request.old or {}).get("spec")


def _metadata(body: Json | None) -> Json:
    found = (body or {}).get("metadata")
    return found if isinstance(found, dict) else {}


def _verdict(findings: Iterable[Finding]) -> Verdict:
    found = [finding.fault for finding in findings]
    return Verdict(
        tuple(str(fault) for fault in found if fault.severity is Severity.ERROR),
        tuple(str(fault) for fault in found if fault.severity is Severity.WARNING),
    )
