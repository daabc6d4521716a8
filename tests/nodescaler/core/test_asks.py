"""What a class asks for: wishes in the order in which they are given up, and OR-terms combined."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from nodescaler.core.asks import NO_WISHES, Wishes, ask_of, combined, wishes_of
from nodescaler.core.classes import classes_of
from nodescaler.core.demands import PodPreference, PodTerm, Preference, Spread, Volume
from nodescaler.core.labels import ZONE, Requirements
from nodescaler.core.model import PodSpec
from nodescaler.core.settings import PreferencePolicy
from nodescaler.core.taints import PREFER_NO_SCHEDULE, Taint, Toleration
from tests.nodescaler.core.strategies import REQUIREMENTS, VALUES, asking_pods

RESPECT, IGNORE = PreferencePolicy.RESPECT, PreferencePolicy.IGNORE
SOFT = Taint("shy", effect=PREFER_NO_SCHEDULE)


def label(value: str) -> Requirements:
    return Requirements.labels({"app": value})


def term(value: str) -> PodTerm:
    return PodTerm(ZONE, label(value), frozenset({"shop"}))


WISHFUL = PodSpec(
    "shop",
    "web",
    preferences=(Preference(1, label("light")), Preference(9, label("heavy"))),
    company=(
        PodPreference(2, term("near")),
        PodPreference(-7, term("farthest")),
        PodPreference(8, term("nearest")),
        PodPreference(-1, term("far")),
    ),
    spreads=(Spread(ZONE, 1, label("hard")), Spread(ZONE, 1, label("soft"), hard=False)),
)


@st.composite
def wishes(draw: st.DrawFn) -> Wishes:
    pod = draw(asking_pods().filter(bool))[0]
    return wishes_of(pod, RESPECT, draw(st.sampled_from([(), (SOFT,)])))


def test_wishes_are_given_up_in_karpenters_order_the_heaviest_of_a_kind_first() -> None:
    found = wishes_of(WISHFUL, RESPECT, [SOFT])

    assert found.given_up(99) == [
        "preferred pod affinity over topology.kubernetes.io/zone (app in (nearest))",
        "preferred pod affinity over topology.kubernetes.io/zone (app in (near))",
        "preferred pod anti-affinity over topology.kubernetes.io/zone (app in (farthest))",
        "preferred pod anti-affinity over topology.kubernetes.io/zone (app in (far))",
        "preferred node affinity (app in (heavy))",
        "preferred node affinity (app in (light))",
        "ScheduleAnyway spread over topology.kubernetes.io/zone",
        "avoiding PreferNoSchedule taints (shy:PreferNoSchedule)",
    ]
    assert len(found) == 8


@given(wishes(), st.integers(0, 12))
def test_giving_up_so_many_drops_exactly_the_first_so_many(found: Wishes, steps: int) -> None:
    left = found.without(steps)

    assert len(left) == max(len(found) - steps, 0)
    assert found.given_up(steps) + left.given_up(len(left)) == found.given_up(len(found))


@given(wishes(), st.integers(0, 6), st.integers(0, 6))
def test_giving_up_in_two_steps_is_giving_up_at_once(found: Wishes, one: int, other: int) -> None:
    assert found.without(one).without(other) == found.without(one + other)


def test_whoever_ignores_preferences_has_none() -> None:
    assert wishes_of(WISHFUL, IGNORE, [SOFT]) == NO_WISHES


def test_a_taint_that_is_tolerated_need_not_be_avoided() -> None:
    pod = PodSpec("shop", "web", tolerations=(Toleration("shy", "Exists"),))

    assert not wishes_of(pod, RESPECT, [SOFT]).taints
    assert not wishes_of(replace(pod, tolerations=()), RESPECT, []).taints
    assert wishes_of(replace(pod, tolerations=()), RESPECT, [SOFT]).avoided == (str(SOFT),)


# ---------------------------------------------------------------- demands


def test_the_heaviest_preference_that_is_left_is_a_demand() -> None:
    (each,) = classes_of([WISHFUL])
    found = wishes_of(WISHFUL, RESPECT, [SOFT])
    asked = [ask_of(each, found.without(steps)) for steps in range(9)]

    assert [ask.alternatives for ask in asked[:5]] == [(label("heavy"),)] * 5
    assert asked[5].alternatives == (label("light"),)
    assert asked[6].alternatives == (Requirements(),)
    assert [ask.hard_only for ask in asked] == [False] * 8 + [True]
    assert all(ask.spreads == WISHFUL.spreads[:1] for ask in asked)


ALTERNATIVES = st.lists(REQUIREMENTS, min_size=1, max_size=3).map(tuple)


@given(ALTERNATIVES, st.lists(ALTERNATIVES, max_size=2),
       st.dictionaries(st.sampled_from("xyz"), VALUES, max_size=3))  # fmt: skip
def test_a_node_suits_the_pod_and_all_of_its_volumes(
    own: tuple[Requirements, ...],
    volumes: list[tuple[Requirements, ...]],
    labels: dict[str, str],
) -> None:
    found = combined(own, [Volume(each) for each in volumes])
    expected = all(any(terms.accepts(labels) for terms in each) for each in (own, *volumes))

    assert any(terms.accepts(labels) for terms in found) == expected


def test_terms_that_no_node_can_meet_leave_no_place() -> None:
    (each,) = classes_of(
        [PodSpec("shop", "web", alternatives=(label("a"),), volumes=("shop/data",))],
        (),
        {"shop/data": Volume((label("b"),))},
    )

    assert ask_of(each, NO_WISHES).alternatives == ()
