"""/token of a ServiceAccount: a token that says whose it is and opens nothing.

Source: https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/
"""

from __future__ import annotations

from datetime import timedelta

from kube.transport import Response
from tandem.sandbox.answers import json_answer
from tandem.sandbox.decoding import decode_as
from tandem.sandbox.reading import get
from tandem.sandbox.state import Call, State
from tandem.sandbox.status import Json, bad_request

_LIFETIME_S = 3600
_LONGEST_S = 1 << 32


def create(state: State, call: Call) -> Response:
    body = decode_as(call, "authentication.k8s.io/v1", "TokenRequest")
    account = get(state, call).obj["metadata"]
    spec: Json = body.get("spec") or {}
    lifetime_s = spec.get("expirationSeconds") or _LIFETIME_S
    if not 0 < lifetime_s <= _LONGEST_S:
        raise bad_request(f"spec.expirationSeconds must be in 1..{_LONGEST_S}, got {lifetime_s}")
    expires = state.now() + timedelta(seconds=lifetime_s)
    status = {
        "token": f"sandbox.{account['namespace']}.{account['name']}.{account['uid']}",
        "expirationTimestamp": expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    names = {"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1"}
    return json_answer(names | {"metadata": {}, "spec": spec, "status": status}, 201)
