"""/token of a ServiceAccount: a token that says whose it is and opens nothing.

Source: https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/
"""

from __future__ import annotations

from datetime import timedelta

from kube.transport import Response
from tandem.sandbox.answers import json_answer
from tandem.sandbox.decoding import decode_as
from tandem.sandbox.kinds import Kind
from tandem.sandbox.reading import get
from tandem.sandbox.state import Call, State
from tandem.sandbox.status import Json, invalid, invalid_value

_LIFETIME_S = 3600
_SHORTEST_S = 600
_LONGEST_S = 1 << 32
_API = "https://kubernetes.default.svc"
_REQUESTS = Kind("authentication.k8s.io", "v1", "tokenrequests", "TokenRequest")


def create(state: State, call: Call) -> Response:
    body = decode_as(call, _REQUESTS.api_version, _REQUESTS.kind)
    account = get(state, call).obj["metadata"]
    asked: Json = body.get("spec") or {}
    lifetime_s = asked.get("expirationSeconds")
    lifetime_s = _LIFETIME_S if lifetime_s is None else lifetime_s
    _check(lifetime_s)
    expires = state.now() + timedelta(seconds=lifetime_s)
    status = {
        "token": f"sandbox.{account['namespace']}.{account['name']}.{account['uid']}",
        "expirationTimestamp": expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    names = {"kind": _REQUESTS.kind, "apiVersion": _REQUESTS.api_version}
    about = {key: account[key] for key in ("name", "namespace", "uid", "creationTimestamp")}
    spec = {
        "audiences": asked.get("audiences") or [_API],
        "expirationSeconds": lifetime_s,
        "boundObjectRef": asked.get("boundObjectRef"),
    }
    return json_answer(names | {"metadata": about, "spec": spec, "status": status}, 201)


def _check(lifetime_s: int) -> None:
    told = ""
    if lifetime_s < _SHORTEST_S:
        told = "may not specify a duration less than 10 minutes"
    elif lifetime_s > _LONGEST_S:
        told = "may not specify a duration larger than 2^32 seconds"
    if told:
        raise invalid(_REQUESTS, "", [invalid_value("spec.expirationSeconds", lifetime_s, told)])
