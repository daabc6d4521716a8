"""Which objects a list or watch asks for: `labelSelector` and `fieldSelector` as one predicate.

Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/field-selectors/
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from tandem.sandbox.registry import Served
from tandem.sandbox.status import Json, bad_request

Predicate = Callable[[Json], bool]

FIELDS: Mapping[str, tuple[str, ...]] = {
    "pods.": (
        "spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName",
        "spec.hostNetwork", "status.phase", "status.podIP", "status.podIPs",
        "status.nominatedNodeName",
    ),
    "nodes.": ("spec.unschedulable",),
    "namespaces.": ("status.phase",),
    "secrets.": ("type",),
    "events.": (
        "involvedObject.kind", "involvedObject.namespace", "involvedObject.name",
        "involvedObject.uid", "involvedObject.apiVersion", "involvedObject.resourceVersion",
        "involvedObject.fieldPath", "reason", "reportingComponent", "source", "type",
    ),
    "replicasets.apps": ("status.replicas",),
    "replicationcontrollers.": ("status.replicas",),
    "jobs.batch": ("status.successful",),
    "services.": ("spec.clusterIP", "spec.type"),
}  # fmt: skip

_TERM = re.compile(r"\s*([^\s=!<>(),]+)\s+(notin|in)\s*\(([^)]*)\)\s*")


@dataclass(frozen=True, slots=True)
class Term:
    """One requirement on a label: `values` is None where only presence is asked."""

    key: str
    values: frozenset[str] | None
    negated: bool = False

    def holds(self, labels: Mapping[str, str]) -> bool:
        if self.values is None:
            return (self.key in labels) is not self.negated
        return (labels.get(self.key) in self.values) is not self.negated


@lru_cache(maxsize=512)
def label_terms(text: str) -> tuple[Term, ...]:
    """Read a label selector; raises a 400 with the text when it is malformed."""
    return tuple(_term(part.strip()) for part in _parts(text)) if text.strip() else ()


def _parts(text: str) -> list[str]:
    """Split at commas outside of parentheses."""
    return re.split(r",(?![^(]*\))", text)


def _term(part: str) -> Term:
    matched = _TERM.fullmatch(part)
    if matched:
        key, operator, values = matched.groups()
        return Term(key, frozenset(v.strip() for v in values.split(",")), operator == "notin")
    for sign, negated in (("!=", True), ("==", False), ("=", False)):
        if sign in part:
            key, _, value = part.partition(sign)
            return Term(_key(key, part), frozenset({value.strip()}), negated)
    negated = part.startswith("!")
    return Term(_key(part.removeprefix("!"), part), None, negated)


def _key(text: str, part: str) -> str:
    key = text.strip()
    if not re.fullmatch(r"([a-z0-9.-]+/)?[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", key):
        raise bad_request(f'unable to parse requirement: "{part}" is not a label requirement')
    return key


def predicate(served: Served, query: Mapping[str, str], name: str = "") -> Predicate | None:
    """Give the test that objects must pass, or None when all do."""
    tests: list[Predicate] = []
    labels = label_terms(query.get("labelSelector", ""))
    if labels:
        tests.append(lambda obj: _labels_match(obj, labels))
    fields = _field_terms(served, query.get("fieldSelector", ""))
    if name:
        fields = (*fields, ("metadata.name", name, False))
    if fields:
        tests.append(lambda obj: _fields_match(obj, fields))
    if not tests:
        return None
    return lambda obj: all(test(obj) for test in tests)


def _labels_match(obj: Json, terms: tuple[Term, ...]) -> bool:
    labels = obj["metadata"].get("labels") or {}
    return all(term.holds(labels) for term in terms)


def _field_terms(served: Served, text: str) -> tuple[tuple[str, str, bool], ...]:
    found: list[tuple[str, str, bool]] = []
    for part in (part.strip() for part in text.split(",") if part.strip()):
        matched = re.fullmatch(r"([^=!]+)(!=|==|=)(.*)", part)
        if not matched:
            raise bad_request(f"invalid selector: '{text}'; can't understand '{part}'")
        path, sign, value = matched.groups()
        _check_field(served, path)
        found.append((path, value, sign == "!="))
    return tuple(found)


def _check_field(served: Served, path: str) -> None:
    kind = served.kind
    common = ("metadata.name", "metadata.namespace") if kind.namespaced else ("metadata.name",)
    if path not in (*common, *FIELDS.get(kind.storage, ()), *served.selectable):
        if kind.custom or kind.storage in FIELDS:
            raise bad_request(f"field label not supported: {path}")
        known = '"metadata.name", "metadata.namespace"'
        raise bad_request(f'"{path}" is not a known field selector: only {known}')


def _fields_match(obj: Json, terms: tuple[tuple[str, str, bool], ...]) -> bool:
    return all((field_text(obj, path) == value) is not negated for path, value, negated in terms)


def field_text(obj: Json, path: str) -> str:
    """Give a field as selectors compare it: absent is "", booleans are "true" and "false"."""
    if path == "status.successful":
        return field_text(obj, "status.succeeded") or "0"
    if path in {"spec.unschedulable", "spec.hostNetwork"}:
        return "true" if _at(obj, path) else "false"
    if path == "source":
        return str(_at(obj, "source.component") or _at(obj, "reportingComponent") or "")
    found = _at(obj, path)
    return str(found).lower() if isinstance(found, bool) else str("" if found is None else found)


def _at(obj: Json, path: str) -> Any:
    here: Any = obj
    for part in path.split("."):
        if not isinstance(here, dict):
            return None
        here = here.get(part)
    return here
