"""How cheap and how quick plans are: workloads on real prices, and Karpenter's benchmark mix.

Every line has the price of first-fit, as the planner itself computes it, and the bound that no
plan can undercut; the mix also has what Karpenter's rule would pay (`karpenter_rule`).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from nodescaler.core.model import Plan, PodSpec
from nodescaler.core.settings import PackSettings
from tests.bench import karpenter_rule
from tests.bench.figures import Target, at_least, at_most, below, number, price, span, verdict
from tests.bench.markets import FAKE_ZONES, MARKETS, Market, fake, on_demand
from tests.bench.measuring import TIMES, Outcome, measured, sizes
from tests.bench.mix import PREFERRING, diverse, preferring
from tests.bench.mix import SIZES as MIX_SIZES
from tests.bench.replay import refused
from tests.bench.scenarios import FAST, IGNORE, LONG, RESPECT
from tests.bench.table import Table
from tests.bench.workloads import KINDS, SIZES, workload

TIMED = f"Seconds: best and worst of {TIMES}; pods/s from the best. Only `pack` is timed."
COMPARED = "Gap: above the bound. Saving: below first-fit."
RULE_NOTE = (
    "Rule: Karpenter's, restated in `tests/bench/karpenter_rule.py`; it opens as many nodes as "
    "Karpenter publishes."
)
REFUSED_NOTE = (
    "Refused: pods that kube-scheduler's rules do not admit where the plan has them, in the "
    "friendliest order of arrival that `tests/bench/replay.py` tries."
)
WISHES_NOTE = (
    "One wish each for a zone, for no company of their kind in a zone (which not all can have) "
    "and on a host (which all can: a node each)."
)
COLUMNS = (
    "pods", "classes", "nodes", "plan $/h", "first-fit $/h", "bound $/h", "gap %", "saving %",
    "s best", "s worst", "pods/s", "rule nodes", "rule $/h", "below rule %",
)  # fmt: skip
PREFERRING_COLUMNS = (
    "policy", "pods", "nodes", "plan $/h", "first-fit $/h", "bound $/h", "nodes in the zone",
    "wishes given up", "s best", "s worst", "pods/s", "target", "met",
)  # fmt: skip
PER_S = {1_000: 2_000, 10_000: 15_000}  # pods: least pods/s of the fast path
MIX_PER_S = 8_000
MIX_SAVING = 20.0
LARGE = 1_000  # pods from which on the gap and the mix's saving and speed are held to a target


@dataclass(frozen=True, slots=True)
class Line:
    """One row: for how many classes, what was planned, and what Karpenter's rule would do."""

    name: str
    classes: int
    outcome: Outcome
    rule: Plan
    targets: tuple[Target, ...] = ()
    more: tuple[str, ...] = ()

    def cells(self) -> tuple[str, ...]:
        plan, out = self.outcome.plan, self.outcome
        return (
            self.name,
            number(out.pods),
            number(self.classes),
            number(len(plan.new_nodes)),
            price(plan.usd_per_hour),
            price(plan.first_fit_per_hour),
            price(plan.lower_bound_per_hour),
            number(out.gap, 2),
            number(out.saving, 1),
            number(out.best_s, 3),
            number(out.worst_s, 3),
            number(out.pods_per_s),
            number(len(self.rule.new_nodes)),
            price(self.rule.usd_per_hour),
            number(below(plan.usd_per_hour, self.rule.usd_per_hour), 1),
            *self.more,
            *verdict(self.targets),
        )


def every_pod_placed(outcome: Outcome) -> Target:
    return Target("all placed", not outcome.plan.unschedulable and not outcome.plan.is_partial)


# ---------------------------------------------------------------- workloads


async def fast() -> Table:
    """The plan that a batch gets at once."""
    return _workloads("Planning: fast path", "workloads", FAST, 4.0)


async def long() -> Table:
    """The plan that a batch gets when 3 s of work are allowed."""
    return _workloads("Planning: a budget of 3 s", "workloads-budget", LONG, 1.5)


async def markets() -> Table:
    """The same workloads where there is more to choose from."""
    lines = [
        _line(f"{kind}, {market}", kind, size, (MARKETS[market](), FAST, 4.0))
        for market in MARKETS
        for kind in KINDS
        for size in sizes((1_000, 10_000))
        if market != "on-demand"
    ]
    return _table("Planning: fast path, more to choose from", "workloads-markets", lines)


