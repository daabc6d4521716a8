"""Synthetic workloads for the packer, from a few pods to fifty thousand.

No trace is copied: each workload is drawn from a distribution that is plausible for the kind of
cluster it is named after. A workload is a table of shapes (class of pods) and how many pods each
has; the shapes depend on the name alone, the counts on the seed. Units: cpu in millicores, memory
in bytes, as everywhere in `nodescaler.core`.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product

import numpy as np
import numpy.typing as npt

from nodescaler.core.model import Owner, PodSpec
from nodescaler.core.resources import CPU, MEMORY, PODS

MIB = 2**20
GIB = 2**30
RESOURCES = (CPU, MEMORY, PODS)  # columns of `Workload.requests`
SIZES = (100, 1_000, 5_000, 10_000, 50_000)
EVERY_CLASS_FROM = 1_000  # pods; below, a rare shape may have none
BENCH_CPU = (100, 250, 500, 1000, 1500)  # of Karpenter's scheduling benchmark, millicores
BENCH_MEMORY = (100, 256, 512, 1024, 2048, 4096)  # likewise, MiB


@dataclass(frozen=True, slots=True)
class Shape:
    """What each pod of a class requests (millicores, bytes), and its share of the pods."""

    cpu: int
    memory: int
    share: float = 1.0

    @property
    def requests(self) -> dict[str, int]:
        return {CPU: self.cpu, MEMORY: self.memory, PODS: 1}


@dataclass(frozen=True)
class Workload:
    """Pods by class; `shapes` and `counts` run side by side and every count is above zero."""

    name: str
    shapes: tuple[Shape, ...]
    counts: tuple[int, ...]

    @cached_property
    def pods(self) -> tuple[PodSpec, ...]:
        """One value for each pod; those of a class share requests, labels, owner and the rest."""
        out: list[PodSpec] = []
        for number, (shape, count) in enumerate(zip(self.shapes, self.counts, strict=True)):
            first = _sample(f"{self.name}-{number:03d}", shape)
            out += [
                replace(first, name=f"{first.name}-{n:05d}", uid=f"{first.name}-{n:05d}")
                for n in range(count)
            ]
        return tuple(out)

    @cached_property
    def requests(self) -> npt.NDArray[np.int64]:
        """int64[classes, RESOURCES]: what one pod of each class requests."""
        rows = [(shape.cpu, shape.memory, 1) for shape in self.shapes]
        return np.array(rows, dtype=np.int64).reshape(len(rows), len(RESOURCES))

    @cached_property
    def numbers(self) -> npt.NDArray[np.int64]:
        """int64[classes]: how many pods each class has."""
        return np.array(self.counts, dtype=np.int64)


def _sample(name: str, shape: Shape) -> PodSpec:
    return PodSpec(
        namespace="bench",
        name=name,
        labels={"app": name},
        requests=shape.requests,
        owner=Owner("ReplicaSet", name, f"owner-{name}"),
        unschedulable=True,
    )


# ---------------------------------------------------------------- the five kinds


def micro() -> tuple[Shape, ...]:
    """47 shapes of small web services: 100m to 2 cpu, 0.5 to 4 GiB a cpu, a few very popular.

    People write round requests: cpu from a short list, memory a power of two or one and a half
    times that. Popularity falls as one over the rank.
    """
    cpus = (100, 150, 200, 250, 300, 400, 500, 750, 1000, 1500, 2000)
    memories = (64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192)
    grid = [(c, m) for c, m in product(cpus, memories) if 512 <= m * 1000 / c <= 4096]
    chosen = random.Random("micro").sample(grid, 47)
    return _ranked([(cpu, memory * MIB) for cpu, memory in chosen], exponent=1.0)


def google() -> tuple[Shape, ...]:
    """200 shapes of tasks that a machine computed: mostly tiny, cpu and memory all but unrelated.

    Cpu is log-normal around 150m (20m to 8 cpu), GiB a cpu log-normal around 3 (0.25 to 32). Sizes
    are as uneven as an autopilot's: multiples of 5m and 16 MiB.
    """
    draw = random.Random("google")
    sizes: dict[tuple[int, int], None] = {}
    while len(sizes) < 200:
        cpu = min(max(draw.lognormvariate(5.0, 1.0), 20), 8000)
        ratio = min(max(draw.lognormvariate(1.1, 0.9), 0.25), 32)
        memory = max(round(cpu / 1000 * ratio * 1024 / 16), 2) * 16
        sizes[round(cpu / 5) * 5, memory * MIB] = None
    return _ranked(list(sizes), exponent=0.8)


def azure() -> tuple[Shape, ...]:
    """23 shapes cut like virtual machines: 1 to 12 cpu with 2, 4, 6 or 8 GiB each.

    Half of them are general purpose (4 GiB a cpu); small ones are the most common. The largest,
    12 cpu with 96 GiB, is left out.
    """
    by_cpu = {1: 25, 2: 30, 4: 25, 6: 5, 8: 12, 12: 3}
    by_ratio = {2: 20, 4: 50, 6: 5, 8: 25}
    pairs = [(c, r) for c, r in product(by_cpu, by_ratio) if (c, r) != (12, 8)]
    return tuple(Shape(c * 1000, c * r * GIB, by_cpu[c] * by_ratio[r]) for c, r in pairs)


def alibaba() -> tuple[Shape, ...]:
    """12 shapes: long-running services in 2 to 16 cpu with 2 GiB a cpu or 4, and small batch jobs.

    Services of 4 and 8 cpu are most of it, as where one team's sizes are everybody's.
    """
    sizes = (
        (4000, 8, 28), (4000, 16, 10), (8000, 16, 16), (8000, 32, 5), (2000, 4, 10), (2000, 8, 5),
        (1000, 2, 8), (1000, 4, 4), (500, 1, 6), (500, 2, 3), (16000, 32, 2), (6000, 12, 3),
    )  # fmt: skip
    return tuple(Shape(cpu, gib * GIB, share) for cpu, gib, share in sizes)


def bench() -> tuple[Shape, ...]:
    """The 30 sizes of Karpenter's own scheduling benchmark, all equally likely."""
    return tuple(Shape(cpu, mib * MIB) for cpu, mib in product(BENCH_CPU, BENCH_MEMORY))


KINDS: dict[str, Callable[[], tuple[Shape, ...]]] = {
    "micro": micro,
    "google": google,
    "azure": azure,
    "alibaba": alibaba,
    "bench": bench,
}


def _ranked(sizes: Sequence[tuple[int, int]], exponent: float) -> tuple[Shape, ...]:
    """Shares fall with the rank; the order of *sizes* is the order of popularity."""
    return tuple(
        Shape(cpu, memory, 1 / (rank + 1) ** exponent) for rank, (cpu, memory) in enumerate(sizes)
    )


def workload(name: str, pods: int, seed: int = 0) -> Workload:
    """*pods* pods of the kind *name*; the same arguments give the same workload.

    From `EVERY_CLASS_FROM` pods up, every shape has at least one.

    Raises:
        KeyError: no such kind.
    """
    shapes = KINDS[name]()
    draw = random.Random(f"{name}/{pods}/{seed}")
    counts: Counter[int] = Counter(range(len(shapes)) if pods >= EVERY_CLASS_FROM else ())
    shares = [shape.share for shape in shapes]
    counts.update(draw.choices(range(len(shapes)), shares, k=pods - counts.total()))
    present = sorted(counts)
    return Workload(name, tuple(shapes[c] for c in present), tuple(counts[c] for c in present))
