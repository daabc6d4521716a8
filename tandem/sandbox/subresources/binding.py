"""/binding: put a pod on a node, once.

Source: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/binding-v1/
"""

from __future__ import annotations

import msgspec

from kube.transport import Response
from tandem.sandbox.answers import json_answer
from tandem.sandbox.decoding import decode_as
from tandem.sandbox.reading import get
from tandem.sandbox.state import Call, State
from tandem.sandbox.status import ApiError, Json, required
from tandem.sandbox.store import Stored
from tandem.sandbox.subresources.eviction import CREATED


def bind(state: State, call: Call) -> Response:
    body = decode_as(call, "v1", "Binding")
    pod_call = _of_pod(state, call, body)
    target: Json = body.get("target") or {}
    if not target.get("name"):
        raise ApiError(500, "", str(required("target.name")))
    stored = get(state, pod_call)
    _check(stored, body)
    if not call.dry_run:
        _assign(state, pod_call, stored, target["name"], body)
    return json_answer(CREATED, 201)


def _of_pod(state: State, call: Call, body: Json) -> Call:
    name = call.name or (body.get("metadata") or {}).get("name", "")
    pods = state.registry.find("", "v1", "pods")
    assert pods is not None  # noqa: S101 - a built-in kind
    return Call(call.request, pods, call.namespace, name)


def _check(stored: Stored, body: Json) -> None:
    obj = stored.obj
    name, spec = obj["metadata"]["name"], obj["spec"]
    wanted: Json = body.get("metadata") or {}
    for field in ("uid", "resourceVersion"):
        found = obj["metadata"][field]
        if wanted.get(field, found) != found:
            label = "UID" if field == "uid" else "ResourceVersion"
            raise _refused(
                name,
                f"Precondition failed: {label} in precondition: {wanted[field]}, "
                f"{label} in object meta: {found}",
            )
    if "deletionTimestamp" in obj["metadata"]:
        raise _refused(name, f"pod {name} is being deleted, cannot be assigned to a host")
    if spec.get("nodeName"):
        raise _refused(name, f'pod {name} is already assigned to node "{spec["nodeName"]}"')
    if spec.get("schedulingGates"):
        raise _refused(name, f"pod {name} has non-empty .spec.schedulingGates")


def _refused(name: str, why: str) -> ApiError:
    message = f'Operation cannot be fulfilled on pods/binding "{name}": {why}'
    return ApiError(409, "Conflict", message, details={"name": name, "kind": "pods/binding"})


def _assign(state: State, call: Call, stored: Stored, node: str, body: Json) -> None:
    obj: Json = msgspec.json.decode(stored.encoded())
    obj["spec"]["nodeName"] = node
    annotations = (body.get("metadata") or {}).get("annotations")
    if annotations:
        obj["metadata"].setdefault("annotations", {}).update(annotations)
    status = obj.setdefault("status", {})
    others = [each for each in status.get("conditions") or () if each["type"] != "PodScheduled"]
    scheduled = {"type": "PodScheduled", "status": "True", "lastTransitionTime": state.stamp()}
    status["conditions"] = [*others, scheduled]
    status.pop("nominatedNodeName", None)
    state.store.put(call.served.kind.storage, call.key, obj)
