"""Storage in manifests: where claims let their pods go, and what is taken for granted."""

from __future__ import annotations

from pathlib import Path

import pytest

from nodescaler.core.demands import Volume
from nodescaler.core.labels import ZONE
from tests.plan.kit import NODE, one_pod, plan_text, pod

MOUNTS = "volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]"
CLAIM = "kind: PersistentVolumeClaim\nmetadata: {name: data, namespace: shop}\nspec: {MORE}"
CLASS = f"""
kind: StorageClass
metadata: {{name: gp3}}
provisioner: ebs.csi.aws.com
volumeBindingMode: MODE
allowedTopologies: [{{matchLabelExpressions: [{{key: {ZONE}, values: [us-east-1b]}}]}}]
"""
BOUND = f"""
kind: PersistentVolume
metadata: {{name: pv-1}}
spec:
  csi: {{driver: ebs.csi.aws.com}}
  nodeAffinity:
    required:
      nodeSelectorTerms:
        - matchExpressions: [{{key: {ZONE}, operator: In, values: [us-east-1c]}}]
"""


def claim(more: str = "") -> str:
    return CLAIM.replace("MORE", more)


def zones(volume: Volume) -> set[str]:
    """Which of three zones a volume can be reached from."""
    return {
        zone
        for zone in ("us-east-1a", "us-east-1b", "us-east-1c")
        if any(each.accepts({ZONE: zone}) for each in volume.alternatives)
    }


@pytest.mark.parametrize(
    ("documents", "reached"),
    [
        pytest.param([claim("volumeName: pv-1"), BOUND], {"us-east-1c"}, id="where its volume is"),
        pytest.param(
            [claim("storageClassName: gp3"), CLASS.replace("MODE", "WaitForFirstConsumer")],
            {"us-east-1b"},
            id="where its class may make one",
        ),
        pytest.param(
            [claim("storageClassName: gp3"), CLASS.replace("MODE", "Immediate")],
            {"us-east-1b"},
            id="where its class may make one at once",
        ),
    ],
)
def test_a_claim_is_reachable(file: Path, documents: list[str], reached: set[str]) -> None:
    report = plan_text(file, pod(more=MOUNTS), *documents)

    assert one_pod(report).volumes == ("shop/data",)
    assert zones(report.snapshot.volumes["shop/data"]) == reached
    assert report.snapshot.volumes["shop/data"].driver == "ebs.csi.aws.com"
    assert (report.notes, report.faults) == ((), ())


@pytest.mark.parametrize(
    ("documents", "why"),
    [
        pytest.param([], "there is no such claim", id="no claim"),
        pytest.param([claim()], "no StorageClass is the default one", id="no default class"),
        pytest.param(
            [claim("storageClassName: gp3")], "StorageClass gp3 is not there", id="no class"
        ),
        pytest.param(
            [claim("volumeName: pv-1")], "PersistentVolume pv-1 is not there", id="no volume"
        ),
    ],
)
def test_what_is_nowhere_is_taken_for_granted_with_a_note(
    file: Path, documents: list[str], why: str
) -> None:
    report = plan_text(file, pod(more=MOUNTS), *documents)

    assert report.notes == (
        f"1 PersistentVolumeClaim (shop/data) planned as attachable anywhere: {why}",
    )
    assert len(zones(report.snapshot.volumes["shop/data"])) == 3
    assert report.exit_code == 0


def test_each_pod_of_a_stateful_set_has_a_claim_of_its_own(file: Path) -> None:
    spec = """
  replicas: 2
  volumeClaimTemplates: [{metadata: {name: data}, spec: {storageClassName: gp3}}]
  template: {spec: {containers: [{name: c}]}}
"""
    text = f"kind: StatefulSet\nmetadata: {{name: db, namespace: shop}}\nspec:{spec}"
    bound = claim("volumeName: pv-1").replace("name: data", "name: data-db-0")
    gp3 = CLASS.replace("MODE", "WaitForFirstConsumer")
    report = plan_text(file, text, gp3, bound, BOUND)

    assert [each.volumes for each in report.snapshot.pods] == [
        ("shop/data-db-0",),
        ("shop/data-db-1",),
    ]
    found = report.snapshot.volumes
    assert zones(found["shop/data-db-0"]) == {"us-east-1c"}  # the claim that exists
    assert zones(found["shop/data-db-1"]) == {"us-east-1b"}  # the one that would be made
    assert found["shop/data-db-0"].handle != found["shop/data-db-1"].handle


def test_each_replica_has_ephemeral_volumes_of_its_own(file: Path) -> None:
    volume = "{name: tmp, ephemeral: {volumeClaimTemplate: {spec: {storageClassName: gp3}}}}"
    template = f"{{spec: {{volumes: [{volume}], containers: [{{name: c}}]}}}}"
    text = f"kind: Deployment\nmetadata: {{name: w}}\nspec: {{replicas: 2, template: {template}}}"
    report = plan_text(file, text, CLASS.replace("MODE", "WaitForFirstConsumer"))

    assert [each.volumes for each in report.snapshot.pods] == [
        ("default/w-0-tmp",),
        ("default/w-1-tmp",),
    ]
    assert zones(report.snapshot.volumes["default/w-1-tmp"]) == {"us-east-1b"}
    assert report.notes == ()


def test_csi_nodes_limit_what_is_attached(file: Path) -> None:
    drivers = "[{name: ebs.csi.aws.com, nodeID: i-1, allocatable: {count: 25}}]"
    report = plan_text(
        file, NODE, f"kind: CSINode\nmetadata: {{name: n1}}\nspec: {{drivers: {drivers}}}"
    )

    assert report.snapshot.nodes[0].attach_limits == {"ebs.csi.aws.com": 25}


def test_a_claim_for_one_pod_keeps_the_next_one_out(file: Path) -> None:
    for_one = claim("volumeName: pv-1, accessModes: [ReadWriteOncePod]")
    holder = pod("holder", more=f"nodeName: n1\n  {MOUNTS}")
    report = plan_text(file, NODE, BOUND, for_one, holder, pod("next", more=MOUNTS))

    assert [each.reason for each in report.plan.unschedulable] == [
        "claim shop/data is for one pod, and pod shop/holder has it"
    ]
