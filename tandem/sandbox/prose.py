"""What each field of a built-in kind means, for `kubectl explain`: from the `kubernetes` package.

The package's models carry the descriptions of the published API. They are imported when first asked
for: that and building all of them takes two seconds, so a server calls `prepare` in a thread first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import import_module

_NAME = re.compile(r"\.(?P<group>[a-z]+)\.(?P<version>v\w+)\.(?P<kind>\w+)$")


def prepare(definitions: Iterable[str]) -> None:
    """Have `described` ready for *definitions*; takes long the first time, and needs a disk."""
    for name in definitions:
        described(name)


@cache
def described(definition: str) -> tuple[str, dict[str, str]]:
    """Give the text of a definition and of each of its fields; empty where nothing is known.

    >>> described("io.k8s.api.core.v1.Nonsense")
    ('', {})
    """
    models = import_module("kubernetes.client.models")
    for name in _class_names(definition):
        model = getattr(models, name, None)
        if model is not None:
            fields = {
                field.serialization_alias or plain: field.description
                for plain, field in model.model_fields.items()
                if field.description
            }
            return (model.__doc__ or "").strip(), fields
    return "", {}


def _class_names(definition: str) -> Iterator[str]:
    matched = _NAME.search(definition)
    if matched is not None:
        version, kind = matched["version"].capitalize(), matched["kind"]
        yield f"{matched['group'].capitalize()}{version}{kind}"
        yield f"{version}{kind}"
