"""CEL rules of custom resources: what they refuse, in which words, and which are no rules."""

from __future__ import annotations

import pytest

from tests.contract.definitions import INTEGER, STRING, definition, schema, served
from tests.contract.http import Api, Json
from tests.contract.places import CRDS, Space

SHORT: Json = STRING | {"maxLength": 20}
SPEC: Json = schema(
    low=INTEGER,
    high=INTEGER,
    name=SHORT,
    wait=SHORT,
    tags={"type": "array", "maxItems": 5, "items": SHORT},
    labels={"type": "object", "maxProperties": 5, "additionalProperties": SHORT},
)
RULES: dict[str, tuple[str, Json, Json]] = {
    "compare": (
        "self.low <= self.high",
        {"low": 1, "high": 2},
        {"low": 3, "high": 2},
    ),
    "has": (
        "!has(self.low) || self.low > 0",
        {},
        {"low": 0},
    ),
    "all": (
        "self.tags.all(t, t.startsWith('x'))",
        {"tags": ["x1"]},
        {"tags": ["x1", "y"]},
    ),
    "exists": (
        "self.tags.exists(t, t == 'a')",
        {"tags": ["a"]},
        {"tags": ["b"]},
    ),
    "size": (
        "size(self.tags) < 2",
        {"tags": ["a"]},
        {"tags": ["a", "b"]},
    ),
    "matches": (
        "self.name.matches('^[a-z]+$')",
        {"name": "abc"},
        {"name": "A"},
    ),
    "in a list": (
        "self.name in ['a', 'b']",
        {"name": "a"},
        {"name": "c"},
    ),
    "in a map": (
        "'k' in self.labels",
        {"labels": {"k": "1"}},
        {"labels": {"x": "1"}},
    ),
    "find": (
        "self.name.find('[0-9]+') == '12'",
        {"name": "a12b"},
        {"name": "ab"},
    ),
    "split": (
        "self.name.split('-').size() == 2",
        {"name": "a-b"},
        {"name": "ab"},
    ),
    "duration": (
        "duration(self.wait) > duration('1m')",
        {"wait": "2m"},
        {"wait": "2s"},
    ),
    "quantity": (
        "quantity(self.name).isGreaterThan(quantity('1Gi'))",
        {"name": "2Gi"},
        {"name": "1Mi"},
    ),
    "ternary": (
        "has(self.low) ? self.low > 1 : true",
        {"low": 2},
        {"low": 1},
    ),
    "filter": (
        "self.tags.filter(t, t == 'a').size() == 1",
        {"tags": ["a", "b"]},
        {"tags": ["b"]},
    ),
}


def camel(words: str) -> str:
    return words.title().replace(" ", "")


def ruled(rule: str) -> Json:
    return SPEC | {"x-kubernetes-validations": [{"rule": rule, "message": "not like that"}]}


# One definition with a property for each rule: a server takes a second for each new definition.
ALL_RULES = schema(**{camel(case): ruled(rule) for case, (rule, _, _) in RULES.items()})


@pytest.mark.parametrize("case", RULES)
async def test_a_rule_lets_good_through_and_refuses_bad(api: Api, space: Space, case: str) -> None:
    custom = await served(api, space, ALL_RULES)
    field, (_, good, bad) = camel(case), RULES[case]

    (await custom.create("good", spec={field: good})).ok()
    body = (await custom.create("bad", spec={field: bad})).refused(422, "Invalid")

    cause = body["details"]["causes"][0]
    assert cause["field"] == f"spec.{field}"
    assert cause["message"].endswith(": not like that")


async def test_without_a_message_the_rule_is_told(api: Api, space: Space) -> None:
    custom = await served(api, space, SPEC, rules=[{"rule": "self.low <= self.high"}])

    body = (await custom.create(spec={"low": 2, "high": 1})).refused(422, "Invalid")

    assert "failed rule: self.low <= self.high" in body["message"]


async def test_a_message_expression_can_show_values(api: Api, space: Space) -> None:
    rule = {
        "rule": "self.low <= self.high",
        "messageExpression": "'low %d is above high %d'.format([self.low, self.high])",
    }
    custom = await served(api, space, SPEC, rules=[rule])

    body = (await custom.create(spec={"low": 2, "high": 1})).refused(422, "Invalid")

    assert "low 2 is above high 1" in body["message"]


