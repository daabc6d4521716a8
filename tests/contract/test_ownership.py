"""Garbage collection and disruption budgets: what follows from others' deletions and counts."""

from __future__ import annotations

from tests.contract.http import Api, Json
from tests.contract.places import NAMESPACES, Space, budget, config_map, workload
from tests.contract.running import names, pods_of, set_ready


async def healthy(api: Api, space: Space, replicas: int, ready: int) -> list[str]:
    """A ReplicaSet labelled app=a with so many pods, the first *ready* of them ready."""
    (await api.post(space("replicasets"), workload("a", replicas))).ok()
    found = names(await pods_of(api, space, replicas))
    for name in found[:ready]:
        await set_ready(api, space, name)
    return found


async def counted(api: Api, space: Space, **expected: int) -> Json:
    """The status of the budget `a`, once it holds *expected*."""

    def right(found: Json) -> bool:
        return all(found["status"].get(k) == v for k, v in expected.items())

    status: Json = (await api.eventually(space("poddisruptionbudgets", "a"), right))["status"]
    return status


async def test_deleting_a_deployment_takes_everything_below_along(
    busy_api: Api, busy_space: Space
) -> None:
    (await busy_api.post(busy_space("deployments"), workload("web", 2))).ok()
    await pods_of(busy_api, busy_space, 2)

    (await busy_api.delete(busy_space("deployments", "web"))).ok()

    await pods_of(busy_api, busy_space, 0)
    await busy_api.eventually(busy_space("replicasets"), lambda found: not found["items"])


async def test_an_orphaning_deletion_leaves_the_pods(busy_api: Api, busy_space: Space) -> None:
    (await busy_api.post(busy_space("replicasets"), workload("web", 2))).ok()
    before = names(await pods_of(busy_api, busy_space, 2))

    orphan = {"propagationPolicy": "Orphan"}
    (await busy_api.delete(busy_space("replicasets", "web"), orphan)).ok()
    await busy_api.eventually_gone(busy_space("replicasets", "web"))

    after = await pods_of(busy_api, busy_space, 2)
    assert names(after) == before
    assert all("ownerReferences" not in p["metadata"] for p in after)


async def test_a_foreground_deletion_ends_with_the_owner(busy_api: Api, busy_space: Space) -> None:
    (await busy_api.post(busy_space("replicasets"), workload("web", 2))).ok()
    await pods_of(busy_api, busy_space, 2)

    foreground = {"propagationPolicy": "Foreground"}
    (await busy_api.delete(busy_space("replicasets", "web"), foreground)).ok()

    await busy_api.eventually_gone(busy_space("replicasets", "web"))
    assert (await busy_api.get(busy_space("pods"))).ok()["items"] == []


async def test_an_object_goes_with_its_last_owner(busy_api: Api, busy_space: Space) -> None:
    maps = busy_space("configmaps")
    owners = []
    for name in ("one", "two"):
        made = (await busy_api.post(maps, config_map(name))).ok()
        uid = made["metadata"]["uid"]
        owners.append({"apiVersion": "v1", "kind": "ConfigMap", "name": name, "uid": uid})
    body = {"metadata": {"name": "child", "ownerReferences": owners}}
    (await busy_api.post(maps, body)).ok()

    (await busy_api.delete(f"{maps}/one")).ok()
    left = await busy_api.eventually(
        f"{maps}/child", lambda found: len(found["metadata"]["ownerReferences"]) == 1
    )
    (await busy_api.delete(f"{maps}/two")).ok()

    assert left["metadata"]["ownerReferences"][0]["name"] == "two"
    await busy_api.eventually_gone(f"{maps}/child")


async def test_an_owner_that_never_was_takes_the_child_along(
    busy_api: Api, busy_space: Space
) -> None:
    maps = busy_space("configmaps")
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "gone", "uid": "no-such-uid"}
    (await busy_api.post(maps, {"metadata": {"name": "a", "ownerReferences": [owner]}})).ok()

    await busy_api.eventually_gone(f"{maps}/a")


async def test_a_deleted_namespace_empties_and_goes(busy_api: Api, busy_space: Space) -> None:
    (await busy_api.post(busy_space("configmaps"), config_map("a"))).ok()

    (await busy_api.delete(f"{NAMESPACES}/{busy_space.name}")).ok()

    await busy_api.eventually_gone(f"{NAMESPACES}/{busy_space.name}")
    (await busy_api.get(busy_space("configmaps", "a"))).refused(404, "NotFound")


async def test_a_budget_counts_healthy_pods(busy_api: Api, busy_space: Space) -> None:
    (await busy_api.post(busy_space("poddisruptionbudgets"), budget("a", minAvailable=2))).ok()
    await healthy(busy_api, busy_space, 4, ready=3)

    status = await counted(busy_api, busy_space, currentHealthy=3)

    assert status["desiredHealthy"] == 2
    assert status["disruptionsAllowed"] == 1
    assert status["expectedPods"] == 4


async def test_a_share_is_rounded_up(busy_api: Api, busy_space: Space) -> None:
    """maxUnavailable 40 % of three pods is two, so one must stay."""
    body = budget("a", maxUnavailable="40%")
    (await busy_api.post(busy_space("poddisruptionbudgets"), body)).ok()
    await healthy(busy_api, busy_space, 3, ready=3)

    status = await counted(busy_api, busy_space, currentHealthy=3)

    assert (status["desiredHealthy"], status["disruptionsAllowed"]) == (1, 2)


async def test_evictions_are_paid_from_the_budget_and_paid_back(
    busy_api: Api, busy_space: Space
) -> None:
    (await busy_api.post(busy_space("poddisruptionbudgets"), budget("a", minAvailable=1))).ok()
    first, second = await healthy(busy_api, busy_space, 2, ready=2)
    await counted(busy_api, busy_space, disruptionsAllowed=1)

    async def evict(name: str) -> int:
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
        return (await busy_api.post(busy_space("pods", name, "eviction"), body)).status

    assert (await evict(first), await evict(second)) == (201, 429)
    replacement = next(n for n in names(await pods_of(busy_api, busy_space, 2)) if n != second)
    await set_ready(busy_api, busy_space, replacement)
    await counted(busy_api, busy_space, disruptionsAllowed=1)
    assert await evict(second) == 201
