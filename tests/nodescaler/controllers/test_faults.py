"""Clouds and API servers that fail, lose answers or take their time: never a node too many."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from kube.client import Client, Json
from kube.errors import Conflict, Unavailable
from kube.resources import NODE_CLAIMS, NODES, PODS
from kube.transport import Request, Response, Transport
from nodescaler.clouds.base import (
    Cloud,
    CloudError,
    Denied,
    Instance,
    LaunchSpec,
    NoCapacity,
    NodeClass,
)
from nodescaler.controllers import nodes
from nodescaler.controllers.together import together
from nodescaler.core.model import InstanceType
from tests.nodescaler.controllers.world import pod, provisioner, world

pytestmark = pytest.mark.looptime


class Troubled:
    """A cloud whose `create` does *before* first; everything else is the inner cloud's."""

    def __init__(self, inner: Cloud, before: Callable[[LaunchSpec], Awaitable[None]]) -> None:
        self._inner = inner
        self._before = before

    async def create(self, spec: LaunchSpec) -> Instance:
        await self._before(spec)
        return await self._inner.create(spec)

    async def run(self) -> None:
        await self._inner.run()

    async def catalogue(self, node_class: NodeClass) -> Sequence[InstanceType]:
        return await self._inner.catalogue(node_class)

    async def resume(self, spec: LaunchSpec) -> Instance:
        return await self._inner.resume(spec)

    async def delete(self, provider_id: str) -> None:
        await self._inner.delete(provider_id)

    async def get(self, provider_id: str) -> Instance:
        return await self._inner.get(provider_id)

    async def list(self) -> Sequence[Instance]:
        return await self._inner.list()


def failing(*errors: CloudError) -> Callable[[Cloud], Cloud]:
    """A cloud that answers these errors first, one a call."""
    left = list(errors)

    async def before(_: LaunchSpec) -> None:
        if left:
            raise left.pop(0)

    return lambda cloud: Troubled(cloud, before)


async def test_a_cloud_that_fails_is_asked_again_and_the_claim_says_so() -> None:
    errors = [CloudError("run_instances: EC2 answered InternalError")] * 6
    async with world() as it:
        it.start_actors()
        await it.pool(provisioner())
        await it.start(wrap=failing(*errors))
        await it.client.create(PODS, pod("one"))
        await asyncio.sleep(3)
        (name,) = await it.names(NODE_CLAIMS)
        during = await it.conditions(NODE_CLAIMS, name)
        await it.until(lambda: it.all_running(1), within_s=60)

        assert during["Launched"] == (
            "Unknown", "LaunchFailed", "run_instances: EC2 answered InternalError",
        )  # fmt: skip
        assert await it.names(NODE_CLAIMS) == {name}


async def test_a_cloud_that_refuses_is_told_to_the_user() -> None:
    async with world() as it:
        it.start_actors()
        await it.pool(provisioner())
        await it.start(wrap=failing(Denied("run_instances: EC2 answered UnauthorizedOperation")))
        await it.client.create(PODS, pod("one"))
        await asyncio.sleep(5)
        told = await it.events("LaunchDenied")
        await it.until(lambda: it.all_running(1), within_s=60)

    assert told == ["run_instances: EC2 answered UnauthorizedOperation"]


async def test_a_sold_out_offer_is_planned_again() -> None:
    async with world() as it:
        it.start_actors()
        await it.pool(provisioner())
        await it.start(wrap=failing(NoCapacity("no m5.large spot in us-east-1c")))
        await it.client.create(PODS, pod("one"))
        await it.until(lambda: it.all_running(1), within_s=20)

        assert await it.events("InsufficientCapacityError") == ["no m5.large spot in us-east-1c"]
        assert len(await it.all(NODE_CLAIMS)) == 1


@pytest.mark.parametrize("launch_s", [5, 30], ids=["within the barrier", "beyond it"])
async def test_a_slow_launch_makes_no_second_node(launch_s: float) -> None:
    """The plan waits for launches; after that a claim counts as the room it was asked for."""

    async def before(_: LaunchSpec) -> None:
        await asyncio.sleep(launch_s)

    async with world() as it:
        it.start_actors()
        await it.pool(provisioner("default", "m5.large"))
        await it.start(wrap=lambda cloud: Troubled(cloud, before))
        await it.deployment("web", 2, cpu="900m")
        await asyncio.sleep(2)
        first = await it.names(NODE_CLAIMS)
        await it.deployment("more", 1, cpu="900m")
        await it.until(lambda: it.all_running(3), within_s=120)

        assert len(first) == 1
        assert len(await it.all(NODE_CLAIMS)) == 2


