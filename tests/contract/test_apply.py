"""Server-side apply: who owns which field, and what happens when two want the same one."""

from __future__ import annotations

from tests.contract.http import Api, Json
from tests.contract.places import Space, config_map, container, workload


def intent(name: str = "a", **data: str) -> Json:
    return {"apiVersion": "v1", "kind": "ConfigMap"} | config_map(name, **data)


def owned(obj: Json, manager: str) -> Json:
    """What *manager* owns by apply."""
    found = [
        m for m in obj["metadata"]["managedFields"]
        if m["manager"] == manager and m["operation"] == "Apply"
    ]  # fmt: skip
    assert len(found) == 1, obj["metadata"]["managedFields"]
    fields: Json = found[0]["fieldsV1"]
    return fields


def deployment(*containers: Json, **spec: object) -> Json:
    body: Json = {"apiVersion": "apps/v1", "kind": "Deployment"} | workload("a", 1, **spec)
    body["spec"]["template"]["spec"]["containers"] = list(containers)
    return body


async def test_apply_creates_what_is_missing(api: Api, space: Space) -> None:
    answer = await api.apply(space("configmaps", "a"), intent(k="1"), "alice")

    assert answer.status == 201
    assert owned(answer.ok(), "alice") == {"f:data": {"f:k": {}}}


async def test_an_entry_of_managed_fields_is_complete(api: Api, space: Space) -> None:
    created = (await api.apply(space("configmaps", "a"), intent(k="1"), "alice")).ok()

    entry = created["metadata"]["managedFields"][0]

    assert set(entry) == {"manager", "operation", "apiVersion", "time", "fieldsType", "fieldsV1"}
    assert (entry["apiVersion"], entry["fieldsType"]) == ("v1", "FieldsV1")


async def test_applying_the_same_again_changes_nothing(api: Api, space: Space) -> None:
    path = space("configmaps", "a")
    first = (await api.apply(path, intent(k="1"), "alice")).ok()

    answer = await api.apply(path, intent(k="1"), "alice")

    assert answer.status == 200
    assert answer.ok()["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]


async def test_a_conflict_names_manager_and_field(api: Api, space: Space) -> None:
    path = space("configmaps", "a")
    (await api.apply(path, intent(k="1"), "alice")).ok()

    body = (await api.apply(path, intent(k="2"), "bob")).refused(409, "Conflict")

    assert body["message"] == 'Apply failed with 1 conflict: conflict with "alice": .data.k'
    assert body["details"]["causes"] == [
        {"reason": "FieldManagerConflict", "message": 'conflict with "alice"', "field": ".data.k"}
    ]


async def test_force_takes_the_field_over(api: Api, space: Space) -> None:
    path = space("configmaps", "a")
    (await api.apply(path, intent(k="1", other="1"), "alice")).ok()

    taken = (await api.apply(path, intent(k="2"), "bob", force=True)).ok()

    assert taken["data"] == {"k": "2", "other": "1"}
    assert owned(taken, "bob") == {"f:data": {"f:k": {}}}
    assert owned(taken, "alice") == {"f:data": {"f:other": {}}}


async def test_an_equal_value_is_shared_without_conflict(api: Api, space: Space) -> None:
    path = space("configmaps", "a")
    (await api.apply(path, intent(k="1"), "alice")).ok()

    shared = (await api.apply(path, intent(k="1"), "bob")).ok()

    assert owned(shared, "alice") == owned(shared, "bob") == {"f:data": {"f:k": {}}}


async def test_a_field_that_its_only_owner_drops_is_removed(api: Api, space: Space) -> None:
    path = space("configmaps", "a")
    (await api.apply(path, intent(k="1", gone="1"), "alice")).ok()

    changed = (await api.apply(path, intent(k="1"), "alice")).ok()

    assert changed["data"] == {"k": "1"}


async def test_a_field_that_one_of_two_owners_drops_stays(api: Api, space: Space) -> None:
    path = space("configmaps", "a")
    (await api.apply(path, intent(k="1", shared="1"), "alice")).ok()
    (await api.apply(path, intent(shared="1"), "bob")).ok()

    changed = (await api.apply(path, intent(k="1"), "alice")).ok()

    assert changed["data"] == {"k": "1", "shared": "1"}


async def test_fields_of_others_are_left_alone(api: Api, space: Space) -> None:
    path = space("configmaps", "a")
    (await api.apply(path, intent(k="1"), "alice")).ok()
    (await api.patch(path, {"data": {"theirs": "1"}}, fieldManager="kubectl")).ok()

    changed = (await api.apply(path, intent(k="2"), "alice")).ok()

    assert changed["data"] == {"k": "2", "theirs": "1"}


async def test_apply_needs_a_manager(api: Api, space: Space) -> None:
    body = (await api.patch(space("configmaps", "a"), intent(), "apply")).refused(422, "Invalid")

    assert "fieldManager: Required value: is required for apply patch" in body["message"]


async def test_an_update_owns_what_it_wrote(api: Api, space: Space) -> None:
    path = space("configmaps", "a")
    (await api.post(space("configmaps"), config_map("a", k="1"), fieldManager="creator")).ok()

    body = (await api.apply(path, intent(k="2"), "alice")).refused(409, "Conflict")

    assert 'conflict with "creator" using v1' in body["message"]


async def test_an_update_takes_ownership_from_an_applier(api: Api, space: Space) -> None:
    path = space("configmaps", "a")
    (await api.apply(path, intent(k="1", l="1"), "alice")).ok()

    changed = (await api.patch(path, {"data": {"k": "2"}}, fieldManager="bob")).ok()

    assert owned(changed, "alice") == {"f:data": {"f:l": {}}}


async def test_containers_of_two_appliers_live_side_by_side(api: Api, space: Space) -> None:
    path = space("deployments", "a")
    (await api.apply(path, deployment(container()), "alice")).ok()
    second: Json = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}}
    second["spec"] = {"template": {"spec": {"containers": [container(name="side")]}}}

    both = (await api.apply(path, second, "bob")).ok()

    names = [c["name"] for c in both["spec"]["template"]["spec"]["containers"]]
    assert names == ["main", "side"]
    mine = owned(both, "bob")["f:spec"]["f:template"]["f:spec"]["f:containers"]
    assert list(mine) == ['k:{"name":"side"}']


