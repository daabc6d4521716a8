"""The pods of Karpenter's scheduling benchmark: five kinds in equal parts, or wishes only.

A fifth each of: no constraint, spread over zones, spread over hosts (both with a skew of 1), pod
affinity to its own kind in a zone, anti-affinity to its own kind on a host. A spread pod's own
label and the one it counts are drawn apart, so that most do not count themselves.
Source: pkg/controllers/provisioning/scheduling/scheduling_benchmark_test.go of kubernetes-sigs/karpenter
"""  # noqa: E501 -- an address

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from nodescaler.core.demands import PodPreference, PodTerm, Preference, Spread
from nodescaler.core.labels import HOSTNAME, ZONE, Requirements
from nodescaler.core.model import PodSpec
from nodescaler.core.resources import CPU, MEMORY, PODS
from tests.bench.markets import FAKE_ZONES
from tests.bench.workloads import BENCH_CPU, BENCH_MEMORY, MIB

SIZES = (1, 50, 100, 500, 1_000, 2_000, 5_000, 10_000, 20_000)
PREFERRING = 4_000
LETTERS = "abcdefg"
LABEL, AFFINITY_LABEL = "my-label", "my-affinity"
NAMESPACE = "bench"
NGINX = {"app": "nginx"}


@dataclass(slots=True)
class _Maker:
    """Draws pods; equal ones share everything but their name and uid."""

    draw: random.Random
    made: dict[object, PodSpec] = field(default_factory=dict)
    count: int = 0

    def letter(self) -> str:
        return self.draw.choice(LETTERS)

    def pod(self, kind: object, build: Callable[[], PodSpec]) -> PodSpec:
        """One more pod of *kind* in a size drawn for it; *build* makes it but for the size."""
        cpu, memory = self.draw.choice(BENCH_CPU), self.draw.choice(BENCH_MEMORY) * MIB
        if (kind, cpu, memory) not in self.made:
            requests = {CPU: cpu, MEMORY: memory, PODS: 1}
            self.made[kind, cpu, memory] = replace(build(), requests=requests)
        self.count += 1
        name = f"pod-{self.count:05d}"
        return replace(self.made[kind, cpu, memory], name=name, uid=f"uid-{name}")

    def generic(self) -> PodSpec:
        own = self.letter()
        return self.pod(("generic", own), lambda: _pod({LABEL: own}))

    def zonal_spread(self) -> PodSpec:
        return self._spread(ZONE)

    def host_spread(self) -> PodSpec:
        return self._spread(HOSTNAME)

    def _spread(self, key: str) -> PodSpec:
        own, counted = self.letter(), self.letter()
        spread = Spread(key, 1, Requirements.labels({LABEL: counted}))
        return self.pod((key, own, counted), lambda: replace(_pod({LABEL: own}), spreads=(spread,)))

    def zonal_affinity(self) -> PodSpec:
        labels = {AFFINITY_LABEL: self.letter()}
        term = _term(ZONE, labels)
        return self.pod(("beside", *labels.values()), lambda: replace(_pod(labels), beside=(term,)))

    def host_anti_affinity(self) -> PodSpec:
        return self.pod("apart", lambda: replace(_pod(NGINX), apart=(_term(HOSTNAME, NGINX),)))


def _pod(labels: dict[str, str]) -> PodSpec:
    return PodSpec(NAMESPACE, "", labels=labels, unschedulable=True)


def _term(key: str, labels: dict[str, str]) -> PodTerm:
    return PodTerm(key, Requirements.labels(labels), frozenset({NAMESPACE}))


def diverse(count: int, seed: int = 42) -> tuple[PodSpec, ...]:
    """*count* pods of the mix; what five does not divide is unconstrained."""
    maker = _Maker(random.Random(seed))
    kinds = (
        maker.generic,
        maker.zonal_spread,
        maker.host_spread,
        maker.zonal_affinity,
        maker.host_anti_affinity,
    )
    pods = [kind() for kind in kinds for _ in range(count // len(kinds))]
    return (*pods, *(maker.generic() for _ in range(count - len(pods))))


def preferring(count: int = PREFERRING, seed: int = 42) -> tuple[PodSpec, ...]:
    """*count* equal pods with wishes only: one zone, and no company of their kind.

    Being alone in a zone cannot be had by all of them, being alone on a host could.
    """
    first = replace(
        _pod(NGINX),
        preferences=(Preference(1, Requirements.labels({ZONE: FAKE_ZONES[0]})),),
        company=(
            PodPreference(-10, _term(ZONE, NGINX)),
            PodPreference(-1, _term(HOSTNAME, NGINX)),
        ),
    )
    maker = _Maker(random.Random(seed))
    size = maker.pod("wish", lambda: first)
    return tuple(
        replace(size, name=f"pod-{n:05d}", uid=f"uid-pod-{n:05d}") for n in range(1, count + 1)
    )
