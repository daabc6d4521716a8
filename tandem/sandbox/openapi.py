"""OpenAPI documents."""

from __future__ import annotations

from kube.transport import Request, Response
from tandem.sandbox.state import State


def openapi(state: State, request: Request) -> Response | None:
    return None
