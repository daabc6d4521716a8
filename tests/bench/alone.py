"""Plans whose memory counts: each is made in a process of its own, which reports as JSON.

Peak memory is the kernel's high-water mark of the process (VmHWM), set back before planning.
getrusage's begins with the parent's size and cannot be set back; it has to do where no /proc is.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from nodescaler.core.packing import pack
from tests.bench.figures import UNKNOWN, at_most, number, price, verdict
from tests.bench.forks import PLACED, RULES, forks
from tests.bench.measuring import TIMES
from tests.bench.scenarios import scenario
from tests.bench.table import Table

ROOT = Path(__file__).resolve().parents[2]
PROC = Path("/proc/self")
STORM_S, STORM_MIB = 60.0, 1024.0
STORM_COLUMNS = (
    "pods", "nodes", "plan $/h", "first-fit $/h", "bound $/h", "s best", "s worst", "pods/s",
    "MiB before", "MiB peak", "target", "met",
)  # fmt: skip
IN_PROCESSES = f"Best and worst of {TIMES} processes."
STORM_NOTE = (
    "Before: with the pods as values in memory; peak: while planning. Judged by the worst run."
)
SNAPSHOT_NOTE = (
    "More: beside all pods and nodes as values; for planning, at its peak. Daemon pods are among "
    "the pods. A fork copies all that placing a pod writes to."
)

Report = dict[str, float]


def resident_mib(*, peak: bool = False) -> float:
    """What this process has resident now, or had at most since `forget_peak`."""
    if (PROC / "status").exists():
        lines = dict(line.split(":", 1) for line in (PROC / "status").read_text().splitlines())
        return int(lines["VmHWM" if peak else "VmRSS"].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def forget_peak() -> None:
    """Begin a new high-water mark, where the kernel lets us; the old one is never lower."""
    mark = PROC / "clear_refs"
    if os.access(mark, os.W_OK):
        mark.write_text("5")


def planned(name: str) -> Report:
    """Plan the scenario *name* once."""
    snapshot, settings = scenario(name)
    gc.collect()
    forget_peak()
    before = resident_mib()
    began = time.perf_counter()
    plan = pack(snapshot, settings)
    seconds = time.perf_counter() - began
    return {
        "seconds": seconds,
        "before_mib": before,
        "peak_mib": resident_mib(peak=True),
        "pods": len(snapshot.pods),
        "bound": sum(len(node.pods) for node in snapshot.nodes),
        "nodes": len(snapshot.nodes),
        "new_nodes": len(plan.new_nodes),
        "left_out": len(plan.unschedulable),
        "usd_per_hour": plan.usd_per_hour,
        "first_fit": plan.first_fit_per_hour,
        "bound_per_hour": plan.lower_bound_per_hour,
    }


def in_a_process(function: Callable[[str], Report], argument: str) -> Report:
    """What *function* of this module reports for *argument*, in a new process.

    Raises:
        CalledProcessError: it failed; it has said why.
    """
    command = [sys.executable, "-m", "tests.bench.alone", function.__name__, argument]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    report: Report = json.loads(done.stdout)
    return report


def _several(name: str) -> tuple[Report, Report, float]:
    """The quickest and the slowest of some runs, and the highest peak."""
    runs = [in_a_process(planned, name) for _ in range(TIMES)]
    by_time = sorted(runs, key=lambda run: run["seconds"])
    return by_time[0], by_time[-1], max(run["peak_mib"] for run in runs)


async def storm() -> Table:
    """33,000 pending pods with 14,000 distinct specs."""
    best, worst, peak = _several("storm")
    targets = (
        at_most("s", worst["seconds"], STORM_S),
        at_most("MiB", peak, STORM_MIB),
        at_most("left out", best["left_out"], 0),
    )
    row = (
        number(best["pods"]),
        number(best["new_nodes"]),
        price(best["usd_per_hour"]),
        price(best["first_fit"]),
        price(best["bound_per_hour"]),
        number(best["seconds"], 1),
        number(worst["seconds"], 1),
        number(best["pods"] / best["seconds"]),
        number(best["before_mib"]),
        number(peak),
        *verdict(targets),
    )
    return Table(
        "Planning: 14,000 distinct specs at once",
        "python -m tests.bench storm",
        STORM_COLUMNS,
        [row],
        (STORM_NOTE, IN_PROCESSES),
    )


async def snapshot() -> Table:
    """One pending pod beside 5,000 nodes with 100,000 pods."""
    best, worst, peak = _several("bound")
    what = f"plan {best['pods']:g} pod beside {best['nodes']:,g} nodes, {best['bound']:,g} pods"
    more = number(peak - best["before_mib"], 1)
    rows = [(what, _ms(best["seconds"]), _ms(worst["seconds"]), more)]
    return Table(
        "Planning: a large cluster",
        "python -m tests.bench snapshot",
        ("what", "ms best", "ms worst", "MiB more"),
        [*rows, *_fork_rows()],
        (SNAPSHOT_NOTE, f"Before: {best['before_mib']:.0f} MiB.", IN_PROCESSES),
    )


def _fork_rows() -> list[tuple[str, ...]]:
    found = in_a_process(forks, "")
    names = (
        ("build", "its arrays, from nodes and pods", "arrays_kib"),
        ("fork", "fork: what is free on every node", "fork_kib"),
        ("bins", f"fork: also the counts of {RULES} rules about hosts", "bins_kib"),
        ("undo", f"{PLACED} placements, taken back", ""),
    )
    return [
        (
            what,
            number(found[f"{name}_best_ms"], 3),
            number(found[f"{name}_worst_ms"], 3),
            number(found[size] / 1024, 2) if size else UNKNOWN,
        )
        for name, what, size in names
    ]


def _ms(seconds: float) -> str:
    return number(1000 * seconds, 1)


def main() -> None:
    """Run the function of this module that is named, and print what it reports."""
    name, argument = sys.argv[1:]
    functions = {each.__name__: each for each in (planned, forks)}
    print(json.dumps(functions[name](argument)))  # noqa: T201 -- the parent reads it


if __name__ == "__main__":
    main()
