"""Who belongs to whom: owners adopt orphans that they select and let strangers go. Pure.

Source: https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/#non-template-pod-acquisitions
"""

from __future__ import annotations

from collections.abc import Iterable

from kube.client import Json
from kube.objects import OwnerReference
from kube.resources import Resource
from kube.values.selectors import matches, structured
from tandem.sandbox.controllers.plans import Action, Plan, change
from tandem.sandbox.controllers.pods import finished
from tandem.sandbox.controllers.things import Thing, owner_reference


def means(owner: Thing, child: Thing) -> bool:
    """Does the selector of *owner* select *child*? An empty one selects nothing here."""
    selector = owner.spec.get("selector")
    return bool(selector) and matches(structured(selector), child.labels)


def settle(
    owner: tuple[Resource, Thing],
    kind: Resource,
    owned: Iterable[Thing],
    orphans: Iterable[Thing],
) -> Plan:
    """Adopt and release; nothing when everybody is where it belongs.

    Args:
        owner: who may adopt, and its resource.
        kind: the resource of the children.
        owned: children that it controls.
        orphans: children in its namespace that nobody controls.
    """
    resource, parent = owner
    if parent.leaving:
        return Plan()
    actions: list[Action] = [
        _refer(kind, child, [*_others(child, parent), owner_reference(parent, resource)])
        for child in orphans
        if means(parent, child) and not child.leaving and not finished(child)
    ]
    actions += [
        _refer(kind, child, _others(child, parent))
        for child in owned
        if not means(parent, child) and not child.leaving
    ]
    return Plan(tuple(actions))


def _refer(kind: Resource, child: Thing, references: list[Json]) -> Action:
    metadata: Json = {"uid": child.uid, "ownerReferences": references or None}
    return change(kind, child, {"metadata": metadata})


def _others(child: Thing, parent: Thing) -> list[Json]:
    return [plain(ref) for ref in child.metadata.owner_references if ref.uid != parent.uid]


def plain(ref: OwnerReference) -> Json:
    """An owner reference as the API writes it."""
    given: Json = {
        "apiVersion": ref.api_version,
        "kind": ref.kind,
        "name": ref.name,
        "uid": ref.uid,
        "controller": ref.controller,
        "blockOwnerDeletion": ref.block_owner_deletion,
    }
    return {key: value for key, value in given.items() if value is not None}
