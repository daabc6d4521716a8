"""What a pod is filled with at its creation, and what may change afterwards."""

from __future__ import annotations

import pytest

from tests.contract.http import Api, Json
from tests.contract.places import Space, container, pod


async def test_a_pod_is_filled_with_defaults(api: Api, space: Space) -> None:
    spec = (await api.post(space("pods"), pod("a"))).ok()["spec"]

    expected = {
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "schedulerName": "default-scheduler",
        "enableServiceLinks": True,
        "preemptionPolicy": "PreemptLowerPriority",
        "priority": 0,
    }
    assert {k: spec.get(k) for k in expected} == expected
    assert spec["containers"][0]["imagePullPolicy"] == "IfNotPresent"
    assert spec["containers"][0]["terminationMessagePath"] == "/dev/termination-log"


async def test_a_pod_tolerates_a_bad_node_for_a_while(api: Api, space: Space) -> None:
    spec = (await api.post(space("pods"), pod("a"))).ok()["spec"]

    assert [(t["key"], t["effect"], t["tolerationSeconds"]) for t in spec["tolerations"]] == [
        ("node.kubernetes.io/not-ready", "NoExecute", 300),
        ("node.kubernetes.io/unreachable", "NoExecute", 300),
    ]


async def test_limits_become_requests(api: Api, space: Space) -> None:
    limited = container(resources={"limits": {"cpu": "1", "memory": "1Gi"}})

    made = (await api.post(space("pods"), pod("a", containers=[limited]))).ok()

    resources = made["spec"]["containers"][0]["resources"]
    assert resources["requests"] == {"cpu": "1", "memory": "1Gi"}
    assert made["status"]["qosClass"] == "Guaranteed"


async def test_quantities_are_canonical(api: Api, space: Space) -> None:
    requests = {"cpu": "0.5", "memory": "1024Mi"}
    heavy = container(resources={"requests": requests})

    made = (await api.post(space("pods"), pod("a", containers=[heavy]))).ok()

    assert made["spec"]["containers"][0]["resources"]["requests"] == {
        "cpu": "500m",
        "memory": "1Gi",
    }
    assert made["status"]["qosClass"] == "Burstable"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"nodeName": "n2"}, id="node"),
        pytest.param({"nodeSelector": {"a": "b"}}, id="node selector"),
        pytest.param({"priority": 7}, id="priority"),
        pytest.param({"hostNetwork": True}, id="host network"),
        pytest.param({"containers": [container(command=["x"])]}, id="command"),
    ],
)
async def test_a_pods_spec_stays(api: Api, space: Space, change: Json) -> None:
    (await api.post(space("pods"), pod("a", nodeName="n1"))).ok()

    answer = await api.patch(space("pods", "a"), {"spec": change})

    cause = answer.refused(422, "Invalid")["details"]["causes"][0]
    assert (cause["reason"], cause["field"]) == ("FieldValueForbidden", "spec")
    assert "pod updates may not change fields other than" in cause["message"]


async def test_an_image_may_change(api: Api, space: Space) -> None:
    (await api.post(space("pods"), pod("a"))).ok()
    newer = [{"name": "main", "image": "example.invalid/app:2"}]

    changed = (
        await api.patch(space("pods", "a"), {"spec": {"containers": newer}}, "strategic")
    ).ok()

    assert changed["spec"]["containers"][0]["image"] == "example.invalid/app:2"


async def test_a_toleration_may_be_added_but_none_taken(api: Api, space: Space) -> None:
    made = (await api.post(space("pods"), pod("a"))).ok()
    more = [*made["spec"]["tolerations"], {"key": "x", "operator": "Exists"}]

    changed = (await api.patch(space("pods", "a"), {"spec": {"tolerations": more}})).ok()
    fewer = await api.patch(space("pods", "a"), {"spec": {"tolerations": more[:1]}})

    assert len(changed["spec"]["tolerations"]) == 3
    fewer.refused(422, "Invalid")


async def test_a_gate_may_be_removed_but_none_added(api: Api, space: Space) -> None:
    gate = {"name": "contract.tandem/wait"}
    made = (await api.post(space("pods"), pod("a", schedulingGates=[gate]))).ok()
    path = space("pods", "a")

    two = [gate, {"name": "contract.tandem/more"}]
    (await api.patch(path, {"spec": {"schedulingGates": two}})).refused(422, "Invalid")
    opened = (await api.patch(path, {"spec": {"schedulingGates": None}})).ok()

    condition = made["status"]["conditions"][0]
    assert (condition["type"], condition["reason"]) == ("PodScheduled", "SchedulingGated")
    assert "schedulingGates" not in opened["spec"]


async def test_labels_and_annotations_may_change(api: Api, space: Space) -> None:
    (await api.post(space("pods"), pod("a"))).ok()
    cost = {"controller.kubernetes.io/pod-deletion-cost": "-5"}

    changed = (await api.patch(space("pods", "a"), {"metadata": {"annotations": cost}})).ok()

    assert changed["metadata"]["annotations"] == cost


async def test_a_missing_priority_class_forbids_the_pod(api: Api, space: Space) -> None:
    answer = await api.post(space("pods"), pod("a", priorityClassName="nowhere"))

    body = answer.refused(403, "Forbidden")
    assert "no PriorityClass with name nowhere was found" in body["message"]


async def test_a_priority_class_gives_its_value(api: Api, space: Space) -> None:
    made = (await api.post(space("pods"), pod("a", priorityClassName="system-node-critical"))).ok()

    assert made["spec"]["priority"] == 2000001000
