"""What a custom resource's schema does to an object: defaults, pruning and refusals with paths."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.definitions import FREE, INTEGER, STRING, schema, served
from tests.contract.http import Api, Json
from tests.contract.places import Space

EVERY: Json = schema(
    count=INTEGER | {"minimum": 1, "maximum": 9},
    share={"type": "number", "exclusiveMinimum": True, "minimum": 0},
    mode=STRING | {"enum": ["Fast", "Slow"]},
    code=STRING | {"pattern": "^[a-z]+$", "maxLength": 4, "minLength": 2},
    port={"x-kubernetes-int-or-string": True},
    tags={"type": "array", "items": STRING, "maxItems": 2},
    parts={"type": "array", "items": schema(name=STRING) | {"required": ["name"]}},
    on={"type": "boolean"},
    labels={"type": "object", "additionalProperties": STRING},
    when=STRING | {"format": "date-time"},
    either={"type": "object", "oneOf": [{"required": ["x"]}, {"required": ["y"]}],
            "properties": {"x": STRING, "y": STRING}},
    maybe=STRING | {"nullable": True},
)  # fmt: skip


REFUSALS: dict[str, tuple[Json, str, str]] = {
    "minimum": (
        {"count": 0},
        "spec.count",
        "Invalid value: 0: spec.count in body should be greater than or equal to 1",
    ),
    "maximum": (
        {"count": 10},
        "spec.count",
        "Invalid value: 10: spec.count in body should be less than or equal to 9",
    ),
    "exclusive minimum": (
        {"share": 0},
        "spec.share",
        "Invalid value: 0: spec.share in body should be greater than 0",
    ),
    "type": (
        {"count": "3"},
        "spec.count",
        'Invalid value: "string": spec.count in body must be of type integer: "string"',
    ),
    "enum": (
        {"mode": "Warp"},
        "spec.mode",
        'Unsupported value: "Warp": supported values: "Fast", "Slow"',
    ),
    "pattern": (
        {"code": "A1"},
        "spec.code",
        "Invalid value: \"A1\": spec.code in body should match '^[a-z]+$'",
    ),
    "max length": ({"code": "abcde"}, "spec.code", "Too long: may not be more than 4 bytes"),
    "min length": (
        {"code": "a"},
        "spec.code",
        'Invalid value: "a": spec.code in body should be at least 2 chars long',
    ),
    "max items": (
        {"tags": ["a", "b", "c"]},
        "spec.tags",
        "Too many: 3: must have at most 2 items",
    ),
    "item type": (
        {"tags": ["a", 1]},
        "spec.tags[1]",
        'Invalid value: "integer": spec.tags[1] in body must be of type string: "integer"',
    ),
    "required": ({"parts": [{}]}, "spec.parts[0].name", "Required value"),
    "map value": (
        {"labels": {"a": 1}},
        "spec.labels.a",
        'Invalid value: "integer": spec.labels.a in body must be of type string: "integer"',
    ),
    "int or string": (
        {"port": True},
        "spec.port",
        'Invalid value: "boolean": spec.port in body must be of type integer,string: "boolean"',
    ),
    "format": (
        {"when": "noon"},
        "spec.when",
        'Invalid value: "noon": spec.when in body must be of type date-time: "noon"',
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
async def test_a_value_against_its_schema_is_refused_with_its_path(
    api: Api, space: Space, case: str
) -> None:
    custom = await served(api, space, EVERY)
    spec, field, message = REFUSALS[case]

    body = (await custom.create(spec=spec)).refused(422, "Invalid")

    found = {c["field"]: c["message"] for c in body["details"]["causes"]}
    assert found[field] == message
    assert body["details"]["kind"] == "Widget"
    assert body["message"].startswith(f'Widget.{custom.group} "a" is invalid: ')


async def test_every_fault_is_told_at_once(api: Api, space: Space) -> None:
    custom = await served(api, space, EVERY)

    body = (await custom.create(spec={"count": 0, "mode": "Warp"})).refused(422, "Invalid")

    assert {c["field"] for c in body["details"]["causes"]} >= {"spec.count", "spec.mode"}


async def test_one_of_needs_exactly_one(api: Api, space: Space) -> None:
    custom = await served(api, space, EVERY)

    both = await custom.create(spec={"either": {"x": "1", "y": "1"}})

    assert (
        "must validate one and only one schema (oneOf)" in (both.refused(422, "Invalid")["message"])
    )
    (await custom.create(spec={"either": {"x": "1"}})).ok()


@pytest.mark.parametrize("port", [80, "http"])
async def test_int_or_string_takes_both(api: Api, space: Space, port: Any) -> None:
    custom = await served(api, space, EVERY)

    assert (await custom.create(spec={"port": port})).ok()["spec"]["port"] == port


async def test_what_the_schema_does_not_know_is_pruned(api: Api, space: Space) -> None:
    custom = await served(api, space, schema(known=STRING, inner=schema(known=STRING)))

    spec = {"known": "1", "other": "2", "inner": {"known": "3", "other": "4"}}
    created = (await custom.create(spec=spec)).ok()

    assert created["spec"] == {"known": "1", "inner": {"known": "3"}}


async def test_unknown_fields_can_be_preserved(api: Api, space: Space) -> None:
    custom = await served(api, space, schema(known=STRING, free=FREE))

    created = (await custom.create(spec={"free": {"a": {"b": 1}}, "other": 1})).ok()

    assert created["spec"] == {"free": {"a": {"b": 1}}}


async def test_strict_validation_names_the_unknown_field(api: Api, space: Space) -> None:
    custom = await served(api, space, schema(known=STRING))
    body = custom.body(spec={"other": "2"})

    answer = await api.post(custom.path(), body, fieldValidation="Strict")

    assert 'unknown field "spec.other"' in answer.refused(400, "BadRequest")["message"]


async def test_warn_validation_warns_in_a_header(api: Api, space: Space) -> None:
    custom = await served(api, space, schema(known=STRING))
    body = custom.body(spec={"other": "2"})

    answer = await api.post(custom.path(), body, fieldValidation="Warn")

    assert answer.status == 201
    assert answer.headers["Warning"] == '299 - "unknown field \\"spec.other\\""'


async def test_defaults_fill_what_is_missing(api: Api, space: Space) -> None:
    inner = schema(size=INTEGER | {"default": 3}, name=STRING)
    custom = await served(
        api, space, schema(mode=STRING | {"default": "Fast"}, inner=inner, list_=STRING)
    )

    bare = (await custom.create("a", spec={})).ok()
    nested = (await custom.create("b", spec={"mode": "Slow", "inner": {}})).ok()

    assert bare["spec"] == {"mode": "Fast"}, "a default below a missing parent stays away"
    assert nested["spec"] == {"mode": "Slow", "inner": {"size": 3}}


async def test_a_default_of_the_parent_opens_the_way(api: Api, space: Space) -> None:
    inner = schema(size=INTEGER | {"default": 3}) | {"default": {}}
    custom = await served(api, space, schema(inner=inner))

    assert (await custom.create(spec={})).ok()["spec"] == {"inner": {"size": 3}}


async def test_null_becomes_the_default_unless_it_is_allowed(api: Api, space: Space) -> None:
    custom = await served(
        api,
        space,
        schema(
            mode=STRING | {"default": "Fast"},
            maybe=STRING | {"default": "Fast", "nullable": True},
        ),
    )

    created = (await custom.create(spec={"mode": None, "maybe": None})).ok()

    assert created["spec"] == {"mode": "Fast", "maybe": None}


async def test_defaults_reach_into_lists(api: Api, space: Space) -> None:
    parts = {"type": "array", "items": schema(size=INTEGER | {"default": 3}, name=STRING)}
    custom = await served(api, space, schema(parts=parts))

    created = (await custom.create(spec={"parts": [{"name": "x"}, {"size": 1}]})).ok()

    assert created["spec"]["parts"] == [{"name": "x", "size": 3}, {"size": 1}]


async def test_patches_are_validated_too(api: Api, space: Space) -> None:
    custom = await served(api, space, EVERY)
    (await custom.create(spec={"count": 1})).ok()

    answer = await api.patch(custom.path("a"), {"spec": {"count": 10}})

    assert answer.refused(422, "Invalid")["details"]["causes"][0]["field"] == "spec.count"


async def test_duplicate_keys_of_a_list_map_are_refused(api: Api, space: Space) -> None:
    items = {
        "type": "array",
        "items": schema(type_=STRING) | {"required": ["type"]},
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
    }
    custom = await served(api, space, schema(items=items))

    body = (await custom.create(spec={"items": [{"type": "x"}, {"type": "x"}]})).refused(
        422, "Invalid"
    )

    cause = body["details"]["causes"][0]
    assert (cause["reason"], cause["field"]) == ("FieldValueDuplicate", "spec.items[1]")
