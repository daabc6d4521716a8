"""How the demo looks: a live screen on a terminal, plain lines anywhere else.

Pure rendering of a `Sample` and the last decisions; the runner owns the refresh.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from tandem.demo.timeline import NodeLine, Sample

_BARS = " ▁▂▃▄▅▆▇█"
_PHASES = (("Running", "green"), ("Pending", "yellow"), ("Terminating", "red"))


def plain(sample: Sample) -> str:
    """One line for pipes and logs.

    >>> plain(Sample(seconds=4, backlog=300, done=0, replicas=10))
    '[  4.0s] backlog 300  replicas 10  pods 0 running 0 pending  nodes 0  $0.0000/h  done 0'
    """
    pods = sample.pods
    return (
        f"[{sample.seconds:5.1f}s] backlog {sample.backlog}  replicas {sample.replicas}  "
        f"pods {pods['Running']} running {pods['Pending']} pending  nodes {len(sample.nodes)}  "
        f"${sample.usd_per_hour:.4f}/h  done {sample.done}"
    )


def sparkline(values: Sequence[float], width: int) -> str:
    """The last *width* values as bars, scaled to the largest of them.

    >>> sparkline([0, 1, 2, 4, 8], 5)
    ' ▁▂▄█'
    """
    shown = list(values)[-width:]
    top = max(shown, default=0) or 1
    return "".join(_BARS[round(value / top * (len(_BARS) - 1))] for value in shown)


def screen(samples: Sequence[Sample], decisions: Iterable[str], *, hint: str) -> RenderableType:
    """The whole live view: figures with their history, the nodes, the last decisions."""
    return Group(
        Text(f" tandem demo  {samples[-1].seconds:5.1f} s", style="bold reverse"),
        _figures(samples),
        _nodes(samples[-1].nodes),
        Panel(
            Text("\n".join(decisions) or "nothing to decide yet", overflow="ellipsis"),
            title="decisions",
            title_align="left",
            border_style="dim",
        ),
        Text(hint, style="dim", overflow="fold"),
    )


def _figures(samples: Sequence[Sample]) -> RenderableType:
    now = samples[-1]
    pods = Text("  ").join(Text(f"{now.pods[p]} {p.lower()}", style=c) for p, c in _PHASES)
    rows: list[tuple[str, RenderableType, list[float]]] = [
        ("backlog", Text(f"{now.backlog} messages"), [s.backlog for s in samples]),
        ("replicas", Text(str(now.replicas)), [s.replicas for s in samples]),
        ("pods", pods, [s.pods["Running"] for s in samples]),
        ("nodes", Text(str(len(now.nodes))), [len(s.nodes) for s in samples]),
        ("price", Text(f"${now.usd_per_hour:.4f} an hour"), [s.usd_per_hour for s in samples]),
    ]
    table = Table(box=None, show_header=False, padding=(0, 1))
    table.add_column(style="bold", min_width=9)
    table.add_column(min_width=40)
    table.add_column(style="cyan")
    for name, value, history in rows:
        table.add_row(name, value, sparkline(history, 30))
    return table


def _nodes(nodes: Sequence[NodeLine]) -> RenderableType:
    table = Table(box=None, padding=(0, 1), header_style="dim")
    for column in ("node", "type", "capacity", "zone"):
        table.add_column(column)
    table.add_column("$/h", justify="right")
    table.add_column("pods", justify="right")
    table.add_column("state")
    for node in nodes:
        state = Text("ready", style="green") if node.ready else Text("joining", style="yellow")
        price = f"{node.usd_per_hour:.4f}"
        kind = (node.name, node.instance_type, node.capacity_type, node.zone)
        table.add_row(*kind, price, str(node.pods), state)
    if not nodes:
        table.add_row(Text("none", style="dim"))
    return table


def decision_line(event: Mapping[str, Any]) -> str:
    """One structured log line as a sentence: what, about which object, why."""
    what = str(event.get("event", ""))
    about = str(event.get("object", ""))
    why = str(event.get("why", ""))
    decided = event.get("decided")
    middle = f" → {decided}" if decided is not None else ""
    return f"{what}  {about}{middle}  {why}".strip()
