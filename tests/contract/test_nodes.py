"""Nodes as an autoscaler of nodes writes them."""

from __future__ import annotations

from tests.contract.http import Api
from tests.contract.places import NODES, Space, node


async def test_a_node_is_cluster_wide(api: Api, space: Space) -> None:
    name = space.node_name("n")
    made = (await api.post(NODES, node(name, space, providerID="kwok://1"))).ok()
    listed = (await api.get(NODES, fieldSelector=f"metadata.name={name}")).ok()
    (await api.delete(f"{NODES}/{name}")).ok()

    assert "namespace" not in made["metadata"]
    assert made["spec"]["providerID"] == "kwok://1"
    assert len(listed["items"]) == 1


async def test_a_new_node_starts_with_the_not_ready_taint(api: Api, space: Space) -> None:
    name = space.node_name("n")
    made = (await api.post(NODES, node(name, space))).ok()
    (await api.delete(f"{NODES}/{name}")).ok()

    assert made["spec"]["taints"] == [
        {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}
    ]


async def test_capacity_and_conditions_are_status(api: Api, space: Space) -> None:
    name = space.node_name("n")
    (await api.post(NODES, node(name, space))).ok()
    status = {
        "capacity": {"cpu": "4", "memory": "8Gi", "example.com/gpu": "2"},
        "allocatable": {"cpu": "3900m"},
        "conditions": [{"type": "Ready", "status": "True", "reason": "Up"}],
        "addresses": [{"type": "InternalIP", "address": "10.0.0.9"}],
    }

    changed = (await api.patch(f"{NODES}/{name}/status", {"status": status})).ok()
    (await api.delete(f"{NODES}/{name}")).ok()

    assert changed["status"]["capacity"] == status["capacity"]
    assert changed["status"]["allocatable"]["cpu"] == "3900m"
    assert changed["status"]["addresses"] == status["addresses"]


async def test_quantities_come_back_in_canonical_form(api: Api, space: Space) -> None:
    name = space.node_name("n")
    (await api.post(NODES, node(name, space))).ok()
    given = {"cpu": "1500m", "memory": "2048Mi", "ephemeral-storage": "0.5Gi", "pods": "110"}

    status = {"status": {"capacity": given}}
    changed = (await api.patch(f"{NODES}/{name}/status", status)).ok()
    (await api.delete(f"{NODES}/{name}")).ok()

    assert changed["status"]["capacity"] == {
        "cpu": "1500m",
        "memory": "2Gi",
        "ephemeral-storage": "512Mi",
        "pods": "110",
    }


async def test_cordon_and_uncordon(api: Api, space: Space) -> None:
    path = f"{NODES}/{space.node_name('n')}"
    (await api.post(NODES, node(space.node_name("n"), space))).ok()

    closed = (await api.patch(path, {"spec": {"unschedulable": True}}, "strategic")).ok()
    opened = (await api.patch(path, {"spec": {"unschedulable": None}}, "strategic")).ok()
    (await api.delete(path)).ok()

    assert closed["spec"]["unschedulable"] is True
    assert "unschedulable" not in opened["spec"]


async def test_the_provider_id_is_set_once(api: Api, space: Space) -> None:
    path = f"{NODES}/{space.node_name('n')}"
    (await api.post(NODES, node(space.node_name("n"), space))).ok()

    (await api.patch(path, {"spec": {"providerID": "kwok://1"}})).ok()
    answer = await api.patch(path, {"spec": {"providerID": "kwok://2"}})
    (await api.delete(path)).ok()

    assert "spec.providerID" in answer.refused(422, "Invalid")["message"]


async def test_a_taint_needs_a_known_effect(api: Api, space: Space) -> None:
    taints = [{"key": "a", "effect": "Sometimes"}]

    body = (await api.post(NODES, node(space.node_name("n"), space, taints=taints))).refused(
        422, "Invalid"
    )

    assert body["details"]["causes"][0]["field"] == "metadata.taints[0].effect"


async def test_a_finalizer_holds_a_node_until_it_is_drained(api: Api, space: Space) -> None:
    path = f"{NODES}/{space.node_name('n')}"
    body = node(space.node_name("n"), space)
    body["metadata"]["finalizers"] = ["contract.tandem/termination"]
    (await api.post(NODES, body)).ok()

    going = (await api.delete(path)).ok()
    (await api.patch(path, {"metadata": {"finalizers": None}})).ok()

    assert "deletionTimestamp" in going["metadata"]
    (await api.get(path)).refused(404, "NotFound")
