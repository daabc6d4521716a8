"""Laws of field ownership."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tandem.sandbox.patches.fieldsets import (
    changed,
    field_set,
    from_json,
    merged,
    show,
    to_json,
    without,
)
from tandem.sandbox.schemas.definitions import definition

POD = definition("io.k8s.api.core.v1.Pod")
NAMES = st.sampled_from(["a", "b", "c"])
CONTAINERS = st.lists(
    st.fixed_dictionaries(
        {"name": NAMES},
        optional={"image": NAMES, "args": st.lists(NAMES, max_size=2)},
    ),
    unique_by=lambda item: item["name"],
    max_size=3,
)
PODS = st.fixed_dictionaries(
    {},
    optional={
        "metadata": st.fixed_dictionaries(
            {}, optional={"labels": st.dictionaries(NAMES, NAMES, min_size=1)}
        ),
        "spec": st.fixed_dictionaries(
            {},
            optional={"containers": CONTAINERS, "nodeName": NAMES, "priority": st.integers(0, 2)},
        ),
    },
)
PATHS = st.frozensets(
    st.lists(st.sampled_from(["f:a", "f:b", 'k:{"name":"x"}']), min_size=1, max_size=3).map(tuple)
)


@given(PATHS)
def test_a_set_is_read_as_it_was_written(fields: Any) -> None:
    assert from_json(to_json(fields)) == fields


@given(PODS)
def test_nothing_changes_between_equals(pod: Any) -> None:
    assert changed(pod, pod, POD) == (frozenset(), frozenset())


@given(PODS, PODS)
def test_what_is_applied_is_there_afterwards(live: Any, applied: Any) -> None:
    result = merged(live, applied, POD)

    assert field_set(applied, POD) <= field_set(result, POD) | changed({}, result, POD)[0]
    assert merged(result, applied, POD) == result


@given(PODS, PODS)
def test_merging_loses_no_field_of_the_other(live: Any, applied: Any) -> None:
    result = merged(live, applied, POD)
    _, gone = changed(live, result, POD)

    assert gone == frozenset()


@given(PODS)
def test_dropping_nothing_keeps_the_values(pod: Any) -> None:
    fields = changed({}, pod, POD)[0]

    assert without(pod, POD, frozenset(), fields) == pod


def test_an_item_goes_when_its_only_owner_drops_it() -> None:
    pod = {"spec": {"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "1"}]}}
    item = ("f:spec", "f:containers", 'k:{"name":"a"}')
    drop = frozenset({item, (*item, "f:image"), (*item, "f:name")})

    assert without(pod, POD, drop, frozenset()) == {
        "spec": {"containers": [{"name": "b", "image": "1"}]}
    }


def test_paths_are_shown_as_kubectl_prints_them() -> None:
    path = ("f:spec", "f:ports", 'k:{"containerPort":80,"protocol":"TCP"}', "f:name")

    assert show(path) == '.spec.ports[containerPort=80,protocol="TCP"].name'
