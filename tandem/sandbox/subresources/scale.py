"""/scale: one replica count for every kind that has one.

Source: https://kubernetes.io/docs/reference/kubernetes-api/autoscaling-resources/
"""

from __future__ import annotations

from typing import Any

import msgspec

from kube.transport import Response
from tandem.sandbox.answers import json_answer
from tandem.sandbox.decoding import decode_as, decode_body, fitted, media_type
from tandem.sandbox.managed import writer_of
from tandem.sandbox.patches.jsonpatch import PatchRefused, json_patch
from tandem.sandbox.patches.merge import merge_patch
from tandem.sandbox.patching import operations
from tandem.sandbox.printing.selectors import selector_text
from tandem.sandbox.reactions import react
from tandem.sandbox.reading import get
from tandem.sandbox.registry import ScalePaths, Served
from tandem.sandbox.state import Call, State
from tandem.sandbox.status import (
    ApiError,
    Json,
    conflict,
    invalid_value,
    unsupported_media,
)
from tandem.sandbox.store import Stored
from tandem.sandbox.writing import update

_BUILTIN = ScalePaths(".spec.replicas", ".status.replicas")
_TYPE = ("autoscaling/v1", "Scale")
_MERGES = ("application/merge-patch+json", "application/strategic-merge-patch+json")
_JSON_PATCH = "application/json-patch+json"
_APPLY = "application/apply-patch+yaml"
_SHOWN = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")


def read(state: State, call: Call) -> Response:
    return json_answer(scale_of(call.served, get(state, call).obj))


def replace(state: State, call: Call) -> Response:
    body = decode_as(call, *_TYPE)
    return _write(state, call, get(state, call), body)


def patch(state: State, call: Call) -> Response:
    stored = get(state, call)
    media = media_type(call.request.content_type)
    before = scale_of(call.served, stored.obj)
    if media not in {*_MERGES, _JSON_PATCH, _APPLY}:
        raise unsupported_media((_JSON_PATCH, *_MERGES, _APPLY))
    body = decode_body(
        call.request.body, "application/yaml" if media == _APPLY else "application/json"
    )
    try:
        if media == _JSON_PATCH:
            after = json_patch(before, operations(body))
        else:
            after = merge_patch(before, body)
    except PatchRefused as error:
        raise ApiError(422, "Invalid", str(error), details={}) from error
    return _write(state, call, stored, fitted(after, *_TYPE))


def scale_of(served: Served, obj: Json) -> Json:
    """Give the Scale of an object. Zero desired replicas are left out, as upstream writes them."""
    paths = served.scale or _BUILTIN
    wanted = at(obj, paths.spec_replicas)
    if wanted is None:
        message = f'the spec replicas field "{paths.spec_replicas}" does not exist'
        raise ApiError(
            500,
            "InternalError",
            f"Internal error occurred: {message}",
            details={"causes": [{"message": message}]},
        )
    status: Json = {"replicas": at(obj, paths.status_replicas) or 0}
    selector = _selector(served, obj)
    if selector:
        status["selector"] = selector
    metadata = obj["metadata"]
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {name: metadata[name] for name in _SHOWN if name in metadata},
        "spec": {"replicas": wanted} if wanted else {},
        "status": status,
    }


def _selector(served: Served, obj: Json) -> str:
    if served.scale is not None:
        return str(at(obj, served.scale.selector) or "") if served.scale.selector else ""
    selector: Json = (obj.get("spec") or {}).get("selector") or {}
    return selector_text(selector)


def at(obj: Json, path: str) -> Any:
    """Give the value at a simple JSON path (".spec.replicas"), None when it is missing."""
    here: Any = obj
    for part in path.strip(".").split("."):
        here = here.get(part) if isinstance(here, dict) else None
    return here


def _write(state: State, call: Call, stored: Stored, scale: Json) -> Response:
    kind, name = call.served.kind, stored.obj["metadata"]["name"]
    replicas = (scale.get("spec") or {}).get("replicas") or 0
    if replicas < 0:
        fault = invalid_value("spec.replicas", replicas, "must be greater than or equal to 0")
        details = {"name": name, "group": "autoscaling", "kind": "Scale", "causes": [fault.json()]}
        raise ApiError(
            422, "Invalid", f'Scale.autoscaling "{name}" is invalid: {fault}', details=details
        )
    version = (scale.get("metadata") or {}).get("resourceVersion")
    if version and version != stored.obj["metadata"]["resourceVersion"]:
        raise conflict(kind, name)
    obj: Json = msgspec.json.decode(stored.encoded())
    _put(obj, (call.served.scale or _BUILTIN).spec_replicas, replicas)
    written = update(state, call, obj, stored, writer_of(call))
    if not call.dry_run:
        react(state, call.served, written)
    return json_answer(scale_of(call.served, written.obj))


def _put(obj: Json, path: str, value: int) -> None:
    *parents, last = path.strip(".").split(".")
    here = obj
    for part in parents:
        here = here.setdefault(part, {})
    here[last] = value
