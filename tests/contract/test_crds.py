"""Definitions of custom resources: acceptance, refusal, service and removal."""

from __future__ import annotations

import asyncio

from tests.contract.definitions import (
    FREE,
    INTEGER,
    PLURAL,
    STRING,
    define,
    definition,
    group_of,
    schema,
    served,
)
from tests.contract.http import Api, Json
from tests.contract.places import CRDS, Space

ATTEMPTS = 200


async def test_a_definition_becomes_established(api: Api, space: Space) -> None:
    body = definition(space, FREE)
    (await api.post(CRDS, body)).ok()

    def established(found: Json) -> bool:
        conditions = found.get("status", {}).get("conditions") or []
        return {"NamesAccepted", "Established"} <= {
            c["type"] for c in conditions if c["status"] == "True"
        }

    found = await api.eventually(f"{CRDS}/{PLURAL}.{group_of(space)}", established)

    assert found["status"]["storedVersions"] == ["v1"]
    assert found["status"]["acceptedNames"]["kind"] == "Widget"


async def test_what_is_defined_can_be_created_listed_and_deleted(api: Api, space: Space) -> None:
    custom = await served(api, space, FREE)

    created = (await custom.create(spec={"any": [1, {"thing": None}]})).ok()
    listed = (await api.get(custom.path())).ok()
    (await api.delete(custom.path("a"))).ok()

    assert created["spec"] == {"any": [1, {"thing": None}]}
    assert (listed["kind"], len(listed["items"])) == ("WidgetList", 1)
    assert listed["items"][0]["kind"] == "Widget"
    (await api.get(custom.path("a"))).refused(404, "NotFound")


async def test_a_missing_custom_object_is_named_with_its_group(api: Api, space: Space) -> None:
    custom = await served(api, space, FREE)

    body = (await api.get(custom.path("a"))).refused(404, "NotFound")

    assert body["message"] == f'{PLURAL}.{custom.group} "a" not found'
    assert body["details"] == {"name": "a", "group": custom.group, "kind": PLURAL}


async def test_a_schema_that_is_not_structural_is_refused(api: Api, space: Space) -> None:
    body = definition(space, {"properties": {"size": {"type": "integer"}}})

    found = (await api.post(CRDS, body)).refused(422, "Invalid")

    fields = [c["field"] for c in found["details"]["causes"]]
    assert "spec.validation.openAPIV3Schema.properties[spec].type" in fields


async def test_the_name_must_be_plural_dot_group(api: Api, space: Space) -> None:
    body = definition(space, FREE)
    body["metadata"]["name"] = f"gadgets.{group_of(space)}"

    found = (await api.post(CRDS, body)).refused(422, "Invalid")

    assert "metadata.name" in found["message"]


async def test_exactly_one_version_is_stored(api: Api, space: Space) -> None:
    body = definition(space, FREE)
    body["spec"]["versions"][0]["storage"] = False

    found = (await api.post(CRDS, body)).refused(422, "Invalid")

    assert "must have exactly one version marked as storage version" in found["message"]


async def test_a_default_must_fit_its_schema(api: Api, space: Space) -> None:
    body = definition(space, schema(size=INTEGER | {"default": "many"}))

    found = (await api.post(CRDS, body)).refused(422, "Invalid")

    assert "properties[spec].properties[size].default" in found["message"]


async def test_a_removed_definition_takes_its_objects_along(api: Api, space: Space) -> None:
    custom = await define(api, space, definition(space, FREE))
    (await custom.create()).ok()

    (await api.delete(f"{CRDS}/{PLURAL}.{custom.group}")).ok()

    await api.eventually_gone(f"{CRDS}/{PLURAL}.{custom.group}")
    await api.eventually_gone(custom.path())


async def test_a_changed_schema_holds_for_the_next_write(api: Api, space: Space) -> None:
    custom = await define(api, space, definition(space, schema(size=STRING)))
    path = f"{CRDS}/{PLURAL}.{custom.group}"
    versions = definition(space, schema(size=STRING, colour=STRING))["spec"]["versions"]
    (await api.patch(path, {"spec": {"versions": versions}})).ok()

    for attempt in range(ATTEMPTS):
        made = await custom.create(f"w{attempt}", spec={"colour": "red"})
        # a write that meets the change itself is a 503: the old storage is being shut down
        if made.status != 503 and "colour" in made.ok()["spec"]:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the new schema never held")


async def test_a_put_of_a_custom_object_needs_a_version(api: Api, space: Space) -> None:
    custom = await served(api, space, FREE)
    (await custom.create()).ok()

    answer = await api.put(custom.path("a"), custom.body())

    cause = answer.refused(422, "Invalid")["details"]["causes"][0]
    assert cause["field"] == "metadata.resourceVersion"
    assert "must be specified for an update" in cause["message"]


async def test_a_strategic_patch_of_a_custom_object_is_unsupported(api: Api, space: Space) -> None:
    custom = await served(api, space, FREE)
    (await custom.create()).ok()

    (await api.patch(custom.path("a"), {}, "strategic")).refused(415, "UnsupportedMediaType")


async def test_the_kind_in_the_body_must_be_right(api: Api, space: Space) -> None:
    custom = await served(api, space, FREE)

    answer = await api.post(custom.path(), custom.body() | {"kind": "Gadget"})

    cause = answer.refused(422, "Invalid")["details"]["causes"][0]
    assert (cause["field"], cause["message"]) == (
        "kind",
        'Invalid value: "Gadget": must be Widget',
    )


async def test_apply_merges_a_list_map_of_a_custom_object(api: Api, space: Space) -> None:
    item = schema(type_=STRING, value=STRING) | {"required": ["type"]}
    items = {
        "type": "array",
        "items": item,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
    }
    custom = await served(api, space, schema(items=items))
    mine = custom.body(spec={"items": [{"type": "x", "value": "1"}]})
    theirs = custom.body(spec={"items": [{"type": "y", "value": "2"}]})

    (await api.apply(custom.path("a"), mine, "alice")).ok()
    both = (await api.apply(custom.path("a"), theirs, "bob")).ok()
    stolen = custom.body(spec={"items": [{"type": "x", "value": "9"}]})
    refused = (await api.apply(custom.path("a"), stolen, "bob")).refused(409, "Conflict")

    assert [i["type"] for i in both["spec"]["items"]] == ["x", "y"]
    assert refused["details"]["causes"][0]["field"] == '.spec.items[type="x"].value'


async def test_apply_replaces_a_plain_list_of_a_custom_object(api: Api, space: Space) -> None:
    custom = await served(api, space, schema(items={"type": "array", "items": STRING}))
    (await api.apply(custom.path("a"), custom.body(spec={"items": ["x"]}), "alice")).ok()

    changed = (
        await api.apply(custom.path("a"), custom.body(spec={"items": ["y"]}), "bob", force=True)
    ).ok()

    assert changed["spec"]["items"] == ["y"]


async def test_two_versions_show_one_object(api: Api, space: Space) -> None:
    body = definition(space, FREE)
    second = body["spec"]["versions"][0] | {"name": "v1alpha1", "storage": False}
    body["spec"]["versions"].append(second)
    custom = await define(api, space, body)
    (await custom.create(spec={"k": 1})).ok()

    other = custom.path("a").replace("/v1/", "/v1alpha1/")
    read = await api.eventually(other, lambda found: found["kind"] == "Widget")

    assert read["apiVersion"] == f"{custom.group}/v1alpha1"
    assert read["spec"] == {"k": 1}
