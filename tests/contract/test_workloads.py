"""Workload controllers: what a Deployment, StatefulSet, DaemonSet or Job makes of its spec."""

from __future__ import annotations

import re

from tests.contract.http import Api, Json
from tests.contract.places import Space, container, workload
from tests.contract.running import condition, finish, names, pods_of, ready_node, set_ready

COST = "controller.kubernetes.io/pod-deletion-cost"


async def test_a_deployment_makes_a_replica_set_that_makes_pods(
    busy_api: Api, busy_space: Space
) -> None:
    (await busy_api.post(busy_space("deployments"), workload("web", 3))).ok()

    pods = await pods_of(busy_api, busy_space, 3, "app=web")
    sets = (await busy_api.get(busy_space("replicasets"))).ok()["items"]

    assert len(sets) == 1
    made = sets[0]["metadata"]
    assert re.fullmatch(r"web-[bcdf-hj-np-tv-z0-9]{5,10}", made["name"])
    assert made["ownerReferences"][0]["kind"] == "Deployment"
    for pod in pods:
        owner = pod["metadata"]["ownerReferences"][0]
        assert (owner["kind"], owner["name"], owner["controller"]) == (
            "ReplicaSet",
            made["name"],
            True,
        )
        assert pod["metadata"]["labels"]["pod-template-hash"] == made["labels"]["pod-template-hash"]
        assert pod["metadata"]["generateName"] == f"{made['name']}-"


async def test_a_deployment_counts_its_ready_pods(busy_api: Api, busy_space: Space) -> None:
    (await busy_api.post(busy_space("deployments"), workload("web", 2))).ok()
    for name in names(await pods_of(busy_api, busy_space, 2)):
        await set_ready(busy_api, busy_space, name)

    found = await busy_api.eventually(
        busy_space("deployments", "web"),
        lambda d: d["status"].get("availableReplicas") == 2,
    )

    assert found["status"]["readyReplicas"] == found["status"]["updatedReplicas"] == 2
    assert found["status"]["observedGeneration"] == found["metadata"]["generation"]
    assert condition(found, "Available")["status"] == "True"


async def test_scaling_up_adds_and_scaling_down_removes(busy_api: Api, busy_space: Space) -> None:
    (await busy_api.post(busy_space("deployments"), workload("web", 1))).ok()
    await pods_of(busy_api, busy_space, 1)

    scale = busy_space("deployments", "web", "scale")
    (await busy_api.patch(scale, {"spec": {"replicas": 4}})).ok()
    await pods_of(busy_api, busy_space, 4)
    (await busy_api.patch(scale, {"spec": {"replicas": 0}})).ok()

    await pods_of(busy_api, busy_space, 0)
    found = await busy_api.eventually(scale, lambda s: s["status"]["replicas"] == 0)
    assert found["spec"] == {}


async def test_a_deleted_pod_is_replaced(busy_api: Api, busy_space: Space) -> None:
    (await busy_api.post(busy_space("deployments"), workload("web", 1))).ok()
    first = names(await pods_of(busy_api, busy_space, 1))[0]

    (await busy_api.delete(busy_space("pods", first))).ok()

    await busy_api.eventually(
        busy_space("pods"),
        lambda found: len(found["items"]) == 1 and names(found["items"]) != [first],
    )


async def test_a_new_template_moves_to_a_new_replica_set(busy_api: Api, busy_space: Space) -> None:
    strategy = {"type": "Recreate"}
    (await busy_api.post(busy_space("deployments"), workload("web", 2, strategy=strategy))).ok()
    old = await pods_of(busy_api, busy_space, 2)
    image = {"template": {"spec": {"containers": [container(image="example.invalid/app:2")]}}}

    (await busy_api.patch(busy_space("deployments", "web"), {"spec": image}, "strategic")).ok()

    def moved(found: Json) -> bool:
        images = {p["spec"]["containers"][0]["image"] for p in found["items"]}
        return len(found["items"]) == 2 and images == {"example.invalid/app:2"}

    new = await busy_api.eventually(busy_space("pods"), moved)
    sets = (await busy_api.get(busy_space("replicasets"))).ok()["items"]
    assert not set(names(new["items"])) & set(names(old))
    assert sorted(s["spec"]["replicas"] for s in sets) == [0, 2]


