"""What Tandem writes beside its real work: Events, Leases, Secrets and ConfigMaps."""

from __future__ import annotations

import base64

import pytest

from tests.contract.http import Api, Json
from tests.contract.places import Space, config_map

MICRO = "2026-01-02T03:04:05.678901Z"


def event(space: Space, name: str = "a", **fields: object) -> Json:
    regarding = {"kind": "Pod", "namespace": space.name, "name": "web", "uid": "u-1"}
    return {
        "metadata": {"name": name},
        "involvedObject": regarding,
        "reason": "Scaled",
        "message": "from 1 to 3",
        "type": "Normal",
        "count": 1,
    } | fields


def lease(**spec: object) -> Json:
    fields = {"holderIdentity": "me", "leaseDurationSeconds": 15, "renewTime": MICRO}
    return {"metadata": {"name": "a"}, "spec": fields | spec}


async def test_an_event_is_kept_as_written(api: Api, space: Space) -> None:
    made = (await api.post(space("events"), event(space))).ok()

    assert (made["reason"], made["message"], made["count"]) == ("Scaled", "from 1 to 3", 1)
    assert made["involvedObject"]["name"] == "web"


async def test_an_event_lives_in_the_namespace_of_its_object(api: Api, space: Space) -> None:
    stray = event(space, involvedObject={"kind": "Pod", "namespace": "other", "name": "web"})

    body = (await api.post(space("events"), stray)).refused(422, "Invalid")

    assert body["details"]["causes"][0]["field"] == "involvedObject.namespace"


async def test_an_event_about_a_cluster_wide_object_lives_in_default(
    api: Api, space: Space
) -> None:
    about = {"kind": "Node", "name": "n1"}
    name = space.node_name("about-node")
    path = "/api/v1/namespaces/default/events"

    (await api.post(path, event(space, name, involvedObject=about))).ok()


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        pytest.param("involvedObject.name=web", ["a", "b"], id="object"),
        pytest.param("involvedObject.kind=Pod,reason=Failed", ["b"], id="kind and reason"),
        pytest.param("involvedObject.uid=u-1", ["a", "b"], id="uid"),
        pytest.param("type=Warning", ["b"], id="type"),
        pytest.param("involvedObject.name!=web", ["c"], id="another object"),
    ],
)
async def test_events_are_found_by_what_they_are_about(
    api: Api, space: Space, selector: str, expected: list[str]
) -> None:
    other = {"kind": "Node", "name": "n", "namespace": space.name}
    (await api.post(space("events"), event(space))).ok()
    (await api.post(space("events"), event(space, "b", reason="Failed", type="Warning"))).ok()
    (await api.post(space("events"), event(space, "c", involvedObject=other))).ok()

    listed = (await api.get(space("events"), fieldSelector=selector)).ok()

    assert [i["metadata"]["name"] for i in listed["items"]] == expected


async def test_an_event_can_be_counted_up(api: Api, space: Space) -> None:
    (await api.post(space("events"), event(space))).ok()

    changed = (await api.patch(space("events", "a"), {"count": 2})).ok()

    assert changed["count"] == 2


async def test_the_two_event_groups_show_the_same_events(api: Api, space: Space) -> None:
    (await api.post(space("events"), event(space))).ok()

    other = (await api.get(space("events", "a", root="/apis/events.k8s.io/v1"))).ok()

    assert other["regarding"]["name"] == "web"
    assert (other["note"], other["deprecatedCount"]) == ("from 1 to 3", 1)


async def test_a_lease_keeps_microseconds(api: Api, space: Space) -> None:
    (await api.post(space("leases"), lease())).ok()

    found = (await api.get(space("leases", "a"))).ok()

    assert found["spec"]["renewTime"] == MICRO


async def test_a_lease_time_without_microseconds_is_refused(api: Api, space: Space) -> None:
    answer = await api.post(space("leases"), lease(renewTime="2026-01-02T03:04:05Z"))

    assert "cannot parse" in answer.refused(400, "BadRequest")["message"]


async def test_a_lease_is_taken_by_one_of_two(api: Api, space: Space) -> None:
    held = (await api.post(space("leases"), lease())).ok()
    first = held | {"spec": held["spec"] | {"holderIdentity": "first"}}
    second = held | {"spec": held["spec"] | {"holderIdentity": "second"}}

    (await api.put(space("leases", "a"), first)).ok()

    (await api.put(space("leases", "a"), second)).refused(409, "Conflict")


async def test_a_lease_lasts_above_zero(api: Api, space: Space) -> None:
    body = (await api.post(space("leases"), lease(leaseDurationSeconds=0))).refused(422, "Invalid")

    assert body["details"]["causes"][0]["field"] == "spec.leaseDurationSeconds"


async def test_a_secret_is_base64_with_a_type(api: Api, space: Space) -> None:
    body = {"metadata": {"name": "a"}, "stringData": {"password": "s3cret"}}

    made = (await api.post(space("secrets"), body)).ok()

    assert made["type"] == "Opaque"
    assert made["data"] == {"password": base64.b64encode(b"s3cret").decode()}
    assert "stringData" not in made


async def test_an_immutable_config_map_stays(api: Api, space: Space) -> None:
    (await api.post(space("configmaps"), config_map("a", k="1") | {"immutable": True})).ok()

    answer = await api.patch(space("configmaps", "a"), {"data": {"k": "2"}})

    message = answer.refused(422, "Invalid")["message"]
    assert "field is immutable when `immutable` is set" in message
