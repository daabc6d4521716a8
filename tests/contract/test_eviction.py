"""Evictions: what a PodDisruptionBudget allows, and what the evicter is told when it does not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.http import Answer, Api, Json
from tests.contract.places import Space, budget, pod

READY = {"type": "Ready", "status": "True"}
UNREADY = {"type": "Ready", "status": "False"}


async def running(api: Api, space: Space, name: str = "a", ready: Json = READY) -> Json:
    """A bound, running pod that the budgets of these cases select."""
    (await api.post(space("pods"), pod(name, labels={"app": "a"}, nodeName="n"))).ok()
    status = {"phase": "Running", "conditions": [ready]}
    return (await api.patch(space("pods", name, "status"), {"status": status})).ok()


async def budgeted(api: Api, space: Space, name: str = "a", **status: int) -> None:
    """A budget with *status*, as if the disruption controller had counted."""
    counts = {"disruptionsAllowed": 0, "currentHealthy": 1, "desiredHealthy": 1, "expectedPods": 1}
    made = (await api.post(space("poddisruptionbudgets"), budget(name, minAvailable=1))).ok()
    seen = {"observedGeneration": made["metadata"]["generation"]}
    change = {"status": counts | seen | status}
    (await api.patch(space("poddisruptionbudgets", name, "status"), change)).ok()


async def evict(api: Api, space: Space, name: str = "a", **options: Any) -> Answer:
    body: Json = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
    return await api.post(
        space("pods", name, "eviction"), body | ({"deleteOptions": options} if options else {})
    )


async def terminating(api: Api, space: Space, name: str = "a") -> bool:
    answer = await api.get(space("pods", name))
    return answer.status == 404 or "deletionTimestamp" in answer.body["metadata"]


async def test_a_pod_without_a_budget_is_evicted(api: Api, space: Space) -> None:
    await running(api, space)

    answer = await evict(api, space)

    assert answer.status == 201
    assert (answer.body["kind"], answer.body["status"]) == ("Status", "Success")
    assert await terminating(api, space)


async def test_an_unbound_pod_is_gone_after_its_eviction(api: Api, space: Space) -> None:
    (await api.post(space("pods"), pod("a"))).ok()

    (await evict(api, space)).ok()

    (await api.get(space("pods", "a"))).refused(404, "NotFound")


async def test_a_budget_that_allows_one_pays_for_it(api: Api, space: Space) -> None:
    await running(api, space)
    await budgeted(api, space, disruptionsAllowed=1, currentHealthy=2)

    (await evict(api, space)).ok()

    status = (await api.get(space("poddisruptionbudgets", "a"))).ok()["status"]
    assert status["disruptionsAllowed"] == 0
    assert list(status["disruptedPods"]) == ["a"]


async def test_a_budget_that_allows_none_refuses_with_its_count(api: Api, space: Space) -> None:
    await running(api, space)
    await budgeted(api, space, currentHealthy=1, desiredHealthy=2)

    body = (await evict(api, space)).refused(429, "TooManyRequests")

    assert body["message"] == ("Cannot evict pod as it would violate the pod's disruption budget.")
    assert body["details"]["causes"] == [
        {
            "reason": "DisruptionBudget",
            "message": "The disruption budget a needs 2 healthy pods and has 1 currently",
        }
    ]
    assert not await terminating(api, space)


async def test_a_budget_nobody_has_counted_yet_asks_to_come_back(api: Api, space: Space) -> None:
    await running(api, space)
    (await api.post(space("poddisruptionbudgets"), budget("a", minAvailable=1))).ok()

    answer = await evict(api, space)

    body = answer.refused(429, "TooManyRequests")
    cause = "The disruption budget a is still being processed by the server."
    assert body["details"]["causes"] == [{"reason": "DisruptionBudget", "message": cause}]
    assert body["details"]["retryAfterSeconds"] == 10
    assert answer.headers["Retry-After"] == "10"


async def test_two_budgets_over_one_pod_are_an_error(api: Api, space: Space) -> None:
    await running(api, space)
    await budgeted(api, space, "a", disruptionsAllowed=1)
    await budgeted(api, space, "b", disruptionsAllowed=1)

    body = (await evict(api, space)).refused(500, None)

    assert "more than one PodDisruptionBudget" in body["message"]


async def test_a_budget_of_other_pods_does_not_count(api: Api, space: Space) -> None:
    await running(api, space)
    other = budget("other", minAvailable=1, selector={"matchLabels": {"app": "other"}})
    (await api.post(space("poddisruptionbudgets"), other)).ok()

    (await evict(api, space)).ok()


async def test_a_dry_eviction_neither_deletes_nor_pays(api: Api, space: Space) -> None:
    await running(api, space)
    await budgeted(api, space, disruptionsAllowed=1, currentHealthy=2)

    (await evict(api, space, dryRun=["All"])).ok()

    assert not await terminating(api, space)
    status = (await api.get(space("poddisruptionbudgets", "a"))).ok()["status"]
    assert status["disruptionsAllowed"] == 1


async def test_a_dry_eviction_is_refused_like_a_real_one(api: Api, space: Space) -> None:
    await running(api, space)
    await budgeted(api, space)

    (await evict(api, space, dryRun=["All"])).refused(429, "TooManyRequests")


async def test_another_uid_is_a_conflict(api: Api, space: Space) -> None:
    await running(api, space)
    uid = "00000000-0000-0000-0000-000000000000"

    (await evict(api, space, preconditions={"uid": uid})).refused(409, "Conflict")

    assert not await terminating(api, space)


async def test_the_right_uid_is_evicted(api: Api, space: Space) -> None:
    made = await running(api, space)

    (await evict(api, space, preconditions={"uid": made["metadata"]["uid"]})).ok()


async def test_the_grace_period_travels_with_the_eviction(api: Api, space: Space) -> None:
    await running(api, space)

    (await evict(api, space, gracePeriodSeconds=7)).ok()

    meta = (await api.get(space("pods", "a"))).ok()["metadata"]
    assert meta["deletionGracePeriodSeconds"] == 7


async def test_a_gone_pod_is_not_found(api: Api, space: Space) -> None:
    body = (await evict(api, space)).refused(404, "NotFound")

    assert body["message"] == 'pods "a" not found'


@pytest.mark.parametrize("phase", ["Pending", "Succeeded", "Failed"])
async def test_a_pod_that_serves_nobody_needs_no_budget(api: Api, space: Space, phase: str) -> None:
    await running(api, space)
    (await api.patch(space("pods", "a", "status"), {"status": {"phase": phase}})).ok()
    await budgeted(api, space)

    (await evict(api, space)).ok()


async def test_a_terminating_pod_needs_no_budget(api: Api, space: Space) -> None:
    await running(api, space)
    await budgeted(api, space)
    (await api.delete(space("pods", "a"))).ok()

    (await evict(api, space)).ok()


async def test_an_unready_pod_may_go_while_enough_are_healthy(api: Api, space: Space) -> None:
    await running(api, space, ready=UNREADY)
    await budgeted(api, space, currentHealthy=1, desiredHealthy=1)

    (await evict(api, space)).ok()


async def test_an_unready_pod_is_protected_while_too_few_are_healthy(
    api: Api, space: Space
) -> None:
    await running(api, space, ready=UNREADY)
    await budgeted(api, space, currentHealthy=0, desiredHealthy=1)

    (await evict(api, space)).refused(429, "TooManyRequests")


async def test_always_allow_lets_unready_pods_go(api: Api, space: Space) -> None:
    await running(api, space, ready=UNREADY)
    await budgeted(api, space, currentHealthy=0, desiredHealthy=1)
    path = space("poddisruptionbudgets", "a")
    made = (await api.patch(path, {"spec": {"unhealthyPodEvictionPolicy": "AlwaysAllow"}})).ok()
    seen = {"status": {"observedGeneration": made["metadata"]["generation"]}}
    (await api.patch(f"{path}/status", seen)).ok()

    (await evict(api, space)).ok()


async def test_an_eviction_of_another_name_is_refused(api: Api, space: Space) -> None:
    await running(api, space)
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "b"}}

    (await api.post(space("pods", "a", "eviction"), body)).refused(400, "BadRequest")


async def test_a_budget_has_one_bound_only(api: Api, space: Space) -> None:
    both = budget("a", minAvailable=1, maxUnavailable=1)

    body = (await api.post(space("poddisruptionbudgets"), both)).refused(422, "Invalid")

    assert "minAvailable and maxUnavailable cannot be both set" in body["message"]
