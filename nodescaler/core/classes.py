"""Pods with the same demands are one class with a count; planning costs classes, not pods.

Two pods are in one class when no plan could tell them apart. Their labels and namespace count only
where some term looks at pods. The decoder hands out the same objects for equal pods, so most are
recognised by the identity of what they carry, and compared by value only once.

Pure. The order of the input never matters: classes and the pods within them are sorted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

from nodescaler.core.demands import PodTerm, Volume
from nodescaler.core.labels import Requirements
from nodescaler.core.model import PodSpec
from nodescaler.core.resources import CPU, MEMORY, Resources

Labels = tuple[str, tuple[str | None, ...]]

# what of a pod decides where it may go, apart from labels, volumes and priority
_SAME = attrgetter(
    "requests", "alternatives", "preferences", "tolerations", "host_ports", "beside", "apart",
    "company", "spreads",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PodClass:
    """Interchangeable pods, in the order in which they are placed.

    Attributes:
        volumes: what each of them mounts.
        shared: handles of the volumes among them that other pods mount too.
    """

    pods: tuple[PodSpec, ...]
    volumes: tuple[Volume, ...] = ()
    shared: tuple[str, ...] = ()

    @property
    def sample(self) -> PodSpec:
        """Any of them; what a node sees is the same."""
        return self.pods[0]


def classes_of(
    pods: Sequence[PodSpec],
    others: Iterable[PodSpec] = (),
    volumes: Mapping[str, Volume] | None = None,
) -> tuple[PodClass, ...]:
    """Group *pods*, those first that are placed first: by priority, then cpu, then memory.

    Args:
        pods: what is to be placed.
        others: pods that stay where they are, but whose anti-affinity looks at labels.
        volumes: the claims that pods mount; one that is not here has a fault.
    """
    staying = list(others)
    keys = selector_keys([*pods, *(pod for pod in staying if pod.apart)])
    mounts = _Mounts(volumes or {}, pods, staying)
    values = _Values()
    grouped: dict[Hashable, list[PodSpec]] = {}
    for pod in pods:
        seen = seen_labels(pod, keys) if keys is not None else None
        key = (values.of(pod), pod.priority, seen, mounts.of(pod), pod.gang, pod.unplannable)
        grouped.setdefault(key, []).append(pod)
    found = [_class(group, mounts) for group in grouped.values()]
    return tuple(sorted(found, key=lambda each: _order(each.sample)))


def selector_keys(pods: Iterable[PodSpec]) -> tuple[str, ...] | None:
    """The labels that some term of these pods looks at; None when no term looks at pods at all."""
    lists: dict[int, Sequence[Requirements]] = {}
    for pod in pods:
        for each in (pod.beside, pod.apart):
            if each:
                lists[id(each)] = [term.selector for term in each]
        if pod.company:
            lists[id(pod.company)] = [wish.term.selector for wish in pod.company]
        if pod.spreads:
            lists[id(pod.spreads)] = [spread.selector for spread in pod.spreads]
    if not lists:
        return None
    return tuple(sorted({key for found in lists.values() for each in found for key in each}))


def seen_labels(pod: PodSpec, keys: Sequence[str]) -> Labels:
    """What terms that look at *keys* see of a pod."""
    labels = pod.labels
    return (pod.namespace, tuple([labels.get(key) for key in keys]))


def terms_of(pod: PodSpec) -> Iterable[PodTerm]:
    """Every term of pod affinity and anti-affinity, wishes included."""
    return (*pod.beside, *pod.apart, *(wish.term for wish in pod.company))


class _Values:
    """A small number for each distinct demand; equal ones have the same."""

    def __init__(self) -> None:
        self._by_identity: dict[tuple[int, ...], int] = {}
        self._by_value: dict[Hashable, int] = {}

    def of(self, pod: PodSpec) -> int:
        parts = _SAME(pod)
        identity = tuple(map(id, parts))
        found = self._by_identity.get(identity)
        if found is None:
            value = (_amounts(parts[0]), *parts[1:])
            found = self._by_value.setdefault(value, len(self._by_value))
            self._by_identity[identity] = found
        return found


def _amounts(requests: Resources) -> tuple[tuple[str, int], ...]:
    return tuple(sorted((name, value) for name, value in requests.items() if value))


class _Mounts:
    """What volumes mean to a class: where they are, how many count, and which are shared."""

    def __init__(
        self, volumes: Mapping[str, Volume], pods: Sequence[PodSpec], others: Sequence[PodSpec]
    ) -> None:
        self._volumes = volumes
        users = Counter(
            handle
            for pod in (*pods, *others)
            if pod.volumes
            for handle in {
                volumes[key].handle for key in pod.volumes if key in volumes and volumes[key].driver
            }
        )
        self._shared = {handle for handle, count in users.items() if count > 1}

    def volumes_of(self, pod: PodSpec) -> tuple[Volume, ...]:
        return tuple(self._volumes.get(key) or _missing(key) for key in pod.volumes)

    def shared_of(self, pod: PodSpec) -> tuple[str, ...]:
        handles = {each.handle for each in self.volumes_of(pod)}
        return tuple(sorted(handles & self._shared))

    def of(self, pod: PodSpec) -> Hashable:
        if not pod.volumes:
            return ()
        found = self.volumes_of(pod)
        where = tuple((each.alternatives, each.driver, each.fault) for each in found)
        return (where, self.shared_of(pod))


def _missing(key: str) -> Volume:
    return Volume(fault=f"persistent volume claim {key} does not exist")


def _class(group: list[PodSpec], mounts: _Mounts) -> PodClass:
    group.sort(key=_identity)
    sample = group[0]
    if not sample.volumes:
        return PodClass(tuple(group))
    return PodClass(tuple(group), mounts.volumes_of(sample), mounts.shared_of(sample))


_identity: Callable[[PodSpec], tuple[str, str, str]] = attrgetter("namespace", "name", "uid")


def _order(pod: PodSpec) -> tuple[int, int, int, tuple[str, str, str]]:
    cpu, memory = pod.requests.get(CPU, 0), pod.requests.get(MEMORY, 0)
    return (-pod.priority, -cpu, -memory, _identity(pod))
