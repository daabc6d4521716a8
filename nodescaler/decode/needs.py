"""What a pod's spec asks of a node: how much, where, and beside whom.

Required node affinity becomes alternatives, one for each OR-term, joined with the node selector.
Anti-affinity on the hostname and host ports are exact; hard constraints that packing does not
plan yet are named in `unmodelled`.

The pods of one owner ask the same, and reading that takes a tenth of a millisecond: `needs_like`
remembers it by everything that `needs` reads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import msgspec

from nodescaler.core.labels import HOSTNAME, Allowed, Requirement, Requirements, normal
from nodescaler.core.model import NO_REQUIREMENTS, Apart, HostPort, Preference
from nodescaler.core.resources import Resources, pod_requests
from nodescaler.core.taints import Toleration
from nodescaler.decode.amounts import checked_amounts
from nodescaler.decode.faults import Findings
from nodescaler.decode.requirements import requirements
from nodescaler.decode.structs import (
    Affinity,
    Container,
    Expression,
    LabelSelector,
    PodBody,
    PodTerm,
    Resourced,
    SelectorTerm,
    Volume,
)

EVERYWHERE: frozenset[str] = frozenset()
NOWHERE = Requirements({HOSTNAME: Allowed()})
KINDS_OF_PODS = 4096  # remembered; a cluster has fewer templates
NO_AFFINITY = Affinity()


@dataclass(frozen=True, slots=True)
class Needs:
    """Attributes: as those of `PodSpec`."""

    requests: Resources
    alternatives: tuple[Requirements, ...]
    preferences: tuple[Preference, ...]
    tolerations: tuple[Toleration, ...]
    host_ports: tuple[HostPort, ...]
    apart: tuple[Apart, ...]
    unmodelled: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Asked:
    """The arguments of `needs`; two are equal when all that it reads is."""

    text: bytes
    namespace: str
    own_labels: tuple[tuple[str, str], ...]
    path: str
    spec: PodBody = field(compare=False)


def needs_like(spec: PodBody, namespace: str, labels: Mapping[str, str], path: str) -> Needs:
    """Give what `needs` gives, at once for a pod like one that was seen before.

    Raises:
        Faults: as `needs`.
    """
    text = msgspec.json.encode(_read_fields(spec))
    keys = {key for term in _anti_terms(spec.affinity or NO_AFFINITY) for key in _label_keys(term)}
    own = tuple((key, labels[key]) for key in sorted(keys) if key in labels)
    return _remembered(_Asked(text, namespace, own, path, spec))


@lru_cache(maxsize=KINDS_OF_PODS)
def _remembered(asked: _Asked) -> Needs:
    return needs(asked.spec, asked.namespace, dict(asked.own_labels), asked.path)


def _read_fields(spec: PodBody) -> PodBody:
    """Drop what differs between equal pods and asks nothing: the node, a token's volume."""
    asking = tuple(
        msgspec.structs.replace(each, ephemeral=None if each.ephemeral is None else {})
        for each in spec.volumes or ()
        if _is_attached(each)
    )
    return msgspec.structs.replace(spec, node_name="", volumes=asking)


def needs(spec: PodBody, namespace: str, labels: Mapping[str, str], path: str) -> Needs:
    """Read what *spec* asks; *path* is where it stands in the manifest.

    Raises:
        Faults: a quantity or a selector that is none, or a negative request.
    """
    findings = Findings()
    affinity = spec.affinity or NO_AFFINITY
    found = Needs(
        requests=_requests(spec, path, findings),
        alternatives=_alternatives(spec, affinity, f"{path}.affinity.nodeAffinity", findings),
        preferences=_preferences(affinity, f"{path}.affinity.nodeAffinity", findings),
        tolerations=tolerated(spec),
        host_ports=tuple(_host_ports(spec)),
        apart=tuple(
            _apart(affinity, namespace, labels, f"{path}.affinity.podAntiAffinity", findings)
        ),
        unmodelled=tuple(dict.fromkeys(_unmodelled(spec, affinity))),
    )
    findings.raise_if_any()
    return found


def tolerated(spec: PodBody) -> tuple[Toleration, ...]:
    return tuple(
        Toleration(t.key, t.operator or "Equal", t.value, t.effect) for t in spec.tolerations or ()
    )


# ---------------------------------------------------------------- how much


def _requests(spec: PodBody, path: str, findings: Findings) -> dict[str, int]:
    containers = [
        _container(each, f"{path}.containers[{n}]", findings)
        for n, each in enumerate(spec.containers)
    ]
    init = [
        (
            _container(each, f"{path}.initContainers[{n}]", findings),
            each.restart_policy == "Always",
        )
        for n, each in enumerate(spec.init_containers or ())
    ]
    return pod_requests(
        containers,
        init,
        pod_level=_asked(spec.resources, f"{path}.resources", findings),
        overhead=checked_amounts(spec.overhead, f"{path}.overhead", findings),
    )


