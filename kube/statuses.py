"""Which of our errors an answer means. Pure.

A body that is not a `Status` is never quoted: a proxy's page may hold anything.

Source: https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md#response-status-kind
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from kube.errors import (
    AlreadyExists,
    Conflict,
    Denied,
    Gone,
    Invalid,
    KubeError,
    NotFound,
    Throttled,
    Unavailable,
)

MEANING: Mapping[int, type[KubeError]] = {
    400: Invalid,
    401: Denied,
    403: Denied,
    404: NotFound,
    405: Invalid,
    406: Invalid,
    409: Conflict,
    410: Gone,
    413: Invalid,
    415: Invalid,
    422: Invalid,
}
SERVER_FAULTS = 500
TOO_MANY = 429


class Details(msgspec.Struct, frozen=True, rename="camel"):
    retry_after_seconds: int = 0


class Status(msgspec.Struct, frozen=True, rename="camel"):
    """The API's own description of what went wrong."""

    kind: str = ""
    message: str = ""
    reason: str = ""
    code: int = 0
    details: Details | None = None


def error_of(doing: str, status: int, body: bytes, headers: Mapping[str, str]) -> KubeError:
    """The error that an answer means.

    Args:
        doing: method and path, for the message.
        status: the HTTP status, 300 or more.
        body: a Status object, or anything else.
        headers: lower-case names.
    """
    return error_from(doing, status, read_status(body), headers.get("retry-after", ""))


def error_from(doing: str, code: int, said: Status, retry_after: str = "") -> KubeError:
    """The error of a Status, from an answer or from an ERROR event of a watch."""
    message = f"{doing}: {said.message or f'HTTP {code}'}"
    if code == TOO_MANY:
        wait_s = retry_after_s(said, retry_after)
        return Throttled(message, status=code, reason=said.reason, retry_after_s=wait_s)
    return _kind(code, said.reason)(message, status=code, reason=said.reason)


def read_status(body: bytes) -> Status:
    """Read a Status; anything else is an empty one.

    >>> read_status(b'{"kind":"Status","message":"no"}').message, read_status(b"<html>").message
    ('no', '')
    """
    try:
        status = msgspec.json.decode(body, type=Status)
    except msgspec.DecodeError:
        return Status()
    return status if status.kind == "Status" else Status()


def retry_after_s(said: Status, header: str) -> float:
    """How long the server wants us to wait; one second when it does not say.

    >>> retry_after_s(Status(), "7"), retry_after_s(Status(details=Details(10)), "")
    (7.0, 10.0)
    """
    if header.isdecimal():
        return float(header)
    return float((said.details and said.details.retry_after_seconds) or 1)


def _kind(code: int, reason: str) -> type[KubeError]:
    if reason == "AlreadyExists":
        return AlreadyExists
    if reason in ("Expired", "Gone"):
        return Gone
    return MEANING.get(code, Unavailable if code >= SERVER_FAULTS else KubeError)
