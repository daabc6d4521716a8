"""Whether one node would take a pod, and why not: the sentences that a person reads."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nodescaler.core.demands import HostPort, PodTerm, Spread, Volume
from nodescaler.core.labels import HOSTNAME, ZONE, Requirements
from nodescaler.core.model import NodeState, PodSpec, Snapshot
from nodescaler.core.space import conflict, refusal, space_of
from nodescaler.core.taints import UNREGISTERED, Taint
from tests.nodescaler.core.strategies import DAEMON

IN_SHOP = frozenset({"shop"})
LIKE_X = Requirements.labels({"app": "x"})
WEB = PodSpec("shop", "web", requests={"cpu": 500})
X = PodSpec("shop", "old", labels={"app": "x"})
NODE = NodeState("n", labels={ZONE: "a"}, allocatable={"cpu": 1000})
WITH_X = replace(NODE, pods=(X,))
WITH_PORT = replace(NODE, pods=(replace(X, host_ports=(HostPort(80),)),))


def away(key: str = HOSTNAME) -> PodSpec:
    return replace(WEB, apart=(PodTerm(key, LIKE_X, IN_SHOP),))


def near(key: str = HOSTNAME, **labels: str) -> PodSpec:
    return replace(WEB, labels=labels, beside=(PodTerm(key, LIKE_X, IN_SHOP),))


def even(key: str = HOSTNAME, *, hard: bool = True) -> PodSpec:
    return replace(X, name="web", spreads=(Spread(key, 1, LIKE_X, hard),))


# ---------------------------------------------------------------- two pods


def test_anti_affinity_holds_both_ways() -> None:
    guard, other = replace(away(), name="guard"), replace(X, name="other")

    assert conflict(guard, other) == "must not share a node with shop/other"
    assert conflict(other, guard) == "shop/guard must not share a node with it"
    assert conflict(other, replace(guard, apart=())) is None


def test_who_keeps_apart_over_a_label_of_the_node_keeps_apart_on_it() -> None:
    assert conflict(away(ZONE), X, {ZONE: "a"}) == "must not share a node with shop/old"
    assert conflict(away(ZONE), X, {HOSTNAME: "n"}) is None


def test_a_term_may_select_namespaces() -> None:
    term = PodTerm(HOSTNAME, LIKE_X, frozenset(), Requirements.labels({"team": "a"}))
    picky = replace(WEB, apart=(term,))

    assert conflict(picky, X, namespaces={"shop": {"team": "a"}}) is not None
    assert conflict(picky, X, namespaces={"shop": {"team": "b"}}) is None


# ---------------------------------------------------------------- a pod and a node


@pytest.mark.parametrize(
    ("pod", "node", "said"),
    [
        (WEB, NODE, None),
        (
            replace(WEB, alternatives=(Requirements.labels({ZONE: "b"}),)),
            NODE,
            "n does not have topology.kubernetes.io/zone in (b)",
        ),
        (
            WEB,
            replace(NODE, taints=(Taint("x"),)),
            "does not tolerate the taint x:NoSchedule of n",
        ),
        (
            replace(WEB, host_ports=(HostPort(80),)),
            WITH_PORT,
            "on n: host port 80/TCP is taken by shop/old",
        ),
        (WEB, replace(NODE, pods=(replace(X, requests={"cpu": 900}),)),
         "needs 500m cpu; n has 100m cpu left"),
        (away(), WITH_X, "on n: must not share a node with shop/old"),
        (away(ZONE), WITH_X, "on n: must not share a node with shop/old"),
        (away("rack"), WITH_X, None),
        (X, replace(NODE, pods=(replace(away(ZONE), name="old"),)),
         "on n: shop/old must not share a node with it"),
        (near(), NODE, "the company it wants is not on n"),
        (near(), WITH_X, None),
        (near(), replace(NODE, pods=(replace(X, phase="Succeeded"),)),
         "the company it wants is not on n"),
        (near(app="x"), NODE, None),
        (near(ZONE), NODE, None),
        (near("rack"), NODE, "n lacks the label rack, over which it wants company or a spread"),
        (even(), NODE, None),
        (even(), WITH_X, "more than 1 of its spread would be on n"),
        (even(hard=False), WITH_X, None),
        (replace(X, spreads=(Spread(HOSTNAME, 1, Requirements()),)), WITH_X, None),
        (even(ZONE), WITH_X, None),
        (even("rack"), NODE, "n lacks the label rack, over which it wants company or a spread"),
    ],
)  # fmt: skip
def test_why_a_node_refuses_a_pod(pod: PodSpec, node: NodeState, said: str | None) -> None:
    assert refusal(pod, space_of(node)) == said


def test_company_is_one_pod_that_all_terms_mean() -> None:
    both = (PodTerm(HOSTNAME, LIKE_X, IN_SHOP),
            PodTerm(ZONE, Requirements.labels({"tier": "db"}), IN_SHOP))  # fmt: skip
    pod = replace(WEB, beside=both)
    halves = (X, replace(X, name="db", labels={"tier": "db"}))
    whole = replace(X, labels={"app": "x", "tier": "db"})

    assert refusal(pod, space_of(replace(NODE, pods=halves))) == "the company it wants is not on n"
    assert refusal(pod, space_of(replace(NODE, pods=(whole,)))) is None


@pytest.mark.parametrize(
    ("volume", "said"),
    [
        pytest.param(Volume((Requirements.labels({ZONE: "a"}),)), None, id="in its zone"),
        pytest.param(
            Volume((Requirements.labels({ZONE: "b"}),)),
            "shop/data is not to be had on n",
            id="in another zone",
        ),
        pytest.param(
            Volume((Requirements.labels({ZONE: "b"}), Requirements())), None, id="in either"
        ),
        pytest.param(Volume(fault="shop/data is being deleted"), "shop/data is being deleted",
                     id="one with a fault"),
        pytest.param(None, "persistent volume claim shop/data does not exist", id="none at all"),
        pytest.param(Volume(driver="ebs", handle="new"), "n attaches 0 more volumes of ebs, not 1",
                     id="one too many"),
        pytest.param(Volume(driver="ebs", handle="old"), None, id="one that is attached"),
        pytest.param(Volume(driver="efs", handle="new"), None, id="of a driver without a limit"),
    ],
)  # fmt: skip
def test_a_pod_with_a_volume(volume: Volume | None, said: str | None) -> None:
    there = {"shop/there": Volume(driver="ebs", handle="old")}
    volumes = there if volume is None else {**there, "shop/data": volume}
    node = replace(NODE, pods=(replace(X, volumes=("shop/there",)),), attach_limits={"ebs": 1})
    space = space_of(node, Snapshot(volumes=volumes))

    assert refusal(replace(WEB, volumes=("shop/data",)), space) == said


def test_a_coming_node_is_looked_at_as_it_will_be() -> None:
    coming = replace(
        NODE,
        taints=(UNREGISTERED, Taint("warming")),
        startup_taints=(Taint("warming"),),
        initialised=False,
    )
    space = space_of(coming, Snapshot(daemons=(DAEMON,)))

    assert space.free["cpu"] == 900
    assert refusal(WEB, space) is None
    assert refusal(WEB, space_of(replace(coming, initialised=True))) is not None
