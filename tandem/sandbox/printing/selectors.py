"""A structured label selector as one string.

Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#api
"""

from __future__ import annotations

from tandem.sandbox.status import Json


def selector_text(selector: Json) -> str:
    """Write a structured selector as a string, keys in order.

    >>> selector_text({"matchLabels": {"b": "2", "a": "1"}})
    'a=1,b=2'
    """
    if not {"matchLabels", "matchExpressions"} & selector.keys():
        selector = {"matchLabels": selector}  # a ReplicationController's
    terms = [(key, f"{key}={value}") for key, value in (selector.get("matchLabels") or {}).items()]
    terms += [(each["key"], _expression(each)) for each in selector.get("matchExpressions") or ()]
    return ",".join(term for _, term in sorted(terms))


def _expression(each: Json) -> str:
    key, values = each["key"], ",".join(sorted(each.get("values") or ()))
    shown: dict[str, str] = {"Exists": key, "DoesNotExist": f"!{key}"}
    operator: str = each["operator"]
    return shown.get(operator, f"{key} {operator.lower()} ({values})")
