"""A pass: off the loop's thread, cut short at its deadline, and what people are told of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from threading import Event

import aiohttp
import pytest
from prometheus_client import CollectorRegistry

from kube.client import Client
from kube.events import Recorder
from kube.resources import NODE_CLAIMS, PODS
from kube.transport import Request, Response, Transport
from nodescaler.controllers.books import Books
from nodescaler.controllers.creating import AT_ONCE
from nodescaler.controllers.kit import DEFAULT_CLASS, Kit, NodeSettings
from nodescaler.controllers.provisioning import Pack, Provisioning
from nodescaler.controllers.state import State
from nodescaler.controllers.telling import relaxations, wishes
from nodescaler.core.demands import Preference
from nodescaler.core.labels import Requirement, Requirements
from nodescaler.core.model import (
    Placement,
    Plan,
    PlannedNode,
    PodSpec,
    Snapshot,
    Unschedulable,
)
from nodescaler.core.settings import PackSettings, PreferencePolicy
from nodescaler.metrics import NodeMetrics
from tandem.health import make_app, serving
from tests.nodescaler.controllers.world import FAST, World, pod, provisioner, world

LONG = 10**8  # turns of a loop in Python: some seconds
Stop = Callable[[], bool]


@dataclass
class Bench:
    """Provisioning by itself, in a world that has pods and one pool."""

    state: State
    registry: CollectorRegistry
    settings: NodeSettings

    def value(self, name: str) -> float:
        return self.registry.get_sample_value(name) or 0.0


@asynccontextmanager
async def bench(
    it: World,
    pack: Pack,
    settings: NodeSettings | None = None,
    *,
    wrap: Callable[[Transport], Transport] = lambda inner: inner,
) -> AsyncIterator[Bench]:
    it.start_actors()
    client = Client(wrap(it.sandbox.transport()), settings=FAST)
    recorder = Recorder(client, component="tandem", instance="test", now=it.now)
    registry, chosen = CollectorRegistry(), settings or NodeSettings(batch_idle_s=0, settle_s=0)
    kit = Kit(client, {}, recorder, it.now, chosen, NodeMetrics(registry))
    books = Books(DEFAULT_CLASS)
    books.changed(await it.pool(provisioner()))
    state = State(client, books, now=it.now)
    provisioning = Provisioning(kit, state, pack)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(each) for each in (state.run(), recorder.run())]
        await state.wait_synced()
        tasks.append(group.create_task(provisioning.run()))
        yield Bench(state, registry, chosen)
        for task in tasks:
            task.cancel()


def node(name: str, *pods: PodSpec) -> PlannedNode:
    return PlannedNode(name, "default", "m5.large", "a", "spot", 0.1, ("m5.large",), pods)


async def claimed(it: World, count: int) -> None:
    async def holds() -> bool:
        return len(await it.all(NODE_CLAIMS)) == count

    await it.until(holds, within_s=60)


# ---------------------------------------------------------------- beside the loop


class Turns:
    """Counts the turns of the loop."""

    def __init__(self) -> None:
        self.count = 0
        self._loop = asyncio.get_running_loop()
        self._handle = self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        self.count += 1
        self._handle = self._loop.call_soon(self._turn)

    def stop(self) -> int:
        self._handle.cancel()
        return self.count


async def test_the_loop_answers_while_a_plan_is_made() -> None:
    """Watches and health checks go on; how long a turn takes is the machine's affair."""
    began, answered, in_time = Event(), Event(), list[bool]()

    def slow(_snapshot: Snapshot, _settings: PackSettings, _stop: Stop) -> Plan:
        began.set()
        turns = 0
        while turns < LONG and not answered.is_set():
            turns += 1
        in_time.append(answered.is_set())
        return Plan()

    async def planning() -> bool:
        return began.is_set()

    async def planned() -> bool:
        return bool(in_time)

    async with world() as it, bench(it, slow) as made:
        told = asyncio.Event()
        made.state.listen(pod=lambda _old, new: told.set() if new and new.name == "two" else None)
        app = make_app(made.registry, alive=lambda: None, ready=lambda: None)
        async with serving(app, "127.0.0.1", 0) as port, aiohttp.ClientSession() as session:
            await it.client.create(PODS, pod("one"))
            await it.until(planning, within_s=10)

            turns = Turns()
            await it.client.create(PODS, pod("two"))
            await told.wait()
            watched = turns.stop()

            turns = Turns()
            async with session.get(f"http://127.0.0.1:{port}/healthz") as answer:
                healthy = answer.status == 200
            checked = turns.stop()

            answered.set()
            await it.until(planned, within_s=10)

    assert in_time[0], "the plan was over before the loop got its turn"
    assert healthy
    assert watched < 20
    assert checked < 50


