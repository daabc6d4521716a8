"""What a pod and its node's daemons need: init containers, sidecars, overhead, devices, daemons."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from nodescaler.core.labels import ARCH, CAPACITY_TYPE, NODE_POOL, Requirements
from nodescaler.core.model import NodePool, Owner, PodSpec
from nodescaler.core.taints import Taint, Toleration
from nodescaler.decode import PodObject, pod_spec
from tests.nodescaler.core.constraints.made import (
    GIB,
    GPU,
    LARGE,
    MEDIUM,
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
    zone,
)

Json = dict[str, Any]


def from_manifest(spec: Json) -> PodSpec:
    doc = {"metadata": {"name": "web-0", "namespace": "shop"}, "spec": spec}
    return pod_spec(msgspec.convert(doc, PodObject))


def box(cpu: str, **more: Any) -> Json:
    return {"resources": {"requests": {"cpu": cpu}}, **more}


SIDECAR = {"restartPolicy": "Always"}


# ---------------------------------------------------------------- of one pod


@pytest.mark.parametrize(
    ("spec", "cpu", "kind"),
    [
        pytest.param({"containers": [box("1"), box("1")]}, 2000, "small", id="containers add up"),
        pytest.param(
            {"containers": [box("1")], "initContainers": [box("3"), box("2")]},
            3000,
            "medium",
            id="the largest init container counts when it needs more",
        ),
        pytest.param(
            {"containers": [box("2")], "initContainers": [box("1"), box("1500m")]},
            2000,
            "small",
            id="init containers run one after the other, so they do not add up",
        ),
        pytest.param(
            {"containers": [box("1500m")], "initContainers": [box("1", **SIDECAR)]},
            2500,
            "medium",
            id="a sidecar runs beside the containers",
        ),
        pytest.param(
            {"containers": [box("1")], "initContainers": [box("1", **SIDECAR), box("3500m")]},
            4500,
            "large",
            id="and beside the init containers that start after it",
        ),
        pytest.param(
            {"containers": [box("1")], "initContainers": [box("3500m"), box("1", **SIDECAR)]},
            3500,
            "medium",
            id="but not beside those before it",
        ),
        pytest.param(
            {"containers": [box("1")], "resources": {"requests": {"cpu": "5"}}},
            5000,
            "large",
            id="a request of the whole pod wins",
        ),
        pytest.param(
            {"containers": [box("2")], "overhead": {"cpu": "500m"}},
            2500,
            "medium",
            id="the overhead of its runtime class comes on top",
        ),
        pytest.param(
            {
                "containers": [box("1")],
                "resources": {"requests": {"cpu": "2"}},
                "overhead": {"cpu": "1m"},
            },
            2001,
            "medium",
            id="also on top of a request of the whole pod",
        ),
    ],
)
def test_what_a_pod_needs(spec: Json, cpu: int, kind: str) -> None:
    waiting = from_manifest(spec)

    assert waiting.requests["cpu"] == cpu
    assert planned(cluster(waiting)).kinds == {kind: 1}


def test_what_the_system_keeps_of_a_machine_is_not_for_pods() -> None:
    tight = replace(SMALL, overhead={"cpu": 100})

    assert planned(cluster(pod("web-0", 2000), types=(tight, MEDIUM))).kinds == {"medium": 1}


def test_a_machine_takes_no_more_pods_than_it_says() -> None:
    two = replace(SMALL, capacity={**SMALL.capacity, "pods": 2})

    assert planned(cluster(*crowd(5, cpu=10), types=(two,))).sizes == [1, 2, 2]


def test_daemons_count_among_the_pods_of_a_machine() -> None:
    two = replace(SMALL, capacity={**SMALL.capacity, "pods": 2})
    found = planned(cluster(*crowd(2, cpu=10), types=(two,), daemons=(daemon("agent"),)))

    assert found.sizes == [1, 1]


def test_scratch_space_is_a_resource_like_others() -> None:
    disk = {"ephemeral-storage": 20 * GIB}
    types = (SMALL, machine("roomy", 2, 4, 0.3, more={"ephemeral-storage": 50 * GIB}))

    assert planned(cluster(*crowd(3, more=disk), types=types)).kinds == {"roomy": 2}


def test_a_pod_that_asks_for_nothing_fits_where_nothing_is_left() -> None:
    bare = replace(pod("web-0"), requests={"cpu": 0, "memory": 0, "pods": 1})

    assert planned(cluster(bare, nodes=(node("full"),))).old == {"full": ["web-0"]}


# ---------------------------------------------------------------- devices

ACCELERATED = machine("gpu-4", 8, 16, 2.0, more={GPU: 4})
ONE_GPU = machine("gpu-1", 4, 8, 0.7, more={GPU: 1})


def test_devices_are_bought_only_where_they_are_asked_for() -> None:
    waiting = (*crowd(8, "web", 1000), *crowd(2, "train", 1000, more={GPU: 1}))
    found = planned(cluster(*waiting, types=(MEDIUM, LARGE, ACCELERATED)))

    assert found.node("train-0").instance_type == "gpu-4"
    assert found.kinds["gpu-4"] == 1
    assert found.plan.usd_per_hour <= 2.0 + 0.4


def test_a_pod_without_devices_takes_the_cheaper_machine_without() -> None:
    found = planned(cluster(*crowd(1), types=(ONE_GPU, LARGE)))

    assert found.node("web-0").instance_type == "large"


def test_a_pod_without_devices_fills_the_room_beside_one_with() -> None:
    found = planned(cluster(*crowd(3, cpu=900), pod("train-0", more={GPU: 1}), types=(ONE_GPU,)))

    assert found.kinds == {"gpu-1": 1}


def test_devices_do_not_run_out_unseen() -> None:
    found = planned(cluster(*crowd(5, "train", 100, more={GPU: 1}), types=(ACCELERATED,)))

    assert found.sizes == [1, 4]


def test_devices_that_no_machine_has_leave_the_pod_out() -> None:
    found = planned(cluster(*crowd(1, more={"amd.com/gpu": 1}), types=(SMALL, ACCELERATED)))

    assert found.left == ["web-0"]
    assert "amd.com/gpu" in found.reason("web-0")


def test_devices_of_a_node_that_is_there_are_used_first() -> None:
    there = node("old", cpu=8000, room={GPU: 2})
    found = planned(cluster(*crowd(3, more={GPU: 1}), types=(ONE_GPU,), nodes=(there,)))

    assert [len(names) for names in found.old.values()] == [2]
    assert found.kinds == {"gpu-1": 1}


# ---------------------------------------------------------------- daemons

EVERYWHERE = Toleration(operator="Exists")
ARM = machine("arm", 2, 4, 0.11, labels={ARCH: "arm64"})


def test_daemons_take_their_part_of_each_new_node() -> None:
    found = planned(cluster(*crowd(4, cpu=1000), types=(SMALL,), daemons=(daemon("agent", 500),)))

    assert found.sizes == [1, 1, 1, 1]
    assert found.node("web-0").requests["cpu"] == 1500


def test_a_daemon_of_some_machines_makes_the_others_cheaper() -> None:
    """Two pods go onto one arm machine; the daemon lets only one onto each small one."""
    some = daemon("agent", 500, **only(demand(ARCH, "In", "amd64")))
    found = planned(cluster(*crowd(2, cpu=1000), types=(SMALL, ARM), daemons=(some,)))

    assert found.kinds == {"arm": 1}
    assert found.node("web-0").requests["cpu"] == 2000


def test_a_daemon_of_spot_nodes_takes_nothing_on_demand() -> None:
    """Spot would be cheaper, but the daemon leaves no room there."""
    both = machine("both", 2, 4, 0.1, how=("on-demand", "spot"))
    some = daemon("agent", 500, **only(SPOT))
    found = planned(cluster(pod("web-0", 2000), types=(both,), daemons=(some,)))

    assert found.label("web-0", CAPACITY_TYPE) == "on-demand"


def test_a_daemon_of_one_zone_takes_nothing_in_the_others() -> None:
    some = daemon("agent", 500, **only(zone("a")))
    found = planned(cluster(pod("web-0", 2000), types=(SMALL,), daemons=(some,)))

    assert "a" not in found.may("topology.kubernetes.io/zone")


@pytest.mark.parametrize(
    ("agent", "counts"),
    [
        pytest.param(daemon("agent", 500), False, id="one that does not tolerate the taint"),
        pytest.param(daemon("agent", 500, tolerations=(EVERYWHERE,)), True, id="one that does"),
        pytest.param(
            daemon("agent", 500, tolerations=(EVERYWHERE,), **only(demand("team", "In", "a"))),
            True,
            id="one that asks for the pool's label",
        ),
        pytest.param(
            daemon("agent", 500, tolerations=(EVERYWHERE,), **only(demand("team", "In", "b"))),
            False,
            id="one that asks for another",
        ),
        pytest.param(
            daemon(
                "agent", 500, tolerations=(EVERYWHERE,), **only(demand(NODE_POOL, "In", "default"))
            ),
            True,
            id="one that asks for the pool by name",
        ),
    ],
)
def test_which_daemons_run_on_a_pool(agent: Any, counts: bool) -> None:
    pool = NodePool("default", taints=(Taint("x"),), labels={"team": "a"})
    waiting = pod("web-0", 2000, tolerations=(EVERYWHERE,))
    found = planned(cluster(waiting, pools=(pool,), types=(SMALL, MEDIUM), daemons=(agent,)))

    assert found.kinds == ({"medium": 1} if counts else {"small": 1})


def test_startup_taints_do_not_keep_a_daemon_away_for_good() -> None:
    pool = NodePool("default", startup_taints=(Taint("warming"),))
    found = planned(
        cluster(
            pod("web-0", 2000), pools=(pool,), types=(SMALL, MEDIUM), daemons=(daemon("agent", 1),)
        )
    )

    assert found.kinds == {"medium": 1}


def test_room_for_a_daemon_that_is_still_to_come_is_kept() -> None:
    there = node("coming", cpu=1000, initialised=False)
    found = planned(cluster(pod("web-0", 700), daemons=(daemon("agent", 500),), nodes=(there,)))

    assert found.old == {}


def test_a_daemon_that_runs_already_is_not_counted_twice() -> None:
    agent = daemon("agent", 500)
    runs = pod("agent-x", 500, app="agent", owner=Owner("DaemonSet", "agent", "agent"))
    there = node("old", cpu=700, pods=(runs,))
    found = planned(cluster(pod("web-0", 700), daemons=(agent,), nodes=(there,)))

    assert found.old == {"old": ["web-0"]}


def test_no_node_is_made_for_daemons_alone() -> None:
    assert planned(cluster(daemons=(daemon("agent", 500),))).new == {}


def test_a_daemon_larger_than_a_machine_rules_the_machine_out() -> None:
    found = planned(
        cluster(pod("web-0", 100), types=(SMALL, LARGE), daemons=(daemon("agent", 3000),))
    )

    assert found.node("web-0").instance_types == ("large",)


def test_the_arch_of_a_daemon_is_read_by_label() -> None:
    """The same as above with the requirement written as a node selector."""
    some = daemon("agent", 500, **only(Requirements.labels({ARCH: "arm64"})))
    found = planned(cluster(pod("web-0", 2000), types=(SMALL, ARM), daemons=(some,)))

    assert found.kinds == {"small": 1}