async def test_a_rolling_update_waits_for_ready_pods(busy_api: Api, busy_space: Space) -> None:
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    (await busy_api.post(busy_space("deployments"), workload("web", 2, strategy=rolling))).ok()
    for name in names(await pods_of(busy_api, busy_space, 2)):
        await set_ready(busy_api, busy_space, name)
    path = busy_space("deployments", "web")
    await busy_api.eventually(path, lambda d: d["status"].get("availableReplicas") == 2)
    image = {"template": {"spec": {"containers": [container(image="example.invalid/app:2")]}}}

    (await busy_api.patch(path, {"spec": image}, "strategic")).ok()
    pods = await pods_of(busy_api, busy_space, 3)
    new = [p for p in pods if p["spec"]["containers"][0]["image"].endswith(":2")]
    await set_ready(busy_api, busy_space, new[0]["metadata"]["name"])

    def second(found: Json) -> bool:
        images = [p["spec"]["containers"][0]["image"][-2:] for p in found["items"]]
        return sorted(images) == [":1", ":2", ":2"]

    assert len(new) == 1, "one above the wanted count, and no old one gone"
    await busy_api.eventually(busy_space("pods"), second)


async def test_the_cheapest_pod_to_delete_goes_first(busy_api: Api, busy_space: Space) -> None:
    (await busy_api.post(busy_space("replicasets"), workload("web", 3))).ok()
    first, second, third = names(await pods_of(busy_api, busy_space, 3))
    for name, cost in ((first, "10"), (second, "-10"), (third, "5")):
        await set_ready(busy_api, busy_space, name)
        change = {"metadata": {"annotations": {COST: cost}}}
        (await busy_api.patch(busy_space("pods", name), change)).ok()
    path = busy_space("replicasets", "web")
    await busy_api.eventually(path, lambda r: r["status"].get("readyReplicas") == 3)

    (await busy_api.patch(path, {"spec": {"replicas": 1}})).ok()

    assert names(await pods_of(busy_api, busy_space, 1)) == [first]


async def test_a_pod_that_is_not_ready_goes_before_one_that_is(
    busy_api: Api, busy_space: Space
) -> None:
    """Even when the ready one is cheaper: what serves nobody is lost on nobody."""
    (await busy_api.post(busy_space("replicasets"), workload("web", 2))).ok()
    first, second = names(await pods_of(busy_api, busy_space, 2))
    node = await ready_node(busy_api, busy_space, "n")
    for name in (first, second):
        target = {"metadata": {"name": name}, "target": {"kind": "Node", "name": node}}
        await busy_api.post(busy_space("pods", name, "binding"), target)
        await busy_api.eventually(
            busy_space("pods", name), lambda found: bool(found["spec"].get("nodeName"))
        )
    await set_ready(busy_api, busy_space, first)
    await set_ready(busy_api, busy_space, second, ready=False)
    path = busy_space("replicasets", "web")
    await busy_api.eventually(path, lambda r: r["status"].get("readyReplicas") == 1)

    (await busy_api.patch(path, {"spec": {"replicas": 1}})).ok()

    await busy_api.eventually(
        busy_space("pods", second), lambda found: "deletionTimestamp" in found["metadata"]
    )
    kept = (await busy_api.get(busy_space("pods", first))).ok()
    assert "deletionTimestamp" not in kept["metadata"]


async def test_a_replica_set_adopts_a_matching_orphan(busy_api: Api, busy_space: Space) -> None:
    orphan = {"metadata": {"name": "orphan", "labels": {"app": "web"}},
              "spec": {"containers": [container()]}}  # fmt: skip
    (await busy_api.post(busy_space("pods"), orphan)).ok()

    (await busy_api.post(busy_space("replicasets"), workload("web", 2))).ok()

    assert "orphan" in names(await pods_of(busy_api, busy_space, 2))
    found = await busy_api.eventually(
        busy_space("pods", "orphan"), lambda p: "ownerReferences" in p["metadata"]
    )
    assert found["metadata"]["ownerReferences"][0]["name"] == "web"


