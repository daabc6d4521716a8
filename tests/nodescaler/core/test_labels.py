"""Label algebra: laws first, then each operator in a sentence."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from nodescaler.core.labels import (
    ABSENT,
    ALIASES,
    ANY,
    ANYTHING,
    OPERATORS,
    ZONE,
    Allowed,
    Requirement,
    Requirements,
    hint,
    is_well_known,
    normal,
)
from tests.nodescaler.core.strategies import BOUND, MAYBE_VALUE

# What looks like an integer and is none, or is another text for the same one, is where bounds and
# exclusions go wrong; so most values here are of that kind.
TRICKY = st.sampled_from(["a", "b", "", "0", "1", "2", "3", "-1", "-0", "+1", "01", "1.0", " 1"])
VALUE = TRICKY | MAYBE_VALUE
LEAST = st.none() | st.integers(1, 3)
SET = st.frozensets(TRICKY, max_size=5)
FINITE = st.builds(Allowed, SET, absent=st.booleans(), min_values=LEAST)
COFINITE = st.builds(
    Allowed,
    SET,
    complement=st.just(True),
    absent=st.booleans(),
    low=BOUND,
    high=BOUND,
    min_values=LEAST,
)
ALLOWED = FINITE | COFINITE
REQUIREMENTS = st.builds(Requirements, st.dictionaries(st.sampled_from("xyz"), ALLOWED, max_size=3))
LABELS = st.dictionaries(st.sampled_from("xyz"), TRICKY, max_size=3)


@st.composite
def lines(draw: st.DrawFn) -> Requirement:
    """A line that a manifest may have; only zone has other names."""
    key = draw(st.sampled_from(["x", ZONE, "failure-domain.beta.kubernetes.io/zone"]))
    operator = draw(st.sampled_from(OPERATORS))
    if operator in {"In", "NotIn"}:
        values = tuple(draw(st.lists(TRICKY, min_size=1, max_size=4, unique=True)))
    elif operator in {"Exists", "DoesNotExist"}:
        values = ()
    else:
        values = (str(draw(st.integers(-2, 4))),)
    return Requirement(key, operator, values, draw(LEAST))


@given(ALLOWED, ALLOWED, VALUE)
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


@given(ALLOWED, ALLOWED)
def test_and_absorbs(a: Allowed, b: Allowed) -> None:
    """What was met once stays met: nothing is narrowed twice, no bound or minValues is lost."""
    both = a & b

    assert both & a == both
    assert both & b == both
    assert hash(both) == hash(b & a)
    assert both.min_values == max((m for m in (a.min_values, b.min_values) if m), default=None)


@given(ALLOWED, VALUE)
def test_empty_means_that_nothing_is_a_member(a: Allowed, value: str | None) -> None:
    assert a or value not in a


@given(ALLOWED)
@example(Allowed.between(0, 1) & Allowed.none_of("0", "-0"))
@example(Allowed.between(0, 1) & Allowed.none_of("0", "01", "+1"))
@example(Allowed.between(0, 1) & Allowed.none_of("0", "1"))
@example(Allowed.between(1, 0))
def test_there_is_a_value_exactly_when_one_can_be_named(a: Allowed) -> None:
    """Counted out one by one, where the set or the bounds are finite."""
    if not a.complement:
        assert a.has_value == any(value in a for value in a.values)
    elif a.low is not None and a.high is not None:
        assert a.has_value == any(str(number) in a for number in range(a.low, a.high + 1))
    else:
        assert a.has_value
    assert bool(a) == (a.has_value or None in a)


@given(ALLOWED)
def test_pick_is_a_member_whenever_there_is_one(a: Allowed) -> None:
    picked = a.pick()
    assert (picked is not None) == a.has_value
    assert picked is None or picked in a


@given(ALLOWED)
def test_only_is_the_single_member(a: Allowed) -> None:
    assert a.only is None or (a.only in a and a.pick() == a.only and None not in a)


@given(REQUIREMENTS, REQUIREMENTS, REQUIREMENTS)
def test_requirements_are_a_meet(a: Requirements, b: Requirements, c: Requirements) -> None:
    assert a & b == b & a
    assert (a & b) & c == a & (b & c)
    assert a & a == a
    assert a & Requirements() == a
    assert (a & b) & a == a & b


@given(REQUIREMENTS, REQUIREMENTS)
def test_requirements_meet_key_by_key(a: Requirements, b: Requirements) -> None:
    assert hash(a & b) == hash(b & a)
    for key in {*a, *b}:
        assert (a & b)[key] == a.get(key, ANYTHING) & b.get(key, ANYTHING)


@given(REQUIREMENTS, REQUIREMENTS, LABELS)
def test_a_node_meets_both_exactly_when_it_meets_each(
    a: Requirements, b: Requirements, labels: dict[str, str]
) -> None:
    assert (a & b).accepts(labels) == (a.accepts(labels) and b.accepts(labels))
    assert a.accepts(labels) == (not a.refusals(labels))


@given(st.lists(lines(), max_size=4))
def test_what_is_written_is_read_back_unchanged(asked: list[Requirement]) -> None:
    """Bounds, exclusions and minValues included; a contradiction has no line that says it."""
    demands = Requirements.of(*asked)
    assume(all(demands.values()))

    assert Requirements.of(*demands.lines()) == demands


@given(st.lists(lines(), max_size=4), st.randoms(use_true_random=False))
def test_the_order_of_the_lines_does_not_matter(asked: list[Requirement], rng: Random) -> None:
    assert Requirements.of(*rng.sample(asked, len(asked))) == Requirements.of(*asked)


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


@given(st.sampled_from(sorted(ALIASES)) | st.text(max_size=5))
def test_the_stable_name_of_a_label_is_its_own(key: str) -> None:
    assert normal(normal(key)) == normal(key)
    assert normal(key) not in ALIASES


@given(lines(), st.sampled_from(sorted(ALIASES)))
def test_an_old_name_asks_what_the_stable_one_asks(line: Requirement, old: str) -> None:
    there, now = replace(line, key=old), replace(line, key=normal(old))

    assert Requirements.of(there) == Requirements.of(now)
    assert Requirements.of(there, now) == Requirements.of(now)


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
        pytest.param(
            Requirement("k", "Gte", ("007",)), ["7"], ["6", "007"], id="a bound may have zeros"
        ),
        pytest.param(Requirement("k", "Lt", ("+1",)), ["0"], ["1", "-0"], id="and a sign"),
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
