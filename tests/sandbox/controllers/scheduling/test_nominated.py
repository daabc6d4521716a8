"""Nominations: a pod goes where it is nominated if it can, and its room there is kept for it."""

from __future__ import annotations

import pytest

from tandem.sandbox.controllers.scheduling.choose import Placed, Refused, choose
from tandem.sandbox.controllers.scheduling.model import Node, Pod
from tandem.sandbox.controllers.settings import Scoring
from tests.sandbox.controllers.scheduling.made import (
    HOST,
    ZONE,
    affinity,
    claimed,
    cluster,
    near,
    node,
    pod,
    with_storage,
)

LEAST = Scoring.LEAST_ALLOCATED
TAINT = {"key": "k", "value": "v", "effect": "NoSchedule"}
PORT = [{"hostPort": 80}]
ALONE = affinity(near(key=HOST), anti=True)
PLANNED = pod("planned", cpu="3", nominated="b")


@pytest.mark.parametrize(
    ("wants", "nodes", "there", "chosen"),
    [
        pytest.param(
            pod(cpu="1", nominated="b"),
            (node("a"), node("b")),
            (pod("x", cpu="3", on="b"),),
            "b",
            id="the nominated node is taken, whatever the scores say",
        ),
        pytest.param(
            pod(cpu="2", nominated="b"),
            (node("a"), node("b")),
            (pod("x", cpu="3", on="b"),),
            "a",
            id="a nominated node that is full is passed over",
        ),
        pytest.param(
            pod(nominated="b"),
            (node("a"), node("b", taints=[TAINT])),
            (),
            "a",
            id="a nominated node with a taint is passed over",
        ),
        pytest.param(
            pod(nominated="b"), (node("a"),), (), "a", id="a nominated node need not exist"
        ),
        pytest.param(
            pod(nominated="b", affinity=ALONE),
            (node("a"), node("b")),
            (pod("x", on="b"),),
            "a",
            id="anti-affinity holds on the nominated node, too",
        ),
        pytest.param(
            pod("planned", cpu="3", nominated="b"),
            (node("a"), node("b")),
            (PLANNED,),
            "b",
            id="a pod does not stand in its own way",
        ),
        pytest.param(
            pod(cpu="2"),
            (node("a", cpu="2"), node("b")),
            (PLANNED,),
            "a",
            id="others leave it the cpu",
        ),
        pytest.param(
            pod(cpu="2", nominated="b"),
            (node("a"), node("b")),
            (PLANNED,),
            "a",
            id="of two that are nominated where one fits, the first tried goes elsewhere",
        ),
        pytest.param(
            pod(),
            (node("a"), node("b", pods="1")),
            (pod("x", cpu="1", on="a"), PLANNED),
            "a",
            id="others leave it its place among the pods",
        ),
        pytest.param(
            pod(ports=PORT),
            (node("a"), node("b")),
            (pod("x", cpu="1", on="a"), pod("planned", ports=PORT, nominated="b")),
            "a",
            id="others leave it the host port",
        ),
        pytest.param(
            pod(),
            (node("a"), node("b")),
            (pod("x", app="db", cpu="1", on="a"), pod("planned", affinity=ALONE, nominated="b")),
            "a",
            id="whom it keeps away from itself stays away",
        ),
        pytest.param(
            pod(affinity=ALONE),
            (node("a"), node("b")),
            (pod("x", app="db", cpu="1", on="a"), pod("planned", nominated="b")),
            "a",
            id="who keeps away from it stays away",
        ),
        pytest.param(
            pod(cpu="2", priority=1),
            (node("a", cpu="1"), node("b")),
            (PLANNED,),
            "b",
            id="a pod of higher priority need not wait for it",
        ),
    ],
)
def test_where_a_pod_goes(
    wants: Pod, nodes: tuple[Node, ...], there: tuple[Pod, ...], chosen: str
) -> None:
    assert choose(wants, cluster(*nodes, pods=there), LEAST) == Placed(chosen)


def test_nobody_leans_on_a_pod_that_is_only_nominated() -> None:
    made = cluster(node("b", labels={ZONE: "z"}), pods=(pod("planned", app="db", nominated="b"),))

    assert choose(pod(affinity=affinity(near("db"))), made, LEAST) == Refused(
        "0/1 nodes are available: 1 node(s) didn't match pod affinity rules."
    )


def test_its_volumes_count_for_the_limit_of_the_node() -> None:
    made = with_storage(
        cluster(node("b"), pods=(pod("planned", volumes=claimed("one"), nominated="b"),)),
        claims={"one": {"volumeName": "v1"}, "two": {"volumeName": "v2"}},
        volumes={"v1": {"csi": {"driver": "d"}}, "v2": {"csi": {"driver": "d"}}},
        limits={"b": {"d": 1}},
    )

    assert choose(pod(volumes=claimed("two")), made, LEAST) == Refused(
        "0/1 nodes are available: 1 node(s) exceed max volume count."
    )


def test_a_node_that_is_looked_at_stays_as_it_is() -> None:
    made = cluster(node("b"), pods=(PLANNED,))

    choose(pod(cpu="1", affinity=ALONE), made, LEAST)

    assert not made.rooms["b"].pods
    assert not made.rooms["b"].used
    assert not made.rooms["b"].groups


def test_a_nomination_that_is_withdrawn_leaves_nothing() -> None:
    made = cluster(node("b"), pods=(PLANNED,))

    made.withdraw(PLANNED)
    made.withdraw(pod("stranger", nominated="b"))

    assert not made.nominated
    assert choose(pod(cpu="2"), made, LEAST) == Placed("b")
