"""Why a pod stays out: each reason names the constraint and the nearest miss.

Only the telling parts are asserted; how a sentence runs is `tests/nodescaler/core/test_reasons.py`.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from nodescaler.core.demands import Gang, HostPort, Volume
from nodescaler.core.labels import ARCH, CAPACITY_TYPE, HOSTNAME, INSTANCE_TYPE, ZONE
from nodescaler.core.model import NodePool, Snapshot
from nodescaler.core.taints import Taint
from tests.nodescaler.core.constraints.made import (
    GPU,
    LARGE,
    SMALL,
    SPOT,
    cluster,
    crowd,
    daemon,
    demand,
    machine,
    node,
    only,
    planned,
    pod,
    spread,
    term,
    zone,
)

TEAMS = NodePool("default", labels={"teams": "a"})
IN_A = (replace(LARGE, name="large-a", offerings=LARGE.offerings[:1]), SMALL)
FULL = tuple(node(f"in-{z}", z, pods=(pod(f"db-{z}", app="db"),)) for z in "abc")


@pytest.mark.parametrize(
    ("snapshot", "parts"),
    [
        pytest.param(
            cluster(pod("web-0", 9000)),
            ["needs 9 cpu", "largest offer", "has 8"],
            id="too large for every machine",
        ),
        pytest.param(
            cluster(pod("web-0", 9000, **only(zone("a")))),
            ["needs 9 cpu", "largest offer", "zone a", "has 8"],
            id="too large for every machine of its zone",
        ),
        pytest.param(
            cluster(pod("web-0", 5000, **only(zone("b"))), types=IN_A),
            ["needs 5 cpu", "zone b", "has 2"],
            id="small enough, but not in its zone",
        ),
        pytest.param(
            cluster(pod("web-0", 1000, more={"memory": 99 * 2**30})),
            ["needs 99Gi memory", "has 16Gi"],
            id="too much memory",
        ),
        pytest.param(
            cluster(pod("web-0", more={GPU: 1})), [f"needs 1 {GPU}"], id="devices nobody has"
        ),
        pytest.param(
            cluster(pod("web-0", 2000), types=(SMALL,), daemons=(daemon("agent", 500),)),
            ["needs 2 cpu", "1500m"],
            id="too large beside the daemons",
        ),
        pytest.param(
            cluster(pod("web-0", **only(demand("team", "In", "a"))), pools=(TEAMS,)),
            ["label team in (a)", "did you mean 'teams'?"],
            id="a label that nearly exists",
        ),
        pytest.param(
            cluster(pod("web-0", **only(demand("team", "Exists")))),
            ["label team"],
            id="a label that no pool has",
        ),
        pytest.param(
            cluster(pod("web-0", **only(zone("z")))),
            [ZONE, "(z)", "a, b, c"],
            id="a zone that no pool offers",
        ),
        pytest.param(
            cluster(pod("web-0", **only(demand(ARCH, "In", "arm64")))),
            [ARCH, "arm64", "amd64"],
            id="an architecture that no pool offers",
        ),
        pytest.param(
            cluster(pod("web-0", **only(SPOT))),
            [CAPACITY_TYPE, "spot", "on-demand"],
            id="a capacity type that no pool offers",
        ),
        pytest.param(
            cluster(pod("web-0", **only(demand(HOSTNAME, "In", "n9")))),
            [HOSTNAME, "n9"],
            id="a host that is not there",
        ),
        pytest.param(
            cluster(*crowd(1), pools=(NodePool("default", taints=(Taint("team", "a"),)),)),
            ["taint", "team=a:NoSchedule"],
            id="a taint it does not tolerate",
        ),
        pytest.param(
            cluster(*crowd(1), pools=(NodePool("default", limits={"cpu": 1000}),)),
            ["limit", "default", "cpu", "1"],
            id="a limit of cpu",
        ),
        pytest.param(
            cluster(*crowd(1), pools=(NodePool("default", limits={"nodes": 0}),)),
            ["limit", "default", "nodes"],
            id="a limit of nodes",
        ),
        pytest.param(cluster(*crowd(1), pools=()), ["no NodePool"], id="no pool at all"),
        pytest.param(
            cluster(*crowd(1), types=()), ["default", "instance types"], id="a pool without types"
        ),
        pytest.param(
            cluster(*crowd(1, beside=(term(ZONE, "db"),))),
            ["affinity", ZONE],
            id="company that is nowhere",
        ),
        pytest.param(
            cluster(*crowd(1, beside=(term("rack"),))),
            ["affinity", "rack"],
            id="company over a label that no node has",
        ),
        pytest.param(
            cluster(*crowd(1, apart=(term(ZONE, "db"),)), nodes=FULL),
            ["anti-affinity", ZONE],
            id="company to avoid in every zone",
        ),
        pytest.param(
            cluster(*crowd(1, spreads=(spread("rack"),))),
            ["spread", "rack"],
            id="a spread over a label that no node has",
        ),
        pytest.param(
            cluster(
                pod("web-0", spreads=(spread(honours_affinity=False),), **only(zone("a"))),
                nodes=(node("a", "a", pods=(pod("old"),)), node("b", "b"), node("c", "c")),
            ),
            ["spread", ZONE],
            id="a spread that is already as uneven as it may be",
        ),
        pytest.param(
            cluster(pod("web-0", volumes=("shop/lost",))), ["shop/lost"], id="a missing claim"
        ),
        pytest.param(
            cluster(pod("web-0", volumes=("shop/d",)), volumes={"shop/d": Volume((zone("z"),))}),
            ["shop/d", "z"],
            id="a volume where no pool has nodes",
        ),
        pytest.param(
            cluster(
                pod("web-0", volumes=("shop/d", "shop/e")),
                volumes={"shop/d": Volume((zone("a"),)), "shop/e": Volume((zone("b"),))},
            ),
            ["shop/d", "shop/e"],
            id="two volumes that are never in one place",
        ),
        pytest.param(
            cluster(pod("web-0", unplannable="asks for a device class")),
            ["asks for a device class"],
            id="what no plan can say",
        ),
        pytest.param(
            cluster(
                *crowd(1, host_ports=(HostPort(80),)),
                daemons=(daemon("agent", host_ports=(HostPort(80),)),),
            ),
            ["80", "system/agent"],
            id="a port that a daemon has on every node",
        ),
        pytest.param(
            cluster(*crowd(1, gang=Gang("shop/g", 3))), ["shop/g", "3"], id="an incomplete gang"
        ),
        pytest.param(
            cluster(
                *crowd(1),
                pools=(NodePool("default", requirements=demand(INSTANCE_TYPE, "Exists", least=7)),),
            ),
            ["minValues", "7", "3"],
            id="too little choice",
        ),
        pytest.param(
            cluster(*crowd(1), pools=(NodePool("static", replicas=1),)),
            ["no NodePool"],
            id="only a pool that makes no nodes for pods",
        ),
    ],
)
def test_why_a_pod_stays_out(snapshot: Snapshot, parts: list[str]) -> None:
    found = planned(snapshot)

    assert found.left == ["web-0"]
    for part in parts:
        assert part in found.reason("web-0")


def test_a_host_port_that_is_taken_everywhere_is_named() -> None:
    there = node("old", cpu=8000, pods=(pod("proxy", host_ports=(HostPort(80),)),))
    found = planned(cluster(*crowd(1, host_ports=(HostPort(80),)), types=(), nodes=(there,)))

    assert found.left == ["web-0"]
    assert found.reason("web-0")


def test_the_pool_that_came_nearest_speaks() -> None:
    pools = (NodePool("other", taints=(Taint("x"),)), NodePool("default"))

    assert "needs 9 cpu" in planned(cluster(pod("web-0", 9000), pools=pools)).reason("web-0")


def test_pods_of_one_class_have_one_reason() -> None:
    found = planned(cluster(*crowd(5, cpu=9000)))

    assert len({each.reason for each in found.plan.unschedulable}) == 1


def test_a_pod_that_lost_the_last_room_to_others_is_told_of_the_limit() -> None:
    pool = NodePool("default", limits={"nodes": 1})
    found = planned(cluster(*crowd(4, cpu=1000), pools=(pool,), types=(machine("m", 2, 4, 1),)))

    assert all("limit" in each.reason for each in found.plan.unschedulable)
    assert len(found.left) == 2
