"""Scale, evict, bind, discover: what is sent, and what each answer means."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kube.client import Client
from kube.discovery import Discovery
from kube.errors import Conflict, Denied, NotFound, Unavailable
from kube.evict import Blocked, Evicted, evict
from kube.scale import Scale, Scales, Target
from tests.kube.memory import Memory, failure

APPS: dict[str, Any] = {
    "resources": [
        {"name": "deployments", "kind": "Deployment", "namespaced": True},
        {"name": "deployments/scale", "kind": "Scale", "namespaced": True},
    ]
}
SCALE = "/apis/apps/v1/namespaces/shop/deployments/web/scale"
WEB = Target("shop", "apps/v1", "Deployment", "web")
POD = "/api/v1/namespaces/shop/pods/a"


def cluster(replicas: int = 2) -> Memory:
    scale = {
        "metadata": {"name": "web", "namespace": "shop", "resourceVersion": "7"},
        "spec": {"replicas": replicas},
        "status": {"replicas": replicas, "selector": "app=web"},
    }
    return Memory(objects={SCALE: scale}, lists={"/apis/apps/v1": APPS})


def sent(memory: Memory) -> Any:
    return json.loads(memory.requests[-1].body or b"null")


async def test_a_scale_is_read_and_written_back() -> None:
    memory = cluster()
    client = Client(memory)
    scales = Scales(client, Discovery(client))
    was = await scales.get(WEB)
    assert was == Scale(2, 2, "app=web", "7")

    now = await scales.put(WEB, 5, was=was)
    assert now.replicas == 5
    with pytest.raises(Conflict):
        await scales.put(WEB, 9, was=was)
    assert memory.sent("GET").count("/apis/apps/v1") == 1


@pytest.mark.parametrize(
    ("target", "told"),
    [
        (Target("shop", "apps/v1", "Deployment", "no"), "target shop/Deployment/no does not exist"),
        (Target("shop", "apps/v1", "Rollout", "web"), "no kind 'Rollout' in 'apps/v1'"),
        (Target("shop", "argo/v1", "Rollout", "web"), "not serve 'argo/v1', wanted for kind 'Roll"),
    ],
)
async def test_a_missing_target_is_named(target: Target, told: str) -> None:
    client = Client(cluster())

    with pytest.raises(NotFound, match=told):
        await Scales(client, Discovery(client)).get(target)


async def test_a_kind_that_came_later_is_found() -> None:
    memory = cluster()
    discovery = Discovery(Client(memory))
    with pytest.raises(NotFound):
        await discovery.resource("apps/v1", "Rollout")
    kinds = [*APPS["resources"], {"name": "rollouts", "kind": "Rollout", "namespaced": False}]
    memory.lists["/apis/apps/v1"] = {"resources": kinds}

    found = await discovery.resource("apps/v1", "Rollout")
    assert found.path(name="x") == "/apis/apps/v1/rollouts/x"


async def test_an_eviction_means_this_very_pod() -> None:
    memory = Memory()
    assert await evict(Client(memory), "shop", "a", uid="u", grace_s=0) == Evicted()

    assert memory.requests[-1].path == f"{POD}/eviction"
    assert sent(memory)["deleteOptions"] == {
        "preconditions": {"uid": "u"},
        "gracePeriodSeconds": 0,
    }


@pytest.mark.parametrize(
    ("answer", "held", "expected"),
    [
        pytest.param(failure(404, "NotFound"), None, Evicted(), id="gone"),
        pytest.param(
            failure(429, "TooManyRequests", "budget"),
            "u",
            Blocked(f"POST {POD}/eviction: budget", 10.0),
            id="budget",
        ),
        pytest.param(
            failure(500, "InternalError", "two budgets"),
            "u",
            Blocked(f"POST {POD}/eviction: two budgets", 10.0),
            id="two budgets",
        ),
        pytest.param(failure(409, "Conflict"), None, Evicted(), id="gone meanwhile"),
        pytest.param(failure(409, "Conflict"), "other", Evicted(), id="a namesake"),
        pytest.param(
            failure(409, "Conflict"),
            "u",
            Blocked(f"POST {POD}/eviction: no", 1.0),
            id="the budget was being changed",
        ),
    ],
)
async def test_what_an_eviction_comes_to(
    answer: tuple[int, Any], held: str | None, expected: Evicted | Blocked
) -> None:
    objects = {POD: {"metadata": {"uid": held}}} if held else {}
    memory = Memory(objects=objects)
    memory.planned.append(answer)

    assert await evict(Client(memory), "shop", "a", uid="u") == expected


@pytest.mark.parametrize(("code", "error"), [(403, Denied), (503, Unavailable)])
async def test_what_is_no_answer_is_raised(code: int, error: type[Exception]) -> None:
    memory = Memory()
    memory.planned.append(failure(code, "No"))

    with pytest.raises(error):
        await evict(Client(memory), "shop", "a", uid="u")
