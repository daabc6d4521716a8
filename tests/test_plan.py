"""`tandem plan` over manifests: the printed object, the rendering, and every kind of bad input."""

from __future__ import annotations

import io
import json
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from tandem.plan import PlanReport, plan_files, render
from tandem.plan.manifests import _plain

EXAMPLES = Path(__file__).parents[1] / "examples"
PROVISIONER = EXAMPLES / "provisioner.yaml"
PENDING = EXAMPLES / "pending-pods.yaml"


def still() -> float:
    """A clock that stands."""
    return 0.0


def plan(*paths: Path, catalogue: Path | None = None) -> PlanReport:
    return plan_files(paths, clock=still, catalogue=catalogue)


def text_of(report: PlanReport, width: int = 160) -> str:
    out = io.StringIO()
    render(report, Console(file=out, width=width, color_system=None))
    return out.getvalue()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "in.yaml"


def pod(name: str = "web", cpu: str = "1", more: str = "") -> str:
    return f"""
apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: shop}}
spec:
  {more}
  containers: [{{name: c, resources: {{requests: {{cpu: "{cpu}"}}}}}}]
"""


def test_the_printed_object_has_the_shape_of_the_design(file: Path) -> None:
    file.write_text(pod())
    printed = plan(PROVISIONER, file).to_json()

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
        "seconds": 0.0,
        "method": "greedy",
    }


def test_the_examples_fit_together() -> None:
    report = plan(EXAMPLES / "nodepool-kwok.yaml", PENDING)
    placed = [key for node in report.to_json()["newNodes"] for key in node["pods"]]

    assert len(placed) == len(set(placed)) == 47
    assert (report.exit_code, report.faults) == (0, ())


def test_a_pod_without_a_place_makes_the_answer_no() -> None:
    report = plan(PROVISIONER, PENDING)

    assert report.exit_code == 1
    assert [each["pod"] for each in report.to_json()["unschedulable"]] == ["shop/report"]
    assert "stays out: shop/report: needs 3 cpu; the largest offer" in text_of(report)


def test_the_rendering_names_nodes_price_bound_and_gap() -> None:
    text = text_of(plan(PROVISIONER, PENDING))

    assert "m5.large" in text
    assert "46 pods placed on" in text
    assert "an hour; no plan costs less than $" in text
    assert "%" in text


def test_eighty_columns_are_enough() -> None:
    narrow = text_of(plan(PROVISIONER, PENDING), width=80)

    assert "█" not in narrow
    assert "m5.large  us-east-1c  spot" in narrow
    assert "…" not in narrow


def test_nothing_to_plan() -> None:
    assert "0 pods placed on 0 new nodes and 0 existing nodes" in text_of(plan(PROVISIONER))


NODE = """
apiVersion: v1
kind: Node
metadata: {name: n1, labels: {karpenter.sh/nodepool: default}}
status: {allocatable: {cpu: "4", memory: 8Gi, pods: "10"}, capacity: {cpu: "4"}}
"""


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


# ---------------------------------------------------------------- bad input


REFERS = """
apiVersion: karpenter.sh/v1
kind: NodePool
metadata: {name: p}
spec:
  template:
    spec:
      requirements: []
      nodeClassRef: {group: karpenter.k8s.aws, kind: EC2NodeClass, name: none}
"""
TYPELESS = """
apiVersion: karpenter.k8s.aws/v1alpha1
kind: Provisioner
metadata: {name: p}
spec: {provider: {instanceTypes: [m5.larg]}}
"""


