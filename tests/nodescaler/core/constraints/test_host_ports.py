"""Host ports: one pod for each port, protocol and address of a node, daemons included."""

from __future__ import annotations

import pytest

from nodescaler.core.demands import HostPort
from nodescaler.core.labels import ARCH, Requirements
from tests.nodescaler.core.constraints.made import (
    SMALL,
    cluster,
    crowd,
    daemon,
    machine,
    node,
    only,
    planned,
    pod,
)

WEB = HostPort(80)


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        pytest.param(HostPort(80), HostPort(80), False, id="the same port"),
        pytest.param(HostPort(80), HostPort(81), True, id="another port"),
        pytest.param(HostPort(80), HostPort(80, "UDP"), True, id="another protocol"),
        pytest.param(
            HostPort(80, ip="10.0.0.1"), HostPort(80, ip="10.0.0.2"), True, id="another address"
        ),
        pytest.param(
            HostPort(80, ip="10.0.0.1"), HostPort(80, ip="10.0.0.1"), False, id="the same address"
        ),
        pytest.param(
            HostPort(80), HostPort(80, ip="10.0.0.1"), False, id="every address has that one in it"
        ),
    ],
)
def test_who_may_share_a_node(one: HostPort, other: HostPort, shared: bool) -> None:
    found = planned(cluster(pod("one", host_ports=(one,)), pod("other", host_ports=(other,))))

    assert (found.host("one") == found.host("other")) is shared


def test_equal_pods_with_a_port_get_a_node_each() -> None:
    assert planned(cluster(*crowd(4, host_ports=(WEB,)))).sizes == [1, 1, 1, 1]


def test_any_one_port_in_common_is_enough() -> None:
    found = planned(
        cluster(
            pod("one", host_ports=(HostPort(80), HostPort(443))),
            pod("other", host_ports=(HostPort(443), HostPort(8080))),
        )
    )

    assert found.host("one") != found.host("other")


def test_a_port_that_a_running_pod_has_is_taken() -> None:
    there = node("old", cpu=8000, pods=(pod("proxy", host_ports=(WEB,)),))
    found = planned(cluster(*crowd(1, host_ports=(WEB,)), nodes=(there,)))

    assert found.old == {}
    assert found.left == []


def test_a_port_that_every_nodes_daemon_has_leaves_the_pod_out() -> None:
    every = daemon("agent", host_ports=(WEB,))
    found = planned(
        cluster(
            *crowd(1, host_ports=(WEB,)), pod("other"), daemons=(every,), nodes=(node("n", cpu=8),)
        )
    )

    assert found.left == ["web-0"]


def test_a_daemon_that_has_not_started_on_a_node_has_its_port_there_already() -> None:
    every = daemon("agent", host_ports=(WEB,))
    there = node("coming", cpu=8000, initialised=False)

    assert (
        planned(cluster(*crowd(1, host_ports=(WEB,)), daemons=(every,), nodes=(there,))).old == {}
    )


def test_a_daemon_that_runs_on_some_machines_only_takes_its_port_there_only() -> None:
    """The cheaper machine has the daemon, so the dearer one it is."""
    arm = machine("arm", 2, 4, 0.3, labels={ARCH: "arm64"})
    some = daemon("agent", host_ports=(WEB,), **only(Requirements.labels({ARCH: "amd64"})))
    found = planned(cluster(*crowd(1, host_ports=(WEB,)), daemons=(some,), types=(SMALL, arm)))

    assert found.node("web-0").instance_types == ("arm",)


def test_a_daemon_without_the_port_is_in_nobodys_way() -> None:
    every = daemon("agent", host_ports=(HostPort(9100),))

    assert planned(cluster(*crowd(1, host_ports=(WEB,)), daemons=(every,))).left == []
