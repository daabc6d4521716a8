"""Pods and DaemonSets: what decides where they may go, and mistakes with their paths."""

from __future__ import annotations

from math import inf
from typing import Any

import msgspec
import pytest

from nodescaler.core.demands import Gang, HostPort
from nodescaler.core.labels import HOSTNAME, ZONE, Requirements
from nodescaler.core.model import Owner, PodSpec
from nodescaler.core.taints import Toleration
from nodescaler.decode import DaemonSetObject, Faults, PodObject, daemon_spec, pod_spec

Json = dict[str, Any]
NODE = "requiredDuringSchedulingIgnoredDuringExecution"
WISH = "preferredDuringSchedulingIgnoredDuringExecution"


def pod_of(spec: Json | None = None, status: Json | None = None, **metadata: Any) -> PodSpec:
    meta = {"name": "web", "namespace": "shop", **metadata}
    doc = {"metadata": meta, "spec": spec or {}, "status": status or {}}
    return pod_spec(msgspec.convert(doc, PodObject))


def claimed(claim: str) -> Json:
    return {"name": claim, "persistentVolumeClaim": {"claimName": claim}}


def box(requests: Json | None = None, limits: Json | None = None, **more: Any) -> Json:
    return {"resources": {"requests": requests, "limits": limits}, **more}


def test_requests_are_those_of_the_scheduler() -> None:
    pod = pod_of(
        {
            "containers": [box({"cpu": "100m"}), box(None, {"cpu": 1, "memory": "1Ki"}), {}],
            "initContainers": [box({"cpu": "50m"}, restartPolicy="Always"), box({"cpu": "2"})],
            "overhead": {"cpu": "5m"},
        }
    )

    assert pod.requests == {"cpu": 2055, "memory": 1024, "pods": 1}


def test_requests_of_the_whole_pod_win() -> None:
    pod = pod_of({"containers": [box({"cpu": "1"})], "resources": {"requests": {"cpu": "3"}}})

    assert pod.requests["cpu"] == 3000


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (
            {"containers": [box({"cpu": "-1"})]},
            "spec.containers[0].resources.requests.cpu: found '-1'; would do: a quantity of zero",
        ),
        (
            {"initContainers": [box({"memory": "lots"})]},
            "spec.initContainers[0].resources.requests.memory: found 'lots'; would do: a quantity",
        ),
        (
            {
                "affinity": {
                    "nodeAffinity": {
                        NODE: {
                            "nodeSelectorTerms": [
                                {"matchExpressions": [{"key": "a", "operator": "Has"}]}
                            ]
                        }
                    }
                }
            },
            "spec.affinity.nodeAffinity.required[0][0].operator: found 'Has'; would do: In",
        ),
        (
            {"affinity": {"nodeAffinity": {WISH: [{"weight": 101, "preference": {}}]}}},
            "spec.affinity.nodeAffinity.preferred[0].weight: found '101'; would do: a number from",
        ),
        (
            {"volumes": [{"name": "data", "persistentVolumeClaim": {}}]},
            "spec.volumes[data].persistentVolumeClaim.claimName: found ''; would do: the name of a",
        ),
    ],
)
def test_mistakes(spec: Json, said: str) -> None:
    with pytest.raises(Faults) as error:
        pod_of(spec)

    assert str(error.value).startswith(said)


def affinity(*terms: Json, selector: Json | None = None) -> PodSpec:
    required = {NODE: {"nodeSelectorTerms": list(terms)}}
    return pod_of({"nodeSelector": selector, "affinity": {"nodeAffinity": required}})


def test_each_term_is_an_alternative_joined_with_the_selector() -> None:
    either = [{"matchExpressions": [{"key": ZONE, "operator": "In", "values": [z]}]} for z in "ab"]
    pod = affinity(*either, selector={"beta.kubernetes.io/arch": "arm64"})

    assert pod.alternatives == tuple(
        Requirements.labels({ZONE: zone, "kubernetes.io/arch": "arm64"}) for zone in "ab"
    )


def test_a_term_without_demands_matches_no_node() -> None:
    assert not affinity({}).alternatives[0][HOSTNAME]
    assert not affinity().alternatives[0][HOSTNAME]


def test_the_name_of_a_node_is_its_hostname() -> None:
    fields = [
        {"key": "metadata.name", "operator": "In", "values": ["n1"]},
        {"key": "spec.other", "operator": "In", "values": ["x"]},
    ]

    assert affinity({"matchFields": fields}).alternatives == (
        Requirements.labels({HOSTNAME: "n1"}),
    )


def test_wishes_are_kept_with_their_weight() -> None:
    term = {"matchExpressions": [{"key": ZONE, "operator": "Exists"}]}
    wishes = {WISH: [{"weight": 7, "preference": term}]}
    (wish,) = pod_of({"affinity": {"nodeAffinity": wishes}}).preferences

    assert wish.weight == 7
    assert ZONE in wish.terms


def test_a_wish_that_asks_for_nothing_is_none() -> None:
    wishes = {WISH: [{"weight": 7, "preference": {}}]}

    assert pod_of({"affinity": {"nodeAffinity": wishes}}).preferences == ()


def test_host_ports_and_tolerations() -> None:
    ports = [{"hostPort": 80}, {"containerPort": 1}, {"hostPort": 53, "protocol": "UDP"}]
    pod = pod_of({"containers": [{"ports": ports}], "tolerations": [{"operator": "Exists"}]})

    assert pod.host_ports == (HostPort(80), HostPort(53, "UDP"))
    assert pod.tolerations == (Toleration(operator="Exists"),)


