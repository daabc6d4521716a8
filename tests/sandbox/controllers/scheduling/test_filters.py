"""The filters of one node: each case is one rule of kube-scheduler."""

from __future__ import annotations

import pytest

from kube.client import Json
from tandem.sandbox.controllers.scheduling.filters import collide, refused
from tandem.sandbox.controllers.scheduling.model import Node, Pod, Room
from tests.sandbox.controllers.scheduling.made import (
    ZONE,
    expression,
    node,
    node_affinity,
    pod,
)

AFFINITY = "node(s) didn't match Pod's node affinity/selector"
PORTS = "node(s) didn't have free ports for the requested pod ports"


def taint(effect: str, key: str = "k", value: str = "v") -> Json:
    return {"key": key, "value": value, "effect": effect}


def tainted(effect: str) -> str:
    return "node(s) had untolerated taint(s)" if effect else ""


EXISTS = {"key": "k", "operator": "Exists"}
GPU = {"requests": {"nvidia.com/gpu": "1"}, "limits": {"nvidia.com/gpu": "1"}}
INIT = [{"name": "i", "resources": {"requests": {"cpu": "3"}}}]
SIDECAR = [{"name": "s", "restartPolicy": "Always", "resources": {"requests": {"cpu": "3"}}}]


@pytest.mark.parametrize(
    ("wants", "offers", "why"),
    [
        pytest.param(pod(cpu="4"), node(cpu="4"), "", id="a pod as large as the node fits"),
        pytest.param(
            pod(cpu="4001m"), node(cpu="4"), "Insufficient cpu", id="a thousandth more does not"
        ),
        pytest.param(
            pod(cpu="1"), node(pods="0"), "Too many pods", id="the count of pods is a resource"
        ),
        pytest.param(
            pod(containers=[{"name": "c", "resources": GPU}]),
            node(),
            "Insufficient nvidia.com/gpu",
            id="a resource that the node does not have",
        ),
        pytest.param(
            pod(containers=[{"name": "c", "resources": GPU}]),
            node(extra={"nvidia.com/gpu": "1"}),
            "",
            id="an extended resource that it has",
        ),
        pytest.param(
            pod(containers=[{"name": "c", "resources": {"limits": {"cpu": "9"}}}]),
            node(),
            "Insufficient cpu",
            id="a limit is the request where none is given",
        ),
        pytest.param(
            pod(cpu="2", initContainers=INIT),
            node(cpu="3"),
            "",
            id="an init container runs before the others, not beside them",
        ),
        pytest.param(
            pod(cpu="2", initContainers=SIDECAR),
            node(cpu="4"),
            "Insufficient cpu",
            id="a sidecar runs beside the others",
        ),
        pytest.param(
            pod(cpu="3", overhead={"cpu": "2"}),
            node(cpu="4"),
            "Insufficient cpu",
            id="overhead counts",
        ),
        pytest.param(
            pod(resources={"requests": {"cpu": "5"}}),
            node(),
            "Insufficient cpu",
            id="pod-level requests speak for the pod",
        ),
        pytest.param(
            pod(),
            node(unschedulable=True),
            "node(s) were unschedulable",
            id="a cordoned node",
        ),
        pytest.param(
            pod(tolerations=[{"key": "node.kubernetes.io/unschedulable", "operator": "Exists"}]),
            node(unschedulable=True),
            "",
            id="a daemon pod tolerates the cordon",
        ),
        pytest.param(
            pod(on="m"),
            node("n"),
            "node(s) didn't match the requested node name",
            id="another node named",
        ),
        pytest.param(
            pod(),
            node(taints=[taint("NoSchedule")]),
            tainted("x"),
            id="an untolerated NoSchedule taint",
        ),
        pytest.param(
            pod(),
            node(taints=[taint("NoExecute")]),
            tainted("x"),
            id="an untolerated NoExecute taint",
        ),
        pytest.param(
            pod(),
            node(taints=[taint("PreferNoSchedule")]),
            "",
            id="PreferNoSchedule keeps nobody out",
        ),
        pytest.param(
            pod(tolerations=[EXISTS]),
            node(taints=[taint("NoSchedule")]),
            "",
            id="Exists ignores the value",
        ),
        pytest.param(
            pod(tolerations=[{"key": "k", "value": "w"}]),
            node(taints=[taint("NoSchedule")]),
            tainted("x"),
            id="Equal wants the same value",
        ),
        pytest.param(
            pod(tolerations=[{**EXISTS, "effect": "NoExecute"}]),
            node(taints=[taint("NoSchedule")]),
            tainted("x"),
            id="a toleration of another effect",
        ),
        pytest.param(
            pod(tolerations=[{"operator": "Exists"}]),
            node(taints=[taint("NoExecute")]),
            "",
            id="an empty key with Exists tolerates everything",
        ),
        pytest.param(
            pod(nodeSelector={ZONE: "a"}), node(), AFFINITY, id="a label that the node lacks"
        ),
        pytest.param(
            pod(nodeSelector={ZONE: "a"}),
            node(labels={ZONE: "a"}),
            "",
            id="a label that it has",
        ),
        pytest.param(
            pod(
                affinity=node_affinity(
                    {"matchExpressions": [expression(ZONE, "In", "b")]},
                    {"matchExpressions": [expression(ZONE, "In", "a")]},
                )
            ),
            node(labels={ZONE: "a"}),
            "",
            id="one of several terms is enough",
        ),
        pytest.param(
            pod(
                affinity=node_affinity(
                    {"matchExpressions": [expression(ZONE, "In", "a"), expression("gpu", "Exists")]}
                )
            ),
            node(labels={ZONE: "a"}),
            AFFINITY,
            id="all expressions of a term must hold",
        ),
        pytest.param(
            pod(affinity=node_affinity({"matchExpressions": [expression("cpus", "Gt", "8")]})),
            node(labels={"cpus": "16"}),
            "",
            id="Gt compares numbers",
        ),
        pytest.param(
            pod(
                affinity=node_affinity(
                    {"matchExpressions": [expression("cpus", "Gt", "five")]},
                    {"matchExpressions": [expression(ZONE, "In", "a")]},
                )
            ),
            node(labels={"cpus": "16", ZONE: "a"}),
            "",
            id="a term that cannot be read leaves the others",
        ),
        pytest.param(
            pod(affinity=node_affinity({"matchFields": [expression("metadata.name", "In", "n")]})),
            node("n"),
            "",
            id="matchFields names the node",
        ),
        pytest.param(
            pod(affinity=node_affinity({"matchFields": [expression("metadata.name", "In", "m")]})),
            node("n"),
            AFFINITY,
            id="matchFields names another node",
        ),
        pytest.param(
            pod(affinity=node_affinity({})), node(), AFFINITY, id="an empty term matches no node"
        ),
    ],
)
def test_one_node(wants: Pod, offers: Node, why: str) -> None:
    assert refused(wants, Room(offers)) == ((why,) if why else ())


