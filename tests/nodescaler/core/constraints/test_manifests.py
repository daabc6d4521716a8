"""From what a manifest says to where its pods go: what the decoder folds into the model.

`matchLabelKeys` and `mismatchLabelKeys`, null and empty selectors, defaults of the API, gangs.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import yaml

from nodescaler.core.labels import ZONE
from nodescaler.core.model import NodePool, NodeState, PodSpec
from nodescaler.core.taints import Taint
from nodescaler.decode import PodObject, pod_spec
from tests.nodescaler.core.constraints.made import GIB, cluster, node, planned, pod, zone

Json = dict[str, Any]


def manifests(text: str, count: int = 1, name: str = "web", **labels: str) -> tuple[PodSpec, ...]:
    """So many pods with this spec and these labels, half a core each."""
    spec: Json = yaml.safe_load(text)
    spec.setdefault("containers", [{"resources": {"requests": {"cpu": "500m", "memory": "256Mi"}}}])
    out = []
    for number in range(count):
        meta = {"name": f"{name}-{number}", "namespace": "shop", "labels": {"app": name, **labels}}
        out.append(pod_spec(msgspec.convert({"metadata": meta, "spec": spec}, PodObject)))
    return tuple(out)


def full(where: str, *pods: PodSpec) -> NodeState:
    return node(f"in-{where}", where, pods=pods)


SPREAD = """
topologySpreadConstraints:
- topologyKey: topology.kubernetes.io/zone
  maxSkew: 1
  whenUnsatisfiable: DoNotSchedule
  labelSelector: {matchLabels: {app: web}}
"""


def test_a_spread_of_a_manifest() -> None:
    assert planned(cluster(*manifests(SPREAD, 6))).count(ZONE) == {"a": 2, "b": 2, "c": 2}


def test_match_label_keys_let_each_revision_spread_by_itself() -> None:
    old = full("a", pod("x", labels={"rev": "1"}), pod("y", labels={"rev": "1"}))
    text = SPREAD + "  matchLabelKeys: [rev]\n"
    found = planned(cluster(*manifests(text, 3, rev="2"), nodes=(old, full("b"), full("c"))))

    assert found.count(ZONE) == {"a": 1, "b": 1, "c": 1}


def test_a_match_label_key_that_the_pod_lacks_demands_nothing() -> None:
    old = full("a", pod("x"), pod("y"))
    text = SPREAD + "  matchLabelKeys: [rev]\n"
    found = planned(cluster(*manifests(text, 4), nodes=(old, full("b"), full("c"))))

    assert found.count(ZONE) == {"b": 2, "c": 2}


def test_the_policies_of_a_spread_are_honor_and_ignore_by_default() -> None:
    """The zones that its affinity excludes are no places, those of tainted nodes are."""
    text = SPREAD + f"nodeSelector: {{{ZONE}: a}}\n"
    tainted = node("in-c", "c", taints=(Taint("x"),))
    pool = NodePool("default", requirements=zone("a", "b"))

    assert planned(cluster(*manifests(text, 4))).left == []
    assert planned(cluster(*manifests(SPREAD, 4), pools=(pool,), nodes=(tainted,))).count(ZONE) == {
        "a": 1,
        "b": 1,
    }


def test_min_domains_of_a_manifest() -> None:
    found = planned(cluster(*manifests(SPREAD + "  minDomains: 4\n", 5)))

    assert len(found.left) == 2


APART = """
affinity:
  podAntiAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
    - topologyKey: kubernetes.io/hostname
      labelSelector: {matchLabels: {app: web}}
