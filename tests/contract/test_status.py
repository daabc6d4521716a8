"""The status subresource, and what counts as a new generation."""

from __future__ import annotations

from tests.contract.http import Api
from tests.contract.places import Space, config_map, node, pod, workload


async def test_a_status_write_ignores_the_spec(api: Api, space: Space) -> None:
    path = space("deployments", "a")
    body = (await api.post(space("deployments"), workload("a", 1))).ok()
    body["spec"]["replicas"] = 9
    body["status"] = {"replicas": 1}

    changed = (await api.put(f"{path}/status", body)).ok()

    assert changed["spec"]["replicas"] == 1
    assert changed["status"]["replicas"] == 1


async def test_a_write_ignores_the_status(api: Api, space: Space) -> None:
    path = space("deployments", "a")
    body = (await api.post(space("deployments"), workload("a", 1))).ok()
    body["spec"]["replicas"] = 2
    body["status"] = {"replicas": 9}

    changed = (await api.put(path, body)).ok()

    assert changed["spec"]["replicas"] == 2
    assert "replicas" not in changed["status"]


async def test_status_is_dropped_at_creation(api: Api, space: Space) -> None:
    body = workload("a", 1) | {"status": {"replicas": 7}}

    created = (await api.post(space("deployments"), body)).ok()

    assert created["status"] == {}


async def test_a_new_pod_is_pending(api: Api, space: Space) -> None:
    body = pod("a") | {"status": {"phase": "Running"}}

    created = (await api.post(space("pods"), body)).ok()

    assert created["status"]["phase"] == "Pending"
    assert created["status"]["qosClass"] == "BestEffort"


async def test_a_new_node_keeps_the_status_it_registers_with(api: Api, space: Space) -> None:
    body = node(space.node_name("n"), space) | {"status": {"capacity": {"cpu": "4"}}}

    created = (await api.post("/api/v1/nodes", body)).ok()
    (await api.delete(f"/api/v1/nodes/{space.node_name('n')}")).ok()

    assert created["status"]["capacity"] == {"cpu": "4"}


async def test_generation_counts_changes_of_the_spec_only(api: Api, space: Space) -> None:
    path = space("deployments", "a")
    seen = [(await api.post(space("deployments"), workload("a", 1))).ok()]
    seen.append((await api.patch(path, {"metadata": {"labels": {"x": "y"}}})).ok())
    seen.append((await api.patch(path, {"spec": {"replicas": 2}})).ok())
    seen.append((await api.patch(path, {"spec": {"replicas": 2}})).ok())
    seen.append((await api.patch(f"{path}/status", {"status": {"replicas": 2}})).ok())

    assert [s["metadata"]["generation"] for s in seen] == [1, 1, 2, 2, 2]


async def test_a_config_map_has_no_generation(api: Api, space: Space) -> None:
    created = (await api.post(space("configmaps"), config_map("a"))).ok()

    assert "generation" not in created["metadata"]


async def test_the_status_of_a_config_map_is_not_found(api: Api, space: Space) -> None:
    (await api.post(space("configmaps"), config_map("a"))).ok()

    assert (await api.get(space("configmaps", "a", "status"))).status == 404


async def test_the_status_subresource_reads_the_whole_object(api: Api, space: Space) -> None:
    (await api.post(space("deployments"), workload("a", 3))).ok()

    read = (await api.get(space("deployments", "a", "status"))).ok()

    assert (read["kind"], read["spec"]["replicas"]) == ("Deployment", 3)


async def test_labels_cannot_change_through_a_pods_spec_less_status_write(
    api: Api, space: Space
) -> None:
    (await api.post(space("pods"), pod("a", labels={"x": "1"}))).ok()
    change = {"metadata": {"labels": {"x": "2"}}, "status": {"phase": "Running"}}

    changed = (await api.patch(space("pods", "a", "status"), change)).ok()

    assert changed["status"]["phase"] == "Running"
    assert changed["metadata"]["labels"] == {"x": "2"}
