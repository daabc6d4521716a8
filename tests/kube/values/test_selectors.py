"""Selectors: text and structure mean the same, negation is the opposite, faults are named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube.values.selectors import (
    BOUNDS,
    VALUELESS,
    Operator,
    Requirement,
    Selector,
    matches,
    node_term,
    parse,
    structured,
    text_of,
)

KEYS = st.sampled_from(["app", "tier", "example.com/cores"])
VALUES = st.sampled_from(["", "web", "db", "4", "08", "-1", "v1.2_x"])
LABELS = st.dictionaries(KEYS, VALUES)


def requirement(key: str, operator: Operator, values: list[str], number: int) -> Requirement:
    if operator in VALUELESS:
        return Requirement(key, operator)
    if operator in BOUNDS:
        return Requirement(key, operator, (str(number),))
    return Requirement(key, operator, tuple(sorted(set(values))))


REQUIREMENTS = st.builds(
    requirement,
    KEYS,
    st.sampled_from(Operator),
    st.lists(VALUES, min_size=1, max_size=3),
    st.integers(-9, 9),
)
SELECTORS = st.lists(REQUIREMENTS, max_size=3).map(tuple)
OPPOSITE = {
    Operator.IN: Operator.NOT_IN,
    Operator.NOT_IN: Operator.IN,
    Operator.EXISTS: Operator.DOES_NOT_EXIST,
    Operator.DOES_NOT_EXIST: Operator.EXISTS,
}


@given(SELECTORS)
def test_a_selector_reads_back_from_its_text(selector: Selector) -> None:
    assert parse(text_of(selector)) == selector


@given(SELECTORS, SELECTORS, LABELS)
def test_a_comma_means_both(one: Selector, two: Selector, labels: dict[str, str]) -> None:
    assert matches(one + two, labels) == (matches(one, labels) and matches(two, labels))


@given(REQUIREMENTS.filter(lambda each: each.operator in OPPOSITE), LABELS)
def test_the_opposite_operator_is_the_opposite(each: Requirement, labels: dict[str, str]) -> None:
    opposite = Requirement(each.key, OPPOSITE[each.operator], each.values)

    assert each.holds(labels) != opposite.holds(labels)


@given(SELECTORS.map(lambda s: tuple(r for r in s if r.operator not in BOUNDS)), LABELS)
def test_structure_and_text_mean_the_same(selector: Selector, labels: dict[str, str]) -> None:
    expressions = [
        {"key": each.key, "operator": each.operator.value, "values": list(each.values)}
        for each in selector
    ]

    found = structured({"matchExpressions": expressions})

    assert matches(found, labels) == matches(selector, labels)


@given(LABELS, LABELS)
def test_match_labels_means_a_subset(wanted: dict[str, str], labels: dict[str, str]) -> None:
    found = structured({"matchLabels": wanted})

    assert matches(found, labels) == (wanted.items() <= labels.items())


@pytest.mark.parametrize(
    ("selector", "labels", "expected"),
    [
        pytest.param("", {}, True, id="empty matches everything"),
        pytest.param("a=1", {"a": "1"}, True, id="equal"),
        pytest.param("a == 1", {"a": "1"}, True, id="equal twice, with spaces"),
        pytest.param("a!=1", {}, True, id="not equal holds for a missing label"),
        pytest.param("a=", {"a": ""}, True, id="empty value"),
        pytest.param("a in (1, 2)", {"a": "2"}, True, id="in"),
        pytest.param("a notin (1,2)", {"a": "2"}, False, id="not in"),
        pytest.param("! a", {}, True, id="absent"),
        pytest.param("in", {"in": "x"}, True, id="a key may be called in"),
        pytest.param("a>4", {"a": "10"}, True, id="greater is of numbers, not of texts"),
        pytest.param("a<4", {"a": "x"}, False, id="less than of no number"),
        pytest.param("a>4", {}, False, id="greater needs the label"),
        pytest.param("x/y in (a),z", {"x/y": "a", "z": ""}, True, id="comma after a set"),
    ],
)
def test_text(selector: str, labels: dict[str, str], expected: bool) -> None:
    assert matches(parse(selector), labels) is expected


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a=1,", "'' is none of"),
        ("a in 1", "'a in 1' is none of"),
        ("a in (1", "'a in (1' is none of"),
        ("=1", "'=1' is none of"),
        ("a=b c", "'a=b c' is none of"),
        ("a>x", "'a': Gt takes one integer, got x"),
        ("a>", "'a': Gt takes one integer, got "),
    ],
)
def test_faults_of_text_are_named(text: str, told: str) -> None:
    with pytest.raises(ValueError, match="selector") as caught:
        parse(text)

    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ({"matchLabels": ["a"]}, "'matchLabels' must be an object, got ['a']"),
        ({"matchExpressions": "a"}, "expressions must be a list, got 'a'"),
        ({"matchExpressions": [1]}, "an expression must be an object, got 1"),
        ({"matchExpressions": [{"key": "a", "operator": "in"}]}, "operator must be one of"),
        ({"matchExpressions": [{"operator": "Exists"}]}, "expression on ''"),
        ({"matchExpressions": [{"key": "a", "operator": "Gt", "values": ["1"]}]}, "got 'Gt'"),
        ({"matchExpressions": [{"key": "a", "operator": "In"}]}, "In needs at least one value"),
        (
            {"matchExpressions": [{"key": "a", "operator": "Exists", "values": ["1"]}]},
            "Exists takes no values, got 1",
        ),
    ],
)
def test_faults_of_structure_are_named(found: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=r"must be|expression") as caught:
        structured(found)

    assert told in str(caught.value)


def test_no_selector_at_all_is_an_empty_one() -> None:
    assert structured(None) == ()


@pytest.mark.parametrize(
    ("operator", "value", "expected"),
    [("In", "", True), ("NotIn", "", False), ("In", "web-1", False)],
)
def test_a_field_that_is_not_set_is_empty(operator: str, value: str, expected: bool) -> None:
    field = {"key": "spec.nodeName", "operator": operator, "values": [value]}

    assert node_term({"matchFields": [field]}).matches({}, {}) is expected


def test_labels_and_fields_of_a_term_must_hold_and_an_empty_one_matches_nothing() -> None:
    zone = {"key": "zone", "operator": "In", "values": ["a"]}
    name = {"key": "metadata.name", "operator": "In", "values": ["n1"]}
    term = node_term({"matchExpressions": [zone], "matchFields": [name]})

    assert term.matches({"zone": "a"}, {"metadata.name": "n1"})
    assert not term.matches({"zone": "b"}, {"metadata.name": "n1"})
    assert not term.matches({"zone": "a"}, {"metadata.name": "n9"})
    assert not node_term({}).matches({}, {"metadata.name": "n1"})


def test_expressions_of_one_term_must_all_hold() -> None:
    gt = {"key": "cores", "operator": "Gt", "values": ["4"]}
    lt = {"key": "cores", "operator": "Lt", "values": ["16"]}
    term = node_term({"matchExpressions": [gt, lt]})

    assert [n for n in (4, 5, 15, 16) if term.matches({"cores": str(n)}, {})] == [5, 15]
