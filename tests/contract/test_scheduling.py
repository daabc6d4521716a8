"""The scheduler: where a pod may go, and the words in which it says why not.

Every case has its own nodes and selects them, so that cases do not meet.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.contract.http import Api, Json
from tests.contract.places import NODES, OWNER_LABEL, Space, container, pod
from tests.contract.running import condition, ready_node

HOSTNAME, ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"


def asking(**requests: str) -> list[Json]:
    return [container(resources={"requests": requests})]


def term(topology: str, app: str = "x") -> Json:
    return {"topologyKey": topology, "labelSelector": {"matchLabels": {"app": app}}}


def apart(topology: str) -> Json:
    return {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term(topology)]}}


def near(*expressions: Json) -> Json:
    terms = {"nodeSelectorTerms": [{"matchExpressions": list(expressions)}]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}


async def submit(api: Api, space: Space, name: str = "a", **spec: Any) -> None:
    """A pod labelled app=x that only goes to nodes of its own case."""
    mine = {OWNER_LABEL: space.suffix} | spec.pop("nodeSelector", {})
    body = pod(name, labels={"app": "x"}, nodeSelector=mine, **spec)
    (await api.post(space("pods"), body)).ok()


async def bound(api: Api, space: Space, name: str = "a") -> str:
    """The node that the pod is given."""
    found = await api.eventually(space("pods", name), lambda p: bool(p["spec"].get("nodeName")))
    assert condition(found, "PodScheduled")["status"] == "True"
    node: str = found["spec"]["nodeName"]
    return node


async def refused(api: Api, space: Space, name: str = "a") -> str:
    """Why the pod cannot be scheduled."""
    found = await api.eventually(
        space("pods", name), lambda p: condition(p, "PodScheduled").get("reason") == "Unschedulable"
    )
    said = condition(found, "PodScheduled")
    assert said["status"] == "False"
    assert "nodeName" not in found["spec"]
    message: str = said["message"]
    return message


async def test_a_pod_goes_where_it_fits(busy_api: Api, busy_space: Space) -> None:
    await ready_node(busy_api, busy_space, "small", room={"cpu": "1"})
    large = await ready_node(busy_api, busy_space, "large", room={"cpu": "8"})

    await submit(busy_api, busy_space, containers=asking(cpu="3"))

    assert await bound(busy_api, busy_space) == large


@pytest.mark.parametrize(
    ("requests", "room", "reason"),
    [
        pytest.param({"cpu": "5"}, {}, "1 Insufficient cpu", id="cpu"),
        pytest.param({"memory": "9Gi"}, {}, "1 Insufficient memory", id="memory"),
        pytest.param({"example.com/gpu": "1"}, {}, "1 Insufficient example.com/gpu", id="extended"),
        pytest.param({}, {"pods": "0"}, "1 Too many pods", id="pods"),
    ],
)
async def test_what_is_lacking_is_named(
    busy_api: Api, busy_space: Space, requests: Json, room: Json, reason: str
) -> None:
    await ready_node(busy_api, busy_space, "n", room=room)
    resources = {"requests": requests, "limits": {k: v for k, v in requests.items() if "/" in k}}

    await submit(busy_api, busy_space, containers=[container(resources=resources)])

    message = await refused(busy_api, busy_space)
    assert re.match(r"0/\d+ nodes are available: ", message)
    assert reason in message


async def test_pods_already_there_count(busy_api: Api, busy_space: Space) -> None:
    await ready_node(busy_api, busy_space, "n")
    await submit(busy_api, busy_space, "first", containers=asking(cpu="3"))
    await bound(busy_api, busy_space, "first")

    await submit(busy_api, busy_space, "second", containers=asking(cpu="2"))

    assert "1 Insufficient cpu" in await refused(busy_api, busy_space, "second")


async def test_an_init_container_counts_by_its_peak(busy_api: Api, busy_space: Space) -> None:
    await ready_node(busy_api, busy_space, "n")
    heavy = [container(name="init", resources={"requests": {"cpu": "5"}})]

    await submit(busy_api, busy_space, initContainers=heavy, containers=asking(cpu="1"))

    assert "1 Insufficient cpu" in await refused(busy_api, busy_space)


async def test_a_pending_pod_gets_the_node_that_joins(busy_api: Api, busy_space: Space) -> None:
    await ready_node(busy_api, busy_space, "small", room={"cpu": "1"})
    await submit(busy_api, busy_space, containers=asking(cpu="3"))
    await refused(busy_api, busy_space)

    large = await ready_node(busy_api, busy_space, "large", room={"cpu": "8"})

    assert await bound(busy_api, busy_space) == large


async def test_room_that_a_deleted_pod_leaves_is_used(busy_api: Api, busy_space: Space) -> None:
    node = await ready_node(busy_api, busy_space, "n")
    await submit(busy_api, busy_space, "first", containers=asking(cpu="3"))
    await bound(busy_api, busy_space, "first")
    await submit(busy_api, busy_space, "second", containers=asking(cpu="3"))
    await refused(busy_api, busy_space, "second")

    (await busy_api.delete(busy_space("pods", "first"), gracePeriodSeconds=0)).ok()

    assert await bound(busy_api, busy_space, "second") == node


async def test_a_taint_keeps_out_who_does_not_tolerate_it(busy_api: Api, busy_space: Space) -> None:
    taint = {"key": "team", "value": "data", "effect": "NoSchedule"}
    node = await ready_node(busy_api, busy_space, "n", taints=[taint])
    await submit(busy_api, busy_space, "stranger")

    tolerations = [{"key": "team", "operator": "Equal", "value": "data", "effect": "NoSchedule"}]
    await submit(busy_api, busy_space, "member", tolerations=tolerations)

    assert await bound(busy_api, busy_space, "member") == node
    assert "1 node(s) had untolerated taint(s)" in await refused(busy_api, busy_space, "stranger")


async def test_a_cordoned_node_takes_nothing(busy_api: Api, busy_space: Space) -> None:
    await ready_node(busy_api, busy_space, "n", unschedulable=True)

    await submit(busy_api, busy_space)

    assert "1 node(s) were unschedulable" in await refused(busy_api, busy_space)


async def test_an_uncordoned_node_takes_what_waits(busy_api: Api, busy_space: Space) -> None:
    node = await ready_node(busy_api, busy_space, "n", unschedulable=True)
    await submit(busy_api, busy_space)
    await refused(busy_api, busy_space)

    (await busy_api.patch(f"{NODES}/{node}", {"spec": {"unschedulable": None}})).ok()

    assert await bound(busy_api, busy_space) == node


async def test_a_selector_that_no_node_has(busy_api: Api, busy_space: Space) -> None:
    await ready_node(busy_api, busy_space, "n")

    await submit(busy_api, busy_space, nodeSelector={"disk": "ssd"})

    message = await refused(busy_api, busy_space)
    assert re.search(r"\d+ node\(s\) didn't match Pod's node affinity/selector", message)


@pytest.mark.parametrize(
    "expression",
    [
        pytest.param({"key": "size", "operator": "In", "values": ["7", "9"]}, id="in"),
        pytest.param({"key": "size", "operator": "NotIn", "values": ["3"]}, id="not in"),
        pytest.param({"key": "only-large", "operator": "Exists"}, id="exists"),
        pytest.param({"key": "only-small", "operator": "DoesNotExist"}, id="does not exist"),
        pytest.param({"key": "size", "operator": "Gt", "values": ["5"]}, id="greater"),
    ],
)
async def test_node_affinity(busy_api: Api, busy_space: Space, expression: Json) -> None:
    small = {"size": "3", "only-small": "yes"}
    await ready_node(busy_api, busy_space, "small", labels=small)
    wanted = {"size": "7", "only-large": "yes"}
    large = await ready_node(busy_api, busy_space, "large", labels=wanted)

    await submit(busy_api, busy_space, affinity=near(expression))

    assert await bound(busy_api, busy_space) == large


async def test_pods_that_keep_apart_take_a_node_each(busy_api: Api, busy_space: Space) -> None:
    nodes = {await ready_node(busy_api, busy_space, name) for name in ("one", "two")}
    found = set()
    for name in ("a", "b"):
        await submit(busy_api, busy_space, name, affinity=apart(HOSTNAME))
        found.add(await bound(busy_api, busy_space, name))

    await submit(busy_api, busy_space, "c", affinity=apart(HOSTNAME))

    assert found == nodes
    message = await refused(busy_api, busy_space, "c")
    assert "2 node(s) didn't match pod anti-affinity rules" in message


async def test_a_pod_that_others_keep_away_from_is_kept_away(
    busy_api: Api, busy_space: Space
) -> None:
    await ready_node(busy_api, busy_space, "n")
    await submit(busy_api, busy_space, "loner", affinity=apart(HOSTNAME))
    await bound(busy_api, busy_space, "loner")

    await submit(busy_api, busy_space, "other")

    message = await refused(busy_api, busy_space, "other")
    assert "1 node(s) didn't satisfy existing pods anti-affinity rules" in message


async def test_pods_that_belong_together_share_a_zone(busy_api: Api, busy_space: Space) -> None:
    home = await ready_node(busy_api, busy_space, "home", labels={ZONE: "z1"})
    await ready_node(busy_api, busy_space, "away", labels={ZONE: "z2"})
    await submit(busy_api, busy_space, "first", nodeSelector={ZONE: "z1"})
    await bound(busy_api, busy_space, "first")

    together = {"requiredDuringSchedulingIgnoredDuringExecution": [term(ZONE)]}
    await submit(busy_api, busy_space, "second", affinity={"podAffinity": together})

    assert await bound(busy_api, busy_space, "second") == home


async def test_the_first_of_a_group_may_go_anywhere(busy_api: Api, busy_space: Space) -> None:
    node = await ready_node(busy_api, busy_space, "n", labels={ZONE: "z1"})

    together = {"requiredDuringSchedulingIgnoredDuringExecution": [term(ZONE)]}
    await submit(busy_api, busy_space, affinity={"podAffinity": together})

    assert await bound(busy_api, busy_space) == node


async def test_spread_holds_the_zones_level(busy_api: Api, busy_space: Space) -> None:
    for zone in ("z1", "z2"):
        await ready_node(busy_api, busy_space, zone, labels={ZONE: zone})
    spread = {
        "maxSkew": 1,
        "topologyKey": ZONE,
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "x"}},
    }
    found = []
    for name in "abcd":
        await submit(busy_api, busy_space, name, topologySpreadConstraints=[spread])
        found.append(await bound(busy_api, busy_space, name))

    assert len(set(found[:2])) == len(set(found[2:])) == 2


async def test_spread_says_when_it_cannot_be_held(busy_api: Api, busy_space: Space) -> None:
    await ready_node(busy_api, busy_space, "free", labels={ZONE: "z1"})
    await ready_node(busy_api, busy_space, "full", labels={ZONE: "z2"}, room={"cpu": "1"})
    spread = {
        "maxSkew": 1,
        "topologyKey": ZONE,
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "x"}},
    }
    heavy = {"topologySpreadConstraints": [spread], "containers": asking(cpu="2")}
    await submit(busy_api, busy_space, "a", **heavy)
    await bound(busy_api, busy_space, "a")

    await submit(busy_api, busy_space, "b", **heavy)

    message = await refused(busy_api, busy_space, "b")
    assert "1 node(s) didn't match pod topology spread constraints" in message
    assert "1 Insufficient cpu" in message


async def test_a_host_port_is_taken_once(busy_api: Api, busy_space: Space) -> None:
    await ready_node(busy_api, busy_space, "n")
    port = [container(ports=[{"containerPort": 80, "hostPort": 8080}])]
    await submit(busy_api, busy_space, "a", containers=port)
    await bound(busy_api, busy_space, "a")

    await submit(busy_api, busy_space, "b", containers=port)

    message = await refused(busy_api, busy_space, "b")
    assert "1 node(s) didn't have free ports for the requested pod ports" in message


async def test_a_gated_pod_waits_for_its_gate(busy_api: Api, busy_space: Space) -> None:
    node = await ready_node(busy_api, busy_space, "n")
    await submit(busy_api, busy_space, schedulingGates=[{"name": "contract.tandem/wait"}])
    await submit(busy_api, busy_space, "free")
    await bound(busy_api, busy_space, "free")
    gated = (await busy_api.get(busy_space("pods", "a"))).ok()

    (await busy_api.patch(busy_space("pods", "a"), {"spec": {"schedulingGates": None}})).ok()

    assert "nodeName" not in gated["spec"]
    assert await bound(busy_api, busy_space) == node


async def test_another_schedulers_pod_is_left_alone(busy_api: Api, busy_space: Space) -> None:
    await ready_node(busy_api, busy_space, "n")
    await submit(busy_api, busy_space, "theirs", schedulerName="someone-else")

    await submit(busy_api, busy_space, "ours")
    await bound(busy_api, busy_space, "ours")

    theirs = (await busy_api.get(busy_space("pods", "theirs"))).ok()
    assert "nodeName" not in theirs["spec"]
    assert condition(theirs, "PodScheduled") == {}


async def test_scheduling_is_told_in_events(busy_api: Api, busy_space: Space) -> None:
    node = await ready_node(busy_api, busy_space, "n")
    await submit(busy_api, busy_space, "small")
    await submit(busy_api, busy_space, "large", containers=asking(cpu="9"))

    def told(found: Json) -> bool:
        return {"Scheduled", "FailedScheduling"} <= {e["reason"] for e in found["items"]}

    events = (await busy_api.eventually(busy_space("events"), told))["items"]
    said = {e["reason"]: e for e in events}
    message = f"Successfully assigned {busy_space.name}/small to {node}"
    assert said["Scheduled"]["message"] == message
    assert said["FailedScheduling"]["type"] == "Warning"