class Deaf:
    """A transport that loses the answers to the first POST of each kind named."""

    def __init__(self, inner: Transport, *paths: str) -> None:
        self._inner = inner
        self._left = set(paths)
        self.stream = inner.stream
        self.close = inner.close

    async def send(self, request: Request, *, timeout_s: float) -> Response:
        answer = await self._inner.send(request, timeout_s=timeout_s)
        kind = request.path.rpartition("/")[2]
        if request.method == "POST" and kind in self._left:
            self._left.discard(kind)
            raise Unavailable("the connection was lost")
        return answer


async def test_a_lost_answer_makes_no_second_claim_and_no_second_node() -> None:
    async with world() as it:
        it.start_actors()
        await it.pool(provisioner())
        process = await it.start()
        process.transport.replace(Deaf(process.transport.inner, "nodeclaims", "nodes"))
        await it.client.create(PODS, pod("one"))
        await it.until(lambda: it.all_running(1), within_s=30)

        created = [r for r in process.transport.writes if r.method == "POST"]
        assert [r.path.rpartition("/")[2] for r in created].count("nodeclaims") == 2
        assert len(await it.all(NODE_CLAIMS)) == len(await it.all(NODES)) == 1


# ---------------------------------------------------------------- small parts


class Contended:
    """Changes the Node between each read and the write that follows, *times* times."""

    def __init__(self, inner: Transport, other: Client, times: int) -> None:
        self._inner = inner
        self._other = other
        self._times = times
        self.stream = inner.stream
        self.close = inner.close

    async def send(self, request: Request, *, timeout_s: float) -> Response:
        if request.method == "PATCH" and self._times:
            self._times -= 1
            labels = {"metadata": {"labels": {"other": str(self._times)}}}
            await self._other.patch(NODES, "n", labels)
        return await self._inner.send(request, timeout_s=timeout_s)


def mark(_: Json) -> Json:
    return {"metadata": {"labels": {"marked": "yes"}}}


async def test_an_edit_is_decided_again_when_somebody_was_faster() -> None:
    async with world() as it:
        await it.client.create(NODES, {"metadata": {"name": "n"}})
        client = Client(Contended(it.sandbox.transport(), it.client, 3))
        answer = await nodes.edit(client, NODES, "n", mark)

    assert answer is not None
    assert answer["metadata"]["labels"] == {"marked": "yes", "other": "0"}


async def test_an_edit_gives_up_on_what_never_rests() -> None:
    async with world() as it:
        await it.client.create(NODES, {"metadata": {"name": "n"}})
        client = Client(Contended(it.sandbox.transport(), it.client, 100))
        with pytest.raises(Conflict):
            await nodes.edit(client, NODES, "n", mark)


async def test_an_edit_of_nothing_is_nothing() -> None:
    async with world() as it:
        assert await nodes.edit(it.client, NODES, "n", mark) is None


async def test_the_first_error_of_several_comes_out_alone() -> None:
    async def fail(after_s: float) -> None:
        await asyncio.sleep(after_s)
        raise Unavailable(f"after {after_s}")

    with pytest.raises(Unavailable, match="after 1"):
        await together([fail(2), fail(1)])


async def test_several_at_once_are_never_more_than_asked_for() -> None:
    running, most = 0, 0

    async def work(number: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(1)
        running -= 1
        return number

    assert await together((work(n) for n in range(25)), at_once=10) == list(range(25))
    assert most == 10
    assert asyncio.get_running_loop().time() == pytest.approx(3)


async def test_what_is_cancelled_before_its_turn_never_begins() -> None:
    begun: list[int] = []

    async def work(number: int) -> None:
        begun.append(number)
        await asyncio.sleep(1)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1.5):
            await together((work(n) for n in range(9)), at_once=1)

    assert begun == [0, 1]
