"""Label algebra: laws first, then each operator in a sentence."""

from __future__ import annotations

import pytest
from hypothesis import given

from nodescaler.core.labels import (
    ABSENT,
    ANY,
    ANYTHING,
    Allowed,
    Requirement,
    Requirements,
    hint,
    is_well_known,
    normal,
)
from tests.nodescaler.core.strategies import ALLOWED, MAYBE_VALUE, REQUIREMENTS


@given(ALLOWED, ALLOWED, MAYBE_VALUE)
def test_and_means_both(a: Allowed, b: Allowed, value: str | None) -> None:
    """A value is allowed by ``a & b`` exactly when both allow it."""
    assert (value in a & b) == (value in a and value in b)


@given(ALLOWED, ALLOWED, ALLOWED)
def test_and_is_a_meet(a: Allowed, b: Allowed, c: Allowed) -> None:
    """Order and grouping never matter, so packing order cannot change the answer."""
    assert a & b == b & a
    assert (a & b) & c == a & (b & c)
    assert a & a == a
    assert a & ANYTHING == a


@given(ALLOWED, MAYBE_VALUE)
def test_empty_means_that_nothing_is_a_member(a: Allowed, value: str | None) -> None:
    assert a or value not in a


@given(ALLOWED)
def test_pick_is_a_member_whenever_there_is_one(a: Allowed) -> None:
    picked = a.pick()
    assert (picked is not None) == a.has_value
    assert picked is None or picked in a


@given(ALLOWED)
def test_only_is_the_single_member(a: Allowed) -> None:
    assert a.only is None or (a.only in a and a.pick() == a.only and None not in a)


@given(REQUIREMENTS, REQUIREMENTS)
def test_requirements_meet_key_by_key(a: Requirements, b: Requirements) -> None:
    assert a & b == b & a
    assert hash(a & b) == hash(b & a)
    for key in {*a, *b}:
        assert (a & b)[key] == a.get(key, ANYTHING) & b.get(key, ANYTHING)


@given(REQUIREMENTS)
def test_lines_say_the_same_again(a: Requirements) -> None:
    """What a claim writes is read back as the same demands, but for "anything" and bare "in ()"."""
    again = Requirements.of(*a.lines())
    for key, allowed in a.items():
        read = again.get(key, ANYTHING)
        for value in (None, "a", "b", "0", "1", "2", "3", "-1", "07", "other"):
            if value is not None and value in allowed:
                assert value in read
            elif allowed.has_value and (value is not None or not allowed.absent):
                assert value not in read


@pytest.mark.parametrize(
    ("line", "inside", "outside"),
    [
        pytest.param(Requirement("k", "In", ("a",)), ["a"], ["b", None], id="In needs a value"),
        pytest.param(Requirement("k", "NotIn", ("a",)), ["b", None], ["a"], id="NotIn may miss"),
        pytest.param(Requirement("k", "Exists"), ["a"], [None], id="Exists needs the label"),
        pytest.param(Requirement("k", "DoesNotExist"), [None], ["a"], id="DoesNotExist forbids it"),
        pytest.param(
            Requirement("k", "Gt", ("2",)), ["3"], ["2", "a", None], id="Gt leaves it out"
        ),
        pytest.param(Requirement("k", "Gte", ("2",)), ["2"], ["1", "02"], id="Gte has it in"),
        pytest.param(Requirement("k", "Lt", ("2",)), ["1", "-5"], ["2"], id="Lt leaves it out"),
        pytest.param(Requirement("k", "Lte", ("2",)), ["2"], ["3"], id="Lte has it in"),
    ],
)
def test_operator(line: Requirement, inside: list[str | None], outside: list[str | None]) -> None:
    allowed = line.allowed()

    assert all(value in allowed for value in inside)
    assert not any(value in allowed for value in outside)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (Requirement("k", "Within"), "found 'Within'; would do: In, NotIn"),
        (Requirement("k", "Gt", ("x",)), r"Gt needs exactly one integer, found \['x'\]"),
        (Requirement("k", "Lte", ()), r"Lte needs exactly one integer, found \[\]"),
    ],
)
def test_a_line_that_is_none(line: Requirement, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        line.allowed()


def test_two_bounds_can_be_empty() -> None:
    assert not Allowed.between(1, 2) & Allowed.none_of("1", "2")
    assert not Allowed.between(3, 2)


def test_the_largest_min_values_counts() -> None:
    few = Requirement("k", "In", ("a", "b", "c"), min_values=2)
    more = Requirement("k", "Exists", (), min_values=3)

    assert Requirements.of(few, more)["k"].min_values == 3


def test_old_names_of_a_label_are_the_same_label() -> None:
    both = Requirements.of(
        Requirement("beta.kubernetes.io/arch", "In", ("amd64", "arm64")),
        Requirement("kubernetes.io/arch", "NotIn", ("arm64",)),
    )

    assert both.single_values() == {"kubernetes.io/arch": "amd64"}
    assert normal("topology.ebs.csi.aws.com/zone") == "topology.kubernetes.io/zone"


def test_a_cloud_decides_its_own_labels() -> None:
    assert is_well_known("karpenter.k8s.aws/instance-cpu")
    assert is_well_known("kubernetes.io/arch")
    assert not is_well_known("team")


@pytest.mark.parametrize(
    ("allowed", "text"),
    [
        (Allowed.one_of("b", "a"), "in (a, b)"),
        (Allowed.none_of("a"), "not in (a)"),
        (Allowed(frozenset("a"), absent=True), "in (a) or missing"),
        (Allowed.between(3, 5) & Allowed.none_of("4"), "not in (4), at least 3, at most 5"),
        (ANY, "present"),
        (ANYTHING, "anything"),
        (ABSENT, "missing"),
        (Allowed(), "in ()"),
    ],
)
def test_how_a_person_says_it(allowed: Allowed, text: str) -> None:
    assert str(allowed) == text


@pytest.mark.parametrize(
    ("allowed", "picked"),
    [
        pytest.param(ANY, "value", id="any value is named so"),
        pytest.param(Allowed.none_of("value", "value-2"), "value-3", id="the first free name"),
        pytest.param(Allowed.between(None, 4) & Allowed.none_of("4"), "3", id="downwards"),
    ],
)
def test_pick(allowed: Allowed, picked: str) -> None:
    assert allowed.pick() == picked


def test_requirements_read_like_a_sentence() -> None:
    demands = Requirements.of(Requirement("z", "Exists"), Requirement("a", "In", ("x",)))

    assert repr(demands) == "Requirements(a in (x); z present)"
    assert len(demands) == 2
    assert demands != "something else"
    assert demands.accepts({"a": "x", "z": "y"})
    assert demands.refusals({"a": "y"}) == ("a", "z")
    assert demands.only_keys(["a"]) == Requirements.labels({"a": "x"})
    assert str(demands.lines()[0]) == "a In (x)"
    assert str(demands.lines()[1]) == "z Exists"


def test_a_hint_is_for_near_misses_only() -> None:
    assert hint("node.kubernetes.io/instance-typ", ["node.kubernetes.io/instance-type"])
    assert hint("team", ["zone"]) == ""
    assert hint("team", ["team"]) == ""
