"""One plan, measured: how long it took at best and at worst, what it costs, how it compares.

Only `pack` is timed, in this process, after a garbage collection; making the pods is not part of
it. `TANDEM_BENCH_PODS` leaves out larger sizes and `TANDEM_BENCH_TIMES` sets how often a plan is
made, for a shorter look.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass

from nodescaler.core.model import Plan, Snapshot
from nodescaler.core.packing import pack
from nodescaler.core.settings import PackSettings
from tests.bench.figures import below

MOST_PODS = int(os.environ.get("TANDEM_BENCH_PODS", "50000"))
TIMES = int(os.environ.get("TANDEM_BENCH_TIMES", "3"))


@dataclass(frozen=True, slots=True)
class Outcome:
    """A plan for *pods* pods, made several times; seconds of the quickest and the slowest."""

    pods: int
    plan: Plan
    best_s: float
    worst_s: float

    @property
    def pods_per_s(self) -> float:
        return self.pods / self.best_s

    @property
    def gap(self) -> float | None:
        """How far above the bound, in percent of the bound."""
        bound = self.plan.lower_bound_per_hour
        return 100 * (self.plan.usd_per_hour / bound - 1) if bound > 0 else None

    @property
    def saving(self) -> float | None:
        """How far below the plan of first-fit, in percent of that."""
        return below(self.plan.usd_per_hour, self.plan.first_fit_per_hour)


def measured(
    snapshot: Snapshot, settings: PackSettings | None = None, times: int = TIMES
) -> Outcome:
    """Plan *times* times.

    Raises:
        AssertionError: two runs over the same input gave different plans.
    """
    seconds: list[float] = []
    plan: Plan | None = None
    for _ in range(times):
        gc.collect()
        began = time.perf_counter()
        made = pack(snapshot, settings)
        seconds.append(time.perf_counter() - began)
        assert plan is None or plan == made, "the same input gave two plans"
        plan = made
    assert plan is not None, f"TANDEM_BENCH_TIMES must be above 0, got {times}"
    return Outcome(len(snapshot.pods), plan, min(seconds), max(seconds))


def sizes(every: Iterable[int]) -> list[int]:
    """Those of *every* that `TANDEM_BENCH_PODS` leaves."""
    return [size for size in every if size <= MOST_PODS]
