"""Volumes: where they can be attached, and how many."""

from __future__ import annotations

from typing import Any

import pytest

from kube.client import Json
from tandem.sandbox.controllers.scheduling.choose import Placed, Refused, choose
from tandem.sandbox.controllers.settings import Scoring
from tests.sandbox.controllers.scheduling.made import (
    ZONE,
    claimed,
    cluster,
    expression,
    node,
    pod,
    with_storage,
)

A, B = node("a", labels={ZONE: "za"}), node("b", labels={ZONE: "zb"})
WAITS = {"provisioner": "csi.example", "volumeBindingMode": "WaitForFirstConsumer"}
IN_B = [{"matchLabelExpressions": [{"key": ZONE, "values": ["zb"]}]}]


def reach(zone: str) -> Json:
    terms = [{"matchExpressions": [expression(ZONE, "In", zone)]}]
    return {"nodeAffinity": {"required": {"nodeSelectorTerms": terms}}}


def asked(**amount: str) -> Json:
    return {"resources": {"requests": amount}, "accessModes": ["ReadWriteOnce"]}


def offered(storage: str, **more: Any) -> Json:
    return {"capacity": {"storage": storage}, "accessModes": ["ReadWriteOnce"], **more}


@pytest.mark.parametrize(
    ("parts", "answer"),
    [
        pytest.param({}, 'persistentvolumeclaim "data" not found', id="no such claim"),
        pytest.param(
            {"claims": {"data": {}}},
            "pod has unbound immediate PersistentVolumeClaims",
            id="an unbound claim that nobody waits with",
        ),
        pytest.param(
            {"claims": {"data": {"volumeName": "v"}}, "volumes": {"v": reach("zb")}},
            "b",
            id="the node affinity of the bound volume",
        ),
        pytest.param(
            {"claims": {"data": {"volumeName": "v"}}, "volumes": {"v": {"labels": {ZONE: "zb"}}}},
            "b",
            id="the zone label of an old volume",
        ),
        pytest.param(
            {"claims": {"data": {"volumeName": "v"}}, "volumes": {"v": reach("zc")}},
            "2 node(s) didn't match PersistentVolume's node affinity",
            id="a volume in a zone without nodes",
        ),
        pytest.param(
            {"claims": {"data": {"storageClassName": "fast"}}, "classes": {"fast": WAITS}},
            "a",
            id="a claim that waits for its consumer goes anywhere",
        ),
        pytest.param(
            {
                "claims": {"data": {"storageClassName": "fast"}},
                "classes": {"fast": {**WAITS, "allowedTopologies": IN_B}},
            },
            "b",
            id="but only where the class can make volumes",
        ),
        pytest.param(
            {
                "claims": {"data": {"storageClassName": "local", **asked(storage="1Gi")}},
                "volumes": {"v": {"storageClassName": "local", **offered("2Gi"), **reach("zb")}},
                "classes": {"local": {**WAITS, "provisioner": "kubernetes.io/no-provisioner"}},
            },
            "b",
            id="a class without provisioner: where a free volume is",
        ),
        pytest.param(
            {
                "claims": {"data": {"storageClassName": "local", **asked(storage="3Gi")}},
                "volumes": {"v": {"storageClassName": "local", **offered("2Gi"), **reach("zb")}},
                "classes": {"local": {**WAITS, "provisioner": "kubernetes.io/no-provisioner"}},
            },
            "2 node(s) didn't find available persistent volumes to bind",
            id="the free volume is too small",
        ),
    ],
)
def test_where_a_volume_lets_a_pod_go(parts: dict[str, Any], answer: str) -> None:
    made = with_storage(cluster(A, B), **parts)
    chosen = choose(pod(volumes=claimed("data")), made, Scoring.LEAST_ALLOCATED)
    if len(answer) == 1:
        assert chosen == Placed(answer)
    else:
        assert chosen == Refused(f"0/2 nodes are available: {answer}.")


def test_a_node_attaches_no_more_volumes_than_its_driver_allows() -> None:
    """Volumes are counted once, however many pods share them."""
    csi = {"csi": {"driver": "csi.example"}}
    names = ("one", "two", "three")
    there = pod("there", on="a", volumes=claimed("one"))
    made = with_storage(
        cluster(A, pods=(there,)),
        claims={name: {"volumeName": name} for name in names},
        volumes={name: dict(csi) for name in names},
        limits={"a": {"csi.example": 2}},
    )

    assert choose(pod(volumes=claimed("one", "two")), made, Scoring.LEAST_ALLOCATED) == Placed("a")
    assert choose(pod(volumes=claimed("two", "three")), made, Scoring.LEAST_ALLOCATED) == Refused(
        "0/1 nodes are available: 1 node(s) exceed max volume count."
    )
