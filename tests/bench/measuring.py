"""One plan, measured: how long it took at best and at worst, what it costs, how it compares.

Only `pack` is timed, in this process, after a garbage collection; making the pods is not part of
it. `TANDEM_BENCH_PODS` leaves out larger sizes and `TANDEM_BENCH_TIMES` sets how often a plan is
made, for a shorter look.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nodescaler.core.model import Plan, Snapshot
from nodescaler.core.packing import pack
from nodescaler.core.settings import PackSettings

MOST_PODS = int(os.environ.get("TANDEM_BENCH_PODS", "50000"))
TIMES = int(os.environ.get("TANDEM_BENCH_TIMES", "3"))
UNKNOWN = "–"
ROUNDING = 1e-9  # sums of prices in another order


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


def below(cost: float, other: float) -> float | None:
    """How far *cost* is below *other*, in percent of *other*; None where there is no other."""
    return 100 * (1 - cost / other) if other > 0 else None


# ---------------------------------------------------------------- targets


@dataclass(frozen=True, slots=True)
class Target:
    """What a line should reach; *met* is None where it could not be told."""

    text: str
    met: bool | None


def at_most(what: str, value: float | None, most: float) -> Target:
    return Target(f"{what} ≤ {most:g}", None if value is None else value <= most + ROUNDING)


def at_least(what: str, value: float | None, least: float) -> Target:
    return Target(f"{what} ≥ {least:,g}", None if value is None else value >= least - ROUNDING)


def verdict(targets: Sequence[Target]) -> tuple[str, str]:
    """Two cells: the targets, and whether all are met; the ones that are not by name."""
    missed = [target.text for target in targets if target.met is False]
    unknown = any(target.met is None for target in targets)
    met = f"**no**: {', '.join(missed)}" if missed else UNKNOWN if unknown else "yes"
    return ", ".join(target.text for target in targets) or UNKNOWN, met if targets else UNKNOWN


# ---------------------------------------------------------------- cells


def number(value: float | None, digits: int = 0) -> str:
    return UNKNOWN if value is None else f"{value:,.{digits}f}"


def price(usd_per_hour: float) -> str:
    """Dollars per hour; zero is a price that the planner did not tell."""
    return number(usd_per_hour, 2) if usd_per_hour > 0 else UNKNOWN


def span(values: Iterable[float | None], digits: int = 1) -> str:
    """Least and greatest of what is known."""
    known = [value for value in values if value is not None]
    return f"{min(known):,.{digits}f} to {max(known):,.{digits}f}" if known else UNKNOWN
