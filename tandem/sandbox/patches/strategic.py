"""Strategic merge patch: lists of objects merge by the key their field declares.

The schema is a linked one (`schemas.definitions`), whose fields carry their merge key and strategy.
Source: https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/
and https://github.com/kubernetes/community/blob/master/contributors/devel/sig-api-machinery/strategic-merge-patch.md
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tandem.sandbox.patches.jsonpatch import PatchRefused

Schema = Mapping[str, Any]
_DIRECTIVE = "$patch"
_RETAIN = "$retainKeys"
_DELETE = "$deleteFromPrimitiveList/"
_ORDER = "$setElementOrder/"
_NONE: Schema = {}


def strategic_patch(document: Any, patch: Any, schema: Schema) -> Any:
    """Give *document* changed by *patch*; neither is changed.

    Raises:
        PatchRefused: a directive is unknown or an item lacks its merge key.
    """
    if not isinstance(patch, dict):
        return patch
    document = document if isinstance(document, dict) else {}
    directive = patch.get(_DIRECTIVE)
    if directive == "replace":
        return {key: value for key, value in patch.items() if key != _DIRECTIVE}
    if directive == "delete":
        return {}
    if directive not in {None, "merge"}:
        raise PatchRefused(f"Unknown patch type: {directive}")
    result = dict(document)
    if _RETAIN in patch:
        result = {key: value for key, value in result.items() if key in patch[_RETAIN]}
    for key, value in patch.items():
        if not key.startswith("$"):
            _patch_field(result, key, value, _field(schema, key))
    _patch_primitives(result, patch)
    _patch_orders(result, patch, schema)
    return result


def _field(schema: Schema, key: str) -> Schema:
    known = schema.get("properties", _NONE).get(key)
    extra = schema.get("additionalProperties")
    return known or (extra if isinstance(extra, dict) else _NONE)


def _patch_field(result: dict[str, Any], key: str, value: Any, schema: Schema) -> None:
    if value is None:
        result.pop(key, None)
    elif isinstance(value, list) and _merges(schema):
        result[key] = _patch_list(result.get(key) or [], value, schema)
    elif isinstance(value, dict):
        result[key] = strategic_patch(result.get(key), value, schema)
    else:
        result[key] = value


def _merges(schema: Schema) -> bool:
    return "merge" in schema.get("x-kubernetes-patch-strategy", "").split(",")


def _patch_list(found: list[Any], patch: list[Any], schema: Schema) -> list[Any]:
    key = schema.get("x-kubernetes-patch-merge-key")
    if key is None:
        return found + [value for value in patch if value not in found]
    if any(isinstance(item, dict) and item.get(_DIRECTIVE) == "replace" for item in patch):
        return [item for item in patch if item.get(_DIRECTIVE) != "replace"]
    result = list(found)
    for item in patch:
        result = _patch_item(result, item, key, schema.get("items", _NONE))
    return result


def _patch_item(found: list[Any], item: Any, key: str, schema: Schema) -> list[Any]:
    if not isinstance(item, dict) or key not in item:
        raise PatchRefused(f"map: {item} does not contain declared merge key: {key}")
    places = [index for index, old in enumerate(found) if old.get(key) == item[key]]
    if item.get(_DIRECTIVE) == "delete":
        return [old for old in found if old.get(key) != item[key]]
    if not places:
        return [*found, strategic_patch({}, item, schema)]
    merged = strategic_patch(found[places[0]], item, schema)
    return [*found[: places[0]], merged, *found[places[0] + 1 :]]


def _patch_primitives(result: dict[str, Any], patch: Mapping[str, Any]) -> None:
    for directive, gone in patch.items():
        if directive.startswith(_DELETE):
            key = directive.removeprefix(_DELETE)
            result[key] = [value for value in result.get(key) or [] if value not in gone]


def _patch_orders(result: dict[str, Any], patch: Mapping[str, Any], schema: Schema) -> None:
    for directive, order in patch.items():
        key = directive.removeprefix(_ORDER)
        if directive.startswith(_ORDER) and isinstance(result.get(key), list):
            merge_key = _field(schema, key).get("x-kubernetes-patch-merge-key")
            result[key] = _ordered(result[key], order, merge_key)


def _ordered(items: list[Any], order: list[Any], key: str | None) -> list[Any]:
    """Put the items named in *order* into that order; others stay behind the item they followed."""
    names = [_name(each, key) for each in order]
    ranks: list[tuple[int, int]] = []
    rank = -1
    for index, item in enumerate(items):
        name = _name(item, key)
        rank = names.index(name) if name in names else rank
        ranks.append((rank, index))
    return [items[index] for _, index in sorted(ranks)]


def _name(item: Any, key: str | None) -> Any:
    return item.get(key) if key and isinstance(item, dict) else item
