"""/token of a ServiceAccount: a token that says whose it is and opens nothing.

Source: https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/
"""

from __future__ import annotations

from datetime import timedelta

from kube.transport import Response
from tandem.sandbox.answers import json_answer
from tandem.sandbox.decoding import check_type, decode_body
from tandem.sandbox.reading import get
from tandem.sandbox.state import Call, State
from tandem.sandbox.status import Json, bad_request

_LIFETIME_S = 3600


def create(state: State, call: Call) -> Response:
    body = decode_body(call.request.body, call.request.content_type)
    if not isinstance(body, dict):
        raise bad_request("the body is not a TokenRequest")
    check_type(body, "authentication.k8s.io/v1", "TokenRequest")
    account = get(state, call).obj["metadata"]
    spec: Json = body.get("spec") or {}
    expires = state.now() + timedelta(seconds=spec.get("expirationSeconds") or _LIFETIME_S)
    status = {
        "token": f"sandbox.{account['namespace']}.{account['name']}.{account['uid']}",
        "expirationTimestamp": expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    names = {"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1"}
    return json_answer(names | {"metadata": {}, "spec": spec, "status": status}, 201)
