"""Changes to shared objects: read afresh, decide the difference, write it under the version read.

Taints are one atomic list of which parts belong to others, so a change is computed on the object
as it is now and written with its resourceVersion. The functions that compute are pure and answer
None when nothing is to be changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from kube.client import Client, Json
from kube.errors import Conflict, NotFound
from kube.resources import NODE_CLAIMS, Resource
from nodescaler.clouds.offers import taints_json
from nodescaler.controllers.claims import FINALIZER
from nodescaler.core.labels import INITIALIZED, REGISTERED
from nodescaler.core.model import ClaimState
from nodescaler.core.taints import DISRUPTED, UNREGISTERED, Taint

EXCLUDE_FROM_LB = "node.kubernetes.io/exclude-from-external-load-balancers"
DO_NOT_SYNC_TAINTS = "karpenter.sh/do-not-sync-taints"
ATTEMPTS = 5

Edit = Callable[[Json], Json | None]


async def edit(client: Client, resource: Resource, name: str, change: Edit) -> Json | None:
    """Apply *change* to the object; the object as it is then, or None when there is none.

    Raises:
        Conflict: it was changed under us again and again.
    """
    for attempt in range(ATTEMPTS):
        try:
            found = await client.get(resource, name)
            patch = change(found)
            if patch is None:
                return found
            version = {"resourceVersion": found["metadata"]["resourceVersion"]}
            patch["metadata"] = patch.get("metadata", {}) | version
            return await client.patch(resource, name, patch)
        except NotFound:
            return None
        except Conflict:
            if attempt == ATTEMPTS - 1:
                raise
    return None


def registration(claim: ClaimState) -> Edit:
    """What makes a joined Node the claim's: labels, taints, finalizer, owner."""

    def change(node: Json) -> Json | None:
        if _labels(node).get(REGISTERED) == "true":
            return None
        owners = [o for o in node["metadata"].get("ownerReferences", []) if o["uid"] != claim.uid]
        patch: Json = {
            "metadata": {
                "labels": {**claim.labels, REGISTERED: "true"},
                "annotations": dict(claim.annotations),
                "finalizers": _with_finalizer(node),
                "ownerReferences": [*owners, _owner(claim)],
            },
            "spec": {"taints": _registered_taints(node, claim)},
        }
        return patch

    return change


def _registered_taints(node: Json, claim: ClaimState) -> list[Json]:
    kept = _without(_taints(node), (UNREGISTERED,))
    if claim.labels.get(DO_NOT_SYNC_TAINTS) == "true":
        return kept
    wanted = (*claim.taints, *claim.startup_taints)
    return [*_without(kept, wanted), *taints_json(wanted)]


def _owner(claim: ClaimState) -> Json:
    return {
        "apiVersion": NODE_CLAIMS.api_version,
        "kind": NODE_CLAIMS.kind,
        "name": claim.name,
        "uid": claim.uid,
        "blockOwnerDeletion": True,
    }


def initialised(node: Json) -> Json | None:
    if _labels(node).get(INITIALIZED) == "true":
        return None
    return {"metadata": {"labels": {INITIALIZED: "true"}}}


def disrupted(node: Json) -> Json | None:
    """Keep new pods and load balancers away."""
    if _has(node, DISRUPTED) and EXCLUDE_FROM_LB in _labels(node):
        return None
    taints = [*_without(_taints(node), (DISRUPTED,)), *taints_json((DISRUPTED,))]
    return {"metadata": {"labels": {EXCLUDE_FROM_LB: "karpenter"}}, "spec": {"taints": taints}}


def undisrupted(node: Json) -> Json | None:
    """Take `disrupted` back; a node that is being deleted keeps it."""
    if not _has(node, DISRUPTED) or is_leaving(node):
        return None
    ours = _labels(node).get(EXCLUDE_FROM_LB) == "karpenter"
    labels = {"labels": {EXCLUDE_FROM_LB: None}} if ours else {}
    return {"metadata": labels, "spec": {"taints": _without(_taints(node), (DISRUPTED,))}}


def released(found: Json) -> Json | None:
    """Any object without our finalizer."""
    finalizers = found["metadata"].get("finalizers", [])
    if FINALIZER not in finalizers:
        return None
    return {"metadata": {"finalizers": [each for each in finalizers if each != FINALIZER]}}


def held(found: Json) -> Json | None:
    """Any object with our finalizer; one that is being deleted can get no new one."""
    finalizers = _with_finalizer(found)
    if finalizers == found["metadata"].get("finalizers", []) or is_leaving(found):
        return None
    return {"metadata": {"finalizers": finalizers}}


def is_leaving(found: Json) -> bool:
    return "deletionTimestamp" in found["metadata"]


def _with_finalizer(found: Json) -> list[str]:
    finalizers: list[str] = found["metadata"].get("finalizers", [])
    return finalizers if FINALIZER in finalizers else [*finalizers, FINALIZER]


def _labels(node: Json) -> dict[str, str]:
    found: dict[str, str] = node["metadata"].get("labels", {})
    return found


def _taints(node: Json) -> list[Json]:
    found: list[Json] = node.get("spec", {}).get("taints") or []
    return found


def _has(node: Json, taint: Taint) -> bool:
    return any((t["key"], t["effect"]) == (taint.key, taint.effect) for t in _taints(node))


def _without(taints: Iterable[Json], gone: Iterable[Taint]) -> list[Json]:
    names = {(taint.key, taint.effect) for taint in gone}
    return [taint for taint in taints if (taint["key"], taint["effect"]) not in names]
