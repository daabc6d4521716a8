"""Reviews: who may do what. In the sandbox everybody may do everything.

Source: https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/
"""

from __future__ import annotations

from kube.transport import Response
from tandem.sandbox.answers import json_answer
from tandem.sandbox.decoding import decode_object
from tandem.sandbox.state import Call, State
from tandem.sandbox.status import Json

_EVERYTHING = ["*"]
_USER: Json = {"username": "sandbox", "groups": ["system:masters", "system:authenticated"]}


def access(state: State, call: Call) -> Response:
    return _answer(state, call, {"allowed": True, "reason": "the sandbox allows everything"})


def rules(state: State, call: Call) -> Response:
    return _answer(
        state,
        call,
        {
            "resourceRules": [
                {"verbs": _EVERYTHING, "apiGroups": _EVERYTHING, "resources": _EVERYTHING}
            ],
            "nonResourceRules": [{"verbs": _EVERYTHING, "nonResourceURLs": _EVERYTHING}],
            "incomplete": False,
        },
    )


def identity(state: State, call: Call) -> Response:
    return _answer(state, call, {"userInfo": _USER})


def token(state: State, call: Call) -> Response:
    return _answer(state, call, {"authenticated": True, "user": _USER})


def _answer(state: State, call: Call, status: Json) -> Response:
    del state  # nothing here depends on it
    review = decode_object(call)
    review.setdefault("metadata", {})
    review.setdefault("spec", {})
    return json_answer(review | {"status": status}, 201)
