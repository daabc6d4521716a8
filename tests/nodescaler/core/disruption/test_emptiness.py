"""Which empty nodes go, which stay, and the arithmetic of budgets."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodescaler.core.demands import Volume
from nodescaler.core.disruption.budgets import allowed_disruptions
from nodescaler.core.disruption.emptiness import Emptiness, find_empty
from nodescaler.core.labels import Requirements
from nodescaler.core.model import Budget, NodePool, NodeState, Owner, PodSpec, Snapshot

NOW = datetime(2026, 1, 1, 12, 20, tzinfo=UTC)
ALL = (Budget("100%"),)
POOL = NodePool("default", consolidate_after_s=30.0, budgets=ALL)
NODE = NodeState(
    "n1",
    pool="default",
    claim="c1",
    allocatable={"cpu": 2000, "pods": 10},
    since=NOW - timedelta(seconds=60),
)
AGENT = PodSpec("system", "agent", owner=Owner("DaemonSet", "agent"))
WEB = PodSpec("shop", "web", requests={"cpu": 500, "pods": 1})


def decide(node: NodeState = NODE, pool: NodePool = POOL, *waiting: PodSpec) -> Emptiness:
    return find_empty(Snapshot(pools=(pool,), nodes=(node,), pods=waiting), NOW)


def test_a_node_that_was_empty_for_long_enough_goes() -> None:
    (command,) = decide().commands

    assert (command.reason, command.pool) == ("Empty", "default")
    assert (command.nodes, command.claims) == (("n1",), ("c1",))
    assert command.why == "empty for at least 30 s"


@pytest.mark.parametrize(
    "pod",
    [
        pytest.param(AGENT, id="a daemon"),
        pytest.param(replace(WEB, phase="Succeeded"), id="a finished pod"),
        pytest.param(replace(WEB, mirror=True), id="a static pod"),
    ],
)
def test_these_pods_do_not_keep_a_node(pod: PodSpec) -> None:
    assert decide(replace(NODE, pods=(pod,))).commands


@pytest.mark.parametrize(
    ("node", "pool", "reason"),
    [
        (replace(NODE, deleting=True), POOL, "already leaving"),
        (replace(NODE, initialised=False), POOL, "not initialised"),
        (replace(NODE, nominated=True), POOL, "nominated for a pod that is about to be bound"),
        (NODE, replace(POOL, consolidate_after_s=None), "default never removes empty nodes"),
        (NODE, replace(POOL, replicas=1), "default is a static pool"),
        (
            replace(NODE, annotations={"karpenter.sh/do-not-disrupt": "true"}),
            POOL,
            "carries karpenter.sh/do-not-disrupt",
        ),
        (replace(NODE, pods=(WEB,)), POOL, "shop/web runs on it"),
        (
            replace(NODE, pods=(replace(AGENT, protected_s=inf),)),
            POOL,
            "system/agent carries karpenter.sh/do-not-disrupt",
        ),
        (replace(NODE, since=NOW - timedelta(seconds=20)), POOL, "empty; goes in 10 s"),
        (replace(NODE, since=None), POOL, "empty; goes in 30 s"),
        (NODE, replace(POOL, budgets=(Budget("0"),)), "a budget of default allows 0 at once"),
    ],
)
def test_a_node_that_stays_has_a_reason(node: NodeState, pool: NodePool, reason: str) -> None:
    found = decide(node, pool)

    assert found.commands == ()
    assert found.kept[0].reason == reason


def test_a_pod_that_waits_and_would_fit_keeps_the_node() -> None:
    assert decide(NODE, POOL, WEB).kept[0].reason == "shop/web waits and would fit"
    elsewhere = replace(WEB, alternatives=(Requirements.labels({"zone": "b"}),))
    assert decide(NODE, POOL, elsewhere).commands


def test_a_pod_whose_volume_is_elsewhere_keeps_no_node() -> None:
    pod = replace(WEB, volumes=("shop/data",))
    data = Volume((Requirements.labels({"zone": "b"}),))
    snapshot = Snapshot(pools=(POOL,), nodes=(NODE,), pods=(pod,), volumes={"shop/data": data})

    assert find_empty(snapshot, NOW).commands
    there = replace(NODE, labels={"zone": "b"})
    assert not find_empty(replace(snapshot, nodes=(there,)), NOW).commands


def test_the_next_look_is_when_the_first_node_may_go() -> None:
    young = replace(NODE, since=NOW - timedelta(seconds=20))
    younger = replace(NODE, name="n2", since=NOW)
    found = find_empty(Snapshot(pools=(POOL,), nodes=(younger, young)), NOW)

    assert found.retry_after_s == 10
    assert decide().retry_after_s is None


def test_the_oldest_go_first_as_far_as_the_budget_allows() -> None:
    old = replace(NODE, name="n2", claim="c2", since=NOW - timedelta(hours=1))
    pool = replace(POOL, budgets=(Budget("1"),))
    (command,) = find_empty(Snapshot(pools=(pool,), nodes=(NODE, old)), NOW).commands

    assert command.nodes == ("n2",)


NOON = Budget("0", schedule="0 12 * * *", duration_s=1800.0)
NODES = tuple(replace(NODE, name=f"n{n:02d}") for n in range(11))


@pytest.mark.parametrize(
    ("budgets", "allowed"),
    [
        pytest.param((Budget("10%"),), 2, id="percentages are rounded up"),
        pytest.param((Budget("3"), Budget("50%")), 3, id="the smallest counts"),
        pytest.param((), 11, id="no budget is no limit"),
        pytest.param((Budget("0", reasons=("Drifted",)),), 11, id="for another reason"),
        pytest.param((Budget("1", reasons=("Empty",)),), 1, id="for this reason"),
        pytest.param((NOON,), 0, id="inside its window"),
        pytest.param((replace(NOON, duration_s=600.0),), 11, id="after its window"),
        pytest.param((replace(NOON, schedule="often"),), 0, id="unreadable fails closed"),
    ],
)
def test_budget(budgets: tuple[Budget, ...], allowed: int) -> None:
    pool = replace(POOL, budgets=budgets)

    assert allowed_disruptions(pool, NODES, "Empty", NOW) == allowed


def test_broken_and_leaving_nodes_use_the_budget_up() -> None:
    pool = replace(POOL, budgets=(Budget("3"),))
    nodes = (replace(NODES[0], ready=False), replace(NODES[1], deleting=True), *NODES[2:])

    assert allowed_disruptions(pool, nodes, "Empty", NOW) == 1


@given(st.lists(st.booleans(), max_size=12), st.integers(0, 100))
def test_no_more_go_than_the_budget_says(occupied: list[bool], percent: int) -> None:
    nodes = tuple(
        replace(NODE, name=f"n{n:02d}", pods=(WEB,) if taken else ())
        for n, taken in enumerate(occupied)
    )
    pool = replace(POOL, budgets=(Budget(f"{percent}%"),))
    found = find_empty(Snapshot(pools=(pool,), nodes=nodes), NOW)
    going = [name for command in found.commands for name in command.nodes]

    assert len(going) <= allowed_disruptions(pool, nodes, "Empty", NOW)
    assert len(going) + len(found.kept) == len(nodes)
    assert find_empty(Snapshot(pools=(pool,), nodes=nodes[::-1]), NOW) == found
