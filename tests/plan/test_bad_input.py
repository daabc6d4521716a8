"""Bad input to `tandem plan`: told with file, document and field; the rest is planned."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tandem.plan.manifests import plain
from tests.plan.kit import CONTAINERS, NODE, POOL, PROVISIONER, plan, pod, text_of

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


def pool_asking(line: str) -> str:
    """A NodePool with one requirement."""
    ref = "nodeClassRef: {group: karpenter.kwok.sh, kind: KWOKNodeClass, name: default}"
    return f"""
apiVersion: karpenter.sh/v1
kind: NodePool
metadata: {{name: p}}
spec:
  template:
    spec:
      requirements: [{line}]
      {ref}
"""


def spread(more: str) -> str:
    line = f"{{topologyKey: topology.kubernetes.io/zone, whenUnsatisfiable: DoNotSchedule, {more}}}"
    return pod(more=f"topologySpreadConstraints: [{line}]")


def labelled(name: str, value: str) -> str:
    group = "pod-group.scheduling.sigs.k8s.io/name: g"
    return pod().replace(
        "namespace: shop}", f'namespace: shop, labels: {{{group}, {name}: "{value}"}}}}'
    )


SET = "kind: Deployment\nmetadata: {name: w}\nspec:\n  template: {}\n  "
TYPE = "node.kubernetes.io/instance-type"
MINIMUM = "pod-group.scheduling.sigs.k8s.io/min-available"

CASES = [
    pytest.param("a: [", 1, "not YAML: ", id="no YAML"),
    pytest.param(
        "kind: Namespace\nmetadata: {name: n}\n---\n\t- b",
        2,
        "not YAML: ",
        id="no YAML in the second document",
    ),
    pytest.param("a: \x00", 1, "not YAML: unacceptable character", id="a binary file"),
    pytest.param("[" * 20_000, 1, "not YAML: nested too deeply", id="brackets without end"),
    pytest.param("just words", 1, "found 'just words'; would do: an object with", id="words"),
    pytest.param("on: 2026-13-45 1", 1, "kind: found nothing; would do: an", id="no date"),
    pytest.param("a: 1", 1, "kind: found nothing; would do: an object with", id="no kind"),
    pytest.param("kind: Pod", 1, "Pod: metadata.name: found nothing; would do", id="no name"),
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
        id="a pod that is larger than every machine",
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
        id="a pool that allows no type",
    ),
    pytest.param(
        "kind: Pod\nmetadata: {name: x}\nspec: {containers: 7}",
        1,
        "Pod x: spec.containers: found a whole number; would do: a list",
        id="a field of the wrong type",
    ),
    pytest.param(
        "kind: Pod\nmetadata: 7", 1, "Pod: metadata: found 7; would do: an object", id="meta"
    ),
    pytest.param(
        spread("maxSkew: 0"),
        1,
        "Pod web: spec.topologySpreadConstraints[0].maxSkew: found '0'; would do: ",
        id="a spread with maxSkew 0",
    ),
    pytest.param(
        labelled(MINIMUM, "three"),
        1,
        f"Pod web: metadata.labels.{MINIMUM}: found 'three'; would do: a number",
        id="the minimum of a gang that is no number",
    ),
    pytest.param(
        pool_asking(f"{{key: {TYPE}, operator: In, values: [m5.large, t3.micro], minValues: 3}}"),
        1,
        "NodePool p: spec.template.spec.requirements[0].minValues: found '3'; "
        "would do: a number from 1 to 2",
        id="minValues above the number of values",
    ),
    pytest.param(
        pool_asking(f"{{key: {TYPE}, operator: In, values: [m5.large, m5.huge], minValues: 2}}"),
        1,
        f"NodePool p: {TYPE}: minValues: found '2'; would do: at most 1, as many as are on offer",
        id="minValues above what is on offer",
    ),
    pytest.param(
        f"{pod('twice')}---{pod('twice')}",
        2,
        "Pod shop/twice is there twice, first in ",
        id="one object twice",
    ),
    pytest.param(
        SET + "replicas: -1",
        1,
        "Deployment w: spec.replicas: found '-1'; would do: a number from 0 to",
        id="a negative number of replicas",
    ),
    pytest.param(
        SET + "replicas: 2000000000",
        1,
        "Deployment w: spec.replicas: found '2000000000'; would do: a number from 0 to",
        id="more replicas than any cluster has",
    ),
    pytest.param(
        NODE.replace('capacity: {cpu: "4"}', "capacity: {cpu: lots}"),
        1,
        "Node n1: status.capacity.cpu: found 'lots'; would do: a quantity",
        id="a node whose capacity is no quantity",
    ),
    pytest.param(
        "kind: NodeClaim\nmetadata: {name: c}\nspec: {resources: {requests: {cpu: much}}}",
        1,
        "NodeClaim c: spec.resources.requests.cpu: found 'much'; would do: a quantity",
        id="a claim that asks for no quantity",
    ),
    pytest.param(
        "kind: NodeClaim\nmetadata: {name: c}\nspec: {expireAfter: soon}",
        1,
        "NodeClaim c: 'soon' is no duration",
        id="a claim with a duration that is none",
    ),
    pytest.param(
        "kind: RuntimeClass\nmetadata: {name: r}\noverhead: {podFixed: {cpu: -1}}",
        1,
        "RuntimeClass r: overhead.podFixed.cpu: found '-1'; would do: a quantity",
        id="a negative overhead",
    ),
    pytest.param(
        "kind: PriorityClass\nmetadata: {name: p}",
        1,
        "PriorityClass p: object missing required field `value`",
        id="a priority class without a value",
    ),
    pytest.param(
        "kind: StorageClass\nmetadata: {name: s}\nallowedTopologies: zone-a",
        1,
        "StorageClass s: allowedTopologies: found text; would do: a list",
        id="a storage class with a field of the wrong type",
    ),
    pytest.param(
        pod(more="priorityClassName: [high]"),
        1,
        "Pod web: spec.priorityClassName: found a list; would do: text",
        id="a name that is a list",
    ),
    pytest.param(
        "kind: Pod\nmetadata: {generateName: [a]}",
        1,
        "Pod: metadata.name: found nothing; would do: a name",
        id="the beginning of a name that is no text",
    ),
    pytest.param(
        "kind: NodePool\nmetadata: {name: default}\n"
        + pool_asking("").partition("{name: p}\n")[2]
        + "---\nkind: Pod\nmetadata: {name: x, namespace: [a]}",
        2,
        "Pod x: metadata.namespace: found a list; would do: text",
        id="a namespace that is no text",
    ),
]


@pytest.mark.parametrize(("text", "document", "said"), CASES)
def test_bad_input_is_told_and_the_rest_is_planned(
    file: Path, text: str, document: int, said: str
) -> None:
    good = file.with_name("good.yaml")
    good.write_text(pod("good"))
    file.write_text(text)
    report = plan(POOL, good, file)

    assert report.exit_code == 2
    assert [str(fault.where.file) for fault in report.faults] == [str(file)]
    fault = report.faults[0]
    assert fault.where.document == document
    assert fault.message.startswith(said)
    placed = {pod.key for node in report.plan.new_nodes for pod in node.pods}
    assert "shop/good" in placed
    assert f"{file}, document {document}: {said[:20]}" in text_of(report).replace("\n", "")


def test_all_faults_of_a_document_come_at_once(file: Path) -> None:
    file.write_text(spread("maxSkew: 0").replace('"1"', '"-1"'))

    assert len(plan(POOL, file).faults) == 2


def test_a_provisioner_that_refers_to_nothing(file: Path) -> None:
    file.write_text("kind: Provisioner\nmetadata: {name: p}\nspec: {providerRef: {name: x}}")

    assert "spec.providerRef: found 'EC2NodeClass x'" in str(plan(file).faults[0])


def test_a_provisioner_in_the_shadow_of_a_node_pool(file: Path) -> None:
    file.write_text("kind: Provisioner\nmetadata: {name: general}\nspec: {}")
    report = plan(POOL, file)

    assert "Provisioner general: metadata.name: a NodePool of this name in" in str(report.faults[0])
    assert [pool.kind for pool in report.snapshot.pools] == ["NodePool"]


def test_a_node_class_in_any_file_will_do(file: Path) -> None:
    file.write_text(REFERS + "---\nkind: EC2NodeClass\nmetadata: {name: none}\n")

    assert plan(file).faults == ()


def test_a_pod_that_fits_only_a_node_that_is_there_is_no_fault(file: Path) -> None:
    node = NODE.replace('cpu: "4", memory', 'cpu: "4", example.com/dongle: "1", memory')
    wants = f"{CONTAINERS[:-3]}, limits: {{example.com/dongle: 1}}}}}}]"
    text = f"kind: Pod\nmetadata: {{name: a}}\nspec: {{{wants}}}"
    file.write_text(f"{node}---\n{text}")

    assert plan(PROVISIONER, file).faults == ()


def test_a_file_that_is_not_there(file: Path) -> None:
    report = plan(file)

    assert report.exit_code == 2
    assert str(report.faults[0]) == f"{file}: no such file or directory"
    assert text_of(report).splitlines() == [str(report.faults[0])]


def test_messages_without_a_path_stay_as_they_are() -> None:
    assert plain(msgspec.ValidationError("Object missing")) == "object missing"
