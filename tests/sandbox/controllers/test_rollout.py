"""The arithmetic of a rollout: the worked examples, and that no step ever breaks its limits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube.client import Json
from tandem.sandbox.controllers import rollout
from tandem.sandbox.controllers.plans import Action, Change
from tandem.sandbox.controllers.shares import share
from tandem.sandbox.controllers.things import Thing, thing


def deployment(replicas: int, surge: int | str = "25%", fewer: int | str = "25%") -> Thing:
    rolling = {"maxSurge": surge, "maxUnavailable": fewer}
    spec = {"replicas": replicas, "strategy": {"type": "RollingUpdate", "rollingUpdate": rolling}}
    return thing({"metadata": {"name": "d", "uid": "d"}, "spec": spec})


def rs(name: str, replicas: int, available: int, marks: Json | None = None) -> Thing:
    metadata = {"name": name, "uid": name, "annotations": marks or {}}
    status = {"replicas": replicas, "availableReplicas": available}
    return thing({"metadata": metadata, "spec": {"replicas": replicas}, "status": status})


def sizes(actions: tuple[Action, ...]) -> dict[str, int]:
    found = {}
    for each in actions:
        assert isinstance(each, Change)
        found[each.name] = each.body["spec"]["replicas"]
    return found


@pytest.mark.parametrize(
    ("value", "total", "up", "number"),
    [
        pytest.param("25%", 10, True, 3, id="surge rounds up"),
        pytest.param("25%", 10, False, 2, id="unavailable rounds down"),
        pytest.param(4, 10, True, 4, id="a number is itself"),
        pytest.param("0%", 10, True, 0, id="nothing"),
    ],
)
def test_share(value: int | str, total: int, up: bool, number: int) -> None:
    assert share(value, total, up=up) == number


def test_a_share_that_is_none_says_what_it_found() -> None:
    with pytest.raises(ValueError, match="must be a whole number or a percentage, got 'half'"):
        share("half", 10, up=True)


def test_zero_and_zero_may_take_one_away() -> None:
    """Otherwise a rollout could never move: with a surge of 0, 10 % of 4 rounds down to 0."""
    assert rollout.unavailable(deployment(4, 0, "10%")) == 1


@pytest.mark.parametrize(
    ("new", "old", "step"),
    [
        pytest.param(rs("new", 0, 0), rs("old", 10, 10), {"new": 3}, id="first grow by the surge"),
        pytest.param(rs("new", 3, 0), rs("old", 10, 10), {"old": 8}, id="then drop what may miss"),
        pytest.param(rs("new", 3, 3), rs("old", 8, 8), {"new": 5}, id="grow into the room"),
        pytest.param(rs("new", 5, 3), rs("old", 8, 8), {"old": 5}, id="drop what new ones replace"),
        pytest.param(rs("new", 10, 10), rs("old", 2, 2), {"old": 0}, id="and in the end the rest"),
        pytest.param(rs("new", 3, 0), rs("old", 8, 8), {"new": 5}, id="old ones went: grow again"),
        pytest.param(rs("new", 5, 0), rs("old", 8, 8), {}, id="wait while new ones start"),
        pytest.param(rs("new", 3, 0), rs("old", 10, 4), {"old": 8}, id="broken old ones go first"),
    ],
)
def test_the_steps_of_ten(new: Thing, old: Thing, step: dict[str, int]) -> None:
    assert sizes(rollout.roll(deployment(10), new, [old])) == step


@given(
    st.integers(1, 30),
    st.integers(0, 30),
    st.integers(0, 100),
    st.integers(0, 30),
    st.integers(0, 30),
)
def test_no_step_breaks_the_limits(
    replicas: int, surge: int, fewer_percent: int, new_size: int, old_size: int
) -> None:
    """From any state within the limits: at most the surge more, never below what must be there."""
    wanted = deployment(replicas, surge, f"{fewer_percent}%")
    most = replicas + rollout.surge(wanted)
    least = replicas - rollout.unavailable(wanted)
    new, old = rs("new", min(new_size, replicas), 0), rs("old", old_size, old_size)
    before = rollout.wanted(new) + old_size
    after = {"new": rollout.wanted(new), "old": old_size} | sizes(rollout.roll(wanted, new, [old]))

    assert sum(after.values()) <= max(most, before)
    assert after["old"] >= min(least, old_size)


@given(st.integers(1, 40), st.integers(0, 40), st.lists(st.integers(1, 20), min_size=2, max_size=4))
def test_scaling_mid_rollout_shares_the_change(replicas: int, surge: int, used: list[int]) -> None:
    """All of the allowed size is given out, and nobody goes below nothing."""
    wanted = deployment(replicas, surge)
    found = rollout.proportional(wanted, [rs(f"s{i}", size, size) for i, size in enumerate(used)])

    assert sum(found.values()) == replicas + surge
    assert min(found.values()) >= 0