def _container(container: Container, path: str, findings: Findings) -> dict[str, int]:
    return _asked(container.resources, f"{path}.resources", findings)


def _asked(resources: Resourced | None, path: str, findings: Findings) -> dict[str, int]:
    """Requests, and limits where there is no request, as the API server defaults them."""
    if resources is None:
        return {}
    limits = checked_amounts(resources.limits, f"{path}.limits", findings)
    return limits | checked_amounts(resources.requests, f"{path}.requests", findings)


def _host_ports(spec: PodBody) -> Iterator[HostPort]:
    for container in (*spec.containers, *(spec.init_containers or ())):
        for port in container.ports or ():
            if port.host_port:
                yield HostPort(port.host_port, port.protocol, port.host_ip or "0.0.0.0")  # noqa: S104 -- Kubernetes' wildcard


# ---------------------------------------------------------------- where


def _alternatives(
    spec: PodBody, affinity: Affinity, path: str, findings: Findings
) -> tuple[Requirements, ...]:
    selector = Requirements.labels(spec.node_selector) if spec.node_selector else NO_REQUIREMENTS
    node = affinity.node_affinity
    if node is None or node.required is None:
        return (selector,)
    terms = node.required.node_selector_terms
    found = tuple(
        selector & _term(term, f"{path}.required[{n}]", findings) for n, term in enumerate(terms)
    )
    return found or (NOWHERE,)


def _term(term: SelectorTerm, path: str, findings: Findings) -> Requirements:
    """A term that demands nothing matches no node."""
    fields = [
        Expression(HOSTNAME, line.operator, line.values)
        for line in term.match_fields or ()
        if line.key == "metadata.name"
    ]
    lines = [*(term.match_expressions or ()), *fields]
    return requirements(lines, path, findings) if lines else NOWHERE


def _preferences(affinity: Affinity, path: str, findings: Findings) -> tuple[Preference, ...]:
    node = affinity.node_affinity
    return tuple(
        Preference(each.weight, _term(each.preference, f"{path}.preferred[{n}]", findings))
        for n, each in enumerate((node.preferred if node else None) or ())
    )


def _anti_terms(affinity: Affinity) -> tuple[PodTerm, ...]:
    anti = affinity.pod_anti_affinity
    return (anti.required if anti else None) or ()


def _is_exact(term: PodTerm) -> bool:
    """Whether packing looks at this anti-affinity term exactly."""
    chosen = term.namespace_selector
    plain = chosen is None or not (chosen.match_labels or chosen.match_expressions)
    return normal(term.topology_key) == HOSTNAME and plain


def _apart(
    affinity: Affinity,
    namespace: str,
    labels: Mapping[str, str],
    path: str,
    findings: Findings,
) -> Iterator[Apart]:
    for position, term in enumerate(_anti_terms(affinity)):
        if not _is_exact(term) or term.label_selector is None:
            continue
        selector = _selector(term.label_selector, f"{path}.required[{position}]", findings)
        own = Requirements.of(*_own_labels(term, labels))
        here = frozenset(term.namespaces or (namespace,))
        everywhere = term.namespace_selector is not None
        yield Apart(selector & own, EVERYWHERE if everywhere else here)


def _own_labels(term: PodTerm, labels: Mapping[str, str]) -> Iterator[Requirement]:
    """``matchLabelKeys`` and ``mismatchLabelKeys``: demands by the pod's own labels."""
    for keys, operator in ((term.match_label_keys, "In"), (term.mismatch_label_keys, "NotIn")):
        for key in keys or ():
            if key in labels:
                yield Requirement(key, operator, (labels[key],))


def _label_keys(term: PodTerm) -> tuple[str, ...]:
    """The pod's own labels that the term reads."""
    return (*(term.match_label_keys or ()), *(term.mismatch_label_keys or ()))


def _selector(selector: LabelSelector, path: str, findings: Findings) -> Requirements:
    labels = Requirements.labels(selector.match_labels or {})
    return labels & requirements(selector.match_expressions, path, findings)


def _unmodelled(spec: PodBody, affinity: Affinity) -> Iterator[str]:
    """Hard constraints that packing does not look at yet, in words."""
    for term in _anti_terms(affinity):
        if not _is_exact(term):
            yield f"pod anti-affinity over {term.topology_key}"
    with_pods = affinity.pod_affinity
    for term in (with_pods.required if with_pods else None) or ():
        yield f"pod affinity over {term.topology_key}"
    for spread in spec.topology_spread_constraints or ():
        if spread.when_unsatisfiable == "DoNotSchedule":
            yield f"topology spread over {spread.topology_key}"
    for volume in spec.volumes or ():
        if _is_attached(volume):
            yield f"where volume {volume.name} can be attached"


def _is_attached(volume: Volume) -> bool:
    return volume.persistent_volume_claim is not None or volume.ephemeral is not None