"""


def test_without_a_namespace_a_term_looks_into_its_own() -> None:
    alien = node("old", cpu=8000, pods=(pod("alien", namespace="data"),))

    assert planned(cluster(*manifests(APART), nodes=(alien,))).old == {"old": ["web-0"]}


def test_an_empty_namespace_selector_looks_into_all() -> None:
    alien = node("old", cpu=8000, pods=(pod("alien", namespace="data"),))
    text = APART + "      namespaceSelector: {}\n"

    assert planned(cluster(*manifests(text), nodes=(alien,))).old == {}


def test_mismatch_label_keys_keep_tenants_apart_and_each_together() -> None:
    text = APART.replace("kubernetes.io/hostname", ZONE) + "      mismatchLabelKeys: [tenant]\n"
    one = [
        replace(p, name=f"one-{p.name}", uid=f"1{p.name}") for p in manifests(text, 2, tenant="1")
    ]
    two = [
        replace(p, name=f"two-{p.name}", uid=f"2{p.name}") for p in manifests(text, 2, tenant="2")
    ]
    found = planned(cluster(*one, *two))

    assert found.left == []
    assert not found.may(ZONE, "one") & found.may(ZONE, "two")


def test_match_label_keys_let_a_new_revision_share_with_the_old() -> None:
    text = APART + "      matchLabelKeys: [rev]\n"
    old = node("old", cpu=8000, pods=(pod("x", labels={"rev": "1"}),))
    found = planned(cluster(*manifests(text, 2, rev="2"), nodes=(old,)))

    assert [len(names) for names in found.old.values()] == [1]
    assert found.sizes == [1]


BESIDE = """
affinity:
  podAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
    - topologyKey: topology.kubernetes.io/zone
"""


def test_a_term_without_a_label_selector_finds_nobody() -> None:
    there = full("b", pod("db-0", app="db"))

    assert planned(cluster(*manifests(BESIDE), nodes=(there,))).left == ["web-0"]


def test_a_term_with_an_empty_label_selector_finds_everybody() -> None:
    there = full("b", pod("db-0", app="db"))
    found = planned(cluster(*manifests(BESIDE + "      labelSelector: {}\n"), nodes=(there,)))

    assert found.zone("web-0") == "b"


def test_a_preferred_term_of_a_manifest_is_a_wish() -> None:
    text = """
affinity:
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
    - weight: 5
      podAffinityTerm:
        topologyKey: kubernetes.io/hostname
        labelSelector: {matchLabels: {app: web}}
"""
    few = NodePool("default", limits={"nodes": 2})

    assert planned(cluster(*manifests(text, 3))).sizes == [1, 1, 1]
    assert planned(cluster(*manifests(text, 3), pools=(few,))).left == []


def test_or_terms_of_a_manifest_each_hold_with_the_node_selector() -> None:
    text = f"""
nodeSelector: {{kubernetes.io/arch: amd64}}
affinity:
  nodeAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
      nodeSelectorTerms:
      - matchExpressions: [{{key: {ZONE}, operator: In, values: [z]}}]
      - matchExpressions: [{{key: {ZONE}, operator: NotIn, values: [a, b]}}]
"""

    assert planned(cluster(*manifests(text))).zone("web-0") == "c"


def test_a_host_port_of_a_manifest() -> None:
    text = """
containers:
- ports: [{containerPort: 80, hostPort: 80}]
  resources: {requests: {cpu: 100m}}
"""

    assert planned(cluster(*manifests(text, 2))).sizes == [1, 1]


def test_a_gang_of_a_manifest_is_placed_all_or_none() -> None:
    group = {
        "pod-group.scheduling.sigs.k8s.io/name": "train",
        "pod-group.scheduling.sigs.k8s.io/min-available": "3",
    }
    waiting = manifests("{}", 2, "train", **group)

    assert planned(cluster(*waiting)).left == ["train-0", "train-1"]
    assert planned(cluster(*manifests("{}", 3, "train", **group))).left == []


def test_memory_of_a_manifest_is_in_bytes() -> None:
    text = "containers: [{resources: {requests: {memory: 5Gi}}}]"
    (waiting,) = manifests(text)

    assert waiting.requests["memory"] == 5 * GIB
    assert planned(cluster(waiting)).kinds == {"medium": 1}


def test_a_claim_of_devices_leaves_the_pod_out_with_a_reason() -> None:
    found = planned(cluster(*manifests("resourceClaims: [{name: gpu, resourceClaimName: gpu}]")))

    assert found.left == ["web-0"]
    assert "gpu" in found.reason("web-0")
