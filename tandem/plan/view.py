"""The plan for people: nodes with bars, the price and its bound, and why pods stay out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from nodescaler.core.model import PlannedNode, Unschedulable
from nodescaler.core.resources import CPU, MEMORY, PODS
from tandem.plan.report import PlanReport

BAR_WIDTH = 10
WIDE = 112
FULL, HALF, EMPTY = "█", "▌", "·"
MOST_NAMED = 3


def render(report: PlanReport, console: Console) -> None:
    """Print the report; bars where the line has room for them, else percentages alone."""
    drawn = BAR_WIDTH if console.width >= WIDE else 0
    for part in _parts(report, drawn):  # a sentence is for the terminal to wrap, a table is not
        console.print(part, soft_wrap=isinstance(part, Text))


def _parts(report: PlanReport, drawn: int) -> Iterator[RenderableType]:
    plan = report.plan
    if plan.new_nodes:
        yield _nodes(plan.new_nodes, drawn)
    for placement in plan.existing:
        taken = _named(pod.key for pod in placement.pods)
        yield Text(f"existing node {placement.node} takes {taken}")
    if report.snapshot.pods or not report.faults:
        yield Text(_summary(report))
    for reason, pods in _by_reason(plan.unschedulable).items():
        yield Text(f"stays out: {_named(pods)}: {reason}", style="yellow")
    for note in report.notes:
        yield Text(f"note: {note}", style="dim")
    for fault in report.faults:
        yield Text(str(fault), style="red")


def _nodes(nodes: Iterable[PlannedNode], drawn: int) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("nodes", "pool", "type", "zone", "capacity"):
        table.add_column(title, no_wrap=True)
    table.add_column("$/h each", justify="right", no_wrap=True)
    for title in ("cpu", "memory", "pods"):
        table.add_column(title, no_wrap=True)
    ordered = sorted(nodes, key=_alike)
    for _, group in groupby(ordered, key=_alike):
        same = list(group)
        table.add_row(f"{len(same)} x", *_cells(same[0], drawn))
    return table


def _alike(node: PlannedNode) -> tuple[str, float, str, str, str, tuple[tuple[str, int], ...]]:
    """Nodes that a reader cannot tell apart."""
    used = tuple(sorted(node.requests.items()))
    place = (node.instance_type, node.zone, node.capacity_type)
    return (node.pool, -node.usd_per_hour, *place, used)


def _cells(node: PlannedNode, drawn: int) -> list[str]:
    bars = [bar(node.requests, node.allocatable, name, drawn) for name in (CPU, MEMORY, PODS)]
    price = f"{node.usd_per_hour:.4f}"
    return [node.pool, node.instance_type, node.zone, node.capacity_type, price, *bars]


def bar(used: Mapping[str, int], have: Mapping[str, int], name: str, width: int) -> str:
    """How full a node is of one resource.

    >>> bar({"cpu": 550}, {"cpu": 1000}, "cpu", 10), bar({"cpu": 550}, {"cpu": 1000}, "cpu", 0)
    ('█████▌····  55%', ' 55%')
    """
    part = used.get(name, 0) / have[name] if have.get(name) else 0.0
    halves = min(int(part * width * 2 + 0.5), width * 2)
    drawn = (FULL * (halves // 2) + HALF * (halves % 2)).ljust(width, EMPTY)
    return f"{drawn}{' ' * bool(width)}{part:4.0%}"


def _summary(report: PlanReport) -> str:
    plan = report.plan
    on_new = sum(len(node.pods) for node in plan.new_nodes)
    on_old = sum(len(placement.pods) for placement in plan.existing)
    text = (
        f"{count(on_new + on_old, 'pod')} placed on {count(len(plan.new_nodes), 'new node')}"
        f" and {count(len(plan.existing), 'existing node')}, {len(plan.unschedulable)} left out"
    )
    price, bound = plan.usd_per_hour, plan.lower_bound_per_hour
    if price:
        gap = f", {price / bound - 1:.1%} above it" if bound else ""
        text += f"\n${price:.4f} an hour; no plan costs less than ${bound:.4f}{gap}"
    return f"{text} ({plan.method}, {report.seconds * 1000:.0f} ms)"


def count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _by_reason(pods: Iterable[Unschedulable]) -> dict[str, list[str]]:
    out: dict[str, list[str]] = {}
    for each in pods:
        out.setdefault(each.reason, []).append(each.pod.key)
    return out


def _named(keys: Iterable[str]) -> str:
    names = list(keys)
    more = len(names) - MOST_NAMED
    shown = ", ".join(names[:MOST_NAMED])
    return f"{shown} and {more} more" if more > 0 else shown
