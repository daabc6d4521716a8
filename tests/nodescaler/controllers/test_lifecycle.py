"""One claim's way: launched, registered, initialised, or given up with a reason."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kube.client import Client, Json
from kube.resources import NODE_CLAIMS, NODES, PODS
from kube.transport import Request, Response, Transport
from nodescaler.clouds.base import Gone, Instance, LaunchSpec
from nodescaler.controllers import nodes, status
from nodescaler.controllers.settled import settled
from nodescaler.core.model import ClaimCondition, ClaimState, NodePool
from nodescaler.core.taints import Taint
from nodescaler.engine import NodeSettings
from tests.nodescaler.controllers.test_faults import Troubled
from tests.nodescaler.controllers.world import (
    World,
    kwok_class,
    node_pool,
    pod,
    provisioner,
    world,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CLAIM = ClaimState("web-1", "u", "web", NOW, labels={"team": "shop"})

# ---------------------------------------------------------------- status, purely


def test_ready_follows_from_the_stages_and_keeps_its_time() -> None:
    later = NOW + timedelta(minutes=1)
    one = status.with_condition(CLAIM, "Launched", "True", "Launched", "", NOW)
    two = status.registered(one, "n", later)
    three = status.initialised(two, later)

    assert one.conditions["Ready"].status == "Unknown"
    assert three.is_true("Ready")
    assert three.conditions["Launched"].since == NOW
    assert three.conditions["Ready"].since == later


def test_the_same_condition_again_is_the_same_claim() -> None:
    one = status.with_condition(CLAIM, "Launched", "True", "Launched", "", NOW)
    again = status.with_condition(one, "Launched", "True", "Launched", "", NOW + timedelta(1))

    assert again is one


READY = status.initialised(
    status.registered(status.with_condition(CLAIM, "Launched", "True", "L", "", NOW), "n", NOW), NOW
)
POOL = NodePool("web", consolidate_after_s=30)


@pytest.mark.parametrize(
    ("after_s", "event_s", "consolidatable", "retry_s"),
    [
        pytest.param(10, None, None, 20, id="young"),
        pytest.param(30, None, "True", None, id="old enough"),
        pytest.param(40, 25, None, 15, id="a pod came and counts from then"),
    ],
)
def test_when_a_claim_is_consolidatable(
    after_s: float, event_s: float | None, consolidatable: str | None, retry_s: float | None
) -> None:
    event = None if event_s is None else NOW + timedelta(seconds=event_s)
    found = settled(READY, POOL, event, NOW + timedelta(seconds=after_s))
    said = found.claim.conditions.get("Consolidatable", ClaimCondition(""))

    assert (said.status or None, found.retry_after_s) == (consolidatable, retry_s)


def test_pod_events_are_written_every_ten_seconds_at_most() -> None:
    first = settled(READY, None, NOW, NOW).claim
    soon = settled(first, None, NOW + timedelta(seconds=4), NOW + timedelta(seconds=4))
    late = settled(first, None, NOW + timedelta(seconds=4), NOW + timedelta(seconds=10))

    assert first.last_pod_event == NOW
    assert (soon.claim, soon.retry_after_s) == (first, 6)
    assert late.claim.last_pod_event == NOW + timedelta(seconds=4)


# ---------------------------------------------------------------- changes of a Node, purely

JOINED: Json = {
    "metadata": {"name": "n", "labels": {"a": "b"}, "resourceVersion": "1"},
    "spec": {
        "taints": [
            {"key": "karpenter.sh/unregistered", "effect": "NoExecute"},
            {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule", "timeAdded": "t"},
        ]
    },
}


def test_registration_makes_the_node_the_claims() -> None:
    claim = replace(CLAIM, taints=(Taint("x"),), startup_taints=(Taint("boot"),))
    patch = nodes.registration(claim)(JOINED)

    assert patch is not None
    assert patch["metadata"]["labels"] == {"team": "shop", "karpenter.sh/registered": "true"}
    assert patch["metadata"]["finalizers"] == ["karpenter.sh/termination"]
    assert patch["metadata"]["ownerReferences"][0]["uid"] == "u"
    assert [t["key"] for t in patch["spec"]["taints"]] == [
        "node.kubernetes.io/not-ready", "x", "boot",
    ]  # fmt: skip
    assert patch["spec"]["taints"][0]["timeAdded"] == "t"


def test_a_registered_node_is_left_alone() -> None:
    """Its startup taints may be gone by now, and must not come back."""
    node = JOINED | {"metadata": {"name": "n", "labels": {"karpenter.sh/registered": "true"}}}

    assert nodes.registration(CLAIM)(node) is None


def test_taints_that_are_not_to_be_synced_are_not() -> None:
    labels = {"karpenter.sh/do-not-sync-taints": "true"}
    patch = nodes.registration(replace(CLAIM, labels=labels, taints=(Taint("x"),)))(JOINED)

    assert patch is not None
    assert [t["key"] for t in patch["spec"]["taints"]] == ["node.kubernetes.io/not-ready"]


def test_disrupting_and_taking_it_back_is_what_it_was() -> None:
    there = nodes.disrupted(JOINED)
    assert there is not None
    tainted = {"metadata": JOINED["metadata"] | there["metadata"], "spec": there["spec"]}
    back = nodes.undisrupted(tainted)

    assert back is not None
    assert nodes.disrupted(tainted) is None
    assert back["spec"] == JOINED["spec"]
    assert nodes.undisrupted(JOINED) is None


# ---------------------------------------------------------------- in a cluster


async def one_claim(it: World) -> Json:
    (claim,) = await it.all(NODE_CLAIMS)
    return claim


@pytest.mark.looptime
async def test_the_conditions_on_the_way() -> None:
    async with world() as it:
        it.start_actors()
        await it.pool(kwok_class(delay="20s"))
        await it.pool(node_pool())
        process = await it.start()
        await it.client.create(PODS, pod("one"))
        await asyncio.sleep(10)
        name = (await one_claim(it))["metadata"]["name"]
        coming = await it.conditions(NODE_CLAIMS, name)
        await it.until(lambda: it.all_running(1), within_s=30)
        await asyncio.sleep(1)
        ready = await it.conditions(NODE_CLAIMS, name)
        claim = await one_claim(it)

        assert coming["Launched"][0] == "True"
        assert coming["Registered"][:2] == coming["Ready"][:2] == ("Unknown", "NodeNotFound")
        assert {k: v[0] for k, v in ready.items() if k != "Consolidatable"} == dict.fromkeys(
            ("Launched", "Registered", "Initialized", "Ready"), "True"
        )
        assert claim["status"]["providerID"] == f"kwok://{claim['metadata']['uid']}"
        assert claim["status"]["allocatable"]["cpu"] == "1930m"
        assert claim["metadata"]["labels"]["node.kubernetes.io/instance-type"] == "m5.large"
        assert process.value(
            "karpenter_nodeclaims_created_total", nodepool="default", reason="provisioned"
        ) == 1  # fmt: skip
        assert process.value("karpenter_pods_startup_duration_seconds_count") == 1


@pytest.mark.looptime
async def test_startup_taints_keep_it_from_being_initialised() -> None:
    taint = {"key": "boot", "effect": "NoSchedule"}
    async with world() as it:
        it.start_actors()
        await it.pool(kwok_class())
        await it.pool(node_pool(template={"startupTaints": [taint]}))
        await it.start()
        await it.client.create(PODS, pod("one"))
        await asyncio.sleep(10)
        (node,) = await it.all(NODES)
        name = node["metadata"]["name"]
        before = await it.conditions(NODE_CLAIMS, name)
        await it.client.patch(NODES, name, {"spec": {"taints": []}})
        await it.until(lambda: it.all_running(1), within_s=10)
        await asyncio.sleep(1)
        after = await it.conditions(NODE_CLAIMS, name)

    assert [t["key"] for t in node["spec"]["taints"]] == ["boot"]
    assert before["Initialized"][:2] == ("Unknown", "StartupTaintsExist")
    assert after["Initialized"][0] == "True"


@pytest.mark.looptime
async def test_a_machine_that_never_joins_is_given_up_and_planned_again() -> None:
    async with world() as it:
        it.start_actors()
        await it.pool(kwok_class(delay="20m"))
        await it.pool(node_pool())
        await it.start()
        await it.client.create(PODS, pod("one"))
        await asyncio.sleep(60)
        first = await it.names(NODE_CLAIMS)
        await asyncio.sleep(16 * 60)
        second = await it.names(NODE_CLAIMS)
        why = await it.events("RegistrationTimeout")
        still_there = await it.all(NODES)

    assert len(first) == len(second) == 1
    assert first != second
    assert "did not join as a node within 900 s" in why[0]
    assert still_there == []


@pytest.mark.looptime
async def test_no_capacity_gives_the_claim_up_with_an_event() -> None:
    """A user's own claim for a machine that cannot be had."""
    body = {
        "apiVersion": "karpenter.sh/v1",
        "kind": "NodeClaim",
        "metadata": {"name": "mine"},
        "spec": {
            "nodeClassRef": {
                "group": "karpenter.kwok.sh", "kind": "KWOKNodeClass", "name": "default",
            },
            "requirements": [
                {"key": "node.kubernetes.io/instance-type", "operator": "In", "values": ["no.such"]}
            ],
        },
    }  # fmt: skip
    async with world() as it:
        await it.pool(kwok_class())
        await it.start()
        await it.client.create(NODE_CLAIMS, body)
        await asyncio.sleep(5)
        why = await it.events("InsufficientCapacityError")

        assert "no offer of the catalogue meets" in why[0]
        assert await it.no_nodes()


