"""Very many pods that are all but all different: 33,000 pending ones with 14,000 specs.

Reported to keep Karpenter busy for half an hour (aws/karpenter-provider-aws#7658).
"""

from __future__ import annotations

import random
from dataclasses import replace

from nodescaler.core.labels import ARCH, CAPACITY_TYPE, ZONE, Requirements
from nodescaler.core.model import Owner, PodSpec
from nodescaler.core.resources import CPU, MEMORY, PODS
from tests.bench.workloads import MIB

STORM_PODS, STORM_SPECS = 33_000, 14_000
SELECTORS: tuple[dict[str, str], ...] = (
    {},
    {ARCH: "amd64"},
    {CAPACITY_TYPE: "on-demand"},
    {ZONE: "us-east-1a"},
    {ZONE: "us-east-1b"},
)


def storm(pods: int = STORM_PODS, specs: int = STORM_SPECS, seed: int = 7) -> tuple[PodSpec, ...]:
    """*pods* pods of *specs* jobs, no two of which request the same.

    Cpu is log-normal around 400m (50m to 8 cpu) in steps of 1m, with 1 to 8 GiB a cpu in steps of
    1 MiB: what right-sizing by history asks for. Two in five select an architecture, a capacity
    type or a zone. Every spec has a pod; the others are dealt at random.
    """
    draw = random.Random(seed)
    alternatives = [(Requirements.labels(labels),) for labels in SELECTORS]
    samples: dict[tuple[int, int], PodSpec] = {}
    while len(samples) < specs:
        cpu = min(max(round(draw.lognormvariate(6.0, 0.9)), 50), 8000)
        mib = max(round(cpu * draw.uniform(1.0, 8.0) * 1.024), 64)
        name = f"job-{len(samples):05d}"
        samples[cpu, mib] = PodSpec(
            namespace="bench",
            name=name,
            labels={"app": name},
            requests={CPU: cpu, MEMORY: mib * MIB, PODS: 1},
            alternatives=draw.choices(alternatives, (60, 10, 10, 10, 10))[0],
            owner=Owner("Job", name, f"owner-{name}"),
            unschedulable=True,
        )
    every = list(samples.values())
    dealt = every + draw.choices(every, k=pods - specs)
    return tuple(
        replace(pod, name=f"{pod.name}-{n:05d}", uid=f"{pod.name}-{n:05d}")
        for n, pod in enumerate(dealt)
    )
