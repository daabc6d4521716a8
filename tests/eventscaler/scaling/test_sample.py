"""A round in which the ready pods matter, and the refusals of the API that are told apart."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry

from eventscaler.core.model import Memory
from eventscaler.decode import ScaledObject, scaled_object
from eventscaler.metrics import Meters
from eventscaler.readings import Asked, Readings
from eventscaler.scaling.sample import Sampler
from kube.client import Client
from kube.discovery import Discovery
from kube.errors import NotLeading
from kube.resources import PODS
from kube.scale import Scales
from scalers.base import Sample, Scaler, Trigger
from scalers.io import IO
from tests.eventscaler import manifests
from tests.eventscaler.world import World, now, running

pytestmark = pytest.mark.looptime


async def twice(_: object, __: IO) -> Sample:
    return Sample(20)


def by_value() -> Asked:
    """Twice its target, for the workload as a whole."""
    scaler = Scaler("load", object, twice, target=10)
    trigger = Trigger(scaler, object(), "load", "s0-load", "Value", 10.0, 0.0, "load")
    return Asked("default", "orders", 0, "load", trigger)


def order() -> ScaledObject:
    made, _ = scaled_object(manifests.scaled_object())
    assert made is not None
    return made


def sampler(world: World, client: Client | None = None) -> Sampler:
    client = client or world.client
    scales = Scales(client, Discovery(client))
    return Sampler(client, scales, Readings(IO(now), Meters(CollectorRegistry())), now)


@pytest.mark.parametrize(
    ("ready", "expected"),
    [
        pytest.param(0, 4, id="no pod is ready: hold"),
        pytest.param(3, 6, id="three are, twice the load: six"),
        pytest.param(4, 8, id="all are"),
    ],
)
async def test_value_multiplies_ready_pods(ready: int, expected: int) -> None:
    """Pods that still wait for a node do not make the demand grow."""
    async with running() as world:
        await world.apply(manifests.deployment(replicas=4))
        await world.work(4, app="orders")
        for index in range(ready):
            status = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}
            await world.client.patch(
                PODS, f"orders-{index}", status, namespace="default", subresource="status"
            )
        done = await sampler(world).round(order(), [by_value()], Memory())

        assert done.decision is not None
        assert done.decision.replicas == expected
        assert done.written is (expected != 4)


async def test_who_does_not_lead_does_not_write() -> None:
    def gate() -> None:
        raise NotLeading("the lease is another's")

    async with running() as world:
        await world.apply(manifests.deployment())
        client = Client(world.wire, gate=gate)
        with pytest.raises(NotLeading):
            await sampler(world, client).round(order(), [by_value()], Memory())

        assert await world.replicas() == 0
