"""Every input of the planning benchmarks by name, so that one of them can be profiled.

`micro-10000` is a workload of `workloads.KINDS` and its size, `micro-10000-budget` the same with
the long budget, `mix-5000` Karpenter's benchmark mix on its fake catalogue, `aws-mix-5000` on real
prices, `respect` and `ignore` the pods with preferences, `storm` the very many specs, `bound` one
pending pod beside 5,000 nodes.
"""

from __future__ import annotations

import cProfile
import io
import pstats
import re
from collections.abc import Callable

from nodescaler.core.model import Snapshot
from nodescaler.core.packing import pack
from nodescaler.core.settings import PackSettings, PreferencePolicy
from tests.bench.cluster import bound
from tests.bench.markets import fake, on_demand
from tests.bench.mix import diverse, preferring
from tests.bench.storm import storm
from tests.bench.workloads import KINDS, workload

FAST = PackSettings(budget_s=0.0)
LONG = PackSettings(budget_s=3.0)
RESPECT = PackSettings(preferences=PreferencePolicy.RESPECT)
IGNORE = PackSettings(preferences=PreferencePolicy.IGNORE)
TOP = 45  # functions of a profile

Input = tuple[Snapshot, PackSettings]

FIXED: dict[str, Callable[[], Input]] = {
    "respect": lambda: (fake().snapshot(preferring()), RESPECT),
    "ignore": lambda: (fake().snapshot(preferring()), IGNORE),
    "storm": lambda: (on_demand().snapshot(storm()), FAST),
    "bound": lambda: (bound(), FAST),
}
_SIZED = re.compile(r"(?P<kind>[a-z-]+?)-(?P<pods>[0-9]+)(?P<long>-budget)?")


def scenario(name: str) -> Input:
    """The input *name*.

    Raises:
        ValueError: no such scenario; the message says which there are.
    """
    if name in FIXED:
        return FIXED[name]()
    match = _SIZED.fullmatch(name)
    if match is None or match["kind"] not in {*KINDS, "mix", "aws-mix"}:
        known = ", ".join([*(f"{kind}-PODS" for kind in (*KINDS, "mix", "aws-mix")), *FIXED])
        raise ValueError(f"no scenario '{name}'; there are {known}, and KIND-PODS-budget")
    kind, pods = match["kind"], int(match["pods"])
    settings = LONG if match["long"] else FAST
    if kind in KINDS:
        return on_demand().snapshot(workload(kind, pods).pods), settings
    market = fake() if kind == "mix" else on_demand()
    return market.snapshot(diverse(pods)), settings


def profile(name: str, top: int = TOP) -> str:
    """Where the time of one plan goes: the *top* functions, by cumulative and by own time.

    Raises:
        ValueError: no such scenario.
    """
    snapshot, settings = scenario(name)
    profiler = cProfile.Profile()
    profiler.enable()
    plan = pack(snapshot, settings)
    profiler.disable()
    text = io.StringIO()
    print(f"{name}: {len(snapshot.pods)} pods, {len(plan.new_nodes)} new nodes", file=text)
    stats = pstats.Stats(profiler, stream=text)
    stats.sort_stats(pstats.SortKey.CUMULATIVE).print_stats(top)
    stats.sort_stats(pstats.SortKey.TIME).print_stats(top // 2)
    return text.getvalue()