async def test_a_stateful_set_goes_up_in_order_and_down_in_reverse(
    busy_api: Api, busy_space: Space
) -> None:
    (await busy_api.post(busy_space("statefulsets"), workload("db", 2, serviceName="db"))).ok()
    assert names(await pods_of(busy_api, busy_space, 1)) == ["db-0"]
    await set_ready(busy_api, busy_space, "db-0")
    assert names(await pods_of(busy_api, busy_space, 2)) == ["db-0", "db-1"]
    await set_ready(busy_api, busy_space, "db-1")
    path = busy_space("statefulsets", "db")
    await busy_api.eventually(path, lambda s: s["status"].get("readyReplicas") == 2)

    (await busy_api.patch(path, {"spec": {"replicas": 1}})).ok()

    assert names(await pods_of(busy_api, busy_space, 1)) == ["db-0"]


def job(name: str, **spec: object) -> Json:
    template = {"spec": {"containers": [container()], "restartPolicy": "Never"}}
    return {"metadata": {"name": name}, "spec": {"template": template} | spec}


async def test_a_job_completes_when_its_pods_succeed(busy_api: Api, busy_space: Space) -> None:
    body = job("work", completions=2, parallelism=2)
    (await busy_api.post(busy_space("jobs"), body)).ok()
    for name in names(await pods_of(busy_api, busy_space, 2)):
        await finish(busy_api, busy_space, name, "Succeeded")

    done = await busy_api.eventually(
        busy_space("jobs", "work"), lambda j: condition(j, "Complete").get("status") == "True"
    )

    assert done["status"]["succeeded"] == 2
    assert "completionTime" in done["status"]


async def test_a_job_runs_no_more_than_its_parallelism(busy_api: Api, busy_space: Space) -> None:
    (await busy_api.post(busy_space("jobs"), job("work", completions=3, parallelism=1))).ok()

    for count in (1, 2, 3):
        pods = await pods_of(busy_api, busy_space, count)
        pending = [p for p in pods if p["status"]["phase"] == "Pending"]
        assert len(pending) == 1
        await finish(busy_api, busy_space, pending[0]["metadata"]["name"], "Succeeded")

    await busy_api.eventually(
        busy_space("jobs", "work"), lambda j: condition(j, "Complete").get("status") == "True"
    )


async def test_a_job_fails_beyond_its_backoff_limit(busy_api: Api, busy_space: Space) -> None:
    (await busy_api.post(busy_space("jobs"), job("work", backoffLimit=0))).ok()
    (name,) = names(await pods_of(busy_api, busy_space, 1))

    await finish(busy_api, busy_space, name, "Failed")

    failed = await busy_api.eventually(
        busy_space("jobs", "work"), lambda j: condition(j, "Failed").get("status") == "True"
    )
    assert condition(failed, "Failed")["reason"] == "BackoffLimitExceeded"


async def test_a_daemon_set_puts_one_pod_on_each_matching_node(
    busy_api: Api, busy_space: Space
) -> None:
    chosen = {"contract.tandem/daemon": busy_space.suffix}
    first = await ready_node(busy_api, busy_space, "first", labels=chosen)
    await ready_node(busy_api, busy_space, "other")
    body = workload("agent", 0)
    del body["spec"]["replicas"]
    body["spec"]["template"]["spec"]["nodeSelector"] = chosen
    (await busy_api.post(busy_space("daemonsets"), body)).ok()

    pods = await pods_of(busy_api, busy_space, 1)
    second = await ready_node(busy_api, busy_space, "second", labels=chosen)
    await pods_of(busy_api, busy_space, 2)
    bound = await busy_api.eventually(
        busy_space("pods"), lambda found: all(p["spec"].get("nodeName") for p in found["items"])
    )

    assert pods[0]["metadata"]["ownerReferences"][0]["kind"] == "DaemonSet"
    assert {p["spec"]["nodeName"] for p in bound["items"]} == {first, second}


async def test_a_daemon_pod_tolerates_a_cordoned_node(busy_api: Api, busy_space: Space) -> None:
    chosen = {"contract.tandem/daemon": busy_space.suffix}
    node = await ready_node(busy_api, busy_space, "n", labels=chosen, unschedulable=True)
    body = workload("agent", 0)
    del body["spec"]["replicas"]
    body["spec"]["template"]["spec"]["nodeSelector"] = chosen
    (await busy_api.post(busy_space("daemonsets"), body)).ok()

    await pods_of(busy_api, busy_space, 1)
    bound = await busy_api.eventually(
        busy_space("pods"), lambda found: all(p["spec"].get("nodeName") for p in found["items"])
    )

    assert bound["items"][0]["spec"]["nodeName"] == node
