"""A trigger's keys as a declaration: where each may come from, its type, its bounds.

A scaler's metadata is a frozen dataclass whose fields are ``Annotated[type, Param(...)]``; a field
without a default is required. `read_all` turns a trigger as written into that dataclass and reports
everything that is wrong with it at once. Pure.

Rules of the original kept here: the TriggerAuthentication wins over metadata, metadata over the
environment; blanks are trimmed and an empty value is an absent one.
Source: https://keda.sh/docs/latest/concepts/scaling-deployments/
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, fields
from difflib import get_close_matches
from functools import lru_cache
from typing import Annotated, Any, Protocol, cast, get_args, get_origin, get_type_hints

from scalers._errors import Fault, Secret, Severity
from scalers._texts import expectation, reader

FROM_ENV = "FromEnv"
MOST_STRANGE = 20  # unknown keys that are told one by one: each is compared with all known ones
LONGEST_KEY = 253
LONGEST_SHOWN = 253  # of a value, in a message


@dataclass(frozen=True, slots=True)
class Param:
    """How one key of a trigger is written.

    Args:
        key: the key's name in `metadata`, and the parameter's in a TriggerAuthentication.
        where: letters of the places it may come from: `m` metadata, `e` the environment of the
            target's container through ``<key>FromEnv``, `a` a TriggerAuthentication.
        doc: one sentence for docs/triggers.
        above: the smallest number that is not allowed.
        at_least: the smallest number that is.
        sep: what separates the items of a list.
        is_target: a value per replica; a formula makes it unnecessary.
        refused: the key is known but cannot work; the text says why and what to do.
        deprecated: the key works; the text says what to use.
        also: another name of the key, read where the first is not given.
    """

    key: str
    where: str = "m"
    doc: str = ""
    above: float | None = None
    at_least: float | None = None
    sep: str = ","
    is_target: bool = False
    refused: str = ""
    deprecated: str = ""
    also: str = ""


@dataclass(frozen=True, slots=True)
class Around:
    """A field that the trigger's surroundings fill, not its author: an attribute of the spec."""

    name: str


