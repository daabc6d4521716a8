"""JSON merge patch.

Source: RFC 7386
"""

from __future__ import annotations

from typing import Any


def merge_patch(document: Any, patch: Any) -> Any:
    """Give *document* changed by *patch*; neither is changed.

    >>> merge_patch({"a": 1, "b": {"c": 2, "d": 3}}, {"a": None, "b": {"c": 4}})
    {'b': {'c': 4, 'd': 3}}
    """
    if not isinstance(patch, dict):
        return patch
    result = dict(document) if isinstance(document, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge_patch(result.get(key), value)
    return result
