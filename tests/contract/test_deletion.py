"""Deletion: finalizers, preconditions, grace periods and what a propagation policy leaves."""

from __future__ import annotations

from tests.contract.http import Api, Json
from tests.contract.places import Space, config_map, pod, workload

HOLD = "contract.tandem/hold"
OTHER_UID = "00000000-0000-0000-0000-000000000000"


def held(name: str = "a") -> Json:
    return {"metadata": {"name": name, "finalizers": [HOLD]}}


async def test_deleting_answers_success_with_the_uid(api: Api, space: Space) -> None:
    created = (await api.post(space("configmaps"), config_map("a"))).ok()

    body = (await api.delete(space("configmaps", "a"))).ok()

    assert (body["kind"], body["status"]) == ("Status", "Success")
    uid = created["metadata"]["uid"]
    assert body["details"] == {"name": "a", "kind": "configmaps", "uid": uid}
    (await api.get(space("configmaps", "a"))).refused(404, "NotFound")


async def test_deleting_nothing_is_not_found(api: Api, space: Space) -> None:
    (await api.delete(space("configmaps", "a"))).refused(404, "NotFound")


async def test_a_finalizer_keeps_the_object_with_a_deletion_time(api: Api, space: Space) -> None:
    (await api.post(space("configmaps"), held())).ok()

    body = (await api.delete(space("configmaps", "a"))).ok()

    assert body["kind"] == "ConfigMap"
    assert body["metadata"]["deletionTimestamp"] >= body["metadata"]["creationTimestamp"]
    assert body["metadata"]["deletionGracePeriodSeconds"] == 0
    assert (await api.get(space("configmaps", "a"))).ok()["metadata"]["finalizers"] == [HOLD]


async def test_removing_the_last_finalizer_deletes(api: Api, space: Space) -> None:
    path = space("configmaps", "a")
    (await api.post(space("configmaps"), held())).ok()
    (await api.delete(path)).ok()

    last = (await api.patch(path, {"metadata": {"finalizers": None}})).ok()

    assert "finalizers" not in last["metadata"]
    (await api.get(path)).refused(404, "NotFound")


async def test_deleting_twice_keeps_the_first_deletion_time(api: Api, space: Space) -> None:
    path = space("configmaps", "a")
    (await api.post(space("configmaps"), held())).ok()
    first = (await api.delete(path)).ok()

    again = (await api.delete(path)).ok()

    assert again["metadata"]["deletionTimestamp"] == first["metadata"]["deletionTimestamp"]


async def test_no_finalizer_can_be_added_to_what_is_being_deleted(api: Api, space: Space) -> None:
    path = space("configmaps", "a")
    (await api.post(space("configmaps"), held())).ok()
    (await api.delete(path)).ok()

    answer = await api.patch(path, {"metadata": {"finalizers": [HOLD, "contract.tandem/more"]}})

    cause = answer.refused(422, "Invalid")["details"]["causes"][0]
    assert (cause["reason"], cause["field"]) == ("FieldValueForbidden", "metadata.finalizers")
    assert "no new finalizers can be added if the object is being deleted" in cause["message"]


async def test_what_is_being_deleted_can_still_be_changed(api: Api, space: Space) -> None:
    path = space("configmaps", "a")
    (await api.post(space("configmaps"), held())).ok()
    (await api.delete(path)).ok()

    changed = (await api.patch(path, {"metadata": {"labels": {"x": "y"}}})).ok()

    assert changed["metadata"]["labels"] == {"x": "y"}


async def test_a_deletion_cannot_be_taken_back(api: Api, space: Space) -> None:
    path = space("configmaps", "a")
    (await api.post(space("configmaps"), held())).ok()
    (await api.delete(path)).ok()

    change = {"metadata": {"deletionTimestamp": None, "labels": {"x": "y"}}}
    changed = (await api.patch(path, change)).ok()

    assert "deletionTimestamp" in changed["metadata"]


async def test_a_finalizer_needs_a_qualified_name(api: Api, space: Space) -> None:
    body = {"metadata": {"name": "a", "finalizers": ["plain"]}}

    answer = await api.post(space("configmaps"), body)

    cause = answer.refused(422, "Invalid")["details"]["causes"][0]
    assert cause["field"] == "metadata.finalizers[0]"


async def test_another_uid_is_a_conflict(api: Api, space: Space) -> None:
    (await api.post(space("configmaps"), config_map("a"))).ok()

    answer = await api.delete(space("configmaps", "a"), {"preconditions": {"uid": OTHER_UID}})

    message = answer.refused(409, "Conflict")["message"]
    assert f"the UID in the precondition ({OTHER_UID}) does not match the UID in record" in message


