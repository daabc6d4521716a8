"""What a pod's spec asks of a node: how much, where, and beside whom.

The pods of one owner ask the same, and reading that takes a tenth of a millisecond: `needs_like`
remembers it by everything that `needs` reads. Which volumes a pod mounts is no part of it: their
names differ between the pods of one template (`decode.mounts`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import msgspec

from nodescaler.core.demands import (
    NO_REQUIREMENTS,
    HostPort,
    PodPreference,
    PodTerm,
    Preference,
    Spread,
)
from nodescaler.core.labels import Requirements
from nodescaler.core.resources import Resources, pod_requests
from nodescaler.core.taints import Toleration
from nodescaler.decode.affinity import alternatives, preferences
from nodescaler.decode.amounts import checked_amounts
from nodescaler.decode.company import Whose, label_keys, preferred_terms, required_terms, spreads
from nodescaler.decode.faults import Findings
from nodescaler.decode.structs import Affinity, Container, PodBody, Resourced, VolumePart

KINDS_OF_PODS = 4096  # remembered; a cluster has fewer templates
NO_AFFINITY = Affinity()


@dataclass(frozen=True, slots=True)
class Needs:
    """Attributes: as those of `PodSpec`."""

    requests: Resources = field(default_factory=dict)
    alternatives: tuple[Requirements, ...] = (NO_REQUIREMENTS,)
    preferences: tuple[Preference, ...] = ()
    tolerations: tuple[Toleration, ...] = ()
    host_ports: tuple[HostPort, ...] = ()
    beside: tuple[PodTerm, ...] = ()
    apart: tuple[PodTerm, ...] = ()
    company: tuple[PodPreference, ...] = ()
    spreads: tuple[Spread, ...] = ()
    unplannable: str = ""


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

    Pods that ask the same get the very same object, so that whoever groups them finds two fields
    identical before it has to compare them; of ten thousand pods only the templates are compared.

    Raises:
        Faults: as `needs`.
    """
    keys = label_keys(spec)
    own = tuple((key, labels[key]) for key in sorted(keys) if key in labels) if keys else ()
    return _remembered(_Asked(_text(spec), namespace, own, path, spec))


@lru_cache(maxsize=KINDS_OF_PODS)
def _remembered(asked: _Asked) -> Needs:
    return needs(asked.spec, asked.namespace, dict(asked.own_labels), asked.path)


def _text(spec: PodBody) -> bytes:
    """All that `needs` reads of *spec*, without what differs between pods that ask the same."""
    asking = msgspec.structs.replace(
        spec,
        node_name="",
        volumes=tuple(filter(_is_nameless, spec.volumes or ())),
        priority=None,
        priority_class_name="",
        scheduling_gates=None,
        termination_grace_period_seconds=None,
    )
    return msgspec.json.encode(asking)


def needs(spec: PodBody, namespace: str, labels: Mapping[str, str], path: str) -> Needs:
    """Read what *spec* asks; *path* is where it stands in the manifest.

    Raises:
        Faults: what the API server would refuse: a quantity or a selector that is none, a negative
            request, a weight or a skew out of bounds, a term without a topology, and so on.
    """
    findings = Findings()
    affinity = spec.affinity or NO_AFFINITY
    whose, where = Whose(namespace, labels), f"{path}.affinity"
    _check_claims(spec, path, findings)
    found = Needs(
        requests=_requests(spec, path, findings),
        alternatives=alternatives(spec, affinity, where, findings),
        preferences=preferences(affinity, where, findings),
        tolerations=tolerated(spec),
        host_ports=tuple(_host_ports(spec)),
        beside=required_terms(affinity.pod_affinity, whose, f"{where}.podAffinity", findings),
        apart=required_terms(
            affinity.pod_anti_affinity, whose, f"{where}.podAntiAffinity", findings
        ),
        company=preferred_terms(affinity, whose, where, findings),
        spreads=spreads(spec, whose, path, findings),
        unplannable=_unplannable(spec),
    )
    findings.raise_if_any()
    return found


def tolerated(spec: PodBody) -> tuple[Toleration, ...]:
    return tuple(
        Toleration(t.key, t.operator or "Equal", t.value, t.effect) for t in spec.tolerations or ()
    )


def _unplannable(spec: PodBody) -> str:
    claims = [each.name for each in spec.resource_claims or ()]
    if not claims:
        return ""
    return f"resource claim {', '.join(claims)} asks for a device by DRA, which is not planned"


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


# ---------------------------------------------------------------- volumes


def _check_claims(spec: PodBody, path: str, findings: Findings) -> None:
    for volume in filter(_is_nameless, spec.volumes or ()):
        where = f"{path}.volumes[{volume.name}].persistentVolumeClaim.claimName"
        findings.add(where, "", "the name of a PersistentVolumeClaim")


def _is_nameless(volume: VolumePart) -> bool:
    source = volume.persistent_volume_claim
    return source is not None and not source.claim_name
