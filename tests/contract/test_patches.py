"""The three patch types that are not server-side apply, each by its own rules."""

from __future__ import annotations

import pytest

from tests.contract.http import Api, Json
from tests.contract.places import Space, config_map, container, workload


def op(kind: str, path: str, **fields: str) -> Json:
    return {"op": kind, "path": path} | fields


@pytest.mark.parametrize(
    ("operations", "data"),
    [
        pytest.param([op("add", "/data/b", value="2")], {"a": "1", "b": "2"}, id="add"),
        pytest.param([op("add", "/data/a", value="9")], {"a": "9"}, id="add over"),
        pytest.param([op("replace", "/data/a", value="2")], {"a": "2"}, id="replace"),
        pytest.param([op("remove", "/data/a")], None, id="remove the last"),
        pytest.param([{"op": "move", "from": "/data/a", "path": "/data/b"}], {"b": "1"}, id="move"),
        pytest.param(
            [{"op": "copy", "from": "/data/a", "path": "/data/b"}], {"a": "1", "b": "1"}, id="copy"
        ),
        pytest.param(
            [op("test", "/data/a", value="1"), op("replace", "/data/a", value="2")],
            {"a": "2"},
            id="test",
        ),
    ],
)
async def test_json_patch(api: Api, space: Space, operations: list[Json], data: object) -> None:
    maps = space("configmaps")
    (await api.post(maps, config_map("a", a="1"))).ok()

    changed = (await api.patch(f"{maps}/a", operations, "json")).ok()

    assert changed.get("data") == data


async def test_a_json_patch_whose_test_fails_changes_nothing(api: Api, space: Space) -> None:
    maps = space("configmaps")
    (await api.post(maps, config_map("a", a="1"))).ok()
    operations = [
        {"op": "replace", "path": "/data/a", "value": "2"},
        {"op": "test", "path": "/data/a", "value": "other"},
    ]

    body = (await api.patch(f"{maps}/a", operations, "json")).refused(422, "Invalid")

    assert body["message"] == "the server rejected our request due to an error in our request"
    assert (await api.get(f"{maps}/a")).ok()["data"] == {"a": "1"}


async def test_a_json_patch_of_a_missing_path_is_invalid(api: Api, space: Space) -> None:
    maps = space("configmaps")
    (await api.post(maps, config_map("a"))).ok()
    operations = [{"op": "replace", "path": "/data/missing", "value": "2"}]

    (await api.patch(f"{maps}/a", operations, "json")).refused(422, "Invalid")


async def test_a_json_patch_that_is_no_list_is_a_bad_request(api: Api, space: Space) -> None:
    maps = space("configmaps")
    (await api.post(maps, config_map("a"))).ok()

    (await api.patch(f"{maps}/a", {"data": {}}, "json")).refused(400, "BadRequest")


async def test_a_json_patch_appends_to_a_list(api: Api, space: Space) -> None:
    maps = space("configmaps")
    body = {"metadata": {"name": "a", "finalizers": ["x.tandem/one"]}}
    (await api.post(maps, body)).ok()
    operations = [{"op": "add", "path": "/metadata/finalizers/-", "value": "x.tandem/two"}]

    changed = (await api.patch(f"{maps}/a", operations, "json")).ok()

    assert changed["metadata"]["finalizers"] == ["x.tandem/one", "x.tandem/two"]


async def test_null_in_a_merge_patch_deletes(api: Api, space: Space) -> None:
    maps = space("configmaps")
    (await api.post(maps, config_map("a", a="1", b="2"))).ok()

    changed = (await api.patch(f"{maps}/a", {"data": {"a": None, "c": "3"}})).ok()

    assert changed["data"] == {"b": "2", "c": "3"}


async def test_a_merge_patch_replaces_lists_whole(api: Api, space: Space) -> None:
    deployments = space("deployments")
    (await api.post(deployments, workload("a", 0))).ok()
    only = [container(name="other")]

    changed = (
        await api.patch(f"{deployments}/a", {"spec": {"template": {"spec": {"containers": only}}}})
    ).ok()

    assert [c["name"] for c in changed["spec"]["template"]["spec"]["containers"]] == ["other"]


async def test_a_strategic_patch_merges_containers_by_name(api: Api, space: Space) -> None:
    deployments = space("deployments")
    (await api.post(deployments, workload("a", 0))).ok()
    containers = [{"name": "main", "image": "example.invalid/app:2"}, container(name="side")]
    change = {"spec": {"template": {"spec": {"containers": containers}}}}

    changed = (await api.patch(f"{deployments}/a", change, "strategic")).ok()

    found = {c["name"]: c["image"] for c in changed["spec"]["template"]["spec"]["containers"]}
    assert found == {"main": "example.invalid/app:2", "side": "example.invalid/app:1"}


