"""Vectors of the standards, and laws that hold for every document."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandem.sandbox.patches.jsonpatch import PatchRefused, json_patch
from tandem.sandbox.patches.merge import merge_patch
from tandem.sandbox.patches.strategic import strategic_patch
from tandem.sandbox.schemas.definitions import definition

SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.text("ab", max_size=2)
KEYS = st.sampled_from(["a", "b", "c"])
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner), max_leaves=8
)
DOCUMENTS = st.dictionaries(KEYS, VALUES)
POD = definition("io.k8s.api.core.v1.Pod")
DEPLOYMENT = definition("io.k8s.api.apps.v1.Deployment")


@pytest.mark.parametrize(
    ("document", "patch", "expected"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patch_by_rfc_7386(document: Any, patch: Any, expected: Any) -> None:
    assert merge_patch(document, patch) == expected


@given(VALUES, VALUES)
def test_a_merge_patch_twice_is_once(document: Any, patch: Any) -> None:
    once = merge_patch(document, patch)

    assert merge_patch(once, patch) == once


@given(DOCUMENTS)
def test_an_empty_patch_changes_nothing(document: Any) -> None:
    assert merge_patch(document, {}) == document
    assert strategic_patch(document, {}, POD) == document
    assert json_patch(document, []) == document


@pytest.mark.parametrize(
    ("document", "operation", "expected"),
    [
        ({"foo": "bar"}, {"op": "add", "path": "/baz", "value": 1}, {"foo": "bar", "baz": 1}),
        ({"foo": [1, 3]}, {"op": "add", "path": "/foo/1", "value": 2}, {"foo": [1, 2, 3]}),
        ({"foo": [1]}, {"op": "add", "path": "/foo/-", "value": 2}, {"foo": [1, 2]}),
        ({"a": 1, "b": 2}, {"op": "remove", "path": "/a"}, {"b": 2}),
        ({"foo": [1, 2, 3]}, {"op": "remove", "path": "/foo/1"}, {"foo": [1, 3]}),
        ({"a": 1}, {"op": "replace", "path": "/a", "value": 2}, {"a": 2}),
        ({"a": {"b": 1}}, {"op": "move", "from": "/a/b", "path": "/c"}, {"a": {}, "c": 1}),
        ({"f": [1, 2, 3]}, {"op": "move", "from": "/f/0", "path": "/f/2"}, {"f": [2, 3, 1]}),
        ({"a": [1]}, {"op": "copy", "from": "/a", "path": "/b"}, {"a": [1], "b": [1]}),
        ({"a~b/c": 1}, {"op": "replace", "path": "/a~0b~1c", "value": 2}, {"a~b/c": 2}),
        ({"": 1}, {"op": "test", "path": "/", "value": 1}, {"": 1}),
        ({"a": 1}, {"op": "replace", "path": "", "value": {"b": 2}}, {"b": 2}),
    ],
)
def test_json_patch_by_rfc_6902(document: Any, operation: Any, expected: Any) -> None:
    assert json_patch(document, [operation]) == expected


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "remove", "path": "/missing"},
        {"op": "replace", "path": "/missing", "value": 1},
        {"op": "add", "path": "/missing/a", "value": 1},
        {"op": "add", "path": "/list/9", "value": 1},
        {"op": "add", "path": "/list/01", "value": 1},
        {"op": "test", "path": "/list", "value": []},
        {"op": "move", "from": "/missing", "path": "/b"},
        {"op": "jump", "path": "/list"},
        {"op": "add", "path": "list", "value": 1},
        {"op": "add", "path": "/a"},
    ],
)
def test_a_json_patch_that_does_not_apply(operation: Any) -> None:
    with pytest.raises(PatchRefused):
        json_patch({"list": [1]}, [operation])


@given(DOCUMENTS, VALUES)
def test_what_is_added_and_removed_leaves_no_trace(document: Any, value: Any) -> None:
    operations = [{"op": "add", "path": "/new", "value": value}, {"op": "remove", "path": "/new"}]

    assert json_patch(document, operations) == document


def containers(*items: Any) -> Any:
    return {"spec": {"containers": list(items)}}


@pytest.mark.parametrize(
    ("before", "patch", "after"),
    [
        pytest.param(
            containers({"name": "a", "image": "1"}, {"name": "b", "image": "1"}),
            containers({"name": "b", "image": "2"}),
            containers({"name": "a", "image": "1"}, {"name": "b", "image": "2"}),
            id="items merge by key",
        ),
        pytest.param(
            containers({"name": "a"}),
            containers({"name": "b", "image": "2"}),
            containers({"name": "a"}, {"name": "b", "image": "2"}),
            id="new items are appended",
        ),
        pytest.param(
            containers({"name": "a"}, {"name": "b"}),
            containers({"name": "a", "$patch": "delete"}),
            containers({"name": "b"}),
            id="items are deleted by key",
        ),
        pytest.param(
            containers({"name": "a"}),
            containers({"name": "b"}, {"$patch": "replace"}),
            containers({"name": "b"}),
            id="lists are replaced on demand",
        ),
        pytest.param(
            {"metadata": {"finalizers": ["a", "b"]}},
            {"metadata": {"finalizers": ["b", "c"]}},
            {"metadata": {"finalizers": ["a", "b", "c"]}},
            id="sets unite",
        ),
        pytest.param(
            {"metadata": {"finalizers": ["a", "b"]}},
            {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"]}},
            {"metadata": {"finalizers": ["b"]}},
            id="members of sets are deleted",
        ),
        pytest.param(
            {"metadata": {"labels": {"a": "1", "b": "2"}}},
            {"metadata": {"labels": {"a": None}}},
            {"metadata": {"labels": {"b": "2"}}},
            id="null deletes",
        ),
        pytest.param(
            {"metadata": {"labels": {"a": "1"}}},
            {"metadata": {"labels": {"$patch": "replace", "b": "2"}}},
            {"metadata": {"labels": {"b": "2"}}},
            id="maps are replaced on demand",
        ),
        pytest.param(
            {"spec": {"containers": [{"name": "a", "args": ["x", "y"]}]}},
            containers({"name": "a", "args": ["z"]}),
            containers({"name": "a", "args": ["z"]}),
            id="lists without a key are replaced",
        ),
        pytest.param(
            containers({"name": "a"}, {"name": "b"}),
            {"spec": {"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]}},
            containers({"name": "b"}, {"name": "a"}),
            id="order is set",
        ),
    ],
)
def test_strategic_patch(before: Any, patch: Any, after: Any) -> None:
    assert strategic_patch(before, patch, POD) == after


def test_retain_keys_drops_the_rest() -> None:
    before = {"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}}
    patch = {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}

    after = strategic_patch(before, patch, DEPLOYMENT)

    assert after == {"spec": {"strategy": {"type": "Recreate"}}}


def test_an_item_without_its_key_is_refused() -> None:
    with pytest.raises(PatchRefused, match="does not contain declared merge key: name"):
        strategic_patch(containers(), containers({"image": "x"}), POD)


LISTS = st.lists(
    st.fixed_dictionaries({"name": KEYS, "image": st.sampled_from(["1", "2"])}),
    unique_by=lambda item: item["name"],
    max_size=3,
)


@given(LISTS, LISTS)
def test_a_strategic_patch_twice_is_once(old: Any, new: Any) -> None:
    once = strategic_patch(containers(*old), containers(*new), POD)

    assert strategic_patch(once, containers(*new), POD) == once
    assert {item["name"] for item in once["spec"]["containers"]} == {
        item["name"] for item in [*old, *new]
    }
