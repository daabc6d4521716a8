"""The scale subresource of the built-in workloads; that of CRDs is in test_crd_subresources."""

from __future__ import annotations

import pytest

from tests.contract.http import Api, Json
from tests.contract.places import Space, workload


def body_of(plural: str) -> Json:
    extra = {"serviceName": "a"} if plural == "statefulsets" else {}
    body = workload("a", 3, **extra)
    if plural == "replicationcontrollers":
        body["spec"]["selector"] = {"app": "a"}
    return body


@pytest.mark.parametrize(
    "plural", ["deployments", "replicasets", "statefulsets", "replicationcontrollers"]
)
async def test_scale_shows_replicas_and_selector(api: Api, space: Space, plural: str) -> None:
    made = (await api.post(space(plural), body_of(plural))).ok()

    scale = (await api.get(space(plural, "a", "scale"))).ok()

    assert (scale["apiVersion"], scale["kind"]) == ("autoscaling/v1", "Scale")
    assert scale["spec"] == {"replicas": 3}
    assert scale["status"] == {"replicas": 0, "selector": "app=a"}
    for field in ("name", "namespace", "uid", "resourceVersion", "creationTimestamp"):
        assert scale["metadata"][field] == made["metadata"][field]


@pytest.mark.parametrize("plural", ["deployments", "replicasets", "statefulsets"])
async def test_a_put_to_scale_changes_replicas_only(api: Api, space: Space, plural: str) -> None:
    made = (await api.post(space(plural), body_of(plural))).ok()
    scale = (await api.get(space(plural, "a", "scale"))).ok()

    answer = (await api.put(space(plural, "a", "scale"), scale | {"spec": {"replicas": 7}})).ok()
    after = (await api.get(space(plural, "a"))).ok()

    assert answer["spec"] == {"replicas": 7}
    assert after["spec"] == made["spec"] | {"replicas": 7}
    assert after["metadata"]["generation"] == 2
    assert answer["metadata"]["resourceVersion"] == after["metadata"]["resourceVersion"]


async def test_a_merge_patch_to_scale(api: Api, space: Space) -> None:
    (await api.post(space("deployments"), workload("a", 3))).ok()

    answer = await api.patch(space("deployments", "a", "scale"), {"spec": {"replicas": 0}})

    assert answer.ok()["spec"] == {}, "zero is left out of the JSON"
    assert (await api.get(space("deployments", "a"))).ok()["spec"]["replicas"] == 0


async def test_a_stale_scale_is_a_conflict(api: Api, space: Space) -> None:
    (await api.post(space("deployments"), workload("a", 3))).ok()
    path = space("deployments", "a")
    stale = (await api.get(f"{path}/scale")).ok()
    (await api.patch(path, {"metadata": {"labels": {"x": "y"}}})).ok()

    answer = await api.put(f"{path}/scale", stale | {"spec": {"replicas": 7}})

    answer.refused(409, "Conflict")
    assert (await api.get(path)).ok()["spec"]["replicas"] == 3


async def test_negative_replicas_are_invalid(api: Api, space: Space) -> None:
    (await api.post(space("deployments"), workload("a", 3))).ok()

    answer = await api.patch(space("deployments", "a", "scale"), {"spec": {"replicas": -1}})

    body = answer.refused(422, "Invalid")
    assert body["details"]["causes"] == [
        {
            "reason": "FieldValueInvalid",
            "message": "Invalid value: -1: must be greater than or equal to 0",
            "field": "spec.replicas",
        }
    ]


async def test_the_scale_of_nothing_is_not_found(api: Api, space: Space) -> None:
    body = (await api.get(space("deployments", "a", "scale"))).refused(404, "NotFound")

    assert body["message"] == 'deployments.apps "a" not found'


async def test_a_daemon_set_has_no_scale(api: Api, space: Space) -> None:
    body = workload("a", 0)
    del body["spec"]["replicas"]
    (await api.post(space("daemonsets"), body)).ok()

    assert (await api.get(space("daemonsets", "a", "scale"))).status == 404


async def test_scaling_to_the_present_count_is_no_new_generation(api: Api, space: Space) -> None:
    (await api.post(space("deployments"), workload("a", 3))).ok()

    (await api.patch(space("deployments", "a", "scale"), {"spec": {"replicas": 3}})).ok()

    assert (await api.get(space("deployments", "a"))).ok()["metadata"]["generation"] == 1


async def test_the_selector_of_scale_renders_expressions(api: Api, space: Space) -> None:
    expression = {"key": "tier", "operator": "In", "values": ["x", "y"]}
    body = workload("a", 1)
    body["spec"]["selector"]["matchExpressions"] = [expression]
    body["spec"]["template"]["metadata"]["labels"]["tier"] = "x"
    (await api.post(space("deployments"), body)).ok()

    scale = (await api.get(space("deployments", "a", "scale"))).ok()

    assert scale["status"]["selector"] == "app=a,tier in (x,y)"
