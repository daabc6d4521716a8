"""Create and update: the steps between a decoded object and a stored one.

    decoded -> metadata -> preparation of the kind -> defaults -> faults -> managedFields -> stored

Deletion is in `deleting.py`; what a write sets off elsewhere is in `reactions.py`.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from tandem.sandbox import metadata as meta
from tandem.sandbox.admission import admit_pod
from tandem.sandbox.builtins.defaulting import NAMESPACES
from tandem.sandbox.conversion import to_storage
from tandem.sandbox.decoding import metadata_of
from tandem.sandbox.managed import Writer, track
from tandem.sandbox.registry import Served
from tandem.sandbox.schemas.defaults import apply_defaults
from tandem.sandbox.schemas.validate import faults as schema_faults
from tandem.sandbox.state import Call, State
from tandem.sandbox.status import (
    ApiError,
    Cause,
    Json,
    already_exists,
    bad_request,
    conflict,
    forbidden,
    invalid,
    invalid_value,
    not_found,
)
from tandem.sandbox.store import Stored

_PODS = "pods."
_BLOCKING = {
    f"FieldValue{why}" for why in ("Required", "NotSupported", "TypeInvalid", "TooLong", "TooMany")
}
_UNCHECKED = invalid_value(
    "<nil>",
    None,
    "some validation rules were not checked because the object was invalid; "
    "correct the existing errors to complete validation",
)
_ORDER = ("kind", "apiVersion", "metadata", "spec", "status")


def create(state: State, call: Call, obj: Json, writer: Writer) -> Stored:
    """Store a new object.

    Raises:
        ApiError: 404 no such namespace, 409 the name is taken, 422 the object is at fault.
    """
    served, kind = call.served, call.served.kind
    metadata = metadata_of(obj)
    if metadata.pop("resourceVersion", ""):
        raise ApiError(500, "", "resourceVersion should not be set on objects to be created")
    place(call, metadata)
    meta.fill_new(state, metadata)
    _check_namespace(state, served, call.namespace, metadata.get("name", ""))
    asked = _as_asked(served, obj)
    _prepare_create(served, obj)
    default(served, obj)
    if kind.storage == _PODS:
        admit_pod(state, kind, obj)
    _refuse_faults(served, obj, None)
    key = (call.namespace, metadata["name"])
    if state.store.get(kind.storage, key) is not None:
        raise already_exists(kind, metadata["name"])
    track(served, None, asked, writer, state.stamp())
    metadata["managedFields"] = asked["metadata"]["managedFields"]
    return _keep(state, call, key, obj)


def place(call: Call, metadata: Json) -> None:
    """Put the object where the URL says; refuse one that says otherwise."""
    found = metadata.get("namespace", "")
    if call.served.kind.namespaced and found not in {"", call.namespace}:
        raise bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    if call.served.kind.namespaced:
        metadata["namespace"] = call.namespace
    else:
        metadata.pop("namespace", None)


def _check_namespace(state: State, served: Served, namespace: str, name: str) -> None:
    if not served.kind.namespaced:
        return
    stored = state.store.get(NAMESPACES, ("", namespace))
    if stored is None:
        found = state.registry.find("", "v1", "namespaces")
        assert found is not None  # noqa: S101 - a built-in kind
        raise not_found(found.kind, namespace)
    if "deletionTimestamp" in stored.obj["metadata"]:
        why = f"namespace {namespace} is being terminated"
        cause = Cause("NamespaceTerminating", why, "metadata.namespace")
        detail = (
            f"unable to create new content in namespace {namespace} because it is being terminated"
        )
        raise forbidden(served.kind, name, detail, [cause])


def _as_asked(served: Served, obj: Json) -> Json:
    """Give a copy of *obj* as its writer owns it: with defaults, without what the server adds."""
    asked: Json = msgspec.json.decode(msgspec.json.encode(obj))
    if served.kind.has_status and not served.strategy.status_on_create:
        asked.pop("status", None)
    default(served, asked)
    return asked


def _prepare_create(served: Served, obj: Json) -> None:
    if served.kind.has_status and not served.strategy.status_on_create:
        obj.pop("status", None)
    served.strategy.prepare_create(obj)
    if served.strategy.counts_generation:
        obj["metadata"]["generation"] = 1


def default(served: Served, obj: Json) -> None:
    if served.kind.custom:
        apply_defaults(obj, served.schema)
    else:
        served.strategy.default(obj)


def update(state: State, call: Call, obj: Json, old: Stored, writer: Writer) -> Stored:
    """Store *obj* in the place of *old*; what *obj* may not change is put back first.

    Raises:
        ApiError: 409 *obj* was made from another version than *old*, 422 it is at fault.
    """
    served = call.served
    metadata = metadata_of(obj)
    place(call, metadata)
    _check_version(served, obj, old)
    _prepare_update(call, obj, old.obj)
    default(served, obj)
    meta.drop_empty(metadata)
    _count_generation(served, call.sub, obj, old.obj)
    _refuse_faults(served, obj, old.obj)
    metadata["resourceVersion"] = old.obj["metadata"]["resourceVersion"]
    obj = to_storage(obj, old.obj["apiVersion"])
    if _same(obj, old.obj) and not writer.applies:
        return old
    track(served, old.obj, obj, writer, state.stamp())
    if _same(obj, old.obj):
        return old
    return _keep(state, call, call.key, obj)


def _check_version(served: Served, obj: Json, old: Stored) -> None:
    kind, metadata = served.kind, obj["metadata"]
    name = old.obj["metadata"]["name"]
    if metadata.get("name", name) != name:
        raise bad_request(
            f"the name of the object ({metadata.get('name')}) "
            f"does not match the name on the URL ({name})"
        )
    metadata["name"] = name
    uid = old.obj["metadata"]["uid"]
    if metadata.get("uid", uid) != uid:
        wanted = metadata["uid"]
        why = f"Precondition failed: UID in precondition: {wanted}, UID in object meta: {uid}"
        raise conflict(kind, name, why)
    version = metadata.get("resourceVersion", "")
    if version in {"", "0"}:
        if not served.strategy.unconditional_update:
            why = "must be specified for an update"
            raise invalid(kind, name, [invalid_value("metadata.resourceVersion", 0, why)])
    elif version != old.obj["metadata"]["resourceVersion"]:
        if not version.isdecimal():
            fault = invalid_value("metadata.resourceVersion", version, "must be a number")
            raise invalid(kind, name, [fault])
        raise conflict(kind, name)


def _prepare_update(call: Call, obj: Json, old: Json) -> None:
    served = call.served
    meta.keep_old(obj["metadata"], old["metadata"])
    if call.sub == "status":
        _only_status(served, obj, old)
    elif served.kind.has_status:
        _put_back(obj, old, "status")
    served.strategy.prepare_update(obj, old)


def _only_status(served: Served, obj: Json, old: Json) -> None:
    """Undo what a write to /status changed outside of the status."""
    if served.kind.custom:
        managed = obj["metadata"].get("managedFields")
        obj["metadata"] = dict(old["metadata"])
        if managed is not None:
            obj["metadata"]["managedFields"] = managed
    for name in (obj.keys() | old.keys()) - {"metadata", "status", "kind", "apiVersion"}:
        _put_back(obj, old, name)
    for name in served.strategy.status_keeps:
        _put_back(obj["metadata"], old["metadata"], name)


def _put_back(obj: Json, old: Json, name: str) -> None:
    if name in old:
        obj[name] = old[name]
    else:
        obj.pop(name, None)


def _count_generation(served: Served, sub: str, obj: Json, old: Json) -> None:
    if not served.strategy.counts_generation or sub == "status":
        return
    ignored = {"metadata", "kind", "apiVersion"}
    if served.kind.has_status or not served.kind.custom:
        ignored = ignored | {"status"}
    fields = (obj.keys() | old.keys()) - ignored
    if any(obj.get(name) != old.get(name) for name in fields):
        obj["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1


def _refuse_faults(served: Served, obj: Json, old: Json | None) -> None:
    found = list(all_faults(served, obj, old))
    if found:
        raise invalid(served.kind, obj["metadata"].get("name", ""), found)


def all_faults(served: Served, obj: Json, old: Json | None) -> Iterator[Cause]:
    """Give every fault of *obj*; CEL rules run only on an object that fits its schema."""
    yield from meta.faults(served.kind, obj["metadata"], old and old["metadata"])
    if not served.kind.custom:
        yield from served.strategy.faults(obj, old)
        return
    body = {key: value for key, value in obj.items() if key != "metadata"}
    schema = served.schema
    wrong = list(schema_faults(body, schema))
    if old is not None and wrong:
        wrong = _not_before(wrong, served, old)
    yield from wrong
    if not wrong:
        yield from served.rules.faults(obj, old)
    elif served.rules and any(cause.reason in _BLOCKING for cause in wrong):
        yield _UNCHECKED


def _not_before(wrong: list[Cause], served: Served, old: Json) -> list[Cause]:
    """Ratchet: a fault that the stored object has already, in the same words, is let pass."""
    body = {key: value for key, value in old.items() if key != "metadata"}
    known = set(schema_faults(body, served.schema))
    return [cause for cause in wrong if cause not in known]


def _same(obj: Json, old: Json) -> bool:
    return obj == old


def _keep(state: State, call: Call, key: tuple[str, str], obj: Json) -> Stored:
    kind = call.served.kind
    stored_as = to_storage(obj, _storage_api_version(state, call.served))
    ordered = {name: stored_as[name] for name in _ORDER if name in stored_as}
    ordered |= {name: value for name, value in stored_as.items() if name not in ordered}
    meta.drop_empty(ordered["metadata"])
    if call.dry_run:
        return Stored(ordered, state.store.revision)
    if state.store.get(kind.storage, key) is not None and _may_go(call.served, ordered):
        gone = state.store.remove(kind.storage, key)
        ordered["metadata"]["resourceVersion"] = gone.obj["metadata"]["resourceVersion"]
        return Stored(ordered, gone.revision)
    return state.store.put(kind.storage, key, ordered)


def _may_go(served: Served, obj: Json) -> bool:
    """Whether an object that is being deleted has nothing left to wait for."""
    metadata = obj["metadata"]
    if "deletionTimestamp" not in metadata or served.strategy.held(obj):
        return False
    return not metadata.get("finalizers") and not metadata.get("deletionGracePeriodSeconds")


def _storage_api_version(state: State, served: Served) -> str:
    kind = served.kind
    if kind.custom:
        return f"{kind.group}/{served.storage_version}"
    found = state.registry.of_storage(kind.storage)
    return found.kind.api_version if found else kind.api_version
