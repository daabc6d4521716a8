"""Pods and DaemonSets: what decides where they may go, and mistakes with their paths."""

from __future__ import annotations

from math import inf
from typing import Any

import msgspec
import pytest

from nodescaler.core.labels import HOSTNAME, ZONE, Requirements
from nodescaler.core.model import HostPort, Owner, PodSpec
from nodescaler.core.taints import Toleration
from nodescaler.decode import DaemonSetObject, Faults, PodObject, daemon_spec, pod_spec

Json = dict[str, Any]
NODE = "requiredDuringSchedulingIgnoredDuringExecution"
WISH = "preferredDuringSchedulingIgnoredDuringExecution"


def pod_of(spec: Json | None = None, status: Json | None = None, **metadata: Any) -> PodSpec:
    meta = {"name": "web", "namespace": "shop", **metadata}
    doc = {"metadata": meta, "spec": spec or {}, "status": status or {}}
    return pod_spec(msgspec.convert(doc, PodObject))


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


def anti(**term: Any) -> PodSpec:
    terms = [{"topologyKey": HOSTNAME, "labelSelector": {"matchLabels": {"app": "x"}}} | term]
    return pod_of(
        {"affinity": {"podAntiAffinity": {NODE: terms}}}, labels={"app": "x", "version": "2"}
    )


def test_anti_affinity_on_the_host_is_exact() -> None:
    (term,) = anti().apart

    assert term.concerns("shop", {"app": "x"})
    assert not term.concerns("shop", {"app": "y"})
    assert not term.concerns("other", {"app": "x"})
    assert anti().unmodelled == ()


@pytest.mark.parametrize(
    ("term", "namespace", "labels", "concerned"),
    [
        ({"namespaces": ["a"]}, "a", {"app": "x"}, True),
        ({"namespaces": ["a"]}, "shop", {"app": "x"}, False),
        ({"namespaceSelector": {}}, "anywhere", {"app": "x"}, True),
        ({"matchLabelKeys": ["version", "none"]}, "shop", {"app": "x", "version": "1"}, False),
        ({"mismatchLabelKeys": ["version"]}, "shop", {"app": "x", "version": "2"}, False),
        ({"labelSelector": {"matchExpressions": []}}, "shop", {}, True),
    ],
)
def test_which_pods_a_term_concerns(
    term: Json, namespace: str, labels: dict[str, str], concerned: bool
) -> None:
    assert anti(**term).apart[0].concerns(namespace, labels) == concerned


def test_no_selector_concerns_nobody() -> None:
    assert anti(labelSelector=None).apart == ()


def test_what_is_not_planned_is_named() -> None:
    everywhere = {"namespaceSelector": {"matchLabels": {"a": "b"}}}
    assert anti(topologyKey=ZONE).unmodelled == (f"pod anti-affinity over {ZONE}",)
    assert anti(**everywhere).unmodelled == (f"pod anti-affinity over {HOSTNAME}",)

    pod = pod_of(
        {
            "affinity": {"podAffinity": {NODE: [{"topologyKey": ZONE}]}},
            "topologySpreadConstraints": [
                {"topologyKey": ZONE},
                {"topologyKey": HOSTNAME, "whenUnsatisfiable": "ScheduleAnyway"},
            ],
            "volumes": [
                {"name": "data", "persistentVolumeClaim": {"claimName": "data"}},
                {"name": "tmp", "emptyDir": {}},
            ],
        }
    )
    assert pod.unmodelled == (
        f"pod affinity over {ZONE}",
        f"topology spread over {ZONE}",
        "where volume data can be attached",
    )


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


def test_a_daemon_set_as_the_pod_that_it_starts() -> None:
    doc = {
        "metadata": {"name": "agent", "namespace": "system", "uid": "u"},
        "spec": {"template": {"spec": {"containers": [box({"cpu": "100m"})]}}},
    }
    daemon = daemon_spec(msgspec.convert(doc, DaemonSetObject))

    assert (daemon.namespace, daemon.name, daemon.uid) == ("system", "agent", "u")
    assert daemon.pod.is_daemon
    assert daemon.pod.requests == {"cpu": 100, "pods": 1}


@pytest.mark.parametrize(
    ("annotation", "protected"), [("true", inf), ("1h", 3600.0), ("maybe", 0.0), ("", 0.0)]
)
def test_protection_that_cannot_be_read_is_ignored(annotation: str, protected: float) -> None:
    pod = pod_of(annotations={"karpenter.sh/do-not-disrupt": annotation})

    assert pod.protected_s == protected
