"""Lists of requirements and taints, as pools, claims and pods write them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nodescaler.core.labels import (
    ANYTHING,
    CAPACITY_TYPE,
    HOSTNAME,
    NODE_POOL,
    OPERATORS,
    Allowed,
    Requirement,
    Requirements,
    is_well_known,
)
from nodescaler.core.taints import NO_EXECUTE, NO_SCHEDULE, PREFER_NO_SCHEDULE, Taint
from nodescaler.decode.faults import Findings
from nodescaler.decode.structs import Expression, LabelSelector, TaintPart

NOWHERE = Requirements({HOSTNAME: Allowed()})  # no node and no pod meets it
SELECTOR_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")
EFFECTS = (NO_SCHEDULE, PREFER_NO_SCHEDULE, NO_EXECUTE)
CAPACITY_TYPES = ("reserved", "spot", "on-demand")
RESTRICTED = ("karpenter.sh", "karpenter.k8s.aws")
MOST_VALUES = 50


def requirements(lines: Sequence[Expression] | None, path: str, findings: Findings) -> Requirements:
    """All lines at once; a faulty one counts as no demand."""
    good: list[Requirement] = []
    for position, line in enumerate(lines or ()):
        read = _requirement(line, f"{path}[{position}]", findings)
        if read is not None:
            good.append(read)
    return Requirements.of(*good)


def label_selector(selector: LabelSelector | None, path: str, findings: Findings) -> Requirements:
    """What it demands of a pod's or a namespace's own labels, whose names have no aliases.

    No selector selects nothing; an empty one selects everything. A faulty line is no demand.
    """
    if selector is None:
        return NOWHERE
    demands = {key: Allowed.one_of(value) for key, value in (selector.match_labels or {}).items()}
    for position, line in enumerate(selector.match_expressions or ()):
        where = f"{path}.matchExpressions[{position}]"
        read = _requirement(line, where, findings, SELECTOR_OPERATORS)
        if read is not None:
            demands[line.key] = demands.get(line.key, ANYTHING) & read.allowed()
    return Requirements(demands)


def _requirement(
    line: Expression, path: str, findings: Findings, operators: Sequence[str] = OPERATORS
) -> Requirement | None:
    values = tuple(line.values or ())
    out = Requirement(line.key, line.operator, values, line.min_values)
    if line.operator not in operators:
        findings.add(f"{path}.operator", line.operator, ", ".join(operators))
        return None
    if line.operator in {"In", "NotIn"} and not values:
        findings.add(f"{path}.values", "", f"at least one value for {line.operator}")
        return None
    try:
        out.allowed()
    except ValueError:
        findings.add(f"{path}.values", ", ".join(values), f"one integer for {line.operator}")
        return None
    return out


def check_pool_lines(lines: Sequence[Expression] | None, path: str, findings: Findings) -> None:
    """What a pool may not ask for, beside what is no requirement at all."""
    for position, line in enumerate(lines or ()):
        where = f"{path}[{position}]"
        check_key(line.key, f"{where}.key", findings)
        _check_min_values(line, where, findings)
        if line.operator in {"Gt", "Lt", "Gte", "Lte"}:
            signed = next((v for v in line.values or () if v.startswith("-")), None)
            findings.check(f"{where}.values", signed, "a number from 0", ok=signed is None)
        if line.key == CAPACITY_TYPE and line.operator == "In" and line.values:
            known = any(value in CAPACITY_TYPES for value in line.values)
            want = ", ".join(CAPACITY_TYPES)
            findings.check(f"{where}.values", ", ".join(line.values), want, ok=known)


def _check_min_values(line: Expression, path: str, findings: Findings) -> None:
    least = line.min_values
    if least is None:
        return
    want, most = f"a number from 1 to {MOST_VALUES}", MOST_VALUES
    if line.operator == "In":
        most = min(most, len(line.values or ()))
        want = f"a number from 1 to {most}, as many as there are values"
    findings.check(f"{path}.minValues", least, want, ok=1 <= least <= most)


def check_key(key: str, path: str, findings: Findings) -> None:
    """A label that only Tandem or the node itself sets."""
    domain = key.rpartition("/")[0]
    restricted = any(domain == d or domain.endswith(f".{d}") for d in RESTRICTED)
    taken = key in {NODE_POOL, HOSTNAME} or (restricted and not is_well_known(key))
    findings.check(path, key, "a label that nobody else sets", ok=not taken)


def taints(parts: Iterable[TaintPart] | None) -> tuple[Taint, ...]:
    return tuple(Taint(part.key, part.value or "", part.effect) for part in parts or ())


def checked_taints(
    lists: Sequence[tuple[str, Sequence[TaintPart] | None]], findings: Findings
) -> None:
    """Effects are known, and key with effect appears once over all *lists* (path, taints)."""
    seen: set[tuple[str, str]] = set()
    for path, parts in lists:
        for position, part in enumerate(parts or ()):
            where = f"{path}[{position}]"
            ok = part.effect in EFFECTS
            findings.check(f"{where}.effect", part.effect, ", ".join(EFFECTS), ok=ok)
            once = (part.key, part.effect) not in seen
            findings.check(where, f"{part.key}:{part.effect} again", "each taint once", ok=once)
            seen.add((part.key, part.effect))