def _workloads(title: str, command: str, settings: PackSettings, most_gap: float) -> Table:
    market = on_demand()
    lines = [
        _line(kind, kind, size, (market, settings, most_gap))
        for kind in KINDS
        for size in sizes(SIZES)
    ]
    return _table(title, command, lines)


def _line(name: str, kind: str, size: int, how: tuple[Market, PackSettings, float]) -> Line:
    market, settings, most_gap = how
    drawn = workload(kind, size)
    out = measured(market.snapshot(drawn.pods), settings)
    targets = [every_pod_placed(out), at_least("saving", out.saving, 0)]
    if size >= LARGE:
        targets.append(at_most("gap", out.gap, most_gap))
    if size in PER_S and settings == FAST:
        targets.append(at_least("pods/s", out.pods_per_s, PER_S[size]))
    rule = karpenter_rule.solve(market, drawn.pods)
    return Line(name, len(drawn.shapes), out, rule, tuple(targets))


def _table(title: str, command: str, lines: Sequence[Line]) -> Table:
    large = [line.outcome for line in lines if line.outcome.pods >= LARGE]
    saved, gaps = span(out.saving for out in large), span((out.gap for out in large), 2)
    summary = f"From {LARGE:,} pods up: saving {saved} %, gap {gaps} %."
    return Table(
        title,
        f"python -m tests.bench {command}",
        ("workload", *COLUMNS, "target", "met"),
        [line.cells() for line in lines],
        (summary, COMPARED, RULE_NOTE, TIMED),
    )


# ---------------------------------------------------------------- Karpenter's benchmark


async def mix() -> Table:
    """Karpenter's scheduling benchmark, on its fake catalogue and on real prices."""
    rows = [
        _mix_row(name, market, size)
        for name, market in (("fake-400", fake()), ("aws", on_demand()))
        for size in sizes(MIX_SIZES)
    ]
    return Table(
        "Planning: Karpenter's benchmark mix",
        "python -m tests.bench mix",
        ("catalogue", *COLUMNS, "refused", "rule refused", "target", "met"),
        rows,
        (COMPARED, RULE_NOTE, REFUSED_NOTE, TIMED),
    )


def _mix_row(name: str, market: Market, size: int) -> tuple[str, ...]:
    pods = diverse(size)
    out = measured(market.snapshot(pods), FAST)
    rule = karpenter_rule.solve(market, pods)
    targets = [every_pod_placed(out), at_least("saving", out.saving, 0)]
    if size >= LARGE:
        targets[1:] = [
            at_least("saving", out.saving, MIX_SAVING),
            at_least("pods/s", out.pods_per_s, MIX_PER_S),
        ]
    ours, theirs = refused(out.plan), refused(rule)
    targets.append(at_most("refused", ours, 0))
    more = (number(ours), number(theirs))
    return Line(name, distinct(pods), out, rule, tuple(targets), more).cells()


async def preferences() -> Table:
    """4,000 pods that only wish, with their wishes respected and ignored."""
    pods = preferring()
    policies: tuple[tuple[str, PackSettings], ...] = (("Respect", RESPECT), ("Ignore", IGNORE))
    rows = [_preferring_row(name, pods, how) for name, how in policies]
    return Table(
        f"Planning: {PREFERRING:,} pods with preferences",
        "python -m tests.bench preferences",
        PREFERRING_COLUMNS,
        rows,
        (WISHES_NOTE, TIMED),
    )


def _preferring_row(name: str, pods: Sequence[PodSpec], how: PackSettings) -> tuple[str, ...]:
    out = measured(fake().snapshot(pods), how)
    plan = out.plan
    return (
        name,
        number(out.pods),
        number(len(plan.new_nodes)),
        price(plan.usd_per_hour),
        price(plan.first_fit_per_hour),
        price(plan.lower_bound_per_hour),
        number(sum(node.zone == FAKE_ZONES[0] for node in plan.new_nodes)),
        number(len(plan.relaxed)),
        number(out.best_s, 3),
        number(out.worst_s, 3),
        number(out.pods_per_s),
        *verdict([every_pod_placed(out)]),
    )


def distinct(pods: Sequence[PodSpec]) -> int:
    """How many pods differ in more than name and uid."""
    return len({_spec(pod) for pod in pods})


def _spec(pod: PodSpec) -> Hashable:
    amounts, labels = tuple(sorted(pod.requests.items())), tuple(sorted(pod.labels.items()))
    wishes = (pod.company, pod.preferences)
    return (amounts, labels, pod.alternatives, pod.spreads, pod.beside, pod.apart, wishes)
