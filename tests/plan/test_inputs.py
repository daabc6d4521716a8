"""Which kinds `tandem plan` reads, and what each means for the plan."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.plan.kit import CONTAINERS, NODE, POOL, PROVISIONER, one_pod, plan, plan_text, pod

CLAIM = """
apiVersion: karpenter.sh/v1
kind: NodeClaim
metadata: {name: general-1, labels: {karpenter.sh/nodepool: general}}
spec:
  requirements: [{key: topology.kubernetes.io/zone, operator: In, values: [us-east-1a]}]
  resources: {requests: {cpu: "2", memory: 4Gi, pods: "5"}}
"""
RUNTIME = """
kind: RuntimeClass
metadata: {name: gvisor}
overhead: {podFixed: {cpu: 250m, memory: 64Mi}}
scheduling:
  nodeSelector: {sandbox: "yes"}
  tolerations: [{key: sandbox, operator: Exists}]
"""
HIGH = "kind: PriorityClass\nmetadata: {name: high}\nvalue: 1000"
USUAL = "kind: PriorityClass\nmetadata: {name: usual}\nvalue: 7\nglobalDefault: true"


def test_unknown_kinds_are_skipped_with_a_note(file: Path) -> None:
    file.write_text("kind: Service\nmetadata: {name: s}\n---\n---\n" + NODE.partition("status")[0])
    report = plan(PROVISIONER, file)

    assert report.exit_code == 0
    assert report.notes == (
        f"{file}, document 1: Service s is not used in planning; skipped",
        f"{file}, document 3: Node n1 says nothing of status.allocatable; taken as full",
    )


@pytest.mark.parametrize(
    ("text", "note"),
    [
        pytest.param(
            "kind: Service\nmetadata: {name: a}\n---\nkind: Service\nmetadata: {name: b}"
            "\n---\nkind: ConfigMap\nmetadata: {name: c}",
            ": 2 of kind Service, ConfigMap c are not used in planning; skipped",
            id="those of a file share a note",
        ),
        pytest.param(
            "kind: CronJob\nmetadata: {name: nightly}",
            ", document 1: CronJob nightly is not used in planning; skipped",
            id="a CronJob has no pods yet",
        ),
        pytest.param(
            "apiVersion: example.com/v1\nkind: Pod\nmetadata: {name: whale}",
            ", document 1: Pod whale is not used in planning; skipped",
            id="another group's Pod is another kind",
        ),
        pytest.param(
            pod(more="schedulingGates: [{name: later}]"),
            ", document 1: Pod web waits for its scheduling gates; not planned",
            id="a gated pod waits",
        ),
        pytest.param(
            pod(more="priorityClassName: top"),
            ", document 1: Pod web: PriorityClass top is not there; planned with priority 0",
            id="a priority class that is not there",
        ),
        pytest.param(
            pod(more="runtimeClassName: kata"),
            ", document 1: Pod web: RuntimeClass kata is not there; planned without what it adds",
            id="a runtime class that is not there",
        ),
    ],
)
def test_what_is_passed_over_has_a_note(file: Path, text: str, note: str) -> None:
    file.write_text(text)
    report = plan(POOL, file)

    assert report.notes == (f"{file}{note}",)
    assert report.exit_code == 0


def test_budgets_of_disruption_are_accepted_without_a_word(file: Path) -> None:
    file.write_text("apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: b}")

    assert (plan(POOL, file).notes, plan(POOL, file).faults) == ((), ())


def test_pods_on_a_node_that_is_not_there(file: Path) -> None:
    report = plan_text(file, pod("a", more="nodeName: gone"), pod("b", more="nodeName: gone"))

    assert report.notes == ("Node gone is not there; left out what runs on it: shop/a, shop/b",)


# ---------------------------------------------------------------- names


def test_a_name_is_made_where_only_its_beginning_is_given(file: Path) -> None:
    text = f"kind: Pod\nmetadata: {{generateName: job-}}\nspec: {{{CONTAINERS}}}"
    report = plan_text(file, text, text)

    assert [each.key for each in report.snapshot.pods] == ["default/job-1", "default/job-2"]


def test_the_same_name_in_two_namespaces_is_two_objects(file: Path) -> None:
    report = plan_text(file, pod("web"), pod("web").replace("shop", "office"))

    assert (len(report.snapshot.pods), report.faults) == (2, ())


def test_a_field_that_is_null_is_not_there(file: Path) -> None:
    text = f"kind: Pod\nmetadata: {{name: a, labels: null}}\nspec: {{affinity: null, {CONTAINERS}}}"
    report = plan_text(file, text)

    assert (one_pod(report).labels, report.faults) == ({}, ())


# ---------------------------------------------------------------- nodes on their way


def test_a_claim_is_room_that_is_coming(file: Path) -> None:
    report = plan_text(file, CLAIM, pod("a"), pod("b"), pod("c"))

    assert report.to_json()["existingNodes"] == [
        {"name": "general-1", "pods": ["shop/a", "shop/b"]}
    ]
    assert report.snapshot.usage["general"]["nodes"] == 1


@pytest.mark.parametrize(
    ("of_claim", "of_node"),
    [
        pytest.param("{providerID: kwok://1}", "{providerID: kwok://1}", id="by provider"),
        pytest.param("{nodeName: n1}", "{}", id="by name"),
    ],
)
def test_a_claim_and_its_node_are_one(file: Path, of_claim: str, of_node: str) -> None:
    node = NODE.replace("default", "general") + f"spec: {of_node}\n"
    report = plan_text(file, f"{CLAIM}status: {of_claim}\n", node)

    (found,) = report.snapshot.nodes
    assert (found.name, found.claim, found.pool) == ("n1", "general-1", "general")
    assert report.snapshot.usage["general"]["nodes"] == 1


def test_pods_of_a_node_that_is_drained_need_another_place(file: Path) -> None:
    leaving = NODE.replace("{name: n1,", "{name: n1, deletionTimestamp: 2026-11-27T11:00:00Z,")
    owned = pod("moves", more="nodeName: n1").replace(
        "namespace: shop}",
        "namespace: shop, ownerReferences: [{kind: ReplicaSet, name: r, controller: true}]}",
    )
    alone = pod("stays", more="nodeName: n1")
    report = plan_text(file, leaving, owned, alone)

    assert [each.key for each in report.snapshot.pods] == ["shop/moves"]
    assert [each.pods[0].key for each in report.plan.new_nodes] == ["shop/moves"]


# ---------------------------------------------------------------- what classes give to pods


def test_a_runtime_class_gives_overhead_and_a_place(file: Path) -> None:
    report = plan_text(file, RUNTIME, pod(more="runtimeClassName: gvisor"))
    found = one_pod(report)

    assert found.requests == {"cpu": 1250, "memory": 64 * 2**20, "pods": 1}
    assert found.alternatives[0].accepts({"sandbox": "yes"})
    assert not found.alternatives[0].accepts({})
    assert [each.key for each in found.tolerations] == ["sandbox"]


def test_a_pod_that_has_its_overhead_keeps_it(file: Path) -> None:
    own = "runtimeClassName: gvisor\n  overhead: {cpu: 10m}"

    assert one_pod(plan_text(file, RUNTIME, pod(more=own))).requests["cpu"] == 1010


@pytest.mark.parametrize(
    ("classes", "more", "priority"),
    [
        pytest.param([HIGH, USUAL], "priorityClassName: high", 1000, id="its own class's"),
        pytest.param([HIGH, USUAL], "", 7, id="the usual class's"),
        pytest.param([HIGH], "", 0, id="none"),
        pytest.param([USUAL], "priority: 5", 5, id="what it says itself"),
        pytest.param([], "priorityClassName: system-node-critical", 2_000_001_000, id="the API's"),
        pytest.param(
            [USUAL, USUAL.replace("usual", "low").replace("7", "3")], "", 3, id="the lowest usual"
        ),
    ],
)
def test_the_priority_of_a_pod(file: Path, classes: list[str], more: str, priority: int) -> None:
    assert one_pod(plan_text(file, *classes, pod(more=more))).priority == priority


def test_classes_reach_the_pods_of_workloads_and_daemons(file: Path) -> None:
    template = f"template: {{spec: {{runtimeClassName: gvisor, {CONTAINERS}}}}}"
    workload = f"kind: Deployment\nmetadata: {{name: w}}\nspec: {{{template}}}"
    daemon = workload.replace("Deployment", "DaemonSet")
    report = plan_text(file, workload, daemon, RUNTIME)

    assert one_pod(report).requests["cpu"] == 350
    assert report.snapshot.daemons[0].pod.requests["cpu"] == 350


def test_namespaces_have_labels(file: Path) -> None:
    report = plan_text(file, "kind: Namespace\nmetadata: {name: shop, labels: {team: a}}")

    assert report.snapshot.namespaces == {"shop": {"team": "a"}}


# ---------------------------------------------------------------- workloads


def test_a_job_that_is_suspended_has_no_pods(file: Path) -> None:
    text = "kind: Job\nmetadata: {name: j}\nspec: {suspend: true, parallelism: 3, template: {}}"

    assert plan_text(file, text).snapshot.pods == ()


def test_the_pods_of_a_stateful_set_count_from_its_first_ordinal(file: Path) -> None:
    spec = "{replicas: 2, ordinals: {start: 5}, template: {}}"
    report = plan_text(file, f"kind: StatefulSet\nmetadata: {{name: db}}\nspec: {spec}")

    assert [each.name for each in report.snapshot.pods] == ["db-5", "db-6"]


def test_a_dump_of_a_typed_list_is_read(file: Path) -> None:
    item = {"metadata": {"name": "a"}, "spec": {"containers": [{"name": "c"}]}}
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "PodList", "items": [item]}))

    assert one_pod(plan(POOL, file)).key == "default/a"
