"""PATCH: choose the way by media type, apply it to the stored object, store as an update.

Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#patch-and-apply
"""

from __future__ import annotations

from typing import Any

import msgspec
import yaml

from tandem.sandbox.applying import apply
from tandem.sandbox.conversion import converted
from tandem.sandbox.decoding import fit_object, media_type, read_yaml
from tandem.sandbox.managed import Writer
from tandem.sandbox.patches.jsonpatch import PatchRefused, json_patch
from tandem.sandbox.patches.merge import merge_patch
from tandem.sandbox.patches.strategic import strategic_patch
from tandem.sandbox.registry import Served
from tandem.sandbox.state import Call, State
from tandem.sandbox.status import ApiError, Json, bad_request, unsupported_media
from tandem.sandbox.store import Stored
from tandem.sandbox.writing import update

JSON_PATCH = "application/json-patch+json"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"
MAX_OPERATIONS = 10_000
_INAPPLICABLE = "the server rejected our request due to an error in our request"


def patch(state: State, call: Call, old: Stored | None, writer: Writer) -> tuple[Stored, bool]:
    """Change or (apply only) create the object; also tell whether it was created.

    Raises:
        ApiError: 415 for a media type this kind does not take; 400 and 422 for a bad patch.
    """
    media = media_type(call.request.content_type)
    accepted = accepted_types(call.served)
    if media not in accepted:
        raise unsupported_media(accepted)
    body = _decode(call, media)
    if media == APPLY:
        return apply(state, call, body, old, writer)
    assert old is not None  # noqa: S101 - the caller answers 404 for every other patch
    document = fresh(converted(old.obj, call.served.kind))
    changed = changed_by(call.served, document, body, media)
    fit_object(call, changed)
    return update(state, call, changed, old, writer), False


def accepted_types(served: Served) -> tuple[str, ...]:
    if served.kind.custom:
        return (JSON_PATCH, MERGE, APPLY)
    return (JSON_PATCH, MERGE, STRATEGIC, APPLY)


def fresh(obj: Json) -> Json:
    """Give a copy that may be changed."""
    copy: Json = msgspec.json.decode(msgspec.json.encode(obj))
    return copy


def changed_by(served: Served, document: Json, body: Any, media: str) -> Json:
    """Apply a patch body of type *media* to *document*.

    Raises:
        ApiError: the patch is malformed (400), or does not apply (422).
    """
    try:
        if media == JSON_PATCH:
            changed = json_patch(document, operations(body))
        elif media == MERGE:
            changed = merge_patch(document, body)
        else:
            changed = strategic_patch(document, body, served.schema)
    except PatchRefused as error:
        raise ApiError(422, "Invalid", _INAPPLICABLE, details={}) from error
    if not isinstance(changed, dict):
        raise bad_request("a patch must leave an object")
    for name in ("apiVersion", "kind"):
        if changed.get(name) != document[name]:
            raise bad_request(f"a patch cannot change {name}")
    return changed


def operations(body: Any) -> list[Json]:
    """Give *body* as the operations of a JSON patch.

    Raises:
        ApiError: 400 it is none, 413 there are too many.
    """
    if not isinstance(body, list) or not all(isinstance(each, dict) for each in body):
        raise bad_request("error decoding patch: json patch is not a list of operations")
    if len(body) > MAX_OPERATIONS:
        message = (
            f"The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {len(body)}"
        )
        raise ApiError(413, "RequestEntityTooLarge", message)
    return body


def _decode(call: Call, media: str) -> Any:
    text = call.request.body or b""
    try:
        body = read_yaml(text) if media == APPLY else msgspec.json.decode(text)
    except (ValueError, TypeError, yaml.YAMLError) as error:
        raise bad_request(f"error decoding patch: {error}") from error
    if media != JSON_PATCH and not isinstance(body, dict):
        raise bad_request(f"error decoding patch: not an object but {type(body).__name__}")
    return body
