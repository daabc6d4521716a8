"""Variants of a pool: every value of an open label that is worth a node of its own."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nodescaler.core.labels import (
    HOSTNAME,
    NODE_POOL,
    ZONE,
    Allowed,
    Requirement,
    Requirements,
)
from nodescaler.core.model import NodePool
from nodescaler.core.taints import Taint
from nodescaler.core.variants import MOST_VARIANTS, templates
from tests.nodescaler.core.strategies import ALLOWED, REQUIREMENTS

OPEN = st.builds(
    Requirements, st.dictionaries(st.sampled_from("xyz"), ALLOWED.filter(bool), max_size=3)
)
ASKED = st.lists(REQUIREMENTS, max_size=3)


def pool(requirements: Requirements, **labels: str) -> NodePool:
    return NodePool("p", labels=labels, requirements=requirements, taints=(Taint("t"),))


@given(OPEN, ASKED, st.frozensets(st.sampled_from("xyz")))
def test_every_variant_is_one_that_the_pool_allows(
    demands: Requirements, asked: list[Requirements], topology: frozenset[str]
) -> None:
    found = templates(pool(demands), asked, topology)

    assert 1 <= len(found) <= MOST_VARIANTS
    for each in found:
        assert demands.accepts(each.labels)
        assert each.taints == (Taint("t"),)
        assert each.labels[NODE_POOL] == "p"
    assert len({tuple(sorted(each.labels.items())) for each in found}) == len(found)


@given(OPEN, ASKED, st.sampled_from("xyz"))
def test_what_a_pod_asks_of_a_label_some_variant_has(
    demands: Requirements, asked: list[Requirements], key: str
) -> None:
    found = templates(pool(demands.only_keys([key])), asked)
    for terms in asked:
        if key in demands and key in terms and (demands[key] & terms[key]).has_value:
            wanted = demands[key] & terms[key]
            assert any(each.labels.get(key) in wanted for each in found)


@given(OPEN, st.sampled_from("xyz"))
def test_where_a_rule_looks_over_a_label_all_its_values_count(
    demands: Requirements, key: str
) -> None:
    found = templates(pool(demands.only_keys([key])), (), {key})
    listed = demands[key] if key in demands else Allowed()

    if not listed.complement:
        assert {each.labels.get(key) for each in found} >= listed.values


@given(OPEN, ASKED)
def test_a_label_that_the_pool_has_already_is_not_open(
    demands: Requirements, asked: list[Requirements]
) -> None:
    (only,) = templates(pool(demands, x="1", y="1", z="1"), asked)

    assert {key: only.labels[key] for key in "xyz"} == dict.fromkeys("xyz", "1")


def test_what_the_cloud_decides_is_left_to_it_and_a_host_is_nobodys() -> None:
    demands = Requirements.of(Requirement(ZONE, "In", ("a", "b")))
    (only,) = templates(pool(demands), [Requirements.labels({ZONE: "b"})], {ZONE})

    assert ZONE not in only.labels
    assert " " in only.labels[HOSTNAME]  # which no label value has


def test_an_open_label_that_nobody_asks_for_has_one_variant() -> None:
    team = Requirements.of(Requirement("team", "In", ("b", "a", "c")))

    assert [each.labels["team"] for each in templates(pool(team), ())] == ["a"]
    asked = [Requirements.labels({"team": "c"})]
    assert [each.labels["team"] for each in templates(pool(team), asked)] == ["a", "c"]
