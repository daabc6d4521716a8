"""Which objects a selector means: labels, fields and node terms, from text and from structure.

A selector is a tuple of requirements that must all hold; a node selector is a tuple of terms of
which one must hold. Pure.

Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors
and https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#NodeSelectorTerm
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Operator(StrEnum):
    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"
    GT = "Gt"
    LT = "Lt"


NEGATIVE = frozenset({Operator.NOT_IN, Operator.DOES_NOT_EXIST})
VALUELESS = frozenset({Operator.EXISTS, Operator.DOES_NOT_EXIST})
BOUNDS = frozenset({Operator.GT, Operator.LT})


@dataclass(frozen=True, slots=True)
class Requirement:
    """What one label, or field, must be.

    >>> Requirement("tier", Operator.NOT_IN, ("db",)).holds({})
    True
    """

    key: str
    operator: Operator
    values: tuple[str, ...] = ()

    def holds(self, labels: Mapping[str, str]) -> bool:
        """A missing label satisfies NotIn and DoesNotExist, and nothing else."""
        found = labels.get(self.key)
        if found is None:
            return self.operator in NEGATIVE
        return self._holds(found)

    def _holds(self, found: str) -> bool:
        match self.operator:
            case Operator.IN:
                return found in self.values
            case Operator.NOT_IN:
                return found not in self.values
            case Operator.EXISTS:
                return True
            case Operator.DOES_NOT_EXIST:
                return False
            case _:
                return self._within(found)

    def _within(self, found: str) -> bool:
        """Gt and Lt compare integers; anything else never matches."""
        value, bound = _integer(found), _integer(self.values[0])
        if value is None or bound is None:
            return False
        return value > bound if self.operator is Operator.GT else value < bound

    def __str__(self) -> str:
        values = ",".join(sorted(self.values))
        match self.operator:
            case Operator.IN:
                return f"{self.key} in ({values})"
            case Operator.NOT_IN:
                return f"{self.key} notin ({values})"
            case Operator.EXISTS:
                return self.key
            case Operator.DOES_NOT_EXIST:
                return f"!{self.key}"
            case Operator.GT:
                return f"{self.key}>{values}"
            case _:
                return f"{self.key}<{values}"


Selector = tuple[Requirement, ...]


def matches(selector: Iterable[Requirement], labels: Mapping[str, str]) -> bool:
    """Whether all requirements hold; an empty selector matches everything.

    >>> matches(parse("app=web,tier!=db"), {"app": "web"})
    True
    """
    return all(requirement.holds(labels) for requirement in selector)


def text_of(selector: Iterable[Requirement]) -> str:
    """Write a label selector for a query; `parse` reads it back.

    >>> text_of(parse("b, a=1,c notin (y,x)"))
    'b,a in (1),c notin (x,y)'
    """
    return ",".join(str(requirement) for requirement in selector)


def parse(text: str) -> Selector:
    """Read a label selector such as "app=web,tier in (a,b),!old,cores>4".

    Raises:
        ValueError: not a selector; text and place are in the message.
    """
    if not text.strip():
        return ()
    return tuple(_requirement(part, text) for part in _parts(text))


def structured(found: Mapping[str, object] | None) -> Selector:
    """Read a LabelSelector object: matchLabels and matchExpressions; {} matches everything.

    Raises:
        ValueError: an unknown operator, or values that do not suit it.

    >>> expression = {"key": "b", "operator": "Exists"}
    >>> text_of(structured({"matchLabels": {"a": "1"}, "matchExpressions": [expression]}))
    'a in (1),b'
    """
    chosen = found or {}
    labels = _object(chosen.get("matchLabels") or {}, "'matchLabels'")
    equal = (Requirement(str(k), Operator.IN, (str(v),)) for k, v in sorted(labels.items()))
    return (*equal, *expressions(chosen.get("matchExpressions"), among=LABEL_OPERATORS))


LABEL_OPERATORS = frozenset(Operator) - BOUNDS


def expressions(found: object, *, among: frozenset[Operator] = frozenset(Operator)) -> Selector:
    """Read a list of `{key, operator, values}`."""
    items = _list(found or (), "expressions")
    return tuple(_expression(_object(item, "an expression"), among) for item in items)


def _expression(item: Mapping[str, object], among: frozenset[Operator]) -> Requirement:
    key, name = str(item.get("key") or ""), str(item.get("operator") or "")
    operator = next((each for each in among if each == name), None)
    if operator is None or not key:
        known = ", ".join(sorted(among))
        raise ValueError(f"expression on {key!r}: operator must be one of {known}, got {name!r}")
    values = tuple(str(value) for value in _list(item.get("values") or (), "'values'"))
    fault = _misfit(operator, values)
    if fault:
        raise ValueError(f"expression on {key!r}: {fault}")
    return Requirement(key, operator, values)


def _object(found: object, what: str) -> Mapping[str, object]:
    match found:
        case Mapping():
            return found
        case _:
            raise ValueError(f"{what} must be an object, got {found!r}")


def _list(found: object, what: str) -> Sequence[object]:
    match found:
        case list() | tuple():
            return found
        case _:
            raise ValueError(f"{what} must be a list, got {found!r}")


def _misfit(operator: Operator, values: tuple[str, ...]) -> str:
    """What is wrong with the values of an operator; nothing when it is empty."""
    if operator in VALUELESS:
        return f"{operator} takes no values, got {', '.join(values)}" if values else ""
    if operator in BOUNDS:
        fits = len(values) == 1 and _integer(values[0]) is not None
        return "" if fits else f"{operator} takes one integer, got {', '.join(values) or 'none'}"
    return "" if values else f"{operator} needs at least one value"


def matches_fields(selector: Iterable[Requirement], fields: Mapping[str, str]) -> bool:
    """Whether all hold; a field that is not set is the empty text, as it is for the API."""
    return all(each.holds({each.key: fields.get(each.key, "")}) for each in selector)


# Node selectors: one of several terms, each over labels and fields.


@dataclass(frozen=True, slots=True)
class Term:
    """One alternative; an empty one matches nothing."""

    labels: Selector = ()
    fields: Selector = ()

    def matches(self, labels: Mapping[str, str], fields: Mapping[str, str]) -> bool:
        if not self.labels and not self.fields:
            return False
        return matches(self.labels, labels) and matches_fields(self.fields, fields)


def node_term(found: Mapping[str, object]) -> Term:
    """Read one term of a NodeSelector, or that of a preferred affinity.

    >>> expression = {"key": "cores", "operator": "Gt", "values": ["4"]}
    >>> term = node_term({"matchExpressions": [expression]})
    >>> term.matches({"cores": "8"}, {}), term.matches({"cores": "4"}, {})
    (True, False)
    """
    return Term(expressions(found.get("matchExpressions")), expressions(found.get("matchFields")))


# The text form of label selectors.

_SEPARATORS = re.compile(r"\(|\)|,")
_KEY = r"(?P<key>[A-Za-z0-9][-A-Za-z0-9_./]*)"
_SET = re.compile(rf"{_KEY}\s+(?P<not>notin|in)\s*\((?P<values>[^()]*)\)")
_EQUAL = re.compile(rf"{_KEY}\s*(?P<sign>==|=|!=|>|<)\s*(?P<value>[-A-Za-z0-9_.]*)")
_PRESENT = re.compile(rf"(?P<absent>!?)\s*{_KEY}")
_SIGNS = {
    "=": Operator.IN,
    "==": Operator.IN,
    "!=": Operator.NOT_IN,
    ">": Operator.GT,
    "<": Operator.LT,
}


def _parts(text: str) -> list[str]:
    """Split at the commas outside parentheses."""
    parts, depth, start = [], 0, 0
    for place in _SEPARATORS.finditer(text):
        depth += {"(": 1, ")": -1, ",": 0}[place[0]]
        if place[0] == "," and depth == 0:
            parts.append(text[start : place.start()])
            start = place.end()
    return [part.strip() for part in (*parts, text[start:])]


def _requirement(part: str, text: str) -> Requirement:
    if match := _SET.fullmatch(part):
        values = tuple(value.strip() for value in match["values"].split(","))
        operator = Operator.NOT_IN if match["not"] == "notin" else Operator.IN
        return Requirement(match["key"], operator, values)
    if match := _EQUAL.fullmatch(part):
        return _bounded(Requirement(match["key"], _SIGNS[match["sign"]], (match["value"],)), text)
    if match := _PRESENT.fullmatch(part):
        return Requirement(
            match["key"], Operator.DOES_NOT_EXIST if match["absent"] else Operator.EXISTS
        )
    raise ValueError(f"selector {text!r}: {part!r} is none of a=b, a!=b, a in (b,c), a, !a")


def _bounded(requirement: Requirement, text: str) -> Requirement:
    fault = _misfit(requirement.operator, requirement.values)
    if fault:
        raise ValueError(f"selector {text!r}: {requirement.key!r}: {fault}")
    return requirement


def _integer(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[+-]?[0-9]+", text) else None
