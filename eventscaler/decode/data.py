"""The texts that a Secret or a ConfigMap holds."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any


def data_of(body: Mapping[str, Any], kind: str) -> Mapping[str, str]:
    """All values by key; a manifest's `stringData` wins over its `data`, as in the API.

    Raises:
        ValueError: a Secret's value is not text in base64; the message names its key only.
    """
    data: dict[str, str] = body.get("data") or {}
    if kind != "Secret":
        return data
    plain: dict[str, str] = body.get("stringData") or {}
    return {key: _text(key, value) for key, value in data.items()} | plain


def _text(key: str, value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ValueError(f"key '{key}' is not text in base64") from error
