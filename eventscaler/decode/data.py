"""The texts that a Secret or a ConfigMap holds."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any


def data_of(body: Mapping[str, Any], kind: str) -> Mapping[str, str]:
    """All values by key; a manifest's `stringData` wins over its `data`, as in the API.

    Raises:
        ValueError: a Secret's value is not text in base64; the message names its key only.
    """
    data = _object(body.get("data"))
    if kind != "Secret":
        return {key: str(value) for key, value in data.items()}
    plain = {key: str(value) for key, value in _object(body.get("stringData")).items()}
    return {key: _text(key, value) for key, value in data.items()} | plain


def _object(raw: object) -> Mapping[str, object]:
    return raw if isinstance(raw, dict) else {}


def _text(key: str, value: object) -> str:
    try:
        return base64.b64decode(str(value), validate=True).decode()
    except ValueError as error:
        raise ValueError(f"key '{key}' is not text in base64") from error