@pytest.mark.parametrize(
    ("text", "document", "said"),
    [
        pytest.param("a: [", 1, "not YAML: ", id="no YAML"),
        pytest.param(
            "kind: Namespace\nmetadata: {name: n}\n---\n\t- b",
            2,
            "not YAML: ",
            id="no YAML in the second document",
        ),
        pytest.param("a: \x00", 1, "not YAML: unacceptable character", id="binary"),
        pytest.param("just words", 1, "found 'just words'; would do: an object with", id="words"),
        pytest.param("on: 2026-13-45 1", 1, "kind: found nothing; would do: an", id="no date"),
        pytest.param("a: 1", 1, "kind: found nothing; would do: an object with", id="no kind"),
        pytest.param(
            pod(cpu="-1"),
            1,
            "Pod web: spec.containers[0].resources.requests.cpu: found '-1'; would do: a quantity",
            id="a negative request",
        ),
        pytest.param(
            pod(cpu="1000"),
            1,
            "Pod web: spec.containers: requests 1000 cpu; the largest machine has 191450m cpu",
            id="larger than every machine",
        ),
        pytest.param(
            REFERS,
            1,
            "NodePool p: spec.template.spec.nodeClassRef: found 'EC2NodeClass none'; "
            "would do: KWOKNodeClass default",
            id="a pool that refers to nothing",
        ),
        pytest.param(
            TYPELESS,
            1,
            "Provisioner p allows none of the 264 instance types on offer: ",
            id="a pool without types",
        ),
        pytest.param(
            "kind: Pod\nmetadata: {name: x}\nspec: {containers: 7}",
            1,
            "Pod x: spec.containers: expected `array`, got `int`",
            id="a field of the wrong type",
        ),
        pytest.param(
            "kind: Pod\nmetadata: 7", 1, "Pod: metadata: found 7; would do: an object", id="meta"
        ),
    ],
)
def test_bad_input_is_told_and_the_rest_is_planned(
    file: Path, text: str, document: int, said: str
) -> None:
    good = file.with_name("good.yaml")
    good.write_text(pod("good"))
    file.write_text(text)
    report = plan(PROVISIONER, good, file)

    assert report.exit_code == 2
    assert len(report.faults) == 1
    fault = report.faults[0]
    assert (fault.where.file, fault.where.document) == (str(file), document)
    assert fault.message.startswith(said)
    assert [key for node in report.plan.new_nodes for key in [p.key for p in node.pods]] == [
        "shop/good"
    ]
    assert f"{file}, document {document}: {said[:20]}" in text_of(report).replace("\n", "")


def test_a_provisioner_that_refers_to_nothing(file: Path) -> None:
    file.write_text("kind: Provisioner\nmetadata: {name: p}\nspec: {providerRef: {name: x}}")

    assert "spec.providerRef: found 'EC2NodeClass x'" in str(plan(file).faults[0])


def test_a_node_class_in_any_file_will_do(file: Path) -> None:
    file.write_text(REFERS + "---\nkind: EC2NodeClass\nmetadata: {name: none}\n")

    assert plan(file).faults == ()


def test_a_file_that_is_not_there(file: Path) -> None:
    report = plan(file)

    assert report.exit_code == 2
    assert str(report.faults[0]) == f"{file}: no such file or directory"
    assert text_of(report).splitlines() == [str(report.faults[0])]


def test_unknown_kinds_are_skipped_with_a_note(file: Path) -> None:
    file.write_text("kind: Service\nmetadata: {name: s}\n---\n---\n" + NODE.partition("status")[0])
    report = plan(PROVISIONER, file)

    assert report.exit_code == 0
    assert report.notes == (
        f"{file}, document 1: Service s is not used in planning; skipped",
        f"{file}, document 3: Node n1 says nothing of status.allocatable; taken as full",
    )
    assert "note: " in text_of(report)


# ---------------------------------------------------------------- catalogues


KWOK = [
    {
        "name": "c-4x-amd64-linux",
        "architecture": "amd64",
        "operatingSystems": ["linux"],
        "resources": {"cpu": "4", "memory": "8Gi", "pods": "64"},
        "offerings": [
            {
                "Price": 0.1,
                "Available": True,
                "Requirements": [
                    {"key": "karpenter.sh/capacity-type", "operator": "In", "values": ["spot"]},
                    {"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["z"]},
                ],
            }
        ],
    }
]


def test_a_catalogue_of_ones_own(file: Path) -> None:
    catalogue = file.with_name("types.json")
    catalogue.write_text(json.dumps(KWOK))
    file.write_text(pod() + "---" + REFERS + "---\nkind: EC2NodeClass\nmetadata: {name: none}\n")
    report = plan(file, catalogue=catalogue)

    assert [node.instance_type for node in report.plan.new_nodes] == ["c-4x-amd64-linux"]


def test_a_catalogue_that_is_none(file: Path) -> None:
    file.write_text("[]")
    report = plan(PROVISIONER, catalogue=file)

    assert report.exit_code == 2
    assert str(report.faults[0]).endswith("holds no instance types")


def test_messages_without_a_path_stay_as_they_are() -> None:
    assert _plain(msgspec.ValidationError("Object missing")) == "object missing"
