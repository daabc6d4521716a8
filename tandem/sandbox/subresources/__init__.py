"""Subresources with rules of their own, and kinds that can only be created (bindings, reviews).

`HANDLERS` maps (subresource or plural, method) to the function that answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kube.transport import Response
from tandem.sandbox.registry import Served
from tandem.sandbox.state import Call, State
from tandem.sandbox.subresources import binding, eviction, finalize, logs, reviews, scale, tokens

Handler = Callable[[State, Call], Response]

HANDLERS: Mapping[tuple[str, str], Handler] = {
    ("scale", "GET"): scale.read,
    ("scale", "PUT"): scale.replace,
    ("scale", "PATCH"): scale.patch,
    ("eviction", "POST"): eviction.evict,
    ("binding", "POST"): binding.bind,
    ("bindings", "POST"): binding.bind,
    ("log", "GET"): logs.read,
    ("finalize", "PUT"): finalize.replace,
    ("token", "POST"): tokens.create,
    ("selfsubjectaccessreviews", "POST"): reviews.access,
    ("localsubjectaccessreviews", "POST"): reviews.access,
    ("subjectaccessreviews", "POST"): reviews.access,
    ("selfsubjectrulesreviews", "POST"): reviews.rules,
    ("selfsubjectreviews", "POST"): reviews.identity,
    ("tokenreviews", "POST"): reviews.token,
}


def creates_only(served: Served) -> bool:
    return served.kind.verbs == ("create",)
