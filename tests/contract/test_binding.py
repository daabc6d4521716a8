"""Binding: a pod gets its node once."""

from __future__ import annotations

from tests.contract.http import Answer, Api, Json
from tests.contract.places import Space, pod


async def bind(api: Api, space: Space, node: str, name: str = "a") -> Answer:
    body: Json = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name}}
    target = {"target": {"apiVersion": "v1", "kind": "Node", "name": node}}
    return await api.post(space("pods", name, "binding"), body | target)


async def test_a_binding_sets_node_and_condition(api: Api, space: Space) -> None:
    (await api.post(space("pods"), pod("a"))).ok()

    answer = await bind(api, space, "n1")
    bound = (await api.get(space("pods", "a"))).ok()

    assert answer.status == 201
    assert (answer.body["kind"], answer.body["status"]) == ("Status", "Success")
    assert bound["spec"]["nodeName"] == "n1"
    conditions = {c["type"]: c["status"] for c in bound["status"]["conditions"]}
    assert conditions == {"PodScheduled": "True"}


async def test_a_second_binding_is_a_conflict(api: Api, space: Space) -> None:
    (await api.post(space("pods"), pod("a"))).ok()
    (await bind(api, space, "n1")).ok()

    body = (await bind(api, space, "n2")).refused(409, "Conflict")

    assert 'pod a is already assigned to node "n1"' in body["message"]


async def test_a_missing_pod_cannot_be_bound(api: Api, space: Space) -> None:
    (await bind(api, space, "n1")).refused(404, "NotFound")


async def test_a_binding_needs_a_node(api: Api, space: Space) -> None:
    (await api.post(space("pods"), pod("a"))).ok()

    answer = await bind(api, space, "")

    assert answer.status >= 400
    assert answer.body["message"] == "target.name: Required value"


async def test_the_node_need_not_exist(api: Api, space: Space) -> None:
    """The API server does not look: a binder must know its nodes."""
    (await api.post(space("pods"), pod("a"))).ok()

    (await bind(api, space, f"nowhere-{space.suffix}")).ok()


async def test_a_terminating_pod_cannot_be_bound(api: Api, space: Space) -> None:
    body = pod("a")
    body["metadata"]["finalizers"] = ["contract.tandem/hold"]
    (await api.post(space("pods"), body)).ok()
    (await api.delete(space("pods", "a"))).ok()

    answer = await bind(api, space, "n1")

    assert (
        "is being deleted, cannot be assigned to a host"
        in (answer.refused(409, "Conflict")["message"])
    )


async def test_a_gated_pod_cannot_be_bound(api: Api, space: Space) -> None:
    (
        await api.post(space("pods"), pod("a", schedulingGates=[{"name": "contract.tandem/wait"}]))
    ).ok()

    answer = await bind(api, space, "n1")

    assert "has non-empty .spec.schedulingGates" in answer.body["message"]
    assert answer.status in {409, 422, 500}
