"""Answers become errors by what a caller does about them."""

from __future__ import annotations

import json

import pytest

from kube import errors
from kube.statuses import error_of


@pytest.mark.parametrize(
    ("code", "reason", "expected"),
    [
        (400, "BadRequest", errors.Invalid),
        (401, "Unauthorized", errors.Denied),
        (403, "Forbidden", errors.Denied),
        (404, "NotFound", errors.NotFound),
        (405, "MethodNotAllowed", errors.Invalid),
        (409, "Conflict", errors.Conflict),
        (409, "AlreadyExists", errors.AlreadyExists),
        (410, "Expired", errors.Gone),
        (415, "UnsupportedMediaType", errors.Invalid),
        (422, "Invalid", errors.Invalid),
        (429, "TooManyRequests", errors.Throttled),
        (500, "InternalError", errors.Unavailable),
        (503, "", errors.Unavailable),
        (504, "Timeout", errors.Unavailable),
        (302, "", errors.KubeError),
    ],
)
def test_every_status_has_its_error(
    code: int, reason: str, expected: type[errors.KubeError]
) -> None:
    body = json.dumps({"kind": "Status", "reason": reason, "message": "why", "code": code})
    error = error_of("GET /x", code, body.encode(), {})

    assert type(error) is expected
    assert str(error) == "GET /x: why"
    assert (error.status, error.reason) == (code, reason)


@pytest.mark.parametrize(
    ("details", "headers", "wait_s"),
    [
        pytest.param({}, {"retry-after": "7"}, 7.0, id="header"),
        pytest.param({"retryAfterSeconds": 10}, {}, 10.0, id="details"),
        pytest.param({}, {"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 1.0, id="a date"),
        pytest.param({}, {}, 1.0, id="neither"),
    ],
)
def test_throttled_says_how_long(
    details: dict[str, int], headers: dict[str, str], wait_s: float
) -> None:
    body = json.dumps({"kind": "Status", "details": details}).encode()
    error = error_of("GET /x", 429, body, headers)

    assert isinstance(error, errors.Throttled)
    assert error.retry_after_s == wait_s


@pytest.mark.parametrize("body", [b"<html>token=abc</html>", b'{"password":"abc"}', b"", b"[]"])
def test_a_body_that_is_no_status_is_not_quoted(body: bytes) -> None:
    assert str(error_of("GET /x", 502, body, {})) == "GET /x: HTTP 502"