async def test_a_container_that_its_applier_drops_is_removed(api: Api, space: Space) -> None:
    path = space("deployments", "a")
    (await api.apply(path, deployment(container(), container(name="side")), "alice")).ok()

    changed = (await api.apply(path, deployment(container()), "alice")).ok()

    assert [c["name"] for c in changed["spec"]["template"]["spec"]["containers"]] == ["main"]


async def test_a_scaled_workload_conflicts_with_who_applies_replicas(
    api: Api, space: Space
) -> None:
    path = space("deployments", "a")
    (await api.apply(path, deployment(container()), "alice")).ok()
    (await api.patch(f"{path}/scale", {"spec": {"replicas": 5}}, fieldManager="scaler")).ok()

    body = (await api.apply(path, deployment(container()), "alice")).refused(409, "Conflict")

    assert [c["field"] for c in body["details"]["causes"]] == [".spec.replicas"]
    assert 'conflict with "scaler" with subresource "scale"' in body["message"]


async def test_an_applier_who_names_no_replicas_does_not_fight_the_scaler(
    api: Api, space: Space
) -> None:
    path = space("deployments", "a")
    body = deployment(container())
    del body["spec"]["replicas"]
    (await api.apply(path, body, "alice")).ok()
    (await api.patch(f"{path}/scale", {"spec": {"replicas": 5}}, fieldManager="scaler")).ok()
    body["metadata"]["labels"] = {"x": "y"}

    changed = (await api.apply(path, body, "alice")).ok()

    assert changed["spec"]["replicas"] == 5


async def test_status_is_applied_on_its_own(api: Api, space: Space) -> None:
    name = space.node_name("n")
    (await api.post("/api/v1/nodes", {"metadata": {"name": name}})).ok()
    body = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name},
        "status": {"capacity": {"cpu": "4"}},
    }

    applied = (await api.apply(f"/api/v1/nodes/{name}/status", body, "kubelet")).ok()
    (await api.delete(f"/api/v1/nodes/{name}")).ok()

    assert applied["status"]["capacity"] == {"cpu": "4"}
    entry = next(m for m in applied["metadata"]["managedFields"] if m["manager"] == "kubelet")
    assert entry["subresource"] == "status"


async def test_managed_fields_cannot_be_applied(api: Api, space: Space) -> None:
    body = intent()
    body["metadata"]["managedFields"] = [{"manager": "x"}]

    answer = await api.apply(space("configmaps", "a"), body, "alice")

    assert answer.refused(400, "BadRequest")["message"] == "metadata.managedFields must be nil"


async def test_an_applied_body_needs_its_kind(api: Api, space: Space) -> None:
    (await api.apply(space("configmaps", "a"), config_map("a"), "alice")).refused(400, "BadRequest")


async def test_an_applied_body_may_be_yaml(api: Api, space: Space) -> None:
    text = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: 'yes'}\n"

    created = (await api.patch(space("configmaps", "a"), text, "apply", fieldManager="me")).ok()

    assert created["data"] == {"k": "yes"}


async def test_dry_run_apply_reports_a_conflict_and_writes_nothing(api: Api, space: Space) -> None:
    path = space("configmaps", "a")
    (await api.apply(path, intent(k="1"), "alice")).ok()

    (await api.apply(path, intent(k="2"), "bob", dryRun="All")).refused(409, "Conflict")
    tried = (await api.apply(path, intent(k="2"), "bob", dryRun="All", force=True)).ok()

    assert tried["data"] == {"k": "2"}
    assert (await api.get(path)).ok()["data"] == {"k": "1"}