class Written(Protocol):
    """A trigger as its author wrote it: what `read_all` needs of `scalers.base.TriggerSpec`."""

    @property
    def metadata(self) -> Mapping[str, str]: ...
    @property
    def auth(self) -> Mapping[str, Secret]: ...
    @property
    def env(self) -> Mapping[str, str]: ...
    @property
    def path(self) -> str: ...
    @property
    def as_metric_source(self) -> bool: ...
    @property
    def strict(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Slot:
    """One declared field: its name, type (without `| None`), declaration and default."""

    field: str
    kind: Any
    param: Param
    default: object

    @property
    def required(self) -> bool:
        return self.default is MISSING


@dataclass(frozen=True, slots=True)
class _Found:
    text: str
    path: str
    shown: bool
    key: str


def slots_of(meta: type[Any]) -> tuple[Slot, ...]:
    """The declared keys of *meta*, in order."""
    return _slots(cast("Hashable", meta))


@lru_cache(maxsize=256)
def _slots(meta: Hashable) -> tuple[Slot, ...]:
    hints = get_type_hints(meta, include_extras=True)
    found = []
    for field in fields(cast("Any", meta)):
        kind, *marks = get_args(hints[field.name]) if _annotated(hints[field.name]) else [None]
        found += [
            Slot(field.name, _bare(kind), mark, _default(field))
            for mark in marks
            if isinstance(mark, Param)
        ]
    return tuple(found)


@lru_cache(maxsize=256)
def _around(meta: Hashable) -> tuple[tuple[str, str], ...]:
    """Field names of *meta* and the attributes of the spec that fill them."""
    hints = get_type_hints(meta, include_extras=True)
    return tuple(
        (name, mark.name)
        for name, hint in hints.items()
        if _annotated(hint)
        for mark in get_args(hint)[1:]
        if isinstance(mark, Around)
    )


def takes(meta: type[Any], attribute: str) -> bool:
    """Whether a field of *meta* is filled by that attribute of the spec."""
    return any(source == attribute for _, source in _around(cast("Hashable", meta)))


def read_all(meta: type[Any], spec: Written) -> tuple[Any | None, list[Fault]]:
    """Read every key of *spec* into a *meta*; None when a fault forbids it.

    Returns:
        the value, and all faults, warnings included, in the order of the declaration.
    """
    given: dict[str, object] = {
        name: getattr(spec, source) for name, source in _around(cast("Hashable", meta))
    }
    faults: list[Fault] = []
    for slot in slots_of(meta):
        value, fault = _read(slot, spec)
        faults += fault
        if value is not MISSING:
            given[slot.field] = value
    faults += unknown_keys(meta, spec)
    if any(fault.severity is Severity.ERROR for fault in faults):
        return None, faults
    made = meta(**given)
    where = f"{spec.path}.metadata"
    problems: Iterable[str] = made.problems() if hasattr(made, "problems") else ()
    faults += [Fault(where, _short(problem)) for problem in problems]
    return made, faults


def unknown_keys(meta: type[Any], spec: Written) -> Iterator[Fault]:
    """A fault for each metadata key that this trigger does not read, with the likely typo."""
    severity = Severity.ERROR if spec.strict else Severity.WARNING
    params = [slot.param for slot in slots_of(meta)]
    known = {param.key for param in params if "m" in param.where or param.refused}
    known |= {param.also for param in params if "m" in param.where and param.also}
    known |= {param.key + FROM_ENV for param in params if "e" in param.where}
    strange = sorted(set(spec.metadata) - known)
    if len(strange) > MOST_STRANGE:
        more = f"{len(strange) - MOST_STRANGE} more keys are not read by this trigger"
        yield Fault(f"{spec.path}.metadata", more, severity)
    for key in (each[:LONGEST_KEY] for each in strange[:MOST_STRANGE]):
        path = f"{spec.path}.metadata.{key}"
        yield Fault(path, f"'{key}' {_why_unknown(key, params, known)}", severity)


def _why_unknown(key: str, params: Iterable[Param], known: Iterable[str]) -> str:
    for param in params:
        if key == param.key and param.where == "a":
            return "is read from a TriggerAuthentication only, never from metadata"
        if key == param.key:
            return f"is not read from metadata; write '{key}{FROM_ENV}' or a TriggerAuthentication"
        if key == param.key + FROM_ENV:
            return "cannot come from the environment"
    near = get_close_matches(key, sorted(known), n=1, cutoff=0.6)
    hint = f"; did you mean '{near[0]}'?" if near else ""
    return f"is not a key of this trigger{hint}"


def _read(slot: Slot, spec: Written) -> tuple[Any, list[Fault]]:
    """The value of one key, or MISSING for its default; and what is wrong with it."""
    param = slot.param
    found = _find(param, spec)
    if isinstance(found, Fault):
        return MISSING, [found]
    if found is None:
        return _absent(slot, spec)
    if param.refused:
        return MISSING, [Fault(found.path, f"'{param.key}' {param.refused}")]
    try:
        value = reader(slot.kind, param.sep)(found.text)
    except ValueError:
        return MISSING, [_bad(found, expectation(slot.kind))]
    faults = [] if spec.as_metric_source and param.is_target else _bounds(param, found, value)
    if param.deprecated:
        text = f"'{param.key}' is deprecated: {param.deprecated}"
        faults.append(Fault(found.path, text, Severity.WARNING))
    return value, faults


def _find(param: Param, spec: Written) -> _Found | Fault | None:
    found = _find_key(param, param.key, spec)
    return _find_key(param, param.also, spec) if found is None and param.also else found


def _find_key(param: Param, key: str, spec: Written) -> _Found | Fault | None:
    metadata = f"{spec.path}.metadata"
    secret = spec.auth.get(key)
    if "a" in param.where and secret is not None and secret.reveal().strip():
        text = secret.reveal().strip()
        return _Found(text, f"{spec.path}.authenticationRef", shown=False, key=key)
    text = spec.metadata.get(key, "").strip()
    if text and ("m" in param.where or param.refused):
        return _Found(text, f"{metadata}.{key}", shown=True, key=key)
    variable = spec.metadata.get(key + FROM_ENV, "").strip()
    if not variable or "e" not in param.where:
        return None
    path = f"{metadata}.{key}{FROM_ENV}"
    text = spec.env.get(variable, "").strip()
    if text:
        return _Found(text, path, shown=False, key=key)
    what = "sets to nothing" if variable in spec.env else "does not set"
    return Fault(path, f"'{key}{FROM_ENV}' names '{variable}', which the target's container {what}")


def _absent(slot: Slot, spec: Written) -> tuple[Any, list[Fault]]:
    param = slot.param
    if not slot.required:
        return MISSING, []
    if param.is_target and spec.as_metric_source:
        return 0.0, []
    places = [f"'{param.key}'"] if "m" in param.where else []
    places += [f"'{param.key}{FROM_ENV}'"] if "e" in param.where else []
    places += [f"parameter '{param.key}' of a TriggerAuthentication"] if "a" in param.where else []
    more = f"; give {' or '.join(places)}" if param.where != "m" else ""
    return MISSING, [Fault(f"{spec.path}.metadata.{param.key}", f"'{param.key}' is missing{more}")]


def _bounds(param: Param, found: _Found, value: Any) -> list[Fault]:
    if param.above is not None and not value > param.above:
        return [_bad(found, f"must be above {param.above:g}")]
    if param.at_least is not None and not value >= param.at_least:
        return [_bad(found, f"must be at least {param.at_least:g}")]
    return []


def _short(problem: str) -> str:
    """*problem* without the middle, where a value of kilobytes is quoted in it."""
    spare = len(problem) - 2 * LONGEST_SHOWN
    return problem if spare <= 0 else f"{problem[:LONGEST_SHOWN]}...{problem[-LONGEST_SHOWN:]}"


def _bad(found: _Found, must: str) -> Fault:
    got = (
        found.text[:LONGEST_SHOWN]
        if found.shown
        else "another value (not shown: it is no part of the metadata)"
    )
    return Fault(found.path, f"'{found.key}' {must}, got {got}")


def _annotated(hint: Any) -> bool:
    return get_origin(hint) is Annotated


def _bare(kind: Any) -> Any:
    """*kind* without its `| None`."""
    options = [option for option in get_args(kind) if option is not type(None)]
    is_optional = type(None) in get_args(kind)
    return options[0] if is_optional and len(options) == 1 else kind


def _default(field: Field[Any]) -> object:
    return field.default_factory() if field.default_factory is not MISSING else field.default
