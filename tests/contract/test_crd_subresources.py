"""Status and scale of custom resources, and how they print."""

from __future__ import annotations

from typing import Any

from tests.contract.definitions import FREE, INTEGER, STRING, schema, served
from tests.contract.http import Api, Json
from tests.contract.places import Space

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
SCALE: Json = {
    "status": {},
    "scale": {
        "specReplicasPath": ".spec.size",
        "statusReplicasPath": ".status.size",
        "labelSelectorPath": ".status.selector",
    },
}
SIZED: Json = schema(size=INTEGER | {"minimum": 0, "maximum": 50}, name=STRING)


async def test_status_and_spec_are_written_apart(api: Api, space: Space) -> None:
    custom = await served(api, space, FREE, subresources={"status": {}})
    created = (await custom.create(spec={"k": 1}, status={"early": True})).ok()
    body = created | {"spec": {"k": 2}, "status": {"seen": 1}}

    by_status = (await api.put(custom.path("a", "status"), body)).ok()
    body["metadata"] = by_status["metadata"]
    by_main = (await api.put(custom.path("a"), body | {"status": {"seen": 9}})).ok()

    assert "status" not in created
    assert (by_status["spec"], by_status["status"]) == ({"k": 1}, {"seen": 1})
    assert (by_main["spec"], by_main["status"]) == ({"k": 2}, {"seen": 1})


async def test_generation_leaves_metadata_and_status_out(api: Api, space: Space) -> None:
    custom = await served(api, space, FREE, subresources={"status": {}})
    path = custom.path("a")
    seen = [(await custom.create(spec={"k": 1})).ok()]
    seen.append((await api.patch(path, {"metadata": {"labels": {"x": "y"}}})).ok())
    seen.append((await api.patch(f"{path}/status", {"status": {"k": 1}})).ok())
    seen.append((await api.patch(path, {"spec": {"k": 2}})).ok())

    assert [s["metadata"]["generation"] for s in seen] == [1, 1, 1, 2]


async def test_without_the_subresource_status_is_a_field_like_any_other(
    api: Api, space: Space
) -> None:
    custom = await served(api, space, FREE)
    created = (await custom.create(spec={}, status={"k": 1})).ok()

    changed = (await api.patch(custom.path("a"), {"status": {"k": 2}})).ok()

    assert (created["status"], changed["status"]) == ({"k": 1}, {"k": 2})
    assert changed["metadata"]["generation"] == 2
    assert (await api.get(custom.path("a", "status"))).status == 404


async def test_scale_follows_its_paths(api: Api, space: Space) -> None:
    custom = await served(api, space, SIZED, subresources=SCALE)
    (await custom.create(spec={"size": 3, "name": "x"})).ok()
    status = {"status": {"size": 2, "selector": "app=w"}}
    (await api.patch(custom.path("a", "status"), status)).ok()

    scale = (await api.get(custom.path("a", "scale"))).ok()
    scale["spec"]["replicas"] = 5
    answer = (await api.put(custom.path("a", "scale"), scale)).ok()
    after = (await api.get(custom.path("a"))).ok()

    assert (scale["apiVersion"], scale["kind"]) == ("autoscaling/v1", "Scale")
    assert scale["status"] == {"replicas": 2, "selector": "app=w"}
    assert answer["spec"] == {"replicas": 5}
    assert after["spec"] == {"size": 5, "name": "x"}
    assert after["status"] == status["status"]
    assert after["metadata"]["generation"] == 2


async def test_an_object_without_the_replicas_field_has_no_scale(api: Api, space: Space) -> None:
    custom = await served(api, space, SIZED, subresources=SCALE)
    (await custom.create(spec={})).ok()

    body = (await api.get(custom.path("a", "scale"))).refused(500, "InternalError")

    assert 'the spec replicas field ".spec.size" does not exist' in body["message"]


async def test_an_object_without_status_has_scale_with_zero_and_no_selector(
    api: Api, space: Space
) -> None:
    custom = await served(api, space, SIZED, subresources=SCALE)
    (await custom.create(spec={"size": 3})).ok()

    scale = (await api.get(custom.path("a", "scale"))).ok()

    assert (scale["spec"], scale["status"]) == ({"replicas": 3}, {"replicas": 0})


async def test_a_stale_scale_is_a_conflict(api: Api, space: Space) -> None:
    custom = await served(api, space, SIZED, subresources=SCALE)
    (await custom.create(spec={"size": 3})).ok()
    stale = (await api.get(custom.path("a", "scale"))).ok()
    (await api.patch(custom.path("a"), {"spec": {"size": 4}})).ok()

    (await api.put(custom.path("a", "scale"), stale)).refused(409, "Conflict")


async def test_a_merge_patch_of_scale(api: Api, space: Space) -> None:
    custom = await served(api, space, SIZED, subresources=SCALE)
    (await custom.create(spec={"size": 3})).ok()

    (await api.patch(custom.path("a", "scale"), {"spec": {"replicas": 8}})).ok()

    assert (await api.get(custom.path("a"))).ok()["spec"]["size"] == 8


async def test_negative_replicas_are_invalid(api: Api, space: Space) -> None:
    custom = await served(api, space, SIZED, subresources=SCALE)
    (await custom.create(spec={"size": 3})).ok()

    answer = await api.patch(custom.path("a", "scale"), {"spec": {"replicas": -1}})

    answer.refused(422, "Invalid")


async def test_without_the_subresource_there_is_no_scale(api: Api, space: Space) -> None:
    custom = await served(api, space, SIZED)
    (await custom.create(spec={})).ok()

    assert (await api.get(custom.path("a", "scale"))).status == 404


async def test_printer_columns_make_the_table(api: Api, space: Space) -> None:
    columns: list[Json] = [
        {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
        {
            "name": "Ready",
            "type": "string",
            "jsonPath": '.status.conditions[?(@.type=="Ready")].status',
        },
        {"name": "Note", "type": "string", "jsonPath": ".spec.name", "priority": 1},
        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    ]
    custom = await served(
        api, space, SIZED, additionalPrinterColumns=columns, subresources={"status": {}}
    )
    (await custom.create(spec={"size": 3})).ok()
    conditions = [{"type": "Other", "status": "False"}, {"type": "Ready", "status": "True"}]
    (await api.patch(custom.path("a", "status"), {"status": {"conditions": conditions}})).ok()

    table = (await api.get(custom.path(), accept=TABLE)).ok()

    assert [c["name"] for c in table["columnDefinitions"]] == [
        "Name", "Size", "Ready", "Note", "Age",
    ]  # fmt: skip
    assert [c["priority"] for c in table["columnDefinitions"]] == [0, 0, 0, 1, 0]
    cells: list[Any] = table["rows"][0]["cells"]
    assert cells[:4] == ["a", 3, "True", None]
    assert cells[4].endswith("s"), "an age, such as 3s"


async def test_without_columns_the_table_has_name_and_age(api: Api, space: Space) -> None:
    custom = await served(api, space, SIZED)
    (await custom.create(spec={})).ok()

    table = (await api.get(custom.path(), accept=TABLE)).ok()

    assert [c["name"] for c in table["columnDefinitions"]] == ["Name", "Age"]
