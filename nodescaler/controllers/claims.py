"""A planned node written down as a NodeClaim. Pure.

The name is derived from what the claim is for (its pods and the time of the plan), so that a write
whose answer was lost can be asked again under the same name without making a second claim.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from kube.client import Json
from kube.resources import NODE_CLAIMS, NODE_POOLS, PROVISIONERS, Resource
from nodescaler.clouds.offers import quantities, taints_json
from nodescaler.core.labels import NODE_POOL, Requirement
from nodescaler.core.model import NodeClassRef, NodePool, PlannedNode
from nodescaler.core.names import name_for

FINALIZER = "karpenter.sh/termination"
HASH = "karpenter.sh/nodepool-hash"
HASH_VERSION = "karpenter.sh/nodepool-hash-version"
HASH_VERSION_VALUE = "v3"
MIN_VALUES_RELAXED = "karpenter.sh/nodeclaim-min-values-relaxed"

RESOURCE_OF_KIND: dict[str, Resource] = {
    "NodePool": NODE_POOLS,
    "Provisioner": PROVISIONERS,
}


def claim_name(pool: str, node: PlannedNode, now: datetime) -> str:
    """``<pool>-<five letters>``; the same for the same pods, planned at the same moment."""
    pods = sorted(pod.uid or pod.key for pod in node.pods)
    return name_for(pool, now.isoformat(), node.name, *pods)


def claim_body(name: str, node: PlannedNode, pool: NodePool, node_class: NodeClassRef) -> Json:
    """The NodeClaim that asks for *node*; it holds its finalizer from the first moment."""
    labels = {
        **pool.labels,
        **node.labels,
        NODE_POOL: pool.name,
        f"{node_class.group}/{node_class.kind.lower()}": node_class.name,
    }
    marks = {HASH: pool.template_hash, HASH_VERSION: HASH_VERSION_VALUE}
    if node.min_values_relaxed:
        marks[MIN_VALUES_RELAXED] = "true"
    return {
        "apiVersion": NODE_CLAIMS.api_version,
        "kind": NODE_CLAIMS.kind,
        "metadata": {
            "name": name,
            "labels": labels,
            "annotations": {**pool.annotations, **marks},
            "finalizers": [FINALIZER],
            "ownerReferences": [owner(pool)],
        },
        "spec": _spec(node, pool, node_class),
    }


def _spec(node: PlannedNode, pool: NodePool, node_class: NodeClassRef) -> Json:
    spec: Json = {
        "nodeClassRef": {
            "group": node_class.group,
            "kind": node_class.kind,
            "name": node_class.name,
        },
        "requirements": requirements_json(node.requirements.lines()),
        "resources": {"requests": quantities(node.requests)},
        "expireAfter": duration_text(pool.expire_after_s),
    }
    if node.taints:
        spec["taints"] = taints_json(node.taints)
    if node.startup_taints:
        spec["startupTaints"] = taints_json(node.startup_taints)
    if pool.termination_grace_s is not None:
        spec["terminationGracePeriod"] = duration_text(pool.termination_grace_s)
    return spec


def owner(pool: NodePool) -> Json:
    resource = RESOURCE_OF_KIND[pool.kind]
    return {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "name": pool.name,
        "uid": pool.uid,
        "blockOwnerDeletion": True,
    }


def requirements_json(lines: Iterable[Requirement]) -> list[Json]:
    """Requirement lines as a manifest writes them."""
    return [_line(line) for line in lines]


def _line(line: Requirement) -> Json:
    out: Json = {"key": line.key, "operator": line.operator}
    if line.values:
        out["values"] = list(line.values)
    if line.min_values is not None:
        out["minValues"] = line.min_values
    return out


def duration_text(seconds: float | None) -> str:
    """Seconds as the API writes a duration.

    >>> duration_text(None), duration_text(90), duration_text(2592000)
    ('Never', '90s', '2592000s')
    """
    return "Never" if seconds is None else f"{seconds:.0f}s"
