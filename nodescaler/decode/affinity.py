"""Which nodes a pod or a volume accepts: node selectors and node affinity.

Required affinity becomes alternatives, one for each OR-term, joined with the node selector.
"""

from __future__ import annotations

from collections.abc import Iterator

from nodescaler.core.demands import NO_REQUIREMENTS, Preference
from nodescaler.core.labels import HOSTNAME, Requirements
from nodescaler.decode.faults import Findings
from nodescaler.decode.requirements import NOWHERE, requirements
from nodescaler.decode.structs import (
    Affinity,
    Expression,
    NodeSelector,
    PodBody,
    PreferredTerm,
    SelectorTerm,
)

MOST_WEIGHT = 100


def alternatives(
    spec: PodBody, affinity: Affinity, path: str, findings: Findings
) -> tuple[Requirements, ...]:
    """What one of must accept a node; *path* is that of *affinity*. Never empty."""
    selector = Requirements.labels(spec.node_selector) if spec.node_selector else NO_REQUIREMENTS
    node = affinity.node_affinity
    if node is None or node.required is None:
        return (selector,)
    found = node_terms(node.required, f"{path}.nodeAffinity.required", findings)
    return tuple(selector & each for each in found)


def node_terms(selector: NodeSelector, path: str, findings: Findings) -> tuple[Requirements, ...]:
    """The OR-terms of *selector*; one that no node meets where it has none."""
    terms = selector.node_selector_terms
    return tuple(
        _term(each, f"{path}[{n}]", findings) for n, each in enumerate(terms)
    ) or (NOWHERE,)  # fmt: skip


def preferences(affinity: Affinity, path: str, findings: Findings) -> tuple[Preference, ...]:
    """Preferred node affinity; *path* is that of *affinity*."""
    node = affinity.node_affinity
    if node is None or not node.preferred:
        return ()
    return tuple(_preferences(node.preferred, f"{path}.nodeAffinity.preferred", findings))


def _preferences(
    wishes: tuple[PreferredTerm, ...], path: str, findings: Findings
) -> Iterator[Preference]:
    for position, wish in enumerate(wishes):
        where = f"{path}[{position}]"
        check_weight(wish.weight, where, findings)
        if _lines(wish.preference):  # the scheduler skips one that asks for nothing
            yield Preference(wish.weight, _term(wish.preference, where, findings))


def check_weight(weight: int, path: str, findings: Findings) -> None:
    ok = 1 <= weight <= MOST_WEIGHT
    findings.check(f"{path}.weight", weight, f"a number from 1 to {MOST_WEIGHT}", ok=ok)


def _term(term: SelectorTerm, path: str, findings: Findings) -> Requirements:
    """A term that demands nothing matches no node."""
    lines = _lines(term)
    return requirements(lines, path, findings) if lines else NOWHERE


def _lines(term: SelectorTerm) -> list[Expression]:
    """Its demands; a node's name is its hostname."""
    fields = [
        Expression(HOSTNAME, line.operator, line.values)
        for line in term.match_fields or ()
        if line.key == "metadata.name"
    ]
    return [*(term.match_expressions or ()), *fields]