@pytest.mark.looptime
async def test_plans_are_made_one_at_a_time() -> None:
    running, most = 0, 0

    def counting(snapshot: Snapshot, _settings: PackSettings, _stop: Stop) -> Plan:
        nonlocal running, most
        running += 1
        most = max(most, running)
        running -= 1
        return Plan(unschedulable=tuple(Unschedulable(each, "no") for each in snapshot.pods))

    async with world() as it, bench(it, counting) as made:
        for number in range(5):
            await it.client.create(PODS, pod(f"p{number}"))
            await asyncio.sleep(0.5)
        passes = made.value("karpenter_scheduler_scheduling_duration_seconds_count")

    assert passes >= 2
    assert most == 1


@pytest.mark.looptime
async def test_the_settings_reach_the_packer() -> None:
    seen: list[PackSettings] = []

    def noting(snapshot: Snapshot, settings: PackSettings, _stop: Stop) -> Plan:
        seen.append(settings)
        return Plan(new_nodes=(node("1", *snapshot.pods),))

    chosen = PackSettings(budget_s=3, preferences=PreferencePolicy.IGNORE)
    settings = NodeSettings(batch_idle_s=0, settle_s=0, pack=chosen)
    async with world() as it, bench(it, noting, settings):
        await it.client.create(PODS, pod("one"))
        await claimed(it, 1)

    assert seen[0] == chosen


# ---------------------------------------------------------------- the deadline


def until_stopped(stop: Stop) -> bool:
    """Spin as a plan that takes too long does; whether it was stopped."""
    return any(stop() for _ in range(LONG))


async def test_a_plan_that_takes_too_long_is_used_as_far_as_it_goes_and_the_rest_follows() -> None:
    """Each plan places one pod and then works until its deadline; nothing else triggers a pass."""
    stopped: list[bool] = []
    asked: list[str] = []

    def slow(snapshot: Snapshot, _settings: PackSettings, stop: Stop) -> Plan:
        stopped.append(until_stopped(stop))
        left = [each for each in snapshot.pods if each.key not in asked]
        asked.extend(each.key for each in left[:1])
        return Plan(new_nodes=tuple(node("1", each) for each in left[:1]), is_partial=len(left) > 1)

    settings = NodeSettings(batch_idle_s=0.2, settle_s=0, plan_deadline_s=0.02)
    async with world() as it, bench(it, slow, settings):
        for number in range(3):
            await it.client.create(PODS, pod(f"p{number}"))
        await claimed(it, 3)

    assert len(set(asked)) == 3
    assert stopped == [True] * 3


@pytest.mark.looptime
async def test_a_deadline_too_short_for_any_pod_does_not_spin() -> None:
    plans = 0

    def hopeless(_snapshot: Snapshot, _settings: PackSettings, _stop: Stop) -> Plan:
        nonlocal plans
        plans += 1
        return Plan(is_partial=True)

    async with world() as it, bench(it, hopeless):
        await it.client.create(PODS, pod("one"))
        await asyncio.sleep(60)

    assert 2 <= plans < 12


@pytest.mark.looptime
async def test_the_end_of_the_process_does_not_wait_for_a_plan() -> None:
    stopped: list[bool] = []
    began, ended = Event(), Event()

    def endless(_snapshot: Snapshot, _settings: PackSettings, stop: Stop) -> Plan:
        began.set()
        stopped.append(until_stopped(stop))
        ended.set()
        return Plan()

    async def planning() -> bool:
        return began.is_set()

    async with world() as it:
        async with bench(it, endless):
            await it.client.create(PODS, pod("one"))
            await it.until(planning, within_s=10)
        assert await asyncio.to_thread(ended.wait, 10)

    assert stopped == [True]


# ---------------------------------------------------------------- many claims


class Counting:
    """Notes the most NodeClaims that were being created at the same time."""

    def __init__(self, inner: Transport) -> None:
        self._inner = inner
        self.most = self._now = 0
        self.stream = inner.stream
        self.close = inner.close

    async def send(self, request: Request, *, timeout_s: float) -> Response:
        if request.method != "POST" or not request.path.endswith("/nodeclaims"):
            return await self._inner.send(request, timeout_s=timeout_s)
        self._now += 1
        self.most = max(self.most, self._now)
        await asyncio.sleep(0.1)
        self._now -= 1
        return await self._inner.send(request, timeout_s=timeout_s)


@pytest.mark.looptime
async def test_many_claims_are_written_side_by_side_but_not_all_at_once() -> None:
    counting: list[Counting] = []

    def counted(inner: Transport) -> Transport:
        counting.append(Counting(inner))
        return counting[0]

    def many(snapshot: Snapshot, _settings: PackSettings, _stop: Stop) -> Plan:
        if snapshot.nodes:
            return Plan()
        pods = snapshot.pods
        return Plan(new_nodes=tuple(node(str(n), *(pods if n == 0 else ())) for n in range(200)))

    async with world() as it, bench(it, many, wrap=counted) as made:
        await it.client.create(PODS, pod("one"))
        await claimed(it, 200)

        assert len(made.state.claims()) == 200, "put into the state without waiting for the watch"
    assert counting[0].most == AT_ONCE


# ---------------------------------------------------------------- what is said