@pytest.mark.looptime
async def test_a_node_that_vanishes_takes_its_claim_along() -> None:
    async with world() as it:
        it.start_actors()
        await it.pool(provisioner())
        await it.start()
        await it.client.create(PODS, pod("one"))
        await it.until(lambda: it.all_running(1), within_s=20)
        (name,) = await it.names(NODES)
        await it.client.patch(NODES, name, {"metadata": {"finalizers": []}})
        await it.client.delete(NODES, name)
        await asyncio.sleep(30)

        assert name not in await it.names(NODE_CLAIMS)
        assert await it.events("NodeGone")


class Impatient:
    """A transport of the operator; a user deletes the first Node as soon as it is written.

    Args:
        held: by a finalizer of somebody else's, so that the Node is seen on its way out.
    """

    def __init__(self, inner: Transport, user: Client, *, held: bool = False) -> None:
        self._inner = inner
        self._user = user
        self._held = held
        self.deleted = ""
        self.stream = inner.stream
        self.close = inner.close

    async def send(self, request: Request, *, timeout_s: float) -> Response:
        answer = await self._inner.send(request, timeout_s=timeout_s)
        if request.method == "POST" and request.path.endswith("/nodes") and not self.deleted:
            self.deleted = json.loads(answer.body)["metadata"]["name"]
            finalizers = {"finalizers": ["example.com/slow"]} if self._held else {}
            await self._user.patch(NODES, self.deleted, {"metadata": finalizers})
            await self._user.delete(NODES, self.deleted)
        return answer


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("held", "reason"), [(False, "InstanceGone"), (True, "NodeDeleted")], ids=["at once", "slowly"]
)
async def test_a_node_deleted_before_it_registered_is_replaced_at_once(
    held: bool, reason: str
) -> None:
    async with world() as it:
        it.start_actors()
        await it.pool(provisioner())
        process = await it.start()
        user = Impatient(process.transport.inner, it.client, held=held)
        process.transport.replace(user)
        await it.client.create(PODS, pod("one"))
        await it.until(lambda: it.all_running(1), within_s=20)
        (name,) = set((await it.bound()).values())
        if held:
            await it.client.patch(NODES, user.deleted, {"metadata": {"finalizers": []}})
        await asyncio.sleep(10)

        assert name != user.deleted
        assert await it.names(NODES) == await it.names(NODE_CLAIMS) == {name}
        assert await it.events(reason)