async def test_a_field_path_and_a_reason_move_the_blame(api: Api, space: Space) -> None:
    rule = {
        "rule": "self.low > 0",
        "message": "too low",
        "fieldPath": ".low",
        "reason": "FieldValueForbidden",
    }
    custom = await served(api, space, SPEC, rules=[rule])

    body = (await custom.create(spec={"low": 0})).refused(422, "Invalid")

    cause = body["details"]["causes"][0]
    assert (cause["field"], cause["reason"]) == ("spec.low", "FieldValueForbidden")


async def test_a_transition_rule_compares_with_the_old_value(api: Api, space: Space) -> None:
    name = STRING | {
        "x-kubernetes-validations": [{"rule": "self == oldSelf", "message": "name is immutable"}]
    }
    custom = await served(api, space, schema(name=name, low=INTEGER))

    (await custom.create(spec={"name": "first"})).ok()
    (await api.patch(custom.path("a"), {"spec": {"low": 1}})).ok()
    body = (await api.patch(custom.path("a"), {"spec": {"name": "second"}})).refused(422, "Invalid")

    assert body["details"]["causes"][0]["field"] == "spec.name"
    assert "name is immutable" in body["message"]


async def test_a_transition_rule_does_not_see_a_field_that_appears(api: Api, space: Space) -> None:
    name = STRING | {"x-kubernetes-validations": [{"rule": "self == oldSelf"}]}
    custom = await served(api, space, schema(name=name))

    (await custom.create(spec={})).ok()

    (await api.patch(custom.path("a"), {"spec": {"name": "late"}})).ok()


async def test_a_rule_on_a_list_item_names_its_index(api: Api, space: Space) -> None:
    item = STRING | {
        "maxLength": 9,
        "x-kubernetes-validations": [{"rule": "self != 'bad'", "message": "bad"}],
    }
    tags = {"type": "array", "maxItems": 5, "items": item}
    custom = await served(api, space, schema(tags=tags))

    body = (await custom.create(spec={"tags": ["fine", "bad"]})).refused(422, "Invalid")

    assert body["details"]["causes"][0]["field"] == "spec.tags[1]"


async def test_every_broken_rule_is_told(api: Api, space: Space) -> None:
    rules = [{"rule": "self.low > 5", "message": "one"}, {"rule": "self.low > 6", "message": "two"}]
    custom = await served(api, space, SPEC, rules=rules)

    body = (await custom.create(spec={"low": 1})).refused(422, "Invalid")

    assert {c["message"].rsplit(": ")[-1] for c in body["details"]["causes"]} == {"one", "two"}


async def test_a_broken_schema_is_told_before_any_rule(api: Api, space: Space) -> None:
    custom = await served(api, space, SPEC, rules=[{"rule": "self.low > 5", "message": "rule"}])

    body = (await custom.create(spec={"low": "x"})).refused(422, "Invalid")

    wrong, unchecked = body["details"]["causes"]
    assert "must be of type integer" in wrong["message"]
    assert unchecked["field"] == "<nil>"
    assert "some validation rules were not checked" in unchecked["message"]


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param("self.low <=", id="no expression"),
        pytest.param("self.missing > 1", id="unknown field"),
        pytest.param("self.low + 1", id="no truth value"),
        pytest.param("self.name > 1", id="wrong types"),
        pytest.param("nonsense(self)", id="unknown function"),
    ],
)
async def test_a_rule_that_cannot_work_is_refused_with_its_definition(
    api: Api, space: Space, rule: str
) -> None:
    body = (await api.post(CRDS, definition(space, SPEC, rules=[{"rule": rule}]))).refused(
        422, "Invalid"
    )

    field = "spec.validation.openAPIV3Schema.properties[spec].x-kubernetes-validations[0].rule"
    assert field in {c["field"] for c in body["details"]["causes"]}


async def test_metadata_of_the_wrong_type_is_refused(api: Api, space: Space) -> None:
    custom = await served(api, space, schema(low=INTEGER))

    broken = custom.body(metadata={"name": "a", "labels": {"k": 1}})

    body = (await api.post(custom.path(), broken)).refused(400, "BadRequest")

    assert "json: cannot unmarshal number into Go struct field" in body["message"]
