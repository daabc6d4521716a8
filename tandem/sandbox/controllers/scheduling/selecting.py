"""Selectors as plain functions over labels; the semantics are `kube.values.selectors`. Pure."""

from __future__ import annotations

from kube.client import Json
from kube.values import selectors
from tandem.sandbox.controllers.scheduling.model import Labels, NodeMatches, Selects


def nothing(_: Labels) -> bool:
    return False


def label_selector(raw: Json | None) -> Selects:
    """A missing selector selects nothing, an empty one everything.

    >>> label_selector(None)({}), label_selector({})({})
    (False, True)
    """
    if raw is None:
        return nothing
    selector = selectors.structured(raw)
    return lambda labels: selectors.matches(selector, labels)


def node_term(raw: Json) -> NodeMatches:
    """One term over the labels and the name of a node; an empty one matches none.

    Nor does one that cannot be read, such as Gt with a word: the API lets it pass, and the real
    scheduler goes by the other terms.
    """
    try:
        term = selectors.node_term(raw)
    except ValueError:
        return lambda _labels, _name: False
    return lambda labels, name: term.matches(labels, {"metadata.name": name})


def topology(raw: Json) -> Selects:
    """One of a StorageClass's allowedTopologies: each key must have one of its values."""
    wanted = [(each["key"], each["values"]) for each in raw.get("matchLabelExpressions") or []]
    return lambda labels: all(labels.get(key) in values for key, values in wanted)
