"""What the API server is answered, on the embedded cluster in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from eventscaler.admission.review import ALLOWED, Request, Reviewer, Verdict
from eventscaler.metrics import AdmissionMeters
from kube.client import Client, Json
from kube.resources import SCALED_OBJECTS
from tandem.sandbox.cluster import Sandbox, SandboxSettings
from tests.eventscaler.manifests import (
    deployment,
    pods_trigger,
    scaled_object,
    trigger_authentication,
)
from tests.eventscaler.world import Wire, crds, now, resource_of

pytestmark = pytest.mark.looptime
CPU: Json = {"type": "cpu", "metricType": "Utilization", "metadata": {"value": "50"}}
METER = "keda_webhook_scaled_object_validation_total"
ERRORS = "keda_webhook_scaled_object_validation_errors_total"


@dataclass(slots=True)
class Court:
    wire: Wire
    client: Client
    reviewer: Reviewer
    meters: CollectorRegistry

    async def has(self, *bodies: Json) -> None:
        """Put objects into the cluster, and let the caches hear of them."""
        for body in bodies:
            await self.client.create(resource_of(body), body)
        await asyncio.sleep(1)

    async def asked(self, body: Json, **more: Any) -> Verdict:
        return await self.reviewer.review(Request("create", body, **more))

    def count(self, name: str, **labels: str) -> float | None:
        labels = {"namespace": "default", "action": "create"} | labels
        return self.meters.get_sample_value(name, labels)


@asynccontextmanager
async def court(*, strict: bool = False) -> AsyncIterator[Court]:
    wire = Wire(Sandbox(SandboxSettings(crds=crds()), now).transport())
    client, meters = Client(wire), CollectorRegistry()
    reviewer = Reviewer(client, AdmissionMeters(meters), strict=strict)
    task = asyncio.ensure_future(reviewer.run())
    await reviewer.synced()
    yield Court(wire, client, reviewer, meters)
    task.cancel()
    await asyncio.wait([task])


async def test_what_is_right_is_allowed_and_counted() -> None:
    async with court() as it:
        assert await it.asked(scaled_object()) == ALLOWED
        assert it.count(METER) == 1


async def test_an_object_is_not_its_own_rival() -> None:
    async with court() as it:
        await it.has(scaled_object())
        assert await it.asked(scaled_object(maxReplicaCount=3), old=scaled_object()) == ALLOWED


async def test_a_rival_counts_until_it_is_gone_or_elsewhere() -> None:
    rival = scaled_object("first", scaleTargetRef={"name": "orders"})
    other: Json = {"spec": {"scaleTargetRef": {"name": "web"}}}
    async with court() as it:
        await it.has(rival)
        told = await it.asked(scaled_object())
        assert "ScaledObject/first scales this one" in told.refusals[0]
        assert it.count(ERRORS, reason="other-scaled-object") == 1

        await it.client.patch(SCALED_OBJECTS, "first", other, namespace="default")
        await asyncio.sleep(1)
        assert await it.asked(scaled_object()) == ALLOWED

        await it.client.delete(SCALED_OBJECTS, "first", namespace="default")
        await asyncio.sleep(1)
        assert await it.asked(scaled_object("third", scaleTargetRef={"name": "web"})) == ALLOWED


async def test_the_workload_is_looked_at_but_not_for_a_dry_run() -> None:
    order = scaled_object("orders", CPU, pods_trigger())
    async with court() as it:
        await it.has(deployment())

        assert "to have a cpu request or limit" in " ".join((await it.asked(order)).refusals)
        dry = await it.asked(order, dry_run=True)
        assert "to have a cpu request or limit" not in " ".join(dry.refusals)


async def test_a_workload_that_is_not_there_is_a_warning() -> None:
    async with court() as it:
        told = await it.asked(scaled_object("orders", CPU, pods_trigger()))
        assert "is not there yet" in " ".join(told.warnings)


async def test_what_cannot_be_learnt_is_not_held_against_it() -> None:
    async with court() as it:
        await it.has(deployment())
        it.wire.fail = lambda request: "/apis/apps" in request.path
        told = await it.asked(scaled_object("orders", CPU, pods_trigger()))
        assert "to have a cpu request or limit" not in " ".join(told.refusals)


@pytest.mark.parametrize(
    ("strict", "part"),
    [
        pytest.param(False, lambda told: told.warnings, id="warned"),
        pytest.param(True, lambda told: told.refusals, id="strict"),
    ],
)
async def test_unknown_keys(strict: bool, part: Callable[[Verdict], tuple[str, ...]]) -> None:
    trigger = pods_trigger(metadata={"podSelector": "a=b", "value": "1", "valeu": "2"})
    async with court(strict=strict) as it:
        assert "did you mean 'value'?" in part(await it.asked(scaled_object("orders", trigger)))[0]


async def test_credentials_that_are_not_at_hand_are_no_fault() -> None:
    metadata = {"queueName": "q", "mode": "QueueLength", "value": "5"}
    trigger = {"type": "rabbitmq", "metadata": metadata, "authenticationRef": {"name": "creds"}}
    async with court() as it:
        assert await it.asked(scaled_object("orders", trigger)) == ALLOWED


async def test_authentications_are_judged_and_not_counted() -> None:
    async with court() as it:
        told = await it.asked(trigger_authentication(secretTargetRef=[{"parameter": "a"}]))
        assert told.refusals[0].startswith("spec.secretTargetRef[0].name: found nothing")
        assert it.count(METER) is None


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"deletionTimestamp": "2026-05-01T12:00:00Z"}, id="deleted"),
        pytest.param({"finalizers": []}, id="a finalizer less"),
    ],
)
async def test_nothing_is_kept_from_going(body: Json) -> None:
    bad = scaled_object(minReplicaCount=5, maxReplicaCount=3)
    old = bad | {"metadata": bad["metadata"] | {"finalizers": ["finalizer.keda.sh"]}}
    going = bad | {"metadata": bad["metadata"] | body}
    async with court() as it:
        assert await it.asked(going, old=old) == ALLOWED
        assert (await it.asked(bad)).refusals


@pytest.mark.parametrize("kind", ["ScaledObject", "ScaledJob", "TriggerAuthentication", "Pod"])
async def test_nonsense_does_not_raise(kind: str) -> None:
    async with court() as it:
        odd: list[Json] = [{}, {"metadata": 5}, {"metadata": {"name": 5}, "spec": []}]
        for body in odd:
            await it.asked({"kind": kind, **body})
