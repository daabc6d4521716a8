"""The documents of a text: JSON at once, YAML by the fast reader where that is safe.

Scalars mean what they mean to kubectl (YAML 1.1, but a date is text). The fast reader is libyaml's;
it crashes on text that is nested too deeply, and its messages point at the wrong lines, so that it
only gets text that it has gone through without a fault once, event by event.

A text costs time and memory in proportion to its length, whoever wrote it: aliases, which can make
a page stand for more values than there are atoms, stand for a few of them only.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import msgspec
import yaml

DEEPEST = 100  # no manifest has a tenth of that
MOST_ALIASED = 100_000
"""Values that aliases may stand for, in one document or in one mapping's `<<`."""
_MERGE = "tag:yaml.org,2002:merge"
_DATE = "tag:yaml.org,2002:timestamp"
_RULES = {
    first: [(tag, pattern) for tag, pattern in rules if tag != _DATE]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_OPENING = (yaml.MappingStartEvent, yaml.SequenceStartEvent)
_CLOSING = (yaml.MappingEndEvent, yaml.SequenceEndEvent)


class _Merging:
    """What both readers do about `<<`."""

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Merge, when what is merged is not too much; PyYAML copies every entry."""
        merged = 0
        for key, value in node.value:
            if key.tag != _MERGE:
                continue
            for each in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                if isinstance(each, yaml.MappingNode):
                    self.flatten_mapping(each)
                    merged += len(each.value)
                if merged > MOST_ALIASED:
                    problem = f"'<<' brings more than {MOST_ALIASED} entries"
                    raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
        super().flatten_mapping(node)  # type: ignore[misc]  # the reader's own, next in line


class _Careful(_Merging, yaml.SafeLoader):
    """Leaves dates as text, as a reader of JSON finds them."""


_Careful.yaml_implicit_resolvers = _RULES


class NotYaml(ValueError):
    """The text is no YAML from some document on; the message says what is wrong, and where."""


def documents_of(text: str) -> Iterator[object]:
    r"""The documents in their order, empty ones as None.

    Raises:
        NotYaml: after the documents before the fault.

    >>> list(documents_of('{"a": 1}')), list(documents_of("a: 2026-01-02\n---\n- b"))
    ([{'a': 1}], [{'a': '2026-01-02'}, ['b']])
    """
    try:
        yield msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        yield from _yaml(text)


def _yaml(text: str) -> Iterator[object]:
    try:
        for document in yaml.load_all(text, _loader(text)):
            if "&" in text:
                _refuse_floods(document)
            yield document
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = f" in line {mark.line + 1}" if mark is not None else ""
        raise NotYaml(f"{error.problem}{line}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise NotYaml(str(error)) from error
    except RecursionError as error:
        raise NotYaml("nested too deeply") from error


def _loader(text: str) -> type[yaml.SafeLoader]:
    fast = getattr(yaml, "CSafeLoader", None)
    if fast is None or not _is_tame(text, fast):
        return _Careful
    return type("_Fast", (_Merging, fast), {"yaml_implicit_resolvers": _RULES})


def _is_tame(text: str, fast: type[yaml.SafeLoader]) -> bool:
    depth = 0
    try:
        for event in yaml.parse(text, Loader=fast):
            depth += isinstance(event, _OPENING) - isinstance(event, _CLOSING)
            if depth > DEEPEST:
                return False
    except yaml.YAMLError:
        return False
    return True


def _refuse_floods(document: object) -> None:
    """Count what *document* is without aliases, each shared part once.

    Raises:
        NotYaml: far more than was written, or something that holds itself.
    """
    sizes: dict[int, int] = {}
    entered: set[int] = set()
    stack = [document]
    written = 0
    while stack:
        node = stack[-1]
        inner = _inner(node)
        if id(node) in sizes or not inner:
            stack.pop()
            continue
        if id(node) not in entered:
            entered.add(id(node))
            written += len(inner)
            waiting = [each for each in inner if id(each) not in sizes and _inner(each)]
            if any(id(each) in entered for each in waiting):
                raise NotYaml("an alias holds itself")
            stack += waiting
            continue
        stack.pop()
        sizes[id(node)] = 1 + sum(sizes.get(id(each), 1) for each in inner)
    if sizes.get(id(document), 1) > written + MOST_ALIASED:
        raise NotYaml(f"aliases stand for more than {MOST_ALIASED} values")


def _inner(node: object) -> Collection[object]:
    if isinstance(node, dict):
        return node.values()
    return node if isinstance(node, list) else ()
