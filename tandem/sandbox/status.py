"""Refusals of the API server: one exception that carries the `Status` object a client reads.

Wording and `details` follow kube-apiserver 1.37, because clients (kubectl, kopf, users' scripts)
match on them.
Source: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from tandem.sandbox.kinds import Kind

Json = dict[str, Any]

CONTINUE_EXPIRED = (
    "The provided continue parameter is too old to display a consistent list result. You can start "
    "a new list without the continue parameter, or use the continue token in this response to "
    "retrieve the remainder of the results. Continuing with the provided token results in an "
    "inconsistent list - objects that were created, modified, or deleted between the time the "
    "first chunk was returned and now may show up in the list."
)
MODIFIED = (
    "the object has been modified; please apply your changes to the latest version and try again"
)


@dataclass(frozen=True, slots=True)
class Cause:
    """One fault of an object; `reason` is such as "FieldValueRequired"."""

    reason: str
    message: str
    field: str

    def json(self) -> Json:
        full = {"reason": self.reason, "message": self.message, "field": self.field}
        return {key: value for key, value in full.items() if value}

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


def required(field: str, detail: str = "") -> Cause:
    return Cause("FieldValueRequired", f"Required value{detail and ': '}{detail}", field)


def invalid_value(field: str, value: object, detail: str) -> Cause:
    return Cause("FieldValueInvalid", f"Invalid value: {quoted(value)}: {detail}", field)


def forbidden_field(field: str, detail: str) -> Cause:
    return Cause("FieldValueForbidden", f"Forbidden: {detail}", field)


def duplicate_value(field: str, value: object) -> Cause:
    return Cause("FieldValueDuplicate", f"Duplicate value: {quoted(value)}", field)


def unsupported_value(field: str, value: object, supported: Sequence[str]) -> Cause:
    known = ", ".join(f'"{each}"' for each in supported)
    message = f"Unsupported value: {quoted(value)}: supported values: {known}"
    return Cause("FieldValueNotSupported", message, field)


def quoted(value: object) -> str:
    """Write a value as Go's field errors do.

    >>> quoted("a"), quoted(3), quoted(True), quoted(None)
    ('"a"', '3', 'true', 'null')
    """
    return msgspec.json.encode(value).decode()


class ApiError(Exception):
    """A refusal; the outermost frame of `Api.handle` turns it into an answer."""

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        *,
        details: Json | None = None,
        metadata: Json | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details
        self.metadata = metadata or {}
        self.retry_after_s = retry_after_s

    def status(self) -> Json:
        body: Json = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": self.metadata,
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            body["reason"] = self.reason
        details = dict(self.details or {})
        if self.retry_after_s is not None:
            details["retryAfterSeconds"] = self.retry_after_s
        if details or self.details is not None:
            body["details"] = details
        body["code"] = self.code
        return body


def _details(kind: Kind, name: str, *, as_kind: bool = False) -> Json:
    label = kind.kind if as_kind else kind.plural
    found = {"name": name, "group": kind.group, "kind": label}
    return {key: value for key, value in found.items() if value}


def not_found(kind: Kind, name: str) -> ApiError:
    return ApiError(
        404, "NotFound", f'{kind.qualified} "{name}" not found', details=_details(kind, name)
    )


def no_such_resource() -> ApiError:
    return ApiError(404, "NotFound", "the server could not find the requested resource", details={})


def already_exists(kind: Kind, name: str) -> ApiError:
    message = f'{kind.qualified} "{name}" already exists'
    return ApiError(409, "AlreadyExists", message, details=_details(kind, name))


def conflict(kind: Kind, name: str, why: str = MODIFIED) -> ApiError:
    message = f'Operation cannot be fulfilled on {kind.qualified} "{name}": {why}'
    return ApiError(409, "Conflict", message, details=_details(kind, name))


def precondition_failed(kind: Kind, name: str, why: str) -> ApiError:
    shown = f"{kind.kind}.{kind.group}" if kind.group else kind.kind
    message = f'Operation cannot be fulfilled on {shown} "{name}": {why}'
    return ApiError(409, "Conflict", message, details=_details(kind, name, as_kind=True))


def invalid(kind: Kind, name: str, causes: Sequence[Cause]) -> ApiError:
    shown = f"{kind.kind}.{kind.group}" if kind.group else kind.kind
    text = str(causes[0]) if len(causes) == 1 else f"[{', '.join(map(str, causes))}]"
    details = _details(kind, name, as_kind=True) | {"causes": [cause.json() for cause in causes]}
    return ApiError(422, "Invalid", f'{shown} "{name}" is invalid: {text}', details=details)


def forbidden(kind: Kind, name: str, why: str, causes: Sequence[Cause] = ()) -> ApiError:
    details = _details(kind, name)
    if causes:
        details["causes"] = [cause.json() for cause in causes]
    message = f'{kind.qualified} "{name}" is forbidden: {why}'
    return ApiError(403, "Forbidden", message, details=details)


def bad_request(message: str) -> ApiError:
    return ApiError(400, "BadRequest", message)


def method_not_allowed() -> ApiError:
    message = "the server does not allow this method on the requested resource"
    return ApiError(405, "MethodNotAllowed", message, details={})


def not_acceptable(accepted: Sequence[str]) -> ApiError:
    message = f"only the following media types are accepted: {', '.join(accepted)}"
    return ApiError(406, "NotAcceptable", message)


def unsupported_media(accepted: Sequence[str]) -> ApiError:
    known = ", ".join(accepted)
    message = (
        f"the body of the request was in an unknown format - accepted media types include: {known}"
    )
    return ApiError(415, "UnsupportedMediaType", message)


def expired(message: str, *, continue_: str = "") -> ApiError:
    metadata = {"continue": continue_} if continue_ else {}
    return ApiError(410, "Expired", message, metadata=metadata)


def too_old(revision: int, oldest: int) -> ApiError:
    return expired(f"too old resource version: {revision} ({oldest})")


def too_large(revision: int, current: int) -> ApiError:
    cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
    return ApiError(
        504,
        "Timeout",
        f"Too large resource version: {revision}, current: {current}",
        details={"causes": [cause]},
        retry_after_s=1,
    )
