"""Static pools: never one node too many or too few, and which go first when fewer are wanted."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodescaler.core.labels import ARCH, Allowed, Requirement, Requirements
from nodescaler.core.model import (
    ClaimCondition,
    ClaimState,
    DaemonSpec,
    NodePool,
    NodeState,
    Owner,
    PodSpec,
)
from nodescaler.core.static import StaticStep, eviction_cost, next_static_step
from nodescaler.core.static_nodes import new_names, static_name, static_node
from tests.nodescaler.core.builders import LARGE, SMALL, machine

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
POOL = NodePool("warm", uid="u", replicas=3)
LAUNCHED = {"Launched": ClaimCondition("True")}
WEB = PodSpec("shop", "web")
DAY_S = 86400.0


def claim(name: str, age_s: float = 60, **fields: object) -> ClaimState:
    made = ClaimState(name, name, "warm", NOW - timedelta(seconds=age_s), conditions=LAUNCHED)
    return replace(made, **fields)  # type: ignore[arg-type]  # a test's own choice


def node(name: str, *pods: PodSpec, **fields: object) -> NodeState:
    made = NodeState(f"node-{name}", pods=pods, pool="warm", claim=name)
    return replace(made, **fields)  # type: ignore[arg-type]  # a test's own choice


def of(count: int) -> list[ClaimState]:
    return [claim(f"c{n}") for n in range(count)]


def going(step: StaticStep) -> list[str]:
    return [each.claim for each in step.delete]


# ---------------------------------------------------------------- how many


@pytest.mark.parametrize(
    ("pool", "claims", "create", "delete"),
    [
        pytest.param(POOL, [], 3, 0, id="none is there"),
        pytest.param(POOL, of(2), 1, 0, id="one is missing"),
        pytest.param(POOL, of(3), 0, 0, id="as many as wanted"),
        pytest.param(POOL, of(5), 0, 2, id="two too many"),
        pytest.param(replace(POOL, replicas=0), of(2), 0, 2, id="none is wanted"),
        pytest.param(
            POOL, [*of(2), claim("x", deleting_since=NOW)], 1, 0, id="one that leaves is no more"
        ),
        pytest.param(replace(POOL, limits={"nodes": 2}), of(1), 1, 0, id="up to the limit"),
        pytest.param(replace(POOL, limits={"nodes": 2}), of(2), 0, 0, id="at the limit"),
        pytest.param(
            replace(POOL, limits={"nodes": 3}),
            [*of(2), claim("x", deleting_since=NOW)], 0, 0,
            id="one that leaves still counts against the limit",
        ),
        pytest.param(replace(POOL, limits={"nodes": 1}), of(2), 0, 0, id="a limit deletes nothing"),
    ],
)  # fmt: skip
def test_how_many_are_made_and_deleted(
    pool: NodePool, claims: list[ClaimState], create: int, delete: int
) -> None:
    step = next_static_step(pool, claims, [], NOW)

    assert (step.create, len(step.delete)) == (create, delete)


def test_a_limit_is_told_and_looked_at_again() -> None:
    step = next_static_step(replace(POOL, limits={"nodes": 2}), of(1), [], NOW)

    assert step.limited == "1 of 3 nodes; limits.nodes 2 with 1 there leaves room for 1 more"
    assert step.retry_after_s == 30


@given(wanted=st.integers(0, 9), there=st.integers(0, 9), limit=st.none() | st.integers(0, 9))
def test_one_step_reaches_the_number_or_the_limit(
    wanted: int, there: int, limit: int | None
) -> None:
    """And a second step, after the first was done, has nothing to do."""
    pool = replace(POOL, replicas=wanted, limits={} if limit is None else {"nodes": limit})
    claims = of(there)
    step = next_static_step(pool, claims, [], NOW)
    made = [claim(name) for name in new_names(pool, [c.name for c in claims], step.create)]
    left = [c for c in claims if c.name not in going(step)] + made

    assert len(left) == wanted or (limit is not None and len(left) == max(limit, there))
    again = next_static_step(pool, left, [], NOW)
    assert (again.create, again.delete) == (0, ())


# ---------------------------------------------------------------- which go first

BUSY = node("busy", WEB)
ONE = replace(POOL, replicas=1)
OLD_S = 0.9 * DAY_S


@pytest.mark.parametrize(
    ("first", "second", "nodes", "why"),
    [
        pytest.param(
            claim("new", conditions={}), claim("empty"), [], "it has no machine yet",
            id="no machine before an empty node",
        ),
        pytest.param(
            claim("empty"), claim("busy"), [BUSY, node("empty")], "it is empty",
            id="empty before busy",
        ),
        pytest.param(
            claim("daemons"), claim("busy"),
            [BUSY, node("daemons", replace(WEB, owner=Owner("DaemonSet", "d")))],
            "it is empty", id="daemons are no reason to stay",
        ),
        pytest.param(
            claim("empty"), claim("chosen"), [node("empty"), node("chosen", nominated=True)],
            "it is empty", id="a node that pods are about to be bound to is not empty",
        ),
        pytest.param(
            claim("busy"), claim("two"), [BUSY, node("two", WEB, replace(WEB, name="b"))],
            "1 pods, the cheapest to move", id="one pod before two",
        ),
        pytest.param(
            claim("low"), claim("high"),
            [node("low", replace(WEB, priority=-(2**25))), node("high", replace(WEB, priority=9))],
            "1 pods, the cheapest to move", id="low priority before high",
        ),
        pytest.param(
            claim("cheap"), claim("busy"),
            [BUSY, node("cheap", replace(WEB, annotations={
                "controller.kubernetes.io/pod-deletion-cost": "-1000"}))],
            "1 pods, the cheapest to move", id="a lower deletion cost first",
        ),
        pytest.param(
            claim("old", age_s=OLD_S, expire_after_s=DAY_S), claim("busy", expire_after_s=DAY_S),
            [BUSY, node("old", WEB, replace(WEB, name="b"))],
            "2 pods, the cheapest to move", id="a node at the end of its life before a young one",
        ),
        pytest.param(
            claim("busy"), claim("kept"),
            [BUSY, node("kept", annotations={"karpenter.sh/do-not-disrupt": "true"})],
            "1 pods, the cheapest to move", id="a protected node last, though it is empty",
        ),
        pytest.param(
            claim("two"), claim("kept"),
            [node("two", WEB, replace(WEB, name="b")), node("kept", replace(WEB, protected_s=inf))],
            "2 pods, the cheapest to move", id="a node with a protected pod last",
        ),
        pytest.param(
            claim("young", age_s=1), claim("aged", age_s=9), [], "it is empty",
            id="of equals, the youngest",
        ),
        pytest.param(claim("a"), claim("b"), [], "it is empty", id="of twins, the first by name"),
    ],
)  # fmt: skip
def test_which_goes_first(
    first: ClaimState, second: ClaimState, nodes: list[NodeState], why: str
) -> None:
    step = next_static_step(ONE, [second, first], nodes, NOW)

    assert [(each.claim, each.why) for each in step.delete] == [(first.name, why)]


def test_protected_nodes_go_when_nothing_else_is_left() -> None:
    kept = node("kept", replace(WEB, protected_s=inf))
    step = next_static_step(replace(POOL, replicas=0), [claim("kept")], [kept], NOW)

    assert [each.why for each in step.delete] == ["only protected nodes are left"]


@pytest.mark.parametrize(
    ("pod", "cost"),
    [
        pytest.param(replace(WEB, priority=2**31 - 1), 10.0, id="at most ten"),
        pytest.param(replace(WEB, priority=-(2**31)), -10.0, id="at least minus ten"),
        pytest.param(
            replace(WEB, annotations={"controller.kubernetes.io/pod-deletion-cost": "cheap"}),
            1.0, id="a cost that is no number counts nothing",
        ),
        pytest.param(
            replace(WEB, annotations={"controller.kubernetes.io/pod-deletion-cost": "nan"}),
            1.0, id="nor one that is not finite",
        ),
    ],
)  # fmt: skip
def test_what_moving_a_pod_costs(pod: PodSpec, cost: float) -> None:
    assert eviction_cost(pod) == cost


@given(st.permutations(of(4)), st.integers(0, 4))
def test_the_order_of_claims_decides_nothing(claims: list[ClaimState], wanted: int) -> None:
    pool = replace(POOL, replicas=wanted)

    assert going(next_static_step(pool, claims, [], NOW)) == ["c0", "c1", "c2", "c3"][: 4 - wanted]


# ---------------------------------------------------------------- names


def test_two_processes_that_see_the_same_mean_the_same_claims() -> None:
    assert new_names(POOL, ["other"], 3) == new_names(POOL, ["other"], 3)


def test_a_second_process_goes_on_where_the_first_one_died() -> None:
    """Whatever part of the three was written: together they are the same three."""
    all_three = new_names(POOL, [], 3)
    for written in (all_three[:1], all_three[1:], all_three[::2]):
        rest = new_names(POOL, written, 3 - len(written))

        assert {*written, *rest} == set(all_three)


def test_a_claim_that_still_leaves_keeps_its_name() -> None:
    (first,) = new_names(POOL, [], 1)

    assert first not in new_names(POOL, [first], 3)


def test_numbers_whose_names_collide_are_passed_over() -> None:
    names = new_names(POOL, [], 20_000)

    assert len(set(names)) == 20_000
    assert len({static_name(POOL, number) for number in range(1, 20_001)}) < 20_000


def test_a_later_pool_of_the_same_name_has_other_claims() -> None:
    assert not {*new_names(POOL, [], 9)} & {*new_names(replace(POOL, uid="later"), [], 9)}


# ---------------------------------------------------------------- what each asks for


def test_a_node_is_asked_for_as_the_template_says() -> None:
    lines = Requirements.of(Requirement("team", "In", ("b", "a")), Requirement(ARCH, "Exists"))
    pool = replace(POOL, labels={"tier": "warm"}, requirements=lines)
    node = static_node(pool, (SMALL, LARGE), ())

    assert node.requirements == lines
    assert node.labels == {"karpenter.sh/nodepool": "warm", "tier": "warm", "team": "a"}
    assert (node.pods, node.requests) == ((), {})


def daemon(cpu: int, **labels: str) -> DaemonSpec:
    where = Requirements({key: Allowed.one_of(value) for key, value in labels.items()})
    pod = PodSpec("system", "agent", requests={"cpu": cpu, "pods": 1}, alternatives=(where,))
    return DaemonSpec("system", "agent", f"agent-{cpu}", pod)


@pytest.mark.parametrize(
    ("daemons", "requests"),
    [
        pytest.param([daemon(500), daemon(200)], {"cpu": 700, "pods": 2}, id="their sum"),
        pytest.param(
            [daemon(3000)], {"cpu": 3000, "pods": 1}, id="the small type cannot hold it"
        ),
        pytest.param([daemon(500, arch="none")], {}, id="a daemon that runs elsewhere"),
        pytest.param([daemon(9000)], {}, id="no type can hold it"),
    ],
)  # fmt: skip
def test_room_for_the_daemons_is_asked_for(
    daemons: list[DaemonSpec], requests: dict[str, int]
) -> None:
    types = (SMALL, LARGE, machine("sold", 2, 4, 0.01))
    sold_out = tuple(replace(o, available=False) for o in types[2].offerings)
    types = (*types[:2], replace(types[2], offerings=sold_out))

    assert static_node(POOL, types, daemons).requests == requests
