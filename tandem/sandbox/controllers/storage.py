"""The volume binder: claims get volumes, from those at hand or made to measure. Pure.

A claim of a class that waits for its first consumer is bound only once the scheduler has written
the node it chose on it; the volume then is one that this node reaches.

Sources: https://kubernetes.io/docs/concepts/storage/persistent-volumes/
https://kubernetes.io/docs/concepts/storage/dynamic-provisioning/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from kube.client import Json
from kube.resources import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, PODS
from tandem.sandbox.controllers.plans import (
    NOTHING,
    Action,
    Create,
    Plan,
    change,
    delete,
    status_change,
)
from tandem.sandbox.controllers.scheduling.decode import claim_of, node_of, volume_of
from tandem.sandbox.controllers.scheduling.storage import NO_PROVISIONER, allows, fits
from tandem.sandbox.controllers.things import StorageClass, Thing, owner_reference

BOUND = {"pv.kubernetes.io/bind-completed": "yes", "pv.kubernetes.io/bound-by-controller": "yes"}
PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
ZONE = "topology.kubernetes.io/zone"


def reconcile_claim(
    claim: Thing,
    volumes: Sequence[Thing],
    known: StorageClass | None,
    node: Thing | None,
) -> Plan:
    """Bind *claim*, or say that it waits.

    Args:
        claim: the PersistentVolumeClaim.
        volumes: all PersistentVolumes.
        known: the StorageClass that it names, if there is one.
        node: the node that the scheduler selected for it, if it has.
    """
    if claim.leaving:
        return NOTHING
    mine = next((v for v in volumes if claims(v, claim)), None)
    if claim.spec.get("volumeName"):
        return _follow(claim, volumes)
    if mine is not None:
        return Plan(_bind(claim, mine))
    if known is not None and known.volume_binding_mode == "WaitForFirstConsumer" and node is None:
        return Plan(_phase(claim, "Pending"))
    found = smallest(claim, volumes, node)
    if found is not None:
        return Plan(_bind(claim, found))
    if known is None or known.provisioner in ("", NO_PROVISIONER):
        return Plan(_phase(claim, "Pending"))
    return Plan((Create(PERSISTENT_VOLUMES, provisioned(claim, known, node)),))


def claims(volume: Thing, claim: Thing) -> bool:
    """Is *volume* reserved for *claim*?"""
    ref = volume.spec.get("claimRef") or {}
    named = (ref.get("namespace"), ref.get("name")) == claim.key
    return named and ref.get("uid") in (None, "", claim.uid)


def smallest(claim: Thing, volumes: Sequence[Thing], node: Thing | None) -> Thing | None:
    """The smallest free volume that is enough; ties by name."""
    wanted = claim_of(claim)
    place = node_of(node) if node is not None else None
    matching = []
    for volume in volumes:
        decoded = volume_of(volume)
        reachable = place is None or allows(decoded.node_terms, place)
        if reachable and not volume.leaving and fits(wanted, decoded):
            matching.append((decoded.capacity, volume.name, volume))
    return min(matching, key=lambda each: each[:2])[2] if matching else None


def _follow(claim: Thing, volumes: Sequence[Thing]) -> Plan:
    name = claim.spec["volumeName"]
    volume = next((each for each in volumes if each.name == name), None)
    if volume is None:
        return Plan(_phase(claim, "Lost" if claim.phase == "Bound" else "Pending"))
    ref = volume.spec.get("claimRef")
    if ref and not claims(volume, claim):
        return Plan(_phase(claim, "Pending"))
    return Plan(_bind(claim, volume))


def _bind(claim: Thing, volume: Thing) -> tuple[Action, ...]:
    """Both sides name each other, then both statuses say Bound; nothing when they do."""
    actions: list[Action] = []
    ref = volume.spec.get("claimRef") or {}
    if ref.get("uid") != claim.uid:
        actions.append(change(PERSISTENT_VOLUMES, volume, {"spec": {"claimRef": _ref(claim)}}))
    actions += status_change(PERSISTENT_VOLUMES, volume, {"phase": "Bound"})
    if (
        claim.spec.get("volumeName") != volume.name
        or not BOUND.items() <= claim.annotations.items()
    ):
        body = {"metadata": {"annotations": BOUND}, "spec": {"volumeName": volume.name}}
        actions.append(change(PERSISTENT_VOLUME_CLAIMS, claim, body))
    status = {
        "phase": "Bound",
        "accessModes": volume.spec.get("accessModes"),
        "capacity": volume.spec.get("capacity"),
    }
    return (*actions, *status_change(PERSISTENT_VOLUME_CLAIMS, claim, status))


def _ref(claim: Thing) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "namespace": claim.namespace,
        "name": claim.name,
        "uid": claim.uid,
    }


def _phase(claim: Thing, phase: str) -> tuple[Action, ...]:
    return status_change(PERSISTENT_VOLUME_CLAIMS, claim, {"phase": phase})


def provisioned(claim: Thing, known: StorageClass, node: Thing | None) -> Json:
    """The volume that the class's provisioner would make for *claim*."""
    name = f"pvc-{claim.uid}"
    requests = (claim.spec.get("resources") or {}).get("requests") or {}
    spec: Json = {
        "accessModes": claim.spec.get("accessModes") or ["ReadWriteOnce"],
        "capacity": {"storage": requests.get("storage", "1Gi")},
        "storageClassName": known.name,
        "persistentVolumeReclaimPolicy": known.reclaim_policy,
        "volumeMode": claim.spec.get("volumeMode") or "Filesystem",
        "claimRef": _ref(claim),
        "csi": {"driver": known.provisioner, "volumeHandle": name},
    }
    terms = _topology(known, node)
    if terms:
        spec["nodeAffinity"] = {"required": {"nodeSelectorTerms": terms}}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name, "annotations": {PROVISIONED_BY: known.provisioner}},
        "spec": spec,
    }


