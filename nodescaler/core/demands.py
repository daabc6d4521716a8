"""What one pod may ask of its place: ports, company, spread, volumes, wishes.

Values only; `core.model.PodSpec` carries them, `decode.needs` reads them, `core.packing` honours
them.
Pure. Source: https://kubernetes.io/docs/concepts/scheduling-eviction/
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nodescaler.core.labels import Requirements

NO_REQUIREMENTS = Requirements()
NONE: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True, order=True)
class HostPort:
    port: int
    protocol: str = "TCP"
    ip: str = "0.0.0.0"  # noqa: S104 -- Kubernetes' wildcard for "every address", never listened on

    def clashes(self, other: HostPort) -> bool:
        wild = "0.0.0.0"  # noqa: S104 -- as above
        same = (self.port, self.protocol) == (other.port, other.protocol)
        return same and (self.ip == other.ip or wild in {self.ip, other.ip})


@dataclass(frozen=True, slots=True)
class Preference:
    weight: int
    terms: Requirements


@dataclass(frozen=True, slots=True)
class PodTerm:
    """The pods that one term of pod affinity or anti-affinity looks at, and how far it looks.

    Attributes:
        topology_key: two nodes are one place when they have the same value of this label.
        selector: of the pods' labels; ``matchLabelKeys`` and ``mismatchLabelKeys`` are in it.
        namespaces: where such pods are looked for, by name; the decoder puts the pod's own
            namespace here when a manifest names neither namespaces nor a selector of them.
        namespace_selector: namespaces with these labels as well; None for none, an empty one for
            all.
    """

    topology_key: str
    selector: Requirements
    namespaces: frozenset[str] = frozenset()
    namespace_selector: Requirements | None = None

    def concerns(
        self, namespace: str, labels: Mapping[str, str], namespace_labels: Mapping[str, str] = NONE
    ) -> bool:
        """Whether a pod with *labels* in *namespace* is one of them."""
        chosen = self.namespace_selector
        here = namespace in self.namespaces or (
            chosen is not None and chosen.accepts(namespace_labels)
        )
        return here and self.selector.accepts(labels)


@dataclass(frozen=True, slots=True)
class PodPreference:
    """A wish about company; *weight* is negative for "rather not" (anti-affinity)."""

    weight: int
    term: PodTerm


@dataclass(frozen=True, slots=True)
class Spread:
    """A topology spread constraint; it counts pods of the pod's own namespace.

    Attributes:
        selector: of the pods' labels; ``matchLabelKeys`` are in it.
        hard: DoNotSchedule; else ScheduleAnyway, a wish.
        min_domains: with fewer places than this the least count is taken as zero.
        honours_affinity: nodeAffinityPolicy Honor: only nodes that the pod's node selector and
            required node affinity accept are places.
        honours_taints: nodeTaintsPolicy Honor: only nodes whose taints it tolerates are.
    """

    topology_key: str
    max_skew: int
    selector: Requirements
    hard: bool = True
    min_domains: int = 1
    honours_affinity: bool = True
    honours_taints: bool = False


@dataclass(frozen=True, slots=True, order=True)
class Gang:
    """Pods that are placed all or none: at least *minimum* of those that carry *name*."""

    name: str
    minimum: int


@dataclass(frozen=True, slots=True)
class Volume:
    """A PersistentVolumeClaim as far as it decides where a pod that mounts it may go.

    Attributes:
        alternatives: required node labels, ORed: of the bound volume's node affinity, or of the
            storage class's allowed topologies.
        driver: the CSI driver whose attach limit it counts against; empty where none counts.
        handle: two claims with the same handle are attached once (the volume's own identity).
        fault: why no pod that mounts it can be scheduled, in words; empty when it can.
    """

    alternatives: tuple[Requirements, ...] = (NO_REQUIREMENTS,)
    driver: str = ""
    handle: str = ""
    fault: str = ""
