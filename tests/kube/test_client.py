"""The client's requests, checked where they leave, and its errors."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kube.client import Client, ClientSettings, Patch
from kube.discovery import Discovery
from kube.errors import Gone, Invalid, NotFound, NotLeading, Throttled, Unavailable
from kube.resources import DEPLOYMENTS, NODES, PODS
from kube.transport import Request
from tests.kube.memory import Memory, failure

WEB = {"metadata": {"name": "web", "namespace": "shop"}, "spec": {"replicas": 1}}
PATH = "/apis/apps/v1/namespaces/shop/deployments/web"


def last(memory: Memory) -> Request:
    return memory.requests[-1]


def body_of(request: Request) -> Any:
    return json.loads(request.body or b"null")


async def test_an_object_is_made_read_changed_and_deleted() -> None:
    memory = Memory()
    client = Client(memory)
    await client.create(DEPLOYMENTS, WEB)
    found = await client.get(DEPLOYMENTS, "web", namespace="shop")
    assert found["spec"] == {"replicas": 1}

    await client.replace(DEPLOYMENTS, found | {"spec": {"replicas": 2}})
    await client.patch(DEPLOYMENTS, "web", {"spec": {"replicas": 3}}, namespace="shop")
    assert memory.objects[PATH]["spec"] == {"replicas": 3}

    await client.delete(DEPLOYMENTS, "web", namespace="shop")
    with pytest.raises(NotFound, match=f"GET {PATH}: no"):
        await client.get(DEPLOYMENTS, "web", namespace="shop")


@pytest.mark.parametrize("kind", Patch)
async def test_each_patch_has_its_content_type(kind: Patch) -> None:
    memory = Memory()
    memory.planned.append((200, {}))
    await Client(memory).patch(NODES, "n", {}, kind=kind, field_manager="me", force=True)

    assert last(memory).content_type == kind.value
    assert last(memory).query == {"fieldManager": "me", "force": "true"}


async def test_a_deletion_names_what_it_means() -> None:
    memory = Memory()
    memory.planned.append((200, {}))
    await Client(memory).delete(
        PODS, "a", namespace="shop", uid="u", grace_s=0, propagation="Orphan"
    )

    assert body_of(last(memory)) == {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "preconditions": {"uid": "u"},
        "gracePeriodSeconds": 0,
        "propagationPolicy": "Orphan",
    }


async def test_items_follow_all_pages_and_know_their_kind() -> None:
    memory = Memory()
    head = {"kind": "PodList", "apiVersion": "v1"}
    memory.planned.append((200, head | {"metadata": {"continue": "x"}, "items": [{"n": 1}]}))
    memory.planned.append((200, head | {"metadata": {}, "items": [{"n": 2}]}))
    client = Client(memory, settings=ClientSettings(page=1))
    found = await client.items(PODS, labels="a=b", fields="spec.nodeName=n")

    assert found == [{"apiVersion": "v1", "kind": "Pod", "n": n} for n in (1, 2)]
    assert [request.query.get("continue") for request in memory.requests] == [None, "x"]
    assert last(memory).query["labelSelector"] == "a=b"
    assert last(memory).query["fieldSelector"] == "spec.nodeName=n"


async def test_items_begin_again_in_one_piece_when_the_snapshot_is_forgotten() -> None:
    memory = Memory()
    memory.planned.append(failure(410, "Expired"))
    memory.planned.append((200, {"metadata": {}, "items": None}))

    assert await Client(memory).items(PODS) == []
    assert "limit" not in last(memory).query


async def test_a_shut_gate_lets_reads_pass_and_no_write() -> None:
    def shut() -> None:
        raise NotLeading("not now")

    memory = Memory()
    memory.planned.append((200, {}))
    client = Client(memory, gate=shut)
    await client.get(PODS, "a", namespace="shop")
    for write in (
        client.create(PODS, WEB),
        client.replace(PODS, WEB),
        client.patch(PODS, "a", {}, namespace="shop"),
        client.delete(PODS, "a", namespace="shop"),
    ):
        with pytest.raises(NotLeading):
            await write

    assert len(memory.requests) == 1


@pytest.mark.looptime
async def test_the_gate_is_asked_after_the_wait_for_a_token() -> None:
    """A lease that runs out while a write waits for its turn must still stop it."""
    leading = [True, False]

    def gate() -> None:
        if not leading.pop(0):
            raise NotLeading("over")

    memory = Memory()
    client = Client(memory, settings=ClientSettings(per_s=0.1, burst=1), gate=gate)
    await client.create(PODS, WEB)
    with pytest.raises(NotLeading):
        await client.create(PODS, WEB | {"metadata": {"name": "other"}})

    assert len(memory.requests) == 1


@pytest.mark.looptime
async def test_an_answer_that_takes_too_long_is_none() -> None:
    memory = Memory(before=lambda _: 31.0)

    with pytest.raises(Unavailable, match="in time"):
        await Client(memory).get(PODS, "a")


async def test_an_answer_that_is_no_object_is_unavailable() -> None:
    memory = Memory()
    memory.planned.append((200, [1]))  # type: ignore[arg-type]  # the odd answer under test

    with pytest.raises(Unavailable, match="not a JSON object"):
        await Client(memory).get(PODS, "a")


async def test_a_refused_watch_raises_what_it_means() -> None:
    memory = Memory()
    memory.planned.append(failure(410, "Expired", "too old"))
    with pytest.raises(Gone, match="too old"):
        async with Client(memory).watch(PODS, resource_version="1", timeout_s=60):
            pass

    assert last(memory).query == {
        "watch": "true",
        "allowWatchBookmarks": "true",
        "resourceVersion": "1",
        "timeoutSeconds": "60",
    }


async def test_a_documents_path_and_the_end() -> None:
    memory = Memory()
    memory.planned.append((200, {"minor": "35"}))
    client = Client(memory)

    assert await client.get_path("/version") == {"minor": "35"}
    await client.close()
    assert memory.closed


async def test_throttled_keeps_the_servers_wish() -> None:
    memory = Memory()
    memory.planned.append(
        (429, {"kind": "Status", "code": 429, "details": {"retryAfterSeconds": 3}})
    )
    with pytest.raises(Throttled) as caught:
        await Client(memory).get(PODS, "a")

    assert caught.value.retry_after_s == 3.0


@pytest.mark.parametrize(
    "name", ["x/../../../b/secrets/y", "..", ".", "a?b", "a#b", "a%2Fb", "a b", "a\n", "a\\b"]
)
def test_no_name_leads_to_another_place(name: str) -> None:
    """Names come out of users' objects, and the operator may read more than they may."""
    with pytest.raises(Invalid, match="no object can be named"):
        PODS.path("shop", name, "scale")
    with pytest.raises(Invalid, match="no object can be named"):
        PODS.path(name, "x")


@pytest.mark.parametrize("version", ["apps/v1/../../api/v1", "../api/v1", "v1?x", "v1#", ""])
async def test_no_api_version_leads_to_another_place(version: str) -> None:
    discovery = Discovery(Client(Memory()))
    with pytest.raises(NotFound, match="is no apiVersion"):
        await discovery.resource(version, "Pod")