def _topology(known: StorageClass, node: Thing | None) -> list[Json]:
    """Where the volume is: the zone of the node, else what the class allows."""
    if node is not None and ZONE in node.labels:
        return [{"matchExpressions": [_in(ZONE, [node.labels[ZONE]])]}]
    return [
        {"matchExpressions": [_in(each["key"], each["values"]) for each in given]}
        for topology in known.allowed_topologies
        if (given := topology.get("matchLabelExpressions"))
    ]


def _in(key: str, values: Sequence[str]) -> Json:
    return {"key": key, "operator": "In", "values": list(values)}


def reconcile_volume(volume: Thing, claim: Thing | None) -> Plan:
    """Available, Bound, Released, or gone with its claim.

    Args:
        volume: the PersistentVolume.
        claim: the claim that its claimRef names, if that very claim still exists.
    """
    if volume.leaving:
        return NOTHING
    ref = volume.spec.get("claimRef") or {}
    if not ref.get("uid"):
        return Plan(status_change(PERSISTENT_VOLUMES, volume, {"phase": "Available"}))
    if claim is not None:
        return NOTHING  # the claim's own look binds both
    if volume.spec.get("persistentVolumeReclaimPolicy") == "Delete":
        return Plan((delete(PERSISTENT_VOLUMES, volume),))
    return Plan(status_change(PERSISTENT_VOLUMES, volume, {"phase": "Released"}))


def ephemeral_claims(pod: Thing, exists: Callable[[str], bool]) -> Plan:
    """The claims of a pod's generic ephemeral volumes, owned by the pod."""
    if pod.leaving:
        return NOTHING
    templates: Mapping[str, Json] = {
        f"{pod.name}-{volume['name']}": volume["ephemeral"].get("volumeClaimTemplate") or {}
        for volume in pod.spec.get("volumes") or []
        if volume.get("ephemeral")
    }
    return Plan(
        tuple(
            Create(PERSISTENT_VOLUME_CLAIMS, _ephemeral(pod, name, template), pod.namespace)
            for name, template in templates.items()
            if not exists(name)
        )
    )


def _ephemeral(pod: Thing, name: str, template: Json) -> Json:
    given = template.get("metadata") or {}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": name,
            "namespace": pod.namespace,
            "labels": given.get("labels") or {},
            "ownerReferences": [owner_reference(pod, PODS)],
        },
        "spec": template.get("spec") or {},
    }
