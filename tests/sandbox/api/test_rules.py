"""CEL rules: what is refused with the definition, what is judged on a write, and what is let be."""

from __future__ import annotations

from typing import Any

import pytest

from tandem.sandbox.cluster import TANDEM_CRDS
from tandem.sandbox.schemas.rules import compile_rules

NUMBERS = {
    "type": "object",
    "properties": {"low": {"type": "integer"}, "high": {"type": "integer"}},
}


def ruled(*rules: dict[str, Any]) -> Any:
    return NUMBERS | {"x-kubernetes-validations": list(rules)}


def told(schema: Any, value: Any, old: Any = None) -> list[str]:
    rules, wrong = compile_rules(schema)
    assert wrong == []
    return [str(cause) for cause in rules.faults(value, old, "spec")]


def test_a_broken_rule_says_its_message() -> None:
    schema = ruled({"rule": "self.low <= self.high", "message": "low above high"})

    assert told(schema, {"low": 2, "high": 1}) == ["spec: Invalid value: low above high"]
    assert told(schema, {"low": 1, "high": 1}) == []


def test_a_missing_field_is_told_with_the_rule() -> None:
    schema = ruled({"rule": "self.low <= self.high"})

    assert told(schema, {"low": 2}) == [
        'spec: Invalid value: "object": no such key: high evaluating rule: self.low <= self.high'
    ]


def test_an_unchanged_value_is_not_judged_again() -> None:
    schema = ruled({"rule": "self.low <= self.high"})

    assert told(schema, {"low": 2, "high": 1}, old={"low": 2, "high": 1}) == []


def test_a_transition_rule_needs_an_old_value() -> None:
    schema = ruled({"rule": "self.low == oldSelf.low", "message": "low is immutable"})

    assert told(schema, {"low": 2}) == []
    assert told(schema, {"low": 2}, old={"low": 1}) == ["spec: Invalid value: low is immutable"]


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        pytest.param({"rule": "self.low <="}, "compilation failed", id="syntax"),
        pytest.param({"rule": "self.lwo > 1"}, "undefined field 'lwo'", id="unknown field"),
        pytest.param({"rule": "nonsense(self)"}, "nonsense", id="unknown function"),
        pytest.param({"rule": "self.low"}, "must evaluate to a bool", id="no truth value"),
        pytest.param(
            {"rule": "true", "messageExpression": "1 + 1"},
            "must evaluate to a string",
            id="no message",
        ),
        pytest.param({"rule": "true", "optionalOldSelf": True}, "not supported", id="optional"),
    ],
)
def test_a_rule_that_cannot_work_is_refused(rule: dict[str, Any], problem: str) -> None:
    _, wrong = compile_rules(ruled(rule), "schema")

    assert len(wrong) == 1
    assert problem in wrong[0].message
    assert wrong[0].field.startswith("schema.x-kubernetes-validations[0]")


@pytest.mark.parametrize("crd", TANDEM_CRDS, ids=lambda crd: crd["metadata"]["name"])
def test_every_rule_of_tandems_definitions_compiles(crd: Any) -> None:
    for version in crd["spec"]["versions"]:
        assert compile_rules(version["schema"]["openAPIV3Schema"])[1] == []
