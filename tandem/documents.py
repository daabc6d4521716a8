"""The documents of a text: JSON at once, YAML by the fast reader where that is safe.

Scalars mean what they mean to kubectl (YAML 1.1, but a date is text). The fast reader is libyaml's;
it crashes on text that is nested too deeply, and its messages point at the wrong lines, so that it
only gets text that it has gone through without a fault once, event by event.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import yaml

DEEPEST = 100  # no manifest has a tenth of that
_DATE = "tag:yaml.org,2002:timestamp"
_RULES = {
    first: [(tag, pattern) for tag, pattern in rules if tag != _DATE]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_OPENING = (yaml.MappingStartEvent, yaml.SequenceStartEvent)
_CLOSING = (yaml.MappingEndEvent, yaml.SequenceEndEvent)


class _Careful(yaml.SafeLoader):
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
        yield from yaml.load_all(text, _loader(text))
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
    return type("_Fast", (fast,), {"yaml_implicit_resolvers": _RULES})


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