def test_where_a_pod_stands() -> None:
    waiting = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
    owner = {"kind": "ReplicaSet", "name": "web", "uid": "u", "controller": True}
    pod = pod_of(
        {"priority": 5, "terminationGracePeriodSeconds": 0, "schedulingGates": [{"name": "g"}]},
        {"conditions": [waiting], "nominatedNodeName": "n"},
        ownerReferences=[{"kind": "Other"}, owner],
        annotations={"karpenter.sh/do-not-disrupt": "true", "kubernetes.io/config.mirror": "x"},
    )

    assert pod.unschedulable
    assert pod.gated
    assert pod.mirror
    assert pod.owner == Owner("ReplicaSet", "web", "u")
    assert (pod.priority, pod.grace_s, pod.protected_s) == (5, 0.0, inf)
    assert pod.nominated_node == "n"
    assert pod_of(namespace="").namespace == "default"


@pytest.mark.parametrize(
    ("volumes", "claims"),
    [
        pytest.param(None, (), id="no volume"),
        pytest.param([{"name": "tmp", "emptyDir": {}}], (), id="one that is no claim"),
        pytest.param([claimed("data")], ("shop/data",), id="a claim of its own namespace"),
        pytest.param([claimed("b"), claimed("a"), claimed("b")], ("shop/b", "shop/a"), id="twice"),
        pytest.param(
            [{"name": "scratch", "ephemeral": {}}], ("shop/web-scratch",), id="an ephemeral claim"
        ),
    ],
)
def test_which_claims_it_mounts(volumes: list[Json] | None, claims: tuple[str, ...]) -> None:
    assert pod_of({"volumes": volumes}).volumes == claims


GROUP, LEAST = "scheduling.x-k8s.io/pod-group", "scheduling.x-k8s.io/min-member"
OLD_GROUP = "pod-group.scheduling.sigs.k8s.io/name"
OLD_LEAST = "pod-group.scheduling.sigs.k8s.io/min-available"


@pytest.mark.parametrize(
    ("labels", "annotations", "gang"),
    [
        pytest.param({}, {}, None, id="no group"),
        pytest.param({GROUP: "mpi"}, {}, None, id="a group without a minimum"),
        pytest.param({GROUP: "mpi", LEAST: "0"}, {}, None, id="a minimum of none"),
        pytest.param({GROUP: "mpi", LEAST: "4"}, {}, Gang("shop/mpi", 4), id="both labels"),
        pytest.param({GROUP: "mpi"}, {LEAST: "4"}, Gang("shop/mpi", 4), id="an annotation"),
        pytest.param({LEAST: "4"}, {}, None, id="a minimum of no group"),
        pytest.param(
            {OLD_GROUP: "mpi", OLD_LEAST: "2"}, {}, Gang("shop/mpi", 2), id="the first API's labels"
        ),
    ],
)
def test_its_gang(labels: Json, annotations: Json, gang: Gang | None) -> None:
    assert pod_of(labels=labels, annotations=annotations).gang == gang


def test_the_pods_of_a_gang_share_it() -> None:
    one, other = (pod_of(name=name, labels={GROUP: "mpi", LEAST: "4"}) for name in "ab")

    assert one.gang is other.gang


@pytest.mark.parametrize("minimum", ["some", "-1", "1.5", ""])
def test_a_minimum_that_is_no_number(minimum: str) -> None:
    with pytest.raises(Faults) as error:
        pod_of({"containers": [box({"cpu": "-1"})]}, labels={GROUP: "mpi", LEAST: minimum})

    first, second = error.value.faults
    assert first.path == "spec.containers[0].resources.requests.cpu"
    assert str(second) == f"metadata.labels.{LEAST}: found '{minimum}'; would do: a number from 0"


def test_devices_by_claim_are_not_planned() -> None:
    claims = {"resourceClaims": [{"name": "gpu"}, {"name": "nic"}]}
    said = "resource claim gpu, nic asks for a device by DRA, which is not planned"

    assert pod_of(claims).unplannable == said
    assert pod_of().unplannable == ""


def test_a_daemon_set_as_the_pod_that_it_starts() -> None:
    spec = {
        "containers": [box({"cpu": "100m"})],
        "volumes": [{"name": "scratch", "ephemeral": {}}],
    }
    doc = {
        "metadata": {"name": "agent", "namespace": "system", "uid": "u"},
        "spec": {"template": {"spec": spec}},
    }
    daemon = daemon_spec(msgspec.convert(doc, DaemonSetObject))

    assert (daemon.namespace, daemon.name, daemon.uid) == ("system", "agent", "u")
    assert daemon.pod.is_daemon
    assert daemon.pod.requests == {"cpu": 100, "pods": 1}
    assert daemon.pod.volumes == ()


def test_the_daemons_of_all_nodes_share_what_was_read() -> None:
    """Each names its node in its affinity, as the DaemonSet controller writes it."""

    def on(node: str, *, bound: bool) -> PodSpec:
        field = {"key": "metadata.name", "operator": "In", "values": [node]}
        affinity = {"nodeAffinity": {NODE: {"nodeSelectorTerms": [{"matchFields": [field]}]}}}
        spec = {"nodeName": node if bound else "", "affinity": affinity}
        owner = {"kind": "DaemonSet", "name": "agent", "uid": "u", "controller": True}
        return pod_of(spec, ownerReferences=[owner])

    assert on("n1", bound=True).requests is on("n2", bound=True).requests
    assert on("n1", bound=False).alternatives == (Requirements.labels({HOSTNAME: "n1"}),)


@pytest.mark.parametrize(
    ("annotation", "protected"), [("true", inf), ("1h", 3600.0), ("maybe", 0.0), ("", 0.0)]
)
def test_protection_that_cannot_be_read_is_ignored(annotation: str, protected: float) -> None:
    pod = pod_of(annotations={"karpenter.sh/do-not-disrupt": annotation})

    assert pod.protected_s == protected
