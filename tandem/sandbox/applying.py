"""Server-side apply: lay what a client wants over what is; take no field of others unasked.

Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from tandem.sandbox.conversion import converted
from tandem.sandbox.decoding import check_type, fit_object
from tandem.sandbox.managed import Owner, Writer, bare, conflict_error, conflicts, owners
from tandem.sandbox.patches.fieldsets import Path, field_set, merged, without
from tandem.sandbox.registry import Served
from tandem.sandbox.state import Call, State
from tandem.sandbox.status import ApiError, Json, bad_request, required
from tandem.sandbox.store import Stored
from tandem.sandbox.watching import is_true
from tandem.sandbox.writing import create, update

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def apply(
    state: State, call: Call, body: Json, old: Stored | None, writer: Writer
) -> tuple[Stored, bool]:
    """Store what *body* asks for; also tell whether the object is new.

    Raises:
        ApiError: 409 naming each field that another manager owns, unless `force` is given.
    """
    _check(call, body)
    fit_object(call, body)
    served = call.served
    _check_place(call, body)
    writer = replace(writer, owns=field_set(bare(body), served.schema))
    if old is None:
        if (body["metadata"].get("uid")) or call.sub:
            raise bad_request("uid mismatch: the object to apply to does not exist")
        return create(state, call, body, writer), True
    live = converted(old.obj, served.kind)
    result = _result(served, live, body, writer)
    found = list(conflicts(served, live, result, writer))
    forced = is_true(call.query.get("force"))
    if found and not forced and not _was_applied_by_kubectl(served, live, writer, found):
        raise conflict_error(found)
    return update(state, call, result, old, writer), False


def _check(call: Call, body: Json) -> None:
    if not call.query.get("fieldManager"):
        fault = required("fieldManager", "is required for apply patch")
        details = {
            "group": "meta.k8s.io",
            "kind": "PatchOptions",
            "causes": [fault.json()],
        }
        message = f'PatchOptions.meta.k8s.io "" is invalid: {fault}'
        raise ApiError(422, "Invalid", message, details=details)
    if not body.get("apiVersion") or not body.get("kind"):
        raise bad_request("error decoding YAML: Object 'Kind' is missing in the applied body")
    check_type(body, call.served.kind.api_version, call.served.kind.kind)


def _check_place(call: Call, body: Json) -> None:
    metadata = body.setdefault("metadata", {})
    if metadata.get("managedFields"):
        raise bad_request("metadata.managedFields must be nil")
    name = metadata.setdefault("name", call.name)
    if name != call.name:
        raise bad_request(
            f"the name of the object ({name}) does not match the name on the URL ({call.name})"
        )


def _result(served: Served, live: Json, body: Json, writer: Writer) -> Json:
    """Lay *body* over *live*, without the fields this manager applied before and names no more."""
    schema = served.schema
    result: Json = merged(live, body, schema)
    result["metadata"] = {**result["metadata"]}
    result["metadata"].pop("managedFields", None)
    known = owners(live)
    before = next((each.fields for each in known if each.is_of(writer)), frozenset())
    dropped = before - writer.owns
    if not dropped:
        return result
    keep = writer.owns.union(*(each.fields for each in known if not each.is_of(writer)))
    pruned: Json = without(bare(result), schema, dropped - keep, keep)
    metadata = {
        name: value
        for name, value in result["metadata"].items()
        if name not in bare(result).get("metadata", {})
    }
    names = {"apiVersion": result["apiVersion"], "kind": result["kind"]}
    return names | pruned | {"metadata": metadata | pruned.get("metadata", {})}


def _was_applied_by_kubectl(
    served: Served, live: Json, writer: Writer, found: list[tuple[Owner, Path]]
) -> bool:
    """Whether kubectl itself applied all that conflicts client-side before: it may take over."""
    text = (live["metadata"].get("annotations") or {}).get(LAST_APPLIED)
    if writer.manager != "kubectl" or not text:
        return False
    try:
        before = msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.DecodeError:
        return False
    return {path for _, path in found} <= field_set(bare(before), served.schema)
