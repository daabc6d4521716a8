"""Pods with the same demands are one class with a count; planning costs classes, not pods.

Two pods are in one class when no node could tell them apart. Their labels count only where some
anti-affinity looks at them.

Pure. The order of the input never matters: classes and the pods within them are sorted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

from nodescaler.core.model import PodSpec
from nodescaler.core.resources import CPU, MEMORY


@dataclass(frozen=True, slots=True)
class PodClass:
    """Interchangeable pods, in the order in which they are placed."""

    pods: tuple[PodSpec, ...]

    @property
    def sample(self) -> PodSpec:
        """Any of them; what a node sees is the same."""
        return self.pods[0]


def classes_of(pods: Sequence[PodSpec], others: Iterable[PodSpec] = ()) -> tuple[PodClass, ...]:
    """Group *pods*, those first that are placed first: by priority, then cpu, then memory.

    Args:
        pods: what is to be placed.
        others: pods that stay where they are, but whose anti-affinity looks at labels.
    """
    keys = frozenset(key for pod in (*pods, *others) for term in pod.apart for key in term.selector)
    guarded = any(pod.apart for pod in (*pods, *others))
    grouped: defaultdict[Hashable, list[PodSpec]] = defaultdict(list)
    for pod in pods:
        seen = _seen_labels(pod, keys) if guarded else ()
        grouped[_demands(pod), seen].append(pod)
    groups = (PodClass(tuple(sorted(group, key=_identity))) for group in grouped.values())
    return tuple(sorted(groups, key=lambda group: _order(group.sample)))


def _demands(pod: PodSpec) -> Hashable:
    return (
        pod.priority,
        tuple(sorted(pod.requests.items())),
        pod.alternatives,
        pod.tolerations,
        pod.host_ports,
        pod.apart,
        bool(pod.preferences),
    )


def _seen_labels(pod: PodSpec, keys: frozenset[str]) -> Hashable:
    return (pod.namespace, tuple(sorted((k, v) for k, v in pod.labels.items() if k in keys)))


def _identity(pod: PodSpec) -> tuple[str, str, str]:
    return (pod.namespace, pod.name, pod.uid)


def _order(pod: PodSpec) -> tuple[int, int, int, tuple[str, str, str]]:
    cpu, memory = pod.requests.get(CPU, 0), pod.requests.get(MEMORY, 0)
    return (-pod.priority, -cpu, -memory, _identity(pod))
