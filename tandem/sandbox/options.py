"""The options of a write that its query names: which values they take.

Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#dry-run
"""

from __future__ import annotations

from collections.abc import Mapping

from tandem.sandbox.status import ApiError, Cause, unsupported_value

_GROUP = "meta.k8s.io"
_NAMES = {
    "POST": "CreateOptions",
    "PUT": "UpdateOptions",
    "PATCH": "PatchOptions",
    "DELETE": "DeleteOptions",
}


def check_options(method: str, query: Mapping[str, str]) -> None:
    """Refuse a `dryRun` that is not "All".

    Raises:
        ApiError: 422 with the option and what it takes.
    """
    asked = query.get("dryRun", "")
    if method in _NAMES and asked not in {"", "All"}:
        raise invalid_options(_NAMES[method], unsupported_value("dryRun", asked, ("All",)))


def invalid_options(kind: str, cause: Cause) -> ApiError:
    details = {"group": _GROUP, "kind": kind, "causes": [cause.json()]}
    return ApiError(422, "Invalid", f'{kind}.{_GROUP} "" is invalid: {cause}', details=details)
