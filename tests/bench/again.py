"""What a second look costs: the same pods planned again while the nodes are still on their way.

Any new pod makes the operator plan all that wait once more. Pods that remember where they were
planned to go go there again; without that, first-fit fills nodes that were packed tightly, and what
does not fit any more is bought a second time.
"""

from __future__ import annotations

from dataclasses import replace

from nodescaler.core.model import Plan, Snapshot
from nodescaler.core.packing import pack
from tests.bench.figures import at_most, number, price, verdict
from tests.bench.markets import fake, on_demand
from tests.bench.mix import diverse
from tests.bench.scenarios import FAST
from tests.bench.table import Table
from tests.bench.workloads import KINDS, workload
from tests.nodescaler.core.underway import underway

PODS = 1_000
COLUMNS = ("workload", "pods", "nodes", "plan $/h", "bought again, forgetful $/h",
           "bought again $/h", "target", "met")  # fmt: skip
NOTE = "Forgetful: as it would be if a plan did not know what the one before had decided."


async def measure() -> Table:
    inputs = {kind: on_demand().snapshot(workload(kind, PODS).pods) for kind in KINDS}
    inputs["mix"] = fake().snapshot(diverse(PODS))
    rows = [_row(name, snapshot) for name, snapshot in inputs.items()]
    title = "Planning: again while nodes are on their way"
    return Table(title, "python -m tests.bench again", COLUMNS, rows, [NOTE])


def _row(name: str, snapshot: Snapshot) -> tuple[str, ...]:
    plan = pack(snapshot, FAST)
    coming = underway(snapshot, plan)
    forgetful = replace(coming, pods=tuple(replace(p, nominated_node="") for p in coming.pods))
    again = _usd(pack(coming, FAST))
    return (
        name,
        number(len(snapshot.pods)),
        number(len(plan.new_nodes)),
        price(_usd(plan)),
        number(_usd(pack(forgetful, FAST)), 2),
        number(again, 2),
        *verdict([at_most("bought again", again, 0)]),
    )


def _usd(plan: Plan) -> float:
    return sum(node.usd_per_hour for node in plan.new_nodes)