def test_every_short_resource_is_named() -> None:
    room = Room(node(cpu="1", pods="1"))
    room.add(pod("first", cpu="1"))

    assert refused(pod("second", cpu="1"), room) == ("Too many pods", "Insufficient cpu")


@pytest.mark.parametrize(
    ("wanted", "taken", "collides"),
    [
        pytest.param(("0.0.0.0", 80, "TCP"), ("0.0.0.0", 80, "TCP"), True, id="same port"),
        pytest.param(("0.0.0.0", 80, "UDP"), ("0.0.0.0", 80, "TCP"), False, id="other protocol"),
        pytest.param(("10.0.0.1", 80, "TCP"), ("10.0.0.2", 80, "TCP"), False, id="other address"),
        pytest.param(
            ("10.0.0.1", 80, "TCP"), ("0.0.0.0", 80, "TCP"), True, id="one of them is every address"
        ),
        pytest.param(("0.0.0.0", 81, "TCP"), ("0.0.0.0", 80, "TCP"), False, id="other port"),
    ],
)
def test_host_ports(
    wanted: tuple[str, int, str], taken: tuple[str, int, str], collides: bool
) -> None:
    assert collide([wanted], [taken]) is collides


def test_a_host_port_is_taken_by_the_pod_that_has_it() -> None:
    room = Room(node())
    room.add(pod("first", ports=[{"hostPort": 80}]))

    assert refused(pod("second", ports=[{"hostPort": 80}]), room) == (PORTS,)
    room.remove(("default", "first"))
    assert refused(pod("second", ports=[{"hostPort": 80}]), room) == ()
