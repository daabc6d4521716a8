"""/finalize of a namespace: the only way to change `spec.finalizers`.

Source: https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/namespace-v1/
"""

from __future__ import annotations

import msgspec

from kube.transport import Response
from tandem.sandbox.answers import json_answer
from tandem.sandbox.decoding import decode_object
from tandem.sandbox.reading import get
from tandem.sandbox.state import Call, State
from tandem.sandbox.status import Json, conflict


def replace(state: State, call: Call) -> Response:
    body = decode_object(call)
    stored = get(state, call)
    version = (body.get("metadata") or {}).get("resourceVersion")
    if version and version != stored.obj["metadata"]["resourceVersion"]:
        raise conflict(call.served.kind, call.name)
    obj: Json = msgspec.json.decode(stored.encoded())
    obj["spec"] = {"finalizers": (body.get("spec") or {}).get("finalizers") or []}
    metadata = obj["metadata"]
    stored = state.store.put(call.served.kind.storage, call.key, obj)
    held = metadata.get("finalizers") or obj["spec"]["finalizers"]
    if "deletionTimestamp" in metadata and not held:
        stored = state.store.remove(call.served.kind.storage, call.key)
    return json_answer(stored.encoded())
