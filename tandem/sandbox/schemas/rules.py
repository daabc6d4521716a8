"""CEL rules of a schema (`x-kubernetes-validations`), compiled once, checked on each write.

Limits: no cost budget; the functions of `functions.py`; no types at compile time, so a new rule is
tried on a sample value instead. A rule that does not compile, names unknown fields or functions, or
gives no truth value is refused with its CRD, never skipped.
Source: https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-rules
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import cel

from tandem.sandbox.schemas.functions import FUNCTIONS
from tandem.sandbox.schemas.samples import open_names, sample
from tandem.sandbox.status import Cause, Json, quoted

KEY = "x-kubernetes-validations"
_OLD = re.compile(r"\boldSelf\b")
_WORDS = {
    "FieldValueInvalid": "Invalid value",
    "FieldValueRequired": "Required value",
    "FieldValueForbidden": "Forbidden",
    "FieldValueDuplicate": "Duplicate value",
}
_ERRORS = (KeyError, TypeError, RuntimeError, IndexError, ValueError, OverflowError)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; `told` and `place` are how a violation is worded and where."""

    text: str
    program: Any
    message: str = ""
    teller: Any = None
    reason: str = "FieldValueInvalid"
    place: str = ""
    compares: bool = False

    def fault(self, value: Any, old: Any, path: str, kind: str) -> Cause | None:
        try:
            holds = _run(self.program, value, old)
        except _ERRORS as error:
            shown = f"no such key: {error.args[0]}" if isinstance(error, KeyError) else str(error)
            told = f'Invalid value: "{kind}": {shown} evaluating rule: {self._stated()}'
            return Cause("FieldValueInvalid", told, path or "<nil>")
        if holds is True:
            return None
        return Cause(self.reason, self._told(value, old, kind), f"{path}{self.place}" or "<nil>")

    def _stated(self) -> str:
        return self.message or self.text

    def _told(self, value: Any, old: Any, kind: str) -> str:
        word, detail = _WORDS[self.reason], self._detail(value, old)
        if self.reason == "FieldValueInvalid" and kind not in {"object", "array"}:
            return f"{word}: {quoted(value)}: {detail}"
        return f"{word}: {detail}"

    def _detail(self, value: Any, old: Any) -> str:
        if self.teller is not None:
            try:
                return str(_run(self.teller, value, old))
            except _ERRORS:
                return self.message or f"failed rule: {self.text}"  # as upstream falls back
        return self.message or f"failed rule: {self.text}"


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules by place: here, below a field, in every item, under every key."""

    kind: str = "object"
    own: tuple[Rule, ...] = ()
    fields: Mapping[str, Rules] = field(default_factory=dict)
    each: Rules | None = None
    keys: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.own or self.fields or self.each)

    def faults(self, value: Any, old: Any, path: str = "") -> Iterator[Cause]:
        """Give every broken rule; a value that did not change is not judged again."""
        if value is None or (old is not None and old == value and not self.compares()):
            return
        for rule in self.own:
            if not rule.compares or old is not None:
                fault = rule.fault(value, old, path, self.kind)
                if fault is not None:
                    yield fault
        yield from self._below(value, old, path)

    def compares(self) -> bool:
        below = [*self.fields.values(), *([self.each] if self.each else [])]
        return any(rule.compares for rule in self.own) or any(each.compares() for each in below)

    def _below(self, value: Any, old: Any, path: str) -> Iterator[Cause]:
        before: Json = old if isinstance(old, dict) else {}
        if isinstance(value, dict):
            for name, item in value.items():
                rules = self.fields.get(name) or self.each
                if rules:
                    where = f"{path}.{name}" if path else name
                    yield from rules.faults(item, before.get(name), where)
        elif isinstance(value, list) and self.each:
            known = self._by_key(old)
            for index, item in enumerate(value):
                yield from self.each.faults(item, known.get(self._key(item)), f"{path}[{index}]")

    def _by_key(self, old: Any) -> dict[object, Any]:
        return {self._key(item): item for item in old} if self.keys and old else {}

    def _key(self, item: Any) -> object:
        return tuple(quoted(item.get(key)) for key in self.keys) if isinstance(item, dict) else None


NO_RULES = Rules()


def _run(program: Any, value: Any, old: Any) -> Any:
    variables = {"self": value} if old is None else {"self": value, "oldSelf": old}
    return program.execute(cel.Context(variables=variables, functions=dict(FUNCTIONS)))


def compile_rules(schema: Json, path: str = "") -> tuple[Rules, list[Cause]]:
    """Compile the rules of *schema* and below; also give what is wrong with them."""
    found: list[Cause] = []
    return _compiled(schema, path, found), found


def _compiled(schema: Json, path: str, found: list[Cause]) -> Rules:
    own = [
        _rule(rule, schema, f"{path}.{KEY}[{index}]", found)
        for index, rule in enumerate(schema.get(KEY) or ())
    ]
    fields = {
        name: _compiled(child, f"{path}.properties[{name}]", found)
        for name, child in (schema.get("properties") or {}).items()
    }
    each = None
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            each = _compiled(schema[key], f"{path}.{key}", found)
    keyed = schema.get("x-kubernetes-list-type") == "map"
    return Rules(
        schema.get("type", "object"),
        tuple(rule for rule in own if rule is not None),
        {name: rules for name, rules in fields.items() if rules},
        each or None,
        tuple(schema.get("x-kubernetes-list-map-keys") or ()) if keyed else (),
    )


def _rule(rule: Json, schema: Json, path: str, found: list[Cause]) -> Rule | None:
    text = rule.get("rule", "")
    program = _program(text, schema, bool, f"{path}.rule", found)
    teller = None
    if rule.get("messageExpression"):
        where = f"{path}.messageExpression"
        teller = _program(rule["messageExpression"], schema, str, where, found)
    if rule.get("optionalOldSelf"):
        told = "Forbidden: optionalOldSelf is not supported by the sandbox"
        found.append(Cause("FieldValueForbidden", told, f"{path}.optionalOldSelf"))
    if program is None:
        return None
    return Rule(
        text,
        program,
        (rule.get("message") or "").strip(),
        teller,
        rule.get("reason") or "FieldValueInvalid",
        rule.get("fieldPath") or "",
        compares=_OLD.search(text) is not None,
    )


def _program(text: str, schema: Json, wanted: type, path: str, found: list[Cause]) -> Any:
    """Compile *text* and try it on a sample; None, and a fault in *found*, when it cannot work."""
    try:
        program = cel.compile(text)
    except ValueError as error:
        found.append(_refused(path, text, str(error)))
        return None
    problem = _tried(program, text, schema, wanted)
    if problem:
        found.append(_refused(path, text, problem))
        return None
    return program


def _tried(program: Any, text: str, schema: Json, wanted: type) -> str:
    """Say what is wrong with a program, "" when nothing is seen to be."""
    value = _whole(schema)
    try:
        result = _run(program, value, value)
    except KeyError as error:
        return _unknown_field(str(error.args[0]), text, schema)
    except TypeError as error:
        return str(error)
    except _ERRORS as error:
        unknown = str(error).startswith("Undefined")
        return str(error) if unknown else ""  # else it depends on the value
    if not isinstance(result, wanted):
        return f"must evaluate to a {'bool' if wanted is bool else 'string'}"
    return ""


def _unknown_field(name: str, text: str, schema: Json) -> str:
    """Say that a field is unknown, unless the missing *name* is the key of a map."""
    selected = re.findall(rf"(\w+)\.{re.escape(name)}\b", text)
    closed = set(selected) - set(open_names(schema))
    return f"undefined field '{name}'" if closed else ""


def _whole(schema: Json) -> Any:
    value = sample(schema)
    metadata = (schema.get("properties") or {}).get("metadata")
    if metadata is not None and isinstance(value, dict):
        value |= {"apiVersion": "a/v1", "kind": "A", "metadata": {"name": "a", "generateName": "a"}}
    return value


def _refused(path: str, text: str, why: str) -> Cause:
    told = f'Invalid value: "{text}": compilation failed: {why}'
    return Cause("FieldValueInvalid", told, path)
