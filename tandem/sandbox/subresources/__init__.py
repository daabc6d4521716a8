"""Subresources with rules of their own, and kinds that can only be created (reviews).

`HANDLERS` maps (subresource or review plural, method) to the function that answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kube.transport import Response
from tandem.sandbox.registry import Served
from tandem.sandbox.state import Call, State

Handler = Callable[[State, Call], Response]
HANDLERS: Mapping[tuple[str, str], Handler] = {}


def creates_only(served: Served) -> bool:
    return served.kind.verbs == ("create",)