async def test_an_older_version_is_a_conflict(api: Api, space: Space) -> None:
    path = space("configmaps", "a")
    old = (await api.post(space("configmaps"), config_map("a"))).ok()
    new = (await api.patch(path, {"data": {"k": "1"}})).ok()

    stale = {"preconditions": {"resourceVersion": old["metadata"]["resourceVersion"]}}
    fresh = {"preconditions": {"resourceVersion": new["metadata"]["resourceVersion"]}}

    (await api.delete(path, stale)).refused(409, "Conflict")
    (await api.delete(path, fresh)).ok()


async def test_the_right_uid_deletes(api: Api, space: Space) -> None:
    created = (await api.post(space("configmaps"), config_map("a"))).ok()
    options = {"preconditions": {"uid": created["metadata"]["uid"]}}

    (await api.delete(space("configmaps", "a"), options)).ok()


async def test_an_unbound_pod_goes_at_once(api: Api, space: Space) -> None:
    (await api.post(space("pods"), pod("a"))).ok()

    (await api.delete(space("pods", "a"))).ok()

    (await api.get(space("pods", "a"))).refused(404, "NotFound")


async def test_a_bound_pod_is_given_its_grace_period(api: Api, space: Space) -> None:
    (await api.post(space("pods"), pod("a", nodeName="n", terminationGracePeriodSeconds=17))).ok()

    body = (await api.delete(space("pods", "a"))).ok()

    assert body["kind"] == "Pod"
    assert body["metadata"]["deletionGracePeriodSeconds"] == 17
    (await api.get(space("pods", "a"))).ok()


async def test_grace_can_be_shortened_but_not_extended(api: Api, space: Space) -> None:
    path = space("pods", "a")
    (await api.post(space("pods"), pod("a", nodeName="n"))).ok()
    grace = [
        (await api.delete(path, {"gracePeriodSeconds": seconds})).ok()["metadata"][
            "deletionGracePeriodSeconds"
        ]
        for seconds in (20, 10, 25)
    ]

    assert grace == [20, 10, 10]


async def test_no_grace_removes_a_bound_pod(api: Api, space: Space) -> None:
    (await api.post(space("pods"), pod("a", nodeName="n"))).ok()
    (await api.delete(space("pods", "a"))).ok()

    (await api.delete(space("pods", "a"), gracePeriodSeconds=0)).ok()

    (await api.get(space("pods", "a"))).refused(404, "NotFound")


async def test_a_finished_pod_goes_at_once(api: Api, space: Space) -> None:
    (await api.post(space("pods"), pod("a", nodeName="n"))).ok()
    (await api.patch(space("pods", "a", "status"), {"status": {"phase": "Succeeded"}})).ok()

    (await api.delete(space("pods", "a"))).ok()

    (await api.get(space("pods", "a"))).refused(404, "NotFound")


async def test_foreground_deletion_waits_with_a_finalizer(api: Api, space: Space) -> None:
    (await api.post(space("deployments"), workload("a", 1))).ok()

    body = (await api.delete(space("deployments", "a"), {"propagationPolicy": "Foreground"})).ok()

    assert body["metadata"]["finalizers"] == ["foregroundDeletion"]
    assert body["metadata"]["generation"] == 2, "a deletion is a change of intent"


async def test_orphaning_waits_with_a_finalizer(api: Api, space: Space) -> None:
    (await api.post(space("deployments"), workload("a", 1))).ok()

    body = (await api.delete(space("deployments", "a"), {"propagationPolicy": "Orphan"})).ok()

    assert body["metadata"]["finalizers"] == ["orphan"]


async def test_an_unknown_policy_is_refused(api: Api, space: Space) -> None:
    (await api.post(space("configmaps"), config_map("a"))).ok()

    answer = await api.delete(space("configmaps", "a"), {"propagationPolicy": "Later"})

    assert "propagationPolicy" in answer.refused(422, "Invalid")["message"]


async def test_a_collection_is_deleted_by_label(api: Api, space: Space) -> None:
    for name, app in (("a", "x"), ("b", "x"), ("c", "y")):
        body = {"metadata": {"name": name, "labels": {"app": app}}}
        (await api.post(space("configmaps"), body)).ok()

    (await api.delete(space("configmaps"), labelSelector="app=x")).ok()

    left = (await api.get(space("configmaps"))).ok()["items"]
    assert [i["metadata"]["name"] for i in left if "app" in i["metadata"].get("labels", {})] == [
        "c"
    ]


async def test_a_dry_deletion_deletes_nothing(api: Api, space: Space) -> None:
    (await api.post(space("configmaps"), config_map("a"))).ok()

    (await api.delete(space("configmaps", "a"), dryRun="All")).ok()

    (await api.get(space("configmaps", "a"))).ok()
