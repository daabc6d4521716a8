"""A bound for what boto3 reads of an answer, and for how long.

boto3 reads an answer to its end, in a thread that nobody can stop; its timeout is one for each
piece. Whoever writes a trigger may choose the endpoint, so an answer without end would take the
thread and the memory for ever.
"""

from __future__ import annotations

import time
from typing import Any

from scalers._errors import ScalerError

LARGEST = 2 * 1024 * 1024
PIECE = 64 * 1024


def bound(client: Any, longest_s: float) -> Any:
    """*client*, whose answers are at most `LARGEST` and come within *longest_s*."""
    endpoint = client._endpoint  # noqa: SLF001  # there is no public way to its HTTP session
    endpoint.http_session = _Bounded(endpoint.http_session, longest_s)
    return client


class _Bounded:
    """In place of the session through which a client sends."""

    def __init__(self, session: Any, longest_s: float) -> None:
        self._session = session
        self._longest_s = longest_s

    def send(self, request: Any) -> Any:
        """The answer, read.

        Raises:
            ScalerError: it is too large or takes too long.
        """
        request.stream_output = True  # else it is read to its end in there
        answer = self._session.send(request)
        try:
            answer._content = self._body(answer.raw)  # noqa: SLF001  # as its own reading does
        finally:
            answer.raw.release_conn()
        return answer

    def _body(self, raw: Any) -> bytes:
        until = time.monotonic() + self._longest_s
        body = bytearray()
        while piece := raw.read1(PIECE):
            body += piece
            if len(body) > LARGEST or time.monotonic() > until:
                raw.close()
                raise ScalerError("the endpoint answers without end; check its address")
        return bytes(body)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)
