"""The plan for people: nodes with bars, the price and its bound, and why pods stay out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from rich.console import Console
from rich.text import Text

from nodescaler.core.model import Plan, Unschedulable
from tandem.plan.nodes_view import node_lines
from tandem.plan.report import PlanReport
from tandem.plan.words import count, who

MOST_NODES = 20  # existing nodes that are named one by one
MONTH_H = 730


def render(report: PlanReport, console: Console) -> None:
    """Print the report; sentences are broken for a terminal, and whole for everything else."""
    for line in node_lines(report.plan.new_nodes, console.width):
        console.print(line)
    for sentence in _sentences(report):
        console.print(sentence, soft_wrap=not console.is_terminal)


def _sentences(report: PlanReport) -> Iterator[Text]:
    plan = report.plan
    yield from map(Text, _existing(plan))
    if report.snapshot.pods or not report.faults:
        yield from map(Text, _summary(report))
    for sentence in plan.relaxed:
        yield Text(f"given up: {sentence.replace(': gave up ', ': ', 1)}", style="yellow")
    for reason, pods in _by_reason(plan.unschedulable):
        yield Text(f"stays out: {who(each.pod for each in pods)}: {reason}", style="yellow")
    for note in report.notes:
        yield Text(f"note: {note}", style="dim")
    for fault in report.faults:
        yield Text(str(fault), style="red")


def _existing(plan: Plan) -> Iterator[str]:
    for placement in plan.existing[:MOST_NODES]:
        yield f"existing node {placement.node} takes {who(placement.pods)}"
    more = plan.existing[MOST_NODES:]
    if more:
        pods = count(sum(len(placement.pods) for placement in more), "pod")
        yield f"{count(len(more), 'more existing node')} take {pods}"


def _summary(report: PlanReport) -> Iterator[str]:
    plan = report.plan
    if not report.snapshot.pods:
        yield "nothing to plan: no pod waits for a node"
        return
    on_new = sum(len(node.pods) for node in plan.new_nodes)
    on_old = sum(len(placement.pods) for placement in plan.existing)
    yield (
        f"{count(on_new + on_old, 'pod')} placed on {count(len(plan.new_nodes), 'new node')}"
        f" and {count(len(plan.existing), 'existing node')}, {len(plan.unschedulable):,} left out"
    )
    if plan.is_partial:
        yield "the deadline came first: a later plan may place more, or for less"
    how = f"({plan.method}, {report.seconds * 1000:.0f} ms)"
    price, bound = plan.usd_per_hour, plan.lower_bound_per_hour
    if price:
        gap = f", {price / bound - 1:.1%} above it" if bound else ""
        yield f"${price:.4f} an hour; no plan costs less than ${bound:.4f}{gap} {how}"
        yield from _saving(price, plan.first_fit_per_hour)
    else:
        yield f"nothing to launch {how}"


def _saving(price: float, first_fit: float) -> Iterator[str]:
    """What first-fit-decreasing, Karpenter's rule, would have cost for the same pods.

    >>> list(_saving(0.75, 1.0))
    ['first-fit costs $1.0000 an hour: 25.0% saved, $182 a month']
    >>> list(_saving(1.0, 1.0)), list(_saving(1.0, 0.0))
    (['first-fit costs the same'], [])
    >>> list(_saving(1.0, 0.9))
    ['first-fit costs $0.9000 an hour: less, but dearer by what the knobs count']
    """
    saved = round(first_fit - price, 6)
    if first_fit <= 0:
        return
    if saved == 0:
        yield "first-fit costs the same"
        return
    if saved < 0:
        yield f"first-fit costs ${first_fit:.4f} an hour: less, but dearer by what the knobs count"
        return
    month = saved * MONTH_H
    yield (
        f"first-fit costs ${first_fit:.4f} an hour: {saved / first_fit:.1%} saved,"
        f" ${month:,.0f} a month"
    )


def _by_reason(pods: Iterable[Unschedulable]) -> Iterator[tuple[str, Sequence[Unschedulable]]]:
    ordered = sorted(pods, key=lambda each: (each.reason, each.pod.key))
    for reason, group in groupby(ordered, key=lambda each: each.reason):
        yield reason, list(group)
