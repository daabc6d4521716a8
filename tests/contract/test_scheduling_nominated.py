"""Nominated pods: `status.nominatedNodeName` is where a pod goes if it fits, and keeps its room.

Pods are nominated while a gate or a taint holds them, so that the scheduler cannot be faster.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.http import Api, Json
from tests.contract.places import Space, container
from tests.contract.running import ready_node
from tests.contract.test_scheduling import HOSTNAME, apart, asking, bound, refused, submit

GATES = [{"name": "contract.tandem/wait"}]
UNREGISTERED = {"key": "karpenter.sh/unregistered", "effect": "NoExecute"}
ROOMY = {"cpu": "32", "memory": "64Gi"}


async def nominate(api: Api, space: Space, node: str, kind: str = "merge") -> None:
    body = {"status": {"nominatedNodeName": node}}
    (await api.patch(space("pods", "a", "status"), body, kind)).ok()


async def submit_nominated(api: Api, space: Space, node: str, **spec: Any) -> None:
    """The pod "a", which waits at its gate and is to go to *node*."""
    await submit(api, space, schedulingGates=GATES, **spec)
    await nominate(api, space, node)


async def open_gate(api: Api, space: Space) -> None:
    (await api.patch(space("pods", "a"), {"spec": {"schedulingGates": None}})).ok()


@pytest.mark.parametrize("kind", ["merge", "strategic"])
async def test_a_pod_goes_where_it_is_nominated_whatever_the_scores_say(
    busy_api: Api, busy_space: Space, kind: str
) -> None:
    small = await ready_node(busy_api, busy_space, "small")
    await ready_node(busy_api, busy_space, "large", room=ROOMY)
    await submit(busy_api, busy_space, schedulingGates=GATES, containers=asking(cpu="3"))

    await nominate(busy_api, busy_space, small, kind)
    await open_gate(busy_api, busy_space)

    assert await bound(busy_api, busy_space) == small
    found = (await busy_api.get(busy_space("pods", "a"))).ok()
    assert "nominatedNodeName" not in found["status"]


async def test_a_pod_that_was_refused_goes_where_it_is_nominated_since(
    busy_api: Api, busy_space: Space
) -> None:
    small = await ready_node(busy_api, busy_space, "small", taints=[UNREGISTERED])
    await ready_node(busy_api, busy_space, "large", taints=[UNREGISTERED], room=ROOMY)
    await submit(busy_api, busy_space, containers=asking(cpu="3"))
    await refused(busy_api, busy_space)

    await nominate(busy_api, busy_space, small)
    await tolerate_everything(busy_api, busy_space)

    assert await bound(busy_api, busy_space) == small


async def tolerate_everything(api: Api, space: Space) -> None:
    """Open every node to the pod at once."""
    found = (await api.get(space("pods", "a"))).ok()
    tolerations = [*found["spec"].get("tolerations", []), {"operator": "Exists"}]
    (await api.patch(space("pods", "a"), {"spec": {"tolerations": tolerations}})).ok()


@pytest.mark.parametrize("name", ["small", "missing"])
async def test_a_pod_goes_elsewhere_when_it_does_not_fit_where_it_is_nominated(
    busy_api: Api, busy_space: Space, name: str
) -> None:
    await ready_node(busy_api, busy_space, "small", room={"cpu": "1"})
    large = await ready_node(busy_api, busy_space, "large", room=ROOMY)
    node = busy_space.node_name(name)

    await submit_nominated(busy_api, busy_space, node, containers=asking(cpu="3"))
    await open_gate(busy_api, busy_space)

    assert await bound(busy_api, busy_space) == large


async def test_a_pod_that_no_node_takes_loses_its_nomination(
    busy_api: Api, busy_space: Space
) -> None:
    node = await ready_node(busy_api, busy_space, "n", taints=[UNREGISTERED])

    await submit_nominated(busy_api, busy_space, node)
    await open_gate(busy_api, busy_space)

    await refused(busy_api, busy_space)
    found = (await busy_api.get(busy_space("pods", "a"))).ok()
    assert "nominatedNodeName" not in found["status"]


KEPT = [
    pytest.param({"containers": asking(cpu="3")}, "1 Insufficient cpu", id="resources"),
    pytest.param(
        {"containers": [container(ports=[{"containerPort": 80, "hostPort": 8080}])]},
        "1 node(s) didn't have free ports for the requested pod ports",
        id="host port",
    ),
    pytest.param(
        {"affinity": apart(HOSTNAME)},
        "1 node(s) didn't match pod anti-affinity rules",
        id="anti-affinity",
    ),
]


@pytest.mark.parametrize(("spec", "why"), KEPT)
async def test_a_later_pod_does_not_take_the_room_of_one_that_is_nominated(
    busy_api: Api, busy_space: Space, spec: Json, why: str
) -> None:
    node = await ready_node(busy_api, busy_space, "n")
    await submit_nominated(busy_api, busy_space, node, **spec)

    await submit(busy_api, busy_space, "later", **spec)
    message = await refused(busy_api, busy_space, "later")
    await open_gate(busy_api, busy_space)

    assert why in message
    assert await bound(busy_api, busy_space) == node


async def test_room_is_free_again_when_the_nominated_pod_is_gone(
    busy_api: Api, busy_space: Space
) -> None:
    node = await ready_node(busy_api, busy_space, "n")
    await submit_nominated(busy_api, busy_space, node, containers=asking(cpu="3"))
    await submit(busy_api, busy_space, "later", containers=asking(cpu="3"))
    await refused(busy_api, busy_space, "later")

    (await busy_api.delete(busy_space("pods", "a"), gracePeriodSeconds=0)).ok()

    assert await bound(busy_api, busy_space, "later") == node
