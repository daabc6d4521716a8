"""Beside whom a pod may run: pod affinity, anti-affinity, topology spread.

What ``matchLabelKeys`` and ``mismatchLabelKeys`` demand by the pod's own labels is put into the
selectors; a key that the pod does not carry demands nothing.
Source: https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from nodescaler.core.demands import PodPreference, PodTerm, Spread
from nodescaler.core.labels import Allowed, Requirements, normal
from nodescaler.decode.affinity import check_weight
from nodescaler.decode.faults import Findings
from nodescaler.decode.requirements import label_selector
from nodescaler.decode.structs import Affinity, PodAffinity, PodBody, PodTermPart, SpreadPart

SELECTOR = "labelSelector"
POLICIES = ("Honor", "Ignore")
UNSATISFIED = ("DoNotSchedule", "ScheduleAnyway")
Keys = tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Whose:
    """The pod whose manifest is read."""

    namespace: str
    labels: Mapping[str, str]


def required_terms(
    part: PodAffinity | None, whose: Whose, path: str, findings: Findings
) -> tuple[PodTerm, ...]:
    """The required terms of pod affinity or anti-affinity; *path* is that of *part*."""
    if part is None or not part.required:
        return ()
    return tuple(
        _term(term, whose, f"{path}.required[{n}]", findings)
        for n, term in enumerate(part.required)
    )


def preferred_terms(
    affinity: Affinity, whose: Whose, path: str, findings: Findings
) -> tuple[PodPreference, ...]:
    """The preferred terms of both; *path* is that of *affinity*."""
    for_them = _wishes(affinity.pod_affinity, whose, f"{path}.podAffinity", findings)
    against = _wishes(affinity.pod_anti_affinity, whose, f"{path}.podAntiAffinity", findings)
    return (*for_them, *(PodPreference(-each.weight, each.term) for each in against))


def _wishes(
    part: PodAffinity | None, whose: Whose, path: str, findings: Findings
) -> Iterator[PodPreference]:
    for position, wish in enumerate((part.preferred if part is not None else None) or ()):
        where = f"{path}.preferred[{position}]"
        check_weight(wish.weight, where, findings)
        term = _term(wish.pod_affinity_term, whose, f"{where}.podAffinityTerm", findings)
        yield PodPreference(wish.weight, term)


def _term(term: PodTermPart, whose: Whose, path: str, findings: Findings) -> PodTerm:
    _check_topology(term.topology_key, path, findings)
    chosen = term.namespace_selector
    own = () if term.namespaces or chosen is not None else (whose.namespace,)
    where = f"{path}.namespaceSelector"
    return PodTerm(
        topology_key=normal(term.topology_key),
        selector=label_selector(term.label_selector, f"{path}.{SELECTOR}", findings)
        & _own(term.match_label_keys, whose.labels)
        & _own(term.mismatch_label_keys, whose.labels, other=True),
        namespaces=frozenset(term.namespaces or own),
        namespace_selector=None if chosen is None else label_selector(chosen, where, findings),
    )


def spreads(spec: PodBody, whose: Whose, path: str, findings: Findings) -> tuple[Spread, ...]:
    """The topology spread constraints; *path* is that of *spec*."""
    return tuple(
        _spread(part, whose, f"{path}.topologySpreadConstraints[{n}]", findings)
        for n, part in enumerate(spec.topology_spread_constraints or ())
    )


def _spread(part: SpreadPart, whose: Whose, path: str, findings: Findings) -> Spread:
    _check_topology(part.topology_key, path, findings)
    _check_spread(part, path, findings)
    selector = label_selector(part.label_selector, f"{path}.{SELECTOR}", findings)
    return Spread(
        topology_key=normal(part.topology_key),
        max_skew=part.max_skew,
        selector=selector & _own(part.match_label_keys, whose.labels),
        hard=part.when_unsatisfiable != "ScheduleAnyway",
        min_domains=1 if part.min_domains is None else part.min_domains,
        honours_affinity=part.node_affinity_policy != "Ignore",
        honours_taints=part.node_taints_policy == "Honor",
    )


def _check_spread(part: SpreadPart, path: str, findings: Findings) -> None:
    skew, least = part.max_skew, part.min_domains
    findings.check(f"{path}.maxSkew", skew, "a number from 1", ok=skew >= 1)
    what = part.when_unsatisfiable
    want = ", ".join(UNSATISFIED)
    findings.check(f"{path}.whenUnsatisfiable", what, want, ok=what in UNSATISFIED)
    if least is not None:
        findings.check(f"{path}.minDomains", least, "a number from 1", ok=least >= 1)
        want = f"no minDomains with {what}"
        findings.check(f"{path}.minDomains", least, want, ok=what != "ScheduleAnyway")
    for name, policy in (
        ("nodeAffinityPolicy", part.node_affinity_policy),
        ("nodeTaintsPolicy", part.node_taints_policy),
    ):
        ok = policy is None or policy in POLICIES
        findings.check(f"{path}.{name}", policy, ", ".join(POLICIES), ok=ok)


def _check_topology(key: str, path: str, findings: Findings) -> None:
    findings.check(f"{path}.topologyKey", key, "the key of a node label", ok=bool(key))


def _own(keys: Keys, labels: Mapping[str, str], *, other: bool = False) -> Requirements:
    """The pod's own values of *keys*; with *other*, any but those."""
    make = Allowed.none_of if other else Allowed.one_of
    return Requirements({key: make(labels[key]) for key in keys or () if key in labels})


def label_keys(spec: PodBody) -> set[str]:
    """Which of the pod's own labels decide what its terms and spreads select."""
    found = {
        key
        for part in spec.topology_spread_constraints or ()
        for key in part.match_label_keys or ()
    }
    if spec.affinity is not None:
        for side in (spec.affinity.pod_affinity, spec.affinity.pod_anti_affinity):
            if side is not None:
                found |= set(_keys(side))
    return found


def _keys(side: PodAffinity) -> Iterator[str]:
    wished = (each.pod_affinity_term for each in side.preferred or ())
    for term in (*(side.required or ()), *wished):
        yield from term.match_label_keys or ()
        yield from term.mismatch_label_keys or ()