async def test_a_strategic_patch_deletes_a_list_item_by_its_key(api: Api, space: Space) -> None:
    deployments = space("deployments")
    body = workload("a", 0)
    body["spec"]["template"]["spec"]["containers"].append(container(name="side"))
    (await api.post(deployments, body)).ok()
    containers = [{"name": "side", "$patch": "delete"}]
    change = {"spec": {"template": {"spec": {"containers": containers}}}}

    changed = (await api.patch(f"{deployments}/a", change, "strategic")).ok()

    assert [c["name"] for c in changed["spec"]["template"]["spec"]["containers"]] == ["main"]


async def test_retain_keys_drops_what_the_patch_does_not_name(api: Api, space: Space) -> None:
    deployments = space("deployments")
    (await api.post(deployments, workload("a", 0))).ok()
    change = {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}

    changed = (await api.patch(f"{deployments}/a", change, "strategic")).ok()

    assert changed["spec"]["strategy"] == {"type": "Recreate"}


async def test_a_strategic_patch_merges_finalizers_and_can_delete_one(
    api: Api, space: Space
) -> None:
    maps = space("configmaps")
    (await api.post(maps, {"metadata": {"name": "a", "finalizers": ["x.tandem/one"]}})).ok()

    more = (
        await api.patch(f"{maps}/a", {"metadata": {"finalizers": ["x.tandem/two"]}}, "strategic")
    ).ok()
    less = (
        await api.patch(
            f"{maps}/a",
            {"metadata": {"$deleteFromPrimitiveList/finalizers": ["x.tandem/one"]}},
            "strategic",
        )
    ).ok()

    assert sorted(more["metadata"]["finalizers"]) == ["x.tandem/one", "x.tandem/two"]
    assert less["metadata"]["finalizers"] == ["x.tandem/two"]


async def test_a_strategic_patch_replaces_taints_whole_or_merges_them_by_key(
    api: Api, space: Space
) -> None:
    name = space.node_name("n")
    taints = [{"key": "a", "effect": "NoSchedule"}]
    (await api.post("/api/v1/nodes", {"metadata": {"name": name}, "spec": {"taints": taints}})).ok()
    change = {"spec": {"taints": [{"key": "b", "effect": "NoExecute"}]}}

    changed = (await api.patch(f"/api/v1/nodes/{name}", change, "strategic")).ok()

    assert [t["key"] for t in changed["spec"]["taints"]] == ["b"]
    (await api.delete(f"/api/v1/nodes/{name}")).ok()


async def test_conditions_merge_by_type(api: Api, space: Space) -> None:
    name = space.node_name("n")
    (await api.post("/api/v1/nodes", {"metadata": {"name": name}})).ok()
    path = f"/api/v1/nodes/{name}/status"
    for kind, status in (("Ready", "False"), ("DiskPressure", "False"), ("Ready", "True")):
        change = {"status": {"conditions": [{"type": kind, "status": status}]}}
        (await api.patch(path, change, "strategic")).ok()

    found = (await api.get(path)).ok()["status"]["conditions"]
    (await api.delete(f"/api/v1/nodes/{name}")).ok()

    assert {c["type"]: c["status"] for c in found} == {"Ready": "True", "DiskPressure": "False"}


async def test_an_unknown_patch_type_is_unsupported(api: Api, space: Space) -> None:
    maps = space("configmaps")
    (await api.post(maps, config_map("a"))).ok()

    answer = await api.patch(f"{maps}/a", {}, "application/json")

    answer.refused(415, "UnsupportedMediaType")


async def test_patching_nothing_is_not_found(api: Api, space: Space) -> None:
    body = (await api.patch(space("configmaps", "a"), {"data": {}})).refused(404, "NotFound")

    assert body["message"] == 'configmaps "a" not found'


async def test_a_patch_cannot_rename(api: Api, space: Space) -> None:
    maps = space("configmaps")
    (await api.post(maps, config_map("a"))).ok()

    answer = await api.patch(f"{maps}/a", {"metadata": {"name": "b"}})

    assert answer.refused(400, "BadRequest")["message"] == (
        "the name of the object (b) does not match the name on the URL (a)"
    )


async def test_a_patch_that_is_no_json_is_a_bad_request(api: Api, space: Space) -> None:
    maps = space("configmaps")
    (await api.post(maps, config_map("a"))).ok()

    (await api.patch(f"{maps}/a", b"{", "merge")).refused(400, "BadRequest")
