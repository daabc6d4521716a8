"""Delete: preconditions, finalizers, grace periods and propagation.

Source: https://kubernetes.io/docs/concepts/architecture/garbage-collection/ and
https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from tandem.sandbox.decoding import decode_body, fitted
from tandem.sandbox.options import invalid_options
from tandem.sandbox.state import Call, State
from tandem.sandbox.status import Json, bad_request, precondition_failed, unsupported_value
from tandem.sandbox.store import Stored

_LONGEST_S = 1 << 31  # dates end in the year 9999
_POLICIES = ("Background", "Foreground", "Orphan", "")
_FINALIZERS = {"Foreground": "foregroundDeletion", "Orphan": "orphan"}


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    grace_s: int | None = None
    uid: str = ""
    resource_version: str = ""
    propagation: str = ""
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Deleted:
    """What became of the object: its last state, and whether it is gone."""

    stored: Stored
    gone: bool


def read_options(call: Call) -> DeleteOptions:
    """Take the options from the body, else from the query."""
    body = decode_body(call.request.body, call.request.content_type) if call.request.body else None
    if not isinstance(body, dict):
        return options_from({}, call)
    version = body.get("apiVersion")  # each group has the type under its own versions, too
    known = body if version in (None, "v1") else body | {"apiVersion": "v1"}
    return options_from(fitted(known, "v1", "DeleteOptions"), call)


def options_from(found: Json, call: Call) -> DeleteOptions:
    query = call.query
    grace = found.get("gracePeriodSeconds", query.get("gracePeriodSeconds"))
    propagation = found.get("propagationPolicy") or query.get("propagationPolicy", "")
    if found.get("orphanDependents"):
        propagation = "Orphan"
    if propagation not in {"", "Background", *_FINALIZERS}:
        fault = unsupported_value("propagationPolicy", propagation, _POLICIES)
        raise invalid_options("DeleteOptions", fault)
    preconditions: Json = found.get("preconditions") or {}
    return DeleteOptions(
        grace_s=_whole(grace),
        uid=preconditions.get("uid") or "",
        resource_version=preconditions.get("resourceVersion") or "",
        propagation=propagation,
        dry_run=call.dry_run or "All" in (found.get("dryRun") or ()),
    )


def _whole(value: Any) -> int | None:
    if value is None:
        return None
    try:
        return max(0, int(value))
    except (TypeError, ValueError) as error:
        raise bad_request(f"gracePeriodSeconds must be a number, got {value!r}") from error


def delete(state: State, call: Call, stored: Stored, options: DeleteOptions) -> Deleted:
    """Delete *stored*, or mark it when finalizers or a grace period hold it.

    Raises:
        ApiError: 409, a precondition does not hold.
    """
    metadata = stored.obj["metadata"]
    _check(call, metadata, options)
    finalizers = _finalizers(metadata.get("finalizers") or [], options.propagation)
    grace_s = _grace_s(call, stored.obj, options)
    held = call.served.strategy.held(stored.obj)
    if not grace_s and not finalizers and not held:
        if options.dry_run:
            return Deleted(stored, gone=True)
        return Deleted(state.store.remove(call.served.kind.storage, call.key), gone=True)
    marked = _marked(state, metadata, grace_s, finalizers)
    if marked == metadata or options.dry_run:
        return Deleted(stored, gone=False)
    obj = call.served.strategy.leave(stored.obj | {"metadata": marked})
    return Deleted(state.store.put(call.served.kind.storage, call.key, obj), gone=False)


def _check(call: Call, metadata: Json, options: DeleteOptions) -> None:
    kind, name = call.served.kind, metadata["name"]
    if options.uid and options.uid != metadata["uid"]:
        why = (
            f"the UID in the precondition ({options.uid}) does not match the UID in record "
            f"({metadata['uid']}). The object might have been deleted and then recreated"
        )
        raise precondition_failed(kind, name, why)
    version = metadata["resourceVersion"]
    if options.resource_version and options.resource_version != version:
        why = (
            f"the ResourceVersion in the precondition ({options.resource_version}) does not match "
            f"the ResourceVersion in record ({version}). The object might have been modified"
        )
        raise precondition_failed(kind, name, why)


def _finalizers(found: list[str], propagation: str) -> list[str]:
    """Give the finalizers with those of *propagation* alone; no wish leaves them as they are."""
    if not propagation:
        return found
    kept = [each for each in found if each not in _FINALIZERS.values()]
    wanted = _FINALIZERS.get(propagation)
    return [*kept, wanted] if wanted else kept


def _grace_s(call: Call, obj: Json, options: DeleteOptions) -> int:
    grace_s = call.served.strategy.grace(obj, options.grace_s)
    left: int | None = obj["metadata"].get("deletionGracePeriodSeconds")
    if "deletionTimestamp" in obj["metadata"] and left is not None:
        return min(grace_s, left) if options.grace_s is not None else left
    return min(grace_s, _LONGEST_S)


def _marked(state: State, metadata: Json, grace_s: int, finalizers: list[str]) -> Json:
    marked = {**metadata, "finalizers": finalizers}
    if not finalizers:
        del marked["finalizers"]
    shortened = grace_s < metadata.get("deletionGracePeriodSeconds", grace_s)
    if "deletionTimestamp" not in metadata or shortened:
        at = state.now() + timedelta(seconds=grace_s)
        marked["deletionTimestamp"] = at.strftime("%Y-%m-%dT%H:%M:%SZ")
        marked["deletionGracePeriodSeconds"] = grace_s
        if "deletionTimestamp" not in metadata and "generation" in metadata:
            marked["generation"] = metadata["generation"] + 1
    return marked
