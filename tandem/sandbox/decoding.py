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
from tandem.sandbox.kinds import Kind
from tandem.sandbox.quantities import canonical
from tandem.sandbox.registry import Served
from tandem.sandbox.schemas.conform import Fit, Mistyped, conform
from tandem.sandbox.state import Call
from tandem.sandbox.status import Json, bad_request, invalid, invalid_value, unsupported_media

JSON_TYPES = {"application/json", ""}
YAML_TYPES = {"application/yaml", "application/x-yaml"}


def media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def decode_body(body: bytes | None, content_type: str) -> Any:
    """Read JSON or YAML.

    Raises:
        ApiError: 400 for text that is neither, 415 for another media type.
    """
    media = media_type(content_type)
    try:
        if media in YAML_TYPES:
            return yaml.safe_load(body or b"")
        if media in JSON_TYPES:
            return msgspec.json.decode(body or b"null")
        if media == protobuf.MEDIA_TYPE:
            return protobuf.decode(body or b"")
    except (msgspec.DecodeError, yaml.YAMLError, protobuf.NotProtobuf) as error:
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


def metadata_of(body: Json) -> Json:
    """Give the metadata of *body*, made when it is missing."""
    metadata = body.get("metadata")
    if not isinstance(metadata, dict):
        metadata = body["metadata"] = {}
    return metadata
