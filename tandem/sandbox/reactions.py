"""What a write sets off inside the server: CRDs being served or withdrawn.

Everything else that reacts (workload controllers, namespaces, garbage collection) is a client.
"""

from __future__ import annotations

from kube.transport import Request
from tandem.sandbox.crds import CLEANUP, established, served_by
from tandem.sandbox.deleting import DeleteOptions, delete
from tandem.sandbox.registry import Served
from tandem.sandbox.state import Call, State
from tandem.sandbox.status import Json
from tandem.sandbox.store import Stored

_CRDS = "customresourcedefinitions.apiextensions.k8s.io"
_INTERNAL = Request("DELETE", "")


def react(state: State, served: Served, stored: Stored) -> None:
    """Follow up on a write whose outcome is *stored*, the last state when the object is gone."""
    metadata = stored.obj["metadata"]
    key = (metadata.get("namespace", ""), metadata["name"])
    gone = state.store.get(served.kind.storage, key) is None
    if served.kind.storage == _CRDS:
        _crd_changed(state, served, stored.obj, gone=gone)
    if gone and served.kind.custom:
        _finish_crd(state, served.kind.storage)


def _crd_changed(state: State, served: Served, crd: Json, *, gone: bool) -> None:
    spec = crd["spec"]
    storage = f"{spec['names']['plural']}.{spec['group']}"
    if gone:
        state.registry.remove(spec["group"], spec["names"]["plural"])
        state.store.drop_table(storage)
        return
    accepted = established(crd, state.stamp())
    if accepted != crd:
        accepted["metadata"] = dict(accepted["metadata"])
        state.store.put(_CRDS, ("", crd["metadata"]["name"]), accepted)
    state.registry.remove(spec["group"], spec["names"]["plural"])
    for version in served_by(accepted):
        state.registry.add(version)
    state.store.table(storage)
    if "deletionTimestamp" in crd["metadata"]:
        _delete_all(state, storage)
        _finish_crd(state, storage)
    del served


def _finish_crd(state: State, storage: str) -> None:
    """Let go of a CRD that is being deleted once it has no objects left."""
    stored = state.store.get(_CRDS, ("", storage))
    if stored is None or "deletionTimestamp" not in stored.obj["metadata"]:
        return
    if state.store.table(storage).items:
        return
    found = state.registry.find("apiextensions.k8s.io", "v1", _CRDS.partition(".")[0])
    assert found is not None  # noqa: S101 - a built-in kind
    _release(state, found, stored, CLEANUP)


def _release(state: State, served: Served, stored: Stored, finalizer: str) -> None:
    """Take *finalizer* off an object that is being deleted, which removes it if it was the last."""
    metadata = dict(stored.obj["metadata"])
    finalizers = [each for each in metadata.get("finalizers") or () if each != finalizer]
    key = (metadata.get("namespace", ""), metadata["name"])
    if finalizers:
        metadata["finalizers"] = finalizers
        state.store.put(served.kind.storage, key, stored.obj | {"metadata": metadata})
        return
    react(state, served, state.store.remove(served.kind.storage, key))


def _delete_all(state: State, storage: str) -> None:
    served = state.registry.of_storage(storage)
    if served is None:
        return
    for key, stored in list(state.store.table(storage).items.items()):
        call = Call(_INTERNAL, served, *key)
        react(state, served, delete(state, call, stored, DeleteOptions()).stored)