class Noting:
    """Passes everything on and keeps what was written, in order."""

    def __init__(self, inner: Transport) -> None:
        self._inner = inner
        self.writes: list[tuple[str, bytes]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def send(self, request: Request, *, timeout_s: float) -> Response:
        if request.method != "GET":
            self.writes.append((request.path, request.body or b""))
        return await self._inner.send(request, timeout_s=timeout_s)


@pytest.mark.looptime
async def test_the_scheduler_knows_whom_a_node_was_bought_for_before_it_may_use_it() -> None:
    async with world() as it:
        it.start_actors()
        await it.pool(provisioner())
        process = await it.start()
        noting = Noting(process.transport.inner)
        process.transport.replace(noting)
        await it.client.create(PODS, pod("one"))
        await it.until(lambda: it.all_running(1), within_s=20)
        (name,) = set((await it.bound()).values())
        paths = [path.removeprefix("/api/v1") for path, _ in noting.writes]
        told = paths.index("/namespaces/default/pods/one/status")

        assert told < paths.index(f"/nodes/{name}")
        assert name.encode() in noting.writes[told][1]


@pytest.mark.looptime
async def test_a_machine_that_nobody_saw_go_is_missed_within_a_minute() -> None:
    """Its Node came and went while the watch was broken: no event tells of it."""
    gone: list[str] = []

    class Forgetful(Troubled):
        async def get(self, provider_id: str) -> Instance:
            gone.append(provider_id)
            raise Gone(f"{provider_id} does not exist")

    async with world() as it:
        it.start_actors()
        await it.pool(provisioner())
        await it.start(NodeSettings(node_startup_s=600), wrap=lambda c: Forgetful(c, at_once))
        await it.client.create(PODS, pod("one"))
        await asyncio.sleep(3)
        (first,) = await it.names(NODE_CLAIMS)
        await asyncio.sleep(40)

        assert first not in await it.names(NODE_CLAIMS)
        assert len(gone) == 1


async def at_once(_: LaunchSpec) -> None:
    return None


@pytest.mark.looptime
async def test_a_restart_does_not_start_the_machine_anew() -> None:
    async with world() as it:
        it.start_actors()
        await it.pool(provisioner())
        first = await it.start(NodeSettings(node_startup_s=30))
        await it.client.create(PODS, pod("one"))
        await asyncio.sleep(20)
        await first.kill()
        await it.start(NodeSettings(node_startup_s=30))
        await asyncio.sleep(14)

        assert await it.all_running(1)
        assert len(await it.all(NODE_CLAIMS)) == 1
