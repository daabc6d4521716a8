"""The replay of a plan admits what kube-scheduler would, and names how many it would not."""

from __future__ import annotations

import pytest

from nodescaler.core.demands import PodTerm, Spread
from nodescaler.core.labels import HOSTNAME, ZONE, Requirements
from nodescaler.core.model import Plan, PlannedNode, PodSpec
from nodescaler.core.resources import CPU
from tests.bench.karpenter_rule import solve
from tests.bench.markets import fake
from tests.bench.mix import diverse
from tests.bench.replay import refused

RED = {"colour": "red"}
REDS = Requirements.labels(RED)
BESIDE_RED = PodTerm(ZONE, REDS, frozenset({"d"}))
NO_RED = PodTerm(HOSTNAME, REDS, frozenset({"d"}))
SPREAD = (Spread(ZONE, 1, REDS),)
ON_HOSTS = (Spread(HOSTNAME, 1, REDS),)


def red(**more: object) -> PodSpec:
    return PodSpec("d", "red", labels=RED, requests={CPU: 1}, **more)  # type: ignore[arg-type]


def blue(**more: object) -> PodSpec:
    return PodSpec("d", "blue", requests={CPU: 1}, **more)  # type: ignore[arg-type]


def plan(*nodes: tuple[str, list[PodSpec]], cpu: int = 100) -> Plan:
    """One new node for each zone and list of pods."""
    return Plan(
        tuple(
            PlannedNode(
                f"n{n}",
                "p",
                "type",
                zone,
                "on-demand",
                1.0,
                (),
                tuple(pods),
                allocatable={CPU: cpu},
            )
            for n, (zone, pods) in enumerate(nodes)
        )
    )


SENTENCES: dict[str, tuple[Plan, int]] = {
    "pods without rules are admitted": (plan(("a", [blue(), red()])), 0),
    "a node that is full admits no more": (plan(("a", [blue(), blue()]), cpu=1), 1),
    "spread pods are admitted when the zones differ by the skew": (
        plan(("a", [red(spreads=SPREAD)] * 2), ("b", [red(spreads=SPREAD)])),
        0,
    ),
    "a spread pod is refused beyond the skew": (
        plan(("a", [red(spreads=SPREAD)] * 3), ("b", [red(spreads=SPREAD)])),
        1,
    ),
    "pods that are only counted may fill the other zone first": (
        plan(("a", [red(spreads=SPREAD)] * 2), ("b", [red()])),
        0,
    ),
    "a spread pod that does not count itself may follow": (
        plan(("a", [red(), blue(spreads=SPREAD)]), ("b", [blue()])),
        0,
    ),
    "hosts hold one each": (plan(("a", [red(spreads=ON_HOSTS)] * 2), ("a", [blue()])), 1),
    "the first of its kind is its own company": (plan(("a", [red(beside=(BESIDE_RED,))])), 0),
    "company in another zone is none": (
        plan(("a", [red()]), ("b", [blue(beside=(BESIDE_RED,))])),
        1,
    ),
    "company on another node of the zone will do": (
        plan(("a", [red()]), ("a", [blue(beside=(BESIDE_RED,))])),
        0,
    ),
    "two that keep apart do not share a node": (plan(("a", [red(apart=(NO_RED,))] * 2)), 1),
    "the one who is kept away is not admitted either, whoever asked": (
        plan(("a", [blue(apart=(NO_RED,)), red()])),
        1,
    ),
}


@pytest.mark.parametrize("sentence", SENTENCES)
def test_replay(sentence: str) -> None:
    given, expected = SENTENCES[sentence]

    assert refused(given) == expected


def test_karpenter_s_rule_leaves_pods_to_another_round() -> None:
    """It does not count a pod in a zone while its claim has several."""
    assert refused(solve(fake(), diverse(1_000))) > 0


def test_a_place_it_does_not_know_is_refused() -> None:
    odd = red(spreads=(Spread("rack", 1, REDS),))

    with pytest.raises(ValueError, match="rack is no place"):
        refused(plan(("a", [odd])))
