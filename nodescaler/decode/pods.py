"""Pods and DaemonSets as the model's `PodSpec` and `DaemonSpec`.

Required node affinity becomes alternatives, one for each OR-term, joined with the node selector.
Anti-affinity on the hostname and host ports are exact; hard constraints that packing does not
plan yet are named in `unmodelled`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import inf

from kube.objects import ObjectMeta, OwnerReference
from kube.values.duration import seconds
from nodescaler.core.labels import (
    HOSTNAME,
    Allowed,
    Requirement,
    Requirements,
    normal,
)
from nodescaler.core.model import (
    NO_REQUIREMENTS,
    Apart,
    DaemonSpec,
    HostPort,
    Owner,
    PodSpec,
    Preference,
)
from nodescaler.core.resources import pod_requests
from nodescaler.core.taints import Toleration
from nodescaler.decode.amounts import checked_amounts
from nodescaler.decode.faults import Findings
from nodescaler.decode.requirements import requirements
from nodescaler.decode.structs import (
    Affinity,
    Container,
    DaemonSetObject,
    Expression,
    LabelSelector,
    PodBody,
    PodObject,
    PodStatus,
    PodTerm,
    Resourced,
    SelectorTerm,
)

DO_NOT_DISRUPT = "karpenter.sh/do-not-disrupt"
MIRROR = "kubernetes.io/config.mirror"
EVERYWHERE: frozenset[str] = frozenset()
NOWHERE = Requirements({HOSTNAME: Allowed()})


def pod_spec(obj: PodObject, path: str = "spec") -> PodSpec:
    """Read a pod; *path* is where its spec stands in the manifest.

    Raises:
        Faults: a quantity or a selector that is none, or a negative request.
    """
    findings = Findings()
    meta, spec, status = obj.metadata, obj.spec, obj.status
    affinity = spec.affinity or Affinity()
    pod = PodSpec(
        namespace=meta.namespace or "default",
        name=meta.name,
        uid=meta.uid,
        labels=meta.labels,
        annotations=meta.annotations,
        requests=_requests(spec, path, findings),
        alternatives=_alternatives(spec, affinity, f"{path}.affinity.nodeAffinity", findings),
        preferences=_preferences(affinity, f"{path}.affinity.nodeAffinity", findings),
        tolerations=tuple(
            Toleration(t.key, t.operator or "Equal", t.value, t.effect)
            for t in spec.tolerations or ()
        ),
        host_ports=tuple(_host_ports(spec)),
        apart=tuple(_apart(affinity, meta, f"{path}.affinity.podAntiAffinity", findings)),
        unmodelled=tuple(dict.fromkeys(_unmodelled(spec, affinity))),
        owner=_owner(meta.owner_references),
        priority=spec.priority or 0,
        priority_class=spec.priority_class_name,
        node_name=spec.node_name,
        nominated_node=status.nominated_node_name,
        phase=status.phase,
        unschedulable=_is_unschedulable(status),
        gated=bool(spec.scheduling_gates),
        mirror=MIRROR in meta.annotations,
        created=meta.creation_timestamp,
        started=status.start_time,
        deletes_at=meta.deletion_timestamp,
        grace_s=_grace_s(spec),
        protected_s=protected_s(meta.annotations.get(DO_NOT_DISRUPT)),
    )
    findings.raise_if_any()
    return pod


def daemon_spec(obj: DaemonSetObject) -> DaemonSpec:
    """Read a DaemonSet.

    Raises:
        Faults: as for a pod.
    """
    meta, template = obj.metadata, obj.spec.template
    owner = OwnerReference(kind="DaemonSet", name=meta.name, uid=meta.uid, controller=True)
    pod = PodObject(
        metadata=ObjectMeta(
            name=meta.name,
            namespace=meta.namespace,
            labels=template.metadata.labels,
            owner_references=(owner,),
        ),
        spec=template.spec,
    )
    read = pod_spec(pod, "spec.template.spec")
    return DaemonSpec(read.namespace, read.name, meta.uid or read.key, read)


def protected_s(annotation: str | None) -> float:
    """For how long after its start a pod must not be disrupted; what is not readable is ignored.

    >>> protected_s("true"), protected_s("1h"), protected_s("maybe"), protected_s(None)
    (inf, 3600.0, 0.0, 0.0)
    """
    if annotation == "true":
        return inf
    try:
        return seconds(annotation) if annotation else 0.0
    except ValueError:
        return 0.0


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


def _apart(affinity: Affinity, meta: ObjectMeta, path: str, findings: Findings) -> Iterator[Apart]:
    for position, term in enumerate(_anti_terms(affinity)):
        if not _is_exact(term) or term.label_selector is None:
            continue
        selector = _selector(term.label_selector, f"{path}.required[{position}]", findings)
        own = Requirements.of(*_own_labels(term, meta))
        here = frozenset(term.namespaces or (meta.namespace or "default",))
        everywhere = term.namespace_selector is not None
        yield Apart(selector & own, EVERYWHERE if everywhere else here)


def _own_labels(term: PodTerm, meta: ObjectMeta) -> Iterator[Requirement]:
    """``matchLabelKeys`` and ``mismatchLabelKeys``: demands by the pod's own labels."""
    for keys, operator in ((term.match_label_keys, "In"), (term.mismatch_label_keys, "NotIn")):
        for key in keys or ():
            if key in meta.labels:
                yield Requirement(key, operator, (meta.labels[key],))


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
        if volume.persistent_volume_claim is not None or volume.ephemeral is not None:
            yield f"where volume {volume.name} can be attached"


# ---------------------------------------------------------------- the rest


def _owner(references: Sequence[OwnerReference]) -> Owner | None:
    ref = next((each for each in references if each.controller), None)
    return Owner(ref.kind, ref.name, ref.uid) if ref is not None else None


def _is_unschedulable(status: PodStatus) -> bool:
    return any(
        each.type == "PodScheduled" and each.status == "False" and each.reason == "Unschedulable"
        for each in status.conditions or ()
    )


def _grace_s(spec: PodBody) -> float:
    given = spec.termination_grace_period_seconds
    return 30.0 if given is None else float(given)
