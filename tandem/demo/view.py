"""How the demo looks: a live screen on a terminal, plain lines anywhere else.

Pure rendering of a `Sample` and the last decisions; the runner owns the refresh. The screen always
has the terminal's height: what comes and goes takes its room from the decisions, of which the
newest are shown, so that nothing below jumps and nothing is cut.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from rich.console import Group, RenderableType
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from tandem.demo.timeline import NodeLine, Sample

_BARS = " ▁▂▃▄▅▆▇█"
_PHASES = (("Running", "green"), ("Pending", "yellow"), ("Terminating", "red"))
_VALUE_WIDTH = 37  # "10 running  10 pending  10 terminating"
_LABEL_WIDTH = 12
_FIXED_LINES = 9  # title, five figures, the nodes' header, the rule, the line that rich leaves free
_FEWEST_DECISIONS = 5
BAR_S = 2.0


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
    """The last *width* values as bars, scaled to the largest of them; only zero has no bar.

    >>> sparkline([0, 1, 2, 4, 8], 5), sparkline([0, 1, 100], 9)
    (' ▁▂▄█', ' ▁█')
    """
    shown = list(values)[-width:]
    top = max(shown, default=0) or 1
    full = len(_BARS) - 1
    return "".join(_BARS[max(round(value / top * full), value > 0)] for value in shown)


def screen(
    samples: Sequence[Sample], decisions: Iterable[str], *, hint: str, width: int, height: int
) -> RenderableType:
    """The whole live view: figures with their history, the nodes, the last decisions.

    Args:
        samples: from the start of the demo.
        decisions: oldest first.
        hint: a command for another terminal.
        width: columns of the terminal.
        height: its lines, all of which are used.
    """
    now = samples[-1]
    free = height - _FIXED_LINES - len(_wrapped(hint, width))
    shown = now.nodes[: max(1, free - _FEWEST_DECISIONS)]
    hidden = len(now.nodes) - len(shown)
    lines = max(0, free - max(1, len(shown)) - bool(hidden))
    return Group(
        Text(f" tandem demo  {now.seconds:5.1f} s ".ljust(width), style="bold reverse"),
        _figures(samples, width - _LABEL_WIDTH - _VALUE_WIDTH),
        _nodes(shown),
        *([Text(f" and {hidden} more", style="dim")] if hidden else []),
        Rule("decisions", align="left", style="dim"),
        *_newest(decisions, width, lines),
        Text(hint, style="dim", overflow="fold"),
    )


def _figures(samples: Sequence[Sample], bars: int) -> RenderableType:
    now = samples[-1]
    pods = Text("  ").join(Text(f"{now.pods[p]} {p.lower()}", style=c) for p, c in _PHASES)
    history = list(_every(samples, BAR_S))
    rows: list[tuple[str, RenderableType, list[float]]] = [
        ("backlog", Text(f"{now.backlog} messages"), [s.backlog for s in history]),
        ("replicas", Text(str(now.replicas)), [s.replicas for s in history]),
        ("pods", pods, [s.pods["Running"] for s in history]),
        ("nodes", Text(str(len(now.nodes))), [len(s.nodes) for s in history]),
        ("price", Text(f"${now.usd_per_hour:.4f} an hour"), [s.usd_per_hour for s in history]),
    ]
    table = Table(box=None, show_header=False, padding=(0, 1))
    table.add_column(style="bold", width=_LABEL_WIDTH - 4)
    table.add_column(width=_VALUE_WIDTH)
    table.add_column(style="cyan", no_wrap=True)
    for name, value, past in rows:
        table.add_row(name, value, sparkline(past, max(1, bars - 3)))
    return table


def _every(samples: Sequence[Sample], seconds: float) -> Iterator[Sample]:
    """The last sample of each stretch of time: once drawn, a bar keeps its height and place."""
    for sample, following in pairwise(samples):
        if sample.seconds // seconds != following.seconds // seconds:
            yield sample
    yield samples[-1]


def _nodes(nodes: Sequence[NodeLine]) -> RenderableType:
    table = Table(box=None, padding=(0, 1), header_style="dim")
    for column in ("node", "type", "capacity", "zone"):
        table.add_column(column, no_wrap=True)
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


def _newest(decisions: Iterable[str], width: int, lines: int) -> list[Text]:
    """As many of the last decisions as fit into exactly *lines*, whole, oldest first."""
    shown: list[str] = []
    for decision in reversed(list(decisions)):
        wrapped = _wrapped(decision, width - 1)
        if len(shown) + len(wrapped) > lines:
            break
        shown[:0] = wrapped
    shown = shown or ["nothing to decide yet"][:lines]
    return [Text(f" {line}", no_wrap=True) for line in shown + [""] * (lines - len(shown))]


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, max(20, width), subsequent_indent="    ") or [""]


def decision_line(event: Mapping[str, Any]) -> str:
    """One structured log line as a sentence: what, about which object, why."""
    what = str(event.get("event", ""))
    about = str(event.get("object", "")).rpartition("/")[2]
    why = str(event.get("why", ""))
    decided = event.get("decided")
    if isinstance(decided, (list, tuple)):
        decided = ", ".join(map(str, decided))
    middle = f" → {decided}" if decided is not None else ""
    return f"{what} {about}{middle}{f' ({why})' if why else ''}".strip()
