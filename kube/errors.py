"""What the API said no with, one class for each thing a caller does differently.

KubeError
├── Denied        401, 403: tell the user; do not retry soon
├── NotFound      404: a deletion succeeded; a target is missing
├── Conflict      409: read again, decide again (AlreadyExists is its child)
│   └── AlreadyExists
├── Gone          410: the resourceVersion is too old; list again
├── Invalid       400, 422: the request itself is wrong; retrying cannot help
├── Throttled     429: wait `retry_after_s`
├── Unavailable   5xx, no answer, timeouts, broken connections: back off and retry
└── NotLeading    refused locally: this process does not hold the lease
"""

from __future__ import annotations


class KubeError(Exception):
    """An answer of the API other than success.

    Args:
        message: the API's own message, or what went wrong on the way.
        status: HTTP status; 0 when there was no answer.
        reason: the `reason` of the Status object, such as "AlreadyExists".
    """

    def __init__(self, message: str, *, status: int = 0, reason: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


class Denied(KubeError):
    pass


class NotFound(KubeError):
    pass


class Conflict(KubeError):
    pass


class AlreadyExists(Conflict):
    pass


class Gone(KubeError):
    pass


class Invalid(KubeError):
    pass


class Throttled(KubeError):
    def __init__(
        self, message: str, *, status: int = 429, reason: str = "", retry_after_s: float = 1.0
    ) -> None:
        super().__init__(message, status=status, reason=reason)
        self.retry_after_s = retry_after_s


class Unavailable(KubeError):
    pass


class NotLeading(KubeError):
    pass
