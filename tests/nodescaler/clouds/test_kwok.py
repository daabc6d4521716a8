"""The kwok cloud: the conformance suite, when its Nodes join, and what they look like."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime

import pytest

from kube.client import Json
from kube.resources import NODES
from nodescaler.clouds.base import Cloud, Denied, Instance, LaunchSpec, NoCapacity, NodeClass
from nodescaler.clouds.catalogue import builtin
from nodescaler.clouds.kwok import KwokCloud
from nodescaler.core.labels import Requirement
from nodescaler.core.model import InstanceType, Offering
from nodescaler.core.taints import Taint
from tests.nodescaler.clouds.conformance import CloudConformance, delete, spec_at
from tests.nodescaler.controllers.world import World, world

pytestmark = pytest.mark.looptime


class KwokBench:
    """Each cloud runs in the world's task group; a new one knows nothing of the others."""

    def __init__(self, world: World, group: asyncio.TaskGroup) -> None:
        self._world = world
        self._group = group
        self.tasks: list[asyncio.Task[None]] = []

    def now(self) -> datetime:
        return self._world.now()

    def cloud(self, types: Sequence[InstanceType] | None = None) -> Cloud:
        """The one before is killed."""
        self.kill()
        cloud = KwokCloud(self._world.client, types, now=self._world.now)
        self.tasks.append(self._group.create_task(cloud.run()))
        return cloud

    def kill(self) -> None:
        for task in self.tasks:
            task.cancel()

    async def nodes(self) -> list[Json]:
        return await self._world.all(NODES)


@pytest.fixture
async def bench() -> AsyncIterator[KwokBench]:
    async with world() as it, asyncio.TaskGroup() as group:
        made = KwokBench(it, group)
        yield made
        made.kill()


class TestConformance(CloudConformance):
    """The suite, on machines that join at once."""


def delayed(bench: KwokBench, text: str, token: str = "a") -> LaunchSpec:
    node_class = NodeClass("KWOKNodeClass", "default", {"nodeRegistrationDelay": text})
    return replace(spec_at(bench, token), node_class=node_class)


async def test_the_node_joins_after_the_delay_of_its_class(bench: KwokBench) -> None:
    await bench.cloud().create(delayed(bench, "30s"))
    await asyncio.sleep(29)
    assert await bench.nodes() == []
    await asyncio.sleep(2)

    assert len(await bench.nodes()) == 1


async def test_a_class_that_says_nothing_leaves_it_to_the_spec(bench: KwokBench) -> None:
    await bench.cloud().create(replace(spec_at(bench, "a"), startup_s=10))
    await asyncio.sleep(9)
    assert await bench.nodes() == []
    await asyncio.sleep(2)

    assert len(await bench.nodes()) == 1


async def test_after_a_crash_the_delay_goes_on_and_does_not_start_anew(bench: KwokBench) -> None:
    spec = delayed(bench, "30s")
    await bench.cloud().create(spec)
    await asyncio.sleep(20)
    await bench.cloud().resume(spec)
    await asyncio.sleep(9)
    assert await bench.nodes() == []
    await asyncio.sleep(2)

    assert len(await bench.nodes()) == 1


async def test_a_machine_that_is_deleted_while_it_starts_never_joins(bench: KwokBench) -> None:
    cloud = bench.cloud()
    machine = await cloud.create(delayed(bench, "30s"))
    await delete(cloud, machine.provider_id)
    await asyncio.sleep(60)

    assert await bench.nodes() == []


async def test_the_node_looks_like_one_that_joined(bench: KwokBench) -> None:
    spec = replace(
        spec_at(bench, "a", Requirement("node.kubernetes.io/instance-type", "In", ("m5.large",))),
        labels={"team": "shop"},
        taints=(Taint("dedicated", "shop"),),
    )
    machine = await bench.cloud().create(spec)
    await asyncio.sleep(1)
    (node,) = await bench.nodes()
    labels = node["metadata"]["labels"]

    assert node["metadata"]["name"] == "claim-a"
    assert node["spec"]["providerID"] == machine.provider_id == "kwok://a"
    assert {(t["key"], t["effect"]) for t in node["spec"]["taints"]} >= {
        ("karpenter.sh/unregistered", "NoExecute"),
        ("dedicated", "NoSchedule"),
    }
    assert labels["kubernetes.io/hostname"] == "claim-a"
    assert labels["kwok.x-k8s.io/node"] == "fake"
    assert node["metadata"]["annotations"]["kwok.x-k8s.io/node"] == "fake"
    assert labels["team"] == "shop"
    assert labels["node.kubernetes.io/instance-type"] == "m5.large"
    assert float(labels["eks-node-viewer/instance-price"]) == pytest.approx(machine.usd_per_hour)
    assert node["status"]["allocatable"]["cpu"] == "1930m"
    assert [c["status"] for c in node["status"]["conditions"] if c["type"] == "Ready"] == ["True"]


async def test_a_delay_that_is_none_is_denied_with_its_field(bench: KwokBench) -> None:
    with pytest.raises(Denied, match=r"'default': spec\.nodeRegistrationDelay: .*soon"):
        await bench.cloud().create(delayed(bench, "soon"))


async def test_the_cheapest_offer_is_bought(bench: KwokBench) -> None:
    cloud = bench.cloud()
    machine = await cloud.create(spec_at(bench, "a", cpu=3000))
    types = await cloud.catalogue(NodeClass())
    large = [each for each in types if each.allocatable["cpu"] >= 3000]

    assert machine.usd_per_hour == min(way.usd_per_hour for e in large for way in e.offerings)


# ---------------------------------------------------------------- reserved capacity


RESERVED = replace(
    next(each for each in builtin() if each.name == "m5.large"),
    offerings=(
        Offering("us-east-1a", "reserved", 0.0, reservation="cr-1", count=1),
        Offering("us-east-1a", "on-demand", 0.1),
    ),
)


def kind_of(machine: Instance) -> str:
    return machine.labels["karpenter.sh/capacity-type"]


async def test_a_reservation_that_is_used_up_cannot_be_had(bench: KwokBench) -> None:
    cloud = bench.cloud((RESERVED,))
    first = await cloud.create(spec_at(bench, "a"))
    second = await cloud.create(spec_at(bench, "b"))
    (shown,) = await cloud.catalogue(NodeClass())
    only = Requirement("karpenter.sh/capacity-type", "In", ("reserved",))

    assert (kind_of(first), kind_of(second)) == ("reserved", "on-demand")
    assert [(o.count, o.available) for o in shown.offerings] == [(0, False), (None, True)]
    with pytest.raises(NoCapacity):
        await cloud.create(spec_at(bench, "c", only))


async def test_the_machines_of_an_earlier_process_hold_their_reservation(bench: KwokBench) -> None:
    await bench.cloud((RESERVED,)).create(spec_at(bench, "a"))
    await asyncio.sleep(1)
    later = await bench.cloud((RESERVED,)).create(spec_at(bench, "b"))

    assert kind_of(later) == "on-demand"


async def test_a_machine_that_goes_gives_its_reservation_back(bench: KwokBench) -> None:
    cloud = bench.cloud((RESERVED,))
    first = await cloud.create(spec_at(bench, "a"))
    await asyncio.sleep(1)
    await delete(cloud, first.provider_id)
    (shown,) = await cloud.catalogue(NodeClass())

    assert [o.count for o in shown.offerings] == [1, None]
    assert kind_of(await cloud.create(spec_at(bench, "b"))) == "reserved"
