"""Fill in the defaults that a structural schema declares, deepest last, never over a given value.

Source: https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#defaulting
"""

from __future__ import annotations

import copy
from typing import Any

from tandem.sandbox.status import Json


def apply_defaults(value: Any, schema: Json) -> None:
    """Default *value* in place. A `null` counts as missing where the field is not nullable."""
    if isinstance(value, dict):
        _default_object(value, schema)
    elif isinstance(value, list) and isinstance(schema.get("items"), dict):
        for item in value:
            apply_defaults(item, schema["items"])


def _default_object(value: Json, schema: Json) -> None:
    known: Json = schema.get("properties", {})
    for name, child in known.items():
        missing = name not in value or (value[name] is None and not child.get("nullable"))
        if missing and "default" in child:
            value[name] = copy.deepcopy(child["default"])
        if name in value:
            apply_defaults(value[name], child)
    extra = schema.get("additionalProperties")
    if isinstance(extra, dict):
        for name in value.keys() - known.keys():
            apply_defaults(value[name], extra)