MOVING = PodSpec("default", "moving", uid="moving", node_name="leaving")


@pytest.mark.looptime
async def test_pods_of_leaving_nodes_get_their_node_and_nobody_is_told() -> None:
    """They run: no Event, no nomination, not counted as pods without a place."""

    def plan(snapshot: Snapshot, _settings: PackSettings, _stop: Stop) -> Plan:
        if snapshot.nodes:
            return Plan()
        lost = replace(MOVING, name="lost", uid="lost")
        return Plan(
            new_nodes=(node("1", MOVING),),
            existing=(Placement("there", (replace(MOVING, name="m2", uid="m2"), *snapshot.pods)),),
            unschedulable=(Unschedulable(lost, "no room for it"),),
        )

    async with world() as it, bench(it, plan) as made:
        await it.client.create(PODS, pod("one"))
        await claimed(it, 1)
        await asyncio.sleep(1)
        (claim,) = await it.names(NODE_CLAIMS)

        assert await it.events("Nominated") == ["should fit on node there"]
        assert "no room for it" not in await it.events("FailedScheduling")
        assert made.state.nominated_for_s("there") > 0
        assert made.state.nominated_for_s(claim) == 0
        assert made.value("karpenter_scheduler_unschedulable_pods_count") == 0


@pytest.mark.looptime
async def test_a_preference_that_was_given_up_is_told_to_the_pods_that_had_it() -> None:
    zone = Requirements.of(Requirement("topology.kubernetes.io/zone", "In", ("a",)))

    def plan(snapshot: Snapshot, _settings: PackSettings, _stop: Stop) -> Plan:
        first, second, other = sorted(snapshot.pods, key=lambda each: each.key)
        picky = [replace(p, preferences=(Preference(1, zone),)) for p in (first, second)]
        what = f"{first.key} and 1 more: gave up preferred node affinity"
        return Plan(new_nodes=(node("1", *picky, other),), relaxed=(what,))

    settings = NodeSettings(batch_idle_s=1, settle_s=0)
    async with world() as it, bench(it, plan, settings):
        for name in ("a1", "a2", "b"):
            await it.client.create(PODS, pod(name))
        await claimed(it, 1)
        await asyncio.sleep(1)
        where = "should fit on a new m5.large node of default"

        assert sorted(await it.events("Nominated")) == [
            where,
            f"{where}; gave up preferred node affinity",
            f"{where}; gave up preferred node affinity",
        ]


def test_of_a_class_in_which_some_kept_their_wish_the_count_is_told() -> None:
    pods = tuple(PodSpec("shop", f"p{n}") for n in range(3))
    plan = Plan(
        new_nodes=(node("1", *pods),),
        relaxed=("shop/p0: gave up a", "shop/p0 and 1 more: gave up b", "shop/gone: gave up c"),
    )

    assert relaxations(plan) == {
        wishes(pods[0]): "1 of 3 like it gave up a; 2 of 3 like it gave up b"
    }


@pytest.mark.looptime
async def test_the_rest_of_a_partial_plan_is_not_told_that_it_failed() -> None:
    def plan(snapshot: Snapshot, _settings: PackSettings, _stop: Stop) -> Plan:
        first, *rest = sorted(snapshot.pods, key=lambda each: each.key)
        out = tuple(Unschedulable(each, "the deadline came") for each in rest)
        if snapshot.nodes:
            return Plan(unschedulable=tuple(replace(each, reason="too large") for each in out))
        return Plan(new_nodes=(node("1", first),), unschedulable=out, is_partial=True)

    settings = NodeSettings(batch_idle_s=1, settle_s=0)
    async with world() as it, bench(it, plan, settings):
        for name in ("a", "b"):
            await it.client.create(PODS, pod(name))
        await claimed(it, 1)
        await asyncio.sleep(0.5)
        told = await it.events("FailedScheduling")

    assert "too large" in told
    assert "the deadline came" not in told


@pytest.mark.looptime
async def test_the_metrics_of_a_plan() -> None:
    def plan(snapshot: Snapshot, _settings: PackSettings, _stop: Stop) -> Plan:
        (pod,) = snapshot.pods
        lost = Unschedulable(replace(pod, unplannable="its claim is lost"), "its claim is lost")
        return Plan(
            new_nodes=(node("1"), node("2")),
            unschedulable=(lost,),
            lower_bound_per_hour=0.15,
            first_fit_per_hour=0.3,
        )

    async with world() as it, bench(it, plan) as made:
        await it.client.create(PODS, pod("one"))
        await claimed(it, 2)
        await asyncio.sleep(0.2)
        read = {
            name: made.value(name)
            for name in (
                "tandem_plan_usd_per_hour",
                "tandem_plan_bound_usd_per_hour",
                "tandem_plan_first_fit_usd_per_hour",
                "karpenter_scheduler_unschedulable_pods_count",
                "karpenter_ignored_pods_count",
            )
        }

    assert list(read.values()) == [0.2, 0.15, 0.3, 1, 1]
