"""From the bytes of a request to an object that fits its kind.

Unknown fields are dropped, warned of or refused as `fieldValidation` says (default Warn).
Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#field-validation
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec
import yaml

from tandem.sandbox import protobuf
from tandem.sandbox.kinds import Kind, definition_name
from tandem.sandbox.quantities import canonical
from tandem.sandbox.registry import Served
from tandem.sandbox.schemas.conform import Fit, Mistyped, conform
from tandem.sandbox.schemas.definitions import OBJECT_META, PRESERVE, definition
from tandem.sandbox.state import Call
from tandem.sandbox.status import Json, bad_request, invalid, invalid_value, unsupported_media

JSON_TYPES = {"application/json", ""}
_DEEPEST = 200
YAML_TYPES = {"application/yaml", "application/x-yaml"}


def media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def read_yaml(text: bytes) -> Any:
    """Read YAML as the JSON that it stands for: keys and dates are texts.

    Raises:
        YAMLError, ValueError, TypeError: it is not YAML, or stands for no JSON.
    """
    _check_shape(text)
    return msgspec.json.decode(msgspec.json.encode(yaml.load(text, yaml.CSafeLoader)))


def _check_shape(text: bytes) -> None:
    """Refuse what would end the process: depth overflows libyaml's stack, aliases multiply."""
    depth = 0
    for event in yaml.parse(text, yaml.CSafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            raise ValueError(f"nested deeper than {_DEEPEST} levels")
        alias = event.anchor if isinstance(event, yaml.AliasEvent) else ""
        if alias:
            raise ValueError(f"the sandbox reads no aliases: *{alias}")


def decode_body(body: bytes | None, content_type: str) -> Any:
    """Read JSON or YAML.

    Raises:
        ApiError: 400 for text that is neither, 415 for another media type.
    """
    media = media_type(content_type)
    try:
        if media in YAML_TYPES:
            return read_yaml(body or b"")
        if media in JSON_TYPES:
            return msgspec.json.decode(body or b"null")
        if media == protobuf.MEDIA_TYPE:
            return protobuf.decode(body or b"")
    except (ValueError, TypeError, yaml.YAMLError) as error:
        raise bad_request(f"invalid request body: {error}") from error
    raise unsupported_media(
        ("application/json", "application/yaml", "application/vnd.kubernetes.protobuf")
    )


def decode_object(call: Call) -> Json:
    """Give the object in the body of *call*, checked against the URL and its schema."""
    body = decode_body(call.request.body, call.request.content_type)
    kind = call.served.kind
    if not isinstance(body, dict):
        raise bad_request(
            f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: '
            "the body is not an object"
        )
    if kind.custom:
        _check_custom_type(body, kind)
    check_type(body, kind.api_version, kind.kind)
    body["apiVersion"], body["kind"] = kind.api_version, kind.kind
    fit_object(call, body)
    return body


def decode_as(call: Call, api_version: str, kind: str) -> Json:
    """Give the body of a subresource's request, which is of a type of its own."""
    return fitted(decode_body(call.request.body, call.request.content_type), api_version, kind)


def fitted(body: Any, api_version: str, kind: str) -> Json:
    """Give *body* as an object of a built-in type, without what the type does not know.

    Raises:
        ApiError: 400, it is none.
    """
    if not isinstance(body, dict):
        raise bad_request(f"the body is not a {kind}")
    check_type(body, api_version, kind)
    group, _, version = api_version.rpartition("/")
    try:
        conform(body, definition(definition_name(group, version, kind)), Fit(strict_types=True))
    except Mistyped as error:
        text = f'{kind} in version "{version}" cannot be handled as a {kind}: {error}'
        raise bad_request(text) from error
    return body


def _check_custom_type(body: Json, kind: Kind) -> None:
    found = body.get("kind", kind.kind)
    if found != kind.kind:
        fault = invalid_value("kind", found, f"must be {kind.kind}")
        raise invalid(replace(kind, kind=found), metadata_of(body).get("name", ""), [fault])


def check_type(body: Json, api_version: str, kind: str) -> None:
    """Refuse an object of another type than the URL's; absent names are taken from the URL."""
    group, _, version = api_version.rpartition("/")
    found_version, found_kind = body.get("apiVersion", api_version), body.get("kind", kind)
    if found_kind != kind:
        shown = f'{found_kind!s} in version "{str(found_version).rpartition("/")[2]}"'
        expected = f"{group}/{version}, Kind={kind}" if group else f"/{version}, Kind={kind}"
        raise bad_request(
            f"the object provided is unrecognized (must be of type {kind}): "
            f"{shown} cannot be handled as {expected}"
        )
    if found_version != api_version:
        raise bad_request(
            f"the API version in the data ({found_version}) does not match "
            f"the expected API version ({api_version})"
        )


def fit_object(call: Call, body: Json) -> None:
    """Prune unknown fields of *body* in place; warn of them or refuse them as asked."""
    fit_to(call.served, body, call.query, call.warnings)


def fit_to(served: Served, body: Json, query: Mapping[str, str], warnings: list[str]) -> None:
    kind = served.kind
    fit = Fit(strict_types=not kind.custom)
    try:
        if kind.custom:
            _fit_metadata(body, fit)
        conform(body, served.schema, fit)
        if not kind.custom:
            canonical(body, served.schema)
    except (Mistyped, ValueError) as error:
        raise bad_request(
            f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: {error}'
        ) from error
    mode = query.get("fieldValidation") or "Warn"
    if mode == "Strict" and fit.dropped:
        unknown = ", ".join(f'unknown field "{path}"' for path in fit.dropped)
        prefix = (
            ""
            if kind.custom
            else (f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: ')
        )
        raise bad_request(f"{prefix}strict decoding error: {unknown}")
    if mode == "Warn":
        warnings.extend(f'unknown field "{path}"' for path in fit.dropped)


def _fit_metadata(body: Json, fit: Fit) -> None:
    """Hold the metadata of a custom object to the types that every object's have."""
    strict = Fit(strict_types=True, dropped=fit.dropped)
    conform(body, {"properties": {"metadata": definition(OBJECT_META)}, PRESERVE: True}, strict)


def metadata_of(body: Json) -> Json:
    """Give the metadata of *body*, made when it is missing."""
    metadata = body.get("metadata")
    if not isinstance(metadata, dict):
        metadata = body["metadata"] = {}
    return metadata
