"""From results to bytes on the wire."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence

import msgspec
import yaml

from kube.transport import Response, Stream
from tandem.sandbox.forms import Form
from tandem.sandbox.kinds import Kind
from tandem.sandbox.status import ApiError, Json

_JSON: Mapping[str, str] = {"content-type": "application/json"}
_TEXT: Mapping[str, str] = {"content-type": "text/plain; charset=utf-8"}


def json_answer(body: Json | bytes, status: int = 200, warnings: Sequence[str] = ()) -> Response:
    encoded = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return Response(status, encoded, _with_warnings(warnings))


def object_answer(
    encoded: bytes, form: Form, status: int = 200, warnings: Sequence[str] = ()
) -> Response:
    if not form.yaml:
        return Response(status, encoded, _with_warnings(warnings))
    text = yaml.dump(msgspec.json.decode(encoded), Dumper=yaml.CSafeDumper, sort_keys=True)
    return Response(status, text.encode(), {"content-type": "application/yaml"})


def _with_warnings(warnings: Sequence[str]) -> Mapping[str, str]:
    if not warnings:
        return _JSON
    shown = ", ".join('299 - "{}"'.format(text.replace('"', '\\"')) for text in warnings)
    return {**_JSON, "warning": shown}


def text_answer(text: str, status: int = 200) -> Response:
    return Response(status, text.encode(), _TEXT)


def refusal(error: ApiError) -> Response:
    headers = dict(_JSON)
    if error.retry_after_s is not None:
        headers["retry-after"] = str(error.retry_after_s)
    return Response(error.code, msgspec.json.encode(error.status()), headers)


def success(kind: Kind, name: str, uid: str) -> Json:
    found = {"name": name, "group": kind.group, "kind": kind.plural, "uid": uid}
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {key: value for key, value in found.items() if value},
    }


def stream_answer(lines: AsyncIterator[bytes]) -> Stream:
    return Stream(200, lines, _JSON)
