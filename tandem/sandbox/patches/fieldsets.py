"""Sets of fields, as server-side apply counts them, and the schema-aware merge it does.

A path is a tuple of elements written as in `fieldsV1`: `f:name`, `k:{"name":"a"}` (item of a map
list) or `v:"x"` (item of a set). Atomic lists and maps are one leaf.
Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from tandem.sandbox.status import Json

Path = tuple[str, ...]
Fields = frozenset[Path]
Schema = Mapping[str, Any]
_NONE: Schema = {}
_DECODER = msgspec.json.Decoder()


def to_json(fields: Iterable[Path]) -> Json:
    """Write a set as `fieldsV1`.

    >>> to_json({("f:a",), ("f:a", "f:b")})
    {'f:a': {'.': {}, 'f:b': {}}}
    """
    members = set(fields)
    parents = {path[:size] for path in members for size in range(1, len(path))}
    root: Json = {}
    for path in sorted(members):
        node = root
        for part in path:
            node = node.setdefault(part, {})
        if path in parents:
            node["."] = {}
    return root


def from_json(tree: Json) -> Fields:
    """Read `fieldsV1`; the reverse of `to_json`."""
    return frozenset(_paths(tree, ()))


def _paths(tree: Json, above: Path) -> Iterator[Path]:
    for name, below in tree.items():
        if name == ".":
            yield above
        elif not below:
            yield (*above, name)
        else:
            yield from _paths(below, (*above, name))


def is_atomic(schema: Schema, value: Any) -> bool:
    """Whether *value* is owned as one field."""
    if isinstance(value, dict):
        return schema.get("x-kubernetes-map-type") == "atomic"
    if isinstance(value, list):
        return schema.get("x-kubernetes-list-type") not in {"map", "set"}
    return True


def children(value: Any, schema: Schema) -> dict[str, tuple[Any, Schema]]:
    """Give the parts of a map or an associative list by path element, each with its schema."""
    if isinstance(value, dict):
        return {f"f:{name}": (item, field(schema, name)) for name, item in value.items()}
    items = schema.get("items", _NONE)
    return {element(item, schema): (item, items) for item in value}


def field(schema: Schema, name: str) -> Schema:
    known = schema.get("properties", _NONE).get(name)
    extra = schema.get("additionalProperties")
    return known or (extra if isinstance(extra, dict) else _NONE)


def element(item: Any, schema: Schema) -> str:
    """Name an item of an associative list."""
    if schema.get("x-kubernetes-list-type") == "set" or not isinstance(item, dict):
        return f"v:{msgspec.json.encode(item).decode()}"
    known = schema.get("items", _NONE).get("properties", _NONE)
    keys = {
        key: item.get(key, known.get(key, _NONE).get("default"))
        for key in sorted(schema.get("x-kubernetes-list-map-keys", ()))
    }
    kept = {key: value for key, value in keys.items() if value is not None}
    return f"k:{msgspec.json.encode(kept).decode()}"


def field_set(value: Any, schema: Schema) -> Fields:
    """Give the fields that an applied *value* names: its leaves, and the items of its lists."""
    return frozenset(_leaves(value, schema, ()))


def _leaves(value: Any, schema: Schema, above: Path) -> Iterator[Path]:
    if not isinstance(value, dict | list) or not value or is_atomic(schema, value):
        if above:
            yield above
        return
    for name, (item, below) in children(value, schema).items():
        path = (*above, name)
        if name.startswith("k:"):
            yield path
        yield from _leaves(item, below, path)


def changed(old: Any, new: Any, schema: Schema) -> tuple[Fields, Fields]:
    """Give the fields that are added or modified in *new*, and those that are gone."""
    written: set[Path] = set()
    gone: set[Path] = set()
    _compare(old, new, schema, (), (written, gone))
    return frozenset(written), frozenset(gone)


def _compare(
    old: Any, new: Any, schema: Schema, path: Path, found: tuple[set[Path], set[Path]]
) -> None:
    if old == new and type(old) is type(new):
        return
    if type(old) is not type(new) or is_atomic(schema, new):
        found[0].update(_all(new, schema, path))
        found[1].update(set(_all(old, schema, path)) - found[0])
        return
    before, after = children(old, schema), children(new, schema)
    for name, (item, below) in after.items():
        if name in before:
            _compare(before[name][0], item, below, (*path, name), found)
        else:
            found[0].update(_all(item, below, (*path, name)))
    for name, (item, below) in before.items():
        if name not in after:
            found[1].update(_all(item, below, (*path, name)))


def _all(value: Any, schema: Schema, path: Path) -> Iterator[Path]:
    """Give *path* and every field below it."""
    if path:
        yield path
    if isinstance(value, dict | list) and value and not is_atomic(schema, value):
        for name, (item, below) in children(value, schema).items():
            yield from _all(item, below, (*path, name))


def merged(live: Any, applied: Any, schema: Schema) -> Any:
    """Give *live* with *applied* laid over it; neither is changed."""
    if type(live) is not type(applied) or is_atomic(schema, applied):
        return applied
    if isinstance(applied, dict):
        result = dict(live)
        for name, item in applied.items():
            result[name] = merged(live[name], item, field(schema, name)) if name in live else item
        return result
    return _merged_list(live, applied, schema)


def _merged_list(live: list[Any], applied: list[Any], schema: Schema) -> list[Any]:
    items = schema.get("items", _NONE)
    ours = {element(item, schema): item for item in applied}
    kept = {element(item, schema): item for item in live}
    result = [
        merged(item, ours[name], items) if name in ours else item for name, item in kept.items()
    ]
    return result + [item for name, item in ours.items() if name not in kept]


def without(value: Any, schema: Schema, drop: Fields, keep: Fields) -> Any:
    """Give *value* without the fields in *drop*; what holds nothing in *keep* goes whole."""
    return _pruned(value, schema, (), drop, keep)


def _pruned(value: Any, schema: Schema, path: Path, drop: Fields, keep: Fields) -> Any:
    if not isinstance(value, dict | list) or is_atomic(schema, value):
        return value
    kept: dict[str, Any] = {}
    for name, (item, below) in children(value, schema).items():
        here = (*path, name)
        if here in drop and not any(each[: len(here)] == here for each in keep):
            continue
        left = _pruned(item, below, here, drop, keep)
        emptied = isinstance(left, dict | list) and not left and bool(item)
        if not (emptied and here not in keep):
            kept[name] = left
    if isinstance(value, dict):
        return {name.removeprefix("f:"): item for name, item in kept.items()}
    return list(kept.values())


def show(path: Path) -> str:
    """Write a path for people.

    >>> show(("f:spec", "f:containers", 'k:{"name":"c"}', "f:image"))
    '.spec.containers[name="c"].image'
    """
    return "".join(_show_element(part) for part in path)


def _show_element(part: str) -> str:
    kind, _, rest = part.partition(":")
    if kind == "f":
        return f".{rest}"
    if kind == "v":
        return f"[={rest}]"
    keys: Json = _DECODER.decode(rest)
    shown = (f"{key}={msgspec.json.encode(value).decode()}" for key, value in keys.items())
    return f"[{','.join(shown)}]"
