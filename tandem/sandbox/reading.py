"""Get and list: one object, or a page of a consistent snapshot.

Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks
"""

from __future__ import annotations

import base64
import binascii
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import msgspec

from tandem.sandbox.registry import Served
from tandem.sandbox.selection import predicate
from tandem.sandbox.state import Call, State
from tandem.sandbox.status import (
    CONTINUE_EXPIRED,
    ApiError,
    Cause,
    Json,
    bad_request,
    expired,
    forbidden_field,
    not_found,
    too_large,
)
from tandem.sandbox.store import Key, Stored, TooOld

_TOO_LONG = 19
_VERSION = "meta.k8s.io/v1"


@dataclass(frozen=True, slots=True)
class Page:
    items: list[Stored]
    metadata: Json


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where the next page starts: after *start* in the snapshot of *revision* (-1: of now)."""

    revision: int
    start: str

    def encode(self) -> str:
        body = {"v": _VERSION, "rv": self.revision, "start": self.start}
        return base64.urlsafe_b64encode(msgspec.json.encode(body)).rstrip(b"=").decode()


def decode_cursor(token: str) -> Cursor:
    try:
        body = msgspec.json.decode(
            base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)), type=dict[str, object]
        )
    except (binascii.Error, ValueError, msgspec.DecodeError) as error:
        raise bad_request(f"continue key is not valid: {error}") from error
    revision, start = body.get("rv"), body.get("start")
    if body.get("v") != _VERSION or not isinstance(revision, int) or not isinstance(start, str):
        raise bad_request(
            "continue key is not valid: server does not recognize this encoded version"
        )
    return Cursor(revision, start)


def get(state: State, call: Call) -> Stored:
    """Give the object of *call*.

    Raises:
        ApiError: 404, there is none.
    """
    found = state.store.get(call.served.kind.storage, call.key)
    if found is None:
        raise not_found(call.served.kind, call.name)
    return found


def list_page(state: State, call: Call) -> Page:
    """Give the objects that match, at most `limit`, with the token of the next page."""
    _check_options(call.query)
    cursor = _cursor(state, call.query)
    items = _snapshot(state, call.served, cursor)
    limit = _number(call.query, "limit")
    matches = predicate(call.served, call.query)
    table = state.store.table(call.served.kind.storage)
    keys = table.sorted_keys() if items is table.items else sorted(items)
    keys = _in_namespace(keys, call.namespace)
    keys = keys[_position(keys, cursor.start) :]
    found: list[Stored] = []
    for index, key in enumerate(keys):
        if limit and len(found) == limit:
            rest = len(keys) - index if matches is None else None
            return Page(found, _more(state, cursor, keys[index - 1], rest))
        stored = items[key]
        if matches is None or matches(stored.obj):
            found.append(stored)
    return Page(found, {"resourceVersion": str(_shown(state, cursor))})


def _more(state: State, cursor: Cursor, last: Key, remaining: int | None) -> Json:
    revision = _shown(state, cursor)
    metadata: Json = {
        "resourceVersion": str(revision),
        "continue": Cursor(revision, f"{_path(last)}\0").encode(),
    }
    return metadata if remaining is None else metadata | {"remainingItemCount": remaining}


def _shown(state: State, cursor: Cursor) -> int:
    return state.store.revision if cursor.revision < 0 else cursor.revision


def _path(key: Key) -> str:
    return "/".join(part for part in key if part)


def _position(keys: list[Key], start: str) -> int:
    """Index of the first key at or after *start* ("namespace/name" and a zero byte)."""
    return bisect_left(keys, start, key=_path) if start else 0


def _in_namespace(keys: list[Key], namespace: str) -> list[Key]:
    if not namespace:
        return keys
    return keys[bisect_left(keys, (namespace, "")) : bisect_left(keys, (f"{namespace}\0", ""))]


def _cursor(state: State, query: Mapping[str, str]) -> Cursor:
    token = query.get("continue")
    if token:
        return decode_cursor(token)
    wanted = _revision(query)
    if wanted > state.store.revision:
        raise too_large(wanted, state.store.revision)
    match = query.get("resourceVersionMatch")
    if match == "Exact" or (not match and wanted and query.get("limit", "0") != "0"):
        return Cursor(wanted, "")
    return Cursor(-1, "")


def _snapshot(state: State, served: Served, cursor: Cursor) -> dict[Key, Stored]:
    table = state.store.table(served.kind.storage)
    if cursor.revision < 0:
        return table.items
    try:
        return table.snapshot(cursor.revision)
    except TooOld as error:
        if not cursor.start:
            raise expired("The resourceVersion for the provided list is too old.") from error
        renewed = Cursor(-1, cursor.start).encode()
        raise expired(CONTINUE_EXPIRED, continue_=renewed) from error


def _revision(query: Mapping[str, str]) -> int:
    text = query.get("resourceVersion", "")
    if text and not is_number(text):
        cause = Cause(
            "FieldValueInvalid", f'Invalid value: "{text}": unsupported', "resourceVersion"
        )
        raise _bad_options([cause], code=400)
    return int(text or 0)


def is_number(text: str) -> bool:
    """Whether *text* is a whole number of 64 bits, as far as its digits tell.

    >>> is_number("12"), is_number("\u0663"), is_number("9" * 20)
    (True, False, False)
    """
    return text.isascii() and text.isdecimal() and len(text) < _TOO_LONG


def _number(query: Mapping[str, str], name: str) -> int:
    text = query.get(name) or "0"
    if not is_number(text.removeprefix("-")):
        raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax')
    return int(text)


def _check_options(query: Mapping[str, str]) -> None:
    match = query.get("resourceVersionMatch", "")
    causes = list(_match_faults(query, match)) if match else []
    if causes:
        raise _bad_options(causes)


def _match_faults(query: Mapping[str, str], match: str) -> Iterator[Cause]:
    field = "resourceVersionMatch"
    if not query.get("resourceVersion"):
        yield forbidden_field(field, f"{field} is forbidden unless resourceVersion is provided")
    if query.get("continue"):
        yield forbidden_field(field, f"{field} is forbidden when continue is provided")
    if match not in {"Exact", "NotOlderThan"}:
        known = '"Exact", "NotOlderThan", ""'
        message = f'Unsupported value: "{match}": supported values: {known}'
        yield Cause("FieldValueNotSupported", message, field)
    if match == "Exact" and query.get("resourceVersion") == "0":
        yield forbidden_field(field, f'{field} "Exact" is forbidden for resourceVersion "0"')


def _bad_options(causes: list[Cause], *, code: int = 422) -> ApiError:
    text = str(causes[0]) if len(causes) == 1 else f"[{', '.join(map(str, causes))}]"
    details = {
        "group": "meta.k8s.io",
        "kind": "ListOptions",
        "causes": [cause.json() for cause in causes],
    }
    message = f'ListOptions.meta.k8s.io "" is invalid: {text}'
    return ApiError(code, "Invalid", message, details=details)
