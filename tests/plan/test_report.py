"""What `tandem plan` answers for manifests: the printed object, exit codes, replicas, nodes."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.plan.kit import EXAMPLES, NODE, PENDING, POOL, PROVISIONER, plan, pod, text_of


def test_the_printed_object_has_the_shape_of_the_design(file: Path) -> None:
    file.write_text(pod())
    report = plan(PROVISIONER, file)
    printed = report.to_json()

    assert json.loads(json.dumps(printed)) == {
        "newNodes": [
            {
                "name": "default-1",
                "nodePool": "default",
                "instanceType": "t3.micro",
                "zone": "us-east-1a",
                "capacityType": "spot",
                "pricePerHour": 0.003869,
                "instanceTypeOptions": ["t3.micro", "m5.large"],
                "pods": ["shop/web"],
            }
        ],
        "existingNodes": [],
        "unschedulable": [],
        "pricePerHour": 0.003869,
        "lowerBoundPerHour": 0.003869,
        "firstFitPerHour": 0.003869,
        "relaxed": [],
        "partial": False,
        "seconds": 0.0,
        "method": report.plan.method,
    }


def test_the_examples_fit_together() -> None:
    report = plan(POOL, PENDING)
    placed = [key for node in report.to_json()["newNodes"] for key in node["pods"]]

    assert len(placed) == len(set(placed)) == 47
    assert (report.exit_code, report.faults) == (0, ())


def test_the_constraints_of_the_example_hold() -> None:
    report = plan(POOL, EXAMPLES / "constraints.yaml")
    zones: dict[str, list[str]] = {}
    for node in report.plan.new_nodes:
        for each in node.pods:
            zones.setdefault(each.name.rpartition("-")[0], []).append(node.zone)

    assert (report.exit_code, report.faults, report.notes) == (0, (), ())
    assert sorted(Counter(zones["checkout"]).values()) == [2, 2, 2]
    assert len(set(zones["cache"])) == 2
    assert set(zones["db"]) <= {"us-east-1a", "us-east-1b"}
    assert len(zones["training"]) == 4


def test_a_pod_without_a_place_makes_the_answer_no() -> None:
    report = plan(PROVISIONER, PENDING)

    assert report.exit_code == 1
    assert [each["pod"] for each in report.to_json()["unschedulable"]] == ["shop/report"]
    assert "stays out: shop/report: needs 3 cpu; the largest offer" in text_of(report)


def test_nothing_to_plan() -> None:
    assert text_of(plan(PROVISIONER)) == "nothing to plan: no pod waits for a node\n"


def test_nodes_that_are_there_take_pods_first(file: Path) -> None:
    bound = pod("old", "3", "nodeName: n1")
    file.write_text("---".join([NODE, bound, pod("a"), pod("b")]))
    report = plan(PROVISIONER, file)

    assert report.to_json()["existingNodes"] == [{"name": "n1", "pods": ["shop/a"]}]
    assert "existing node n1 takes shop/a" in text_of(report)
    assert report.snapshot.usage["default"] == {"cpu": 4000, "nodes": 1}


@pytest.mark.parametrize(
    ("kind", "spec", "count"),
    [
        ("Deployment", "replicas: 3", 3),
        ("StatefulSet", "serviceName: x", 1),
        ("ReplicaSet", "replicas: 0", 0),
        ("Job", "parallelism: 4", 4),
        ("Job", "{parallelism: 4, completions: 2}", 2),
        ("Job", "completions: 9", 1),
    ],
)
def test_replicas_are_planned_as_pods(file: Path, kind: str, spec: str, count: int) -> None:
    inner = spec.strip("{}").replace(", ", "\n  ")
    file.write_text(f"kind: {kind}\nmetadata: {{name: w}}\nspec:\n  {inner}\n  template: {{}}\n")

    assert len(plan(PROVISIONER, file).snapshot.pods) == count


def test_daemon_sets_take_room_and_lists_are_read(file: Path) -> None:
    daemon = {
        "kind": "DaemonSet",
        "metadata": {"name": "agent"},
        "spec": {"template": {"spec": {"containers": [{"resources": {"requests": {"cpu": 1}}}]}}},
    }
    web = {"kind": "Pod", "metadata": {"name": "web"}, "spec": daemon["spec"]}
    file.write_text(json.dumps({"kind": "List", "items": [daemon, web]}))

    assert [each.name for each in plan(PROVISIONER, file).snapshot.daemons] == ["agent"]
