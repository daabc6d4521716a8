"""Nodes and NodeClaims as the API stores them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from nodescaler.core.model import NodeClassRef
from nodescaler.core.taints import Taint
from nodescaler.decode import (
    NodeClaimObject,
    NodeObject,
    claim_state,
    coming_node,
    node_state,
)

Json = dict[str, Any]
NOON = "2026-01-01T12:00:00Z"
LATER = "2026-01-01T12:05:00Z"

CLAIM: Json = {
    "metadata": {
        "name": "default-x",
        "uid": "u",
        "creationTimestamp": NOON,
        "labels": {"karpenter.sh/nodepool": "default", "team": "a"},
    },
    "spec": {
        "nodeClassRef": {"group": "g", "kind": "K", "name": "n"},
        "requirements": [{"key": "kubernetes.io/arch", "operator": "In", "values": ["amd64"]}],
        "resources": {"requests": {"cpu": "100m"}},
        "startupTaints": [{"key": "warming", "effect": "NoSchedule"}],
        "terminationGracePeriod": "1m",
    },
    "status": {
        "providerID": "kwok://x",
        "allocatable": {"cpu": "2"},
        "lastPodEventTime": LATER,
        "conditions": [
            {"type": "Launched", "status": "True", "lastTransitionTime": NOON},
            {"type": "Initialized", "status": "True", "lastTransitionTime": NOON},
        ],
    },
}
NODE: Json = {
    "metadata": {
        "name": "n1",
        "uid": "node-uid",
        "labels": {
            "karpenter.sh/nodepool": "default",
            "karpenter.sh/registered": "true",
            "karpenter.sh/initialized": "true",
        },
    },
    "spec": {"providerID": "kwok://x", "taints": [{"key": "t", "effect": "NoSchedule"}]},
    "status": {
        "allocatable": {"cpu": "1930m", "pods": "29"},
        "conditions": [{"type": "Ready", "status": "True"}],
    },
}


def claim_of(doc: Json) -> Any:
    return claim_state(msgspec.convert(doc, NodeClaimObject))


def test_a_claim() -> None:
    claim = claim_of(CLAIM)

    assert (claim.name, claim.pool, claim.provider_id) == ("default-x", "default", "kwok://x")
    assert claim.requirements.single_values() == {"kubernetes.io/arch": "amd64"}
    assert claim.requests == {"cpu": 100}
    assert claim.node_class == NodeClassRef("g", "K", "n")
    assert (claim.expire_after_s, claim.termination_grace_s) == (720 * 3600, 60)
    assert claim.is_true("Launched")
    assert not claim.is_true("Registered")


def test_a_bare_claim() -> None:
    claim = claim_of({"metadata": {"name": "x", "creationTimestamp": NOON}})

    assert (claim.pool, claim.node_class, claim.termination_grace_s) == ("", None, None)
    with pytest.raises(ValueError, match="NodeClaim x has no creationTimestamp"):
        claim_of({"metadata": {"name": "x"}})


def test_a_node_and_its_claim() -> None:
    claim = claim_of(CLAIM)
    node = node_state(msgspec.convert(NODE, NodeObject), (), claim)

    assert (node.name, node.uid, node.claim, node.pool) == (
        "n1",
        "node-uid",
        "default-x",
        "default",
    )
    assert node.allocatable == {"cpu": 1930, "pods": 29}
    assert node.taints == (Taint("t"),)
    assert node.startup_taints == (Taint("warming"),)
    assert (node.ready, node.registered, node.initialised) == (True, True, True)
    assert node.since == datetime(2026, 1, 1, 12, 5, tzinfo=UTC)
    leaving = replace(claim, deleting_since=datetime(2026, 1, 1, tzinfo=UTC), conditions={})
    assert node_state(msgspec.convert(NODE, NodeObject), (), leaving).deleting
    assert node_state(msgspec.convert(NODE, NodeObject), (), leaving).since is None


def test_a_node_that_is_not_ours_needs_no_labels_of_ours() -> None:
    node = node_state(msgspec.convert({"metadata": {"name": "n"}}, NodeObject))

    assert (node.registered, node.initialised, node.ready) == (True, True, False)
    assert (node.pool, node.claim, node.since) == ("", "", None)


def test_a_claim_on_its_way_is_space_already() -> None:
    node = coming_node(claim_of(CLAIM))

    assert node.labels["kubernetes.io/arch"] == "amd64"
    assert node.labels["team"] == "a"
    assert node.allocatable == {"cpu": 2000}
    assert not node.initialised
