"""How many pods need another round of planning once the real kube-scheduler has had its way.

The planned nodes are made on a real control plane and the pods submitted all at once; each may go
wherever the scheduler likes. Those that find no place although all were planned are counted, for
our plan and for that of Karpenter's rule.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nodescaler.core.model import Plan, Snapshot
from nodescaler.core.packing import pack
from tests import control_plane
from tests.bench import karpenter_rule
from tests.bench.figures import number
from tests.bench.markets import fake, on_demand
from tests.bench.measuring import sizes
from tests.bench.mix import diverse
from tests.bench.scenarios import FAST
from tests.bench.table import Table
from tests.nodescaler.scheduler_world import SchedulerPlane, second_round, staged

SIZES = (50, 100, 500)
COLUMNS = ("catalogue", "pods", "nodes", "another round", "unled", "rule nodes", "rule unled")
NOTE = (
    "Another round: pods still pending when kube-scheduler has nothing left to try, out of those "
    "planned. Unled: the same when nobody tells it where they were planned to go. Rule: "
    "Karpenter's, restated in `tests/bench/karpenter_rule.py`."
)


@dataclass(frozen=True, slots=True)
class Rivals:
    """Two plans for one snapshot, made before the stage is: planning keeps its watch waiting."""

    name: str
    snapshot: Snapshot
    ours: Plan
    rule: Plan


async def measure() -> Table:
    """Karpenter's benchmark mix, ours beside the rule's."""
    programs = control_plane.assets()
    notes = [NOTE]
    rows: list[tuple[str, ...]] = []
    if programs is None or not (programs / "kube-scheduler").is_file():
        notes.append(f"Not measured: {control_plane.missing()}.")
    else:
        rivals = list(_rivals())
        with _running(programs) as plane:
            rows = [await _row(plane, each) for each in rivals]
    title = "Planning: pods that need another round"
    return Table(title, "python -m tests.bench rounds", COLUMNS, rows, notes)


def _rivals() -> Iterator[Rivals]:
    for name, market in (("fake-400", fake()), ("aws", on_demand())):
        for size in sizes(SIZES):
            pods = diverse(size)
            snapshot = market.snapshot(pods)
            yield Rivals(name, snapshot, pack(snapshot, FAST), karpenter_rule.solve(market, pods))


@contextmanager
def _running(programs: Path) -> Iterator[SchedulerPlane]:
    with tempfile.TemporaryDirectory(prefix="tandem-bench-") as folder:
        plane = SchedulerPlane(programs, Path(folder))
        try:
            yield plane
        finally:
            plane.stop()


async def _row(plane: SchedulerPlane, each: Rivals) -> tuple[str, ...]:
    """A stage for each plan: the watch of one need not outlive the many events of another."""
    cells = []
    for plan, nominated in ((each.ours, True), (each.ours, False), (each.rule, False)):
        async with staged(plane) as stage:
            left = await second_round(stage, each.snapshot, plan, nominated=nominated)
        cells.append(number(left))
    led, unled, rule = cells
    ours, rules = (number(len(plan.new_nodes)) for plan in (each.ours, each.rule))
    return (each.name, number(len(each.snapshot.pods)), ours, led, unled, rules, rule)
