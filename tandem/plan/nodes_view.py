"""The nodes of a plan as lines that fit a terminal: a head, bars, and which pods go there.

     3 x c6a.2xlarge  us-east-1a  spot  $0.1016/h  general  60 types
         cpu █████████▌  95%  memory ██████████  98%  pods ██▌·······  24%
         24 pods of Deployment shop/worker

Alike are nodes of one pool, type, zone and capacity type; their bars show the mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, zip_longest

from rich.cells import cell_len
from rich.text import Text

from nodescaler.core.model import PlannedNode
from nodescaler.core.resources import CPU, MEMORY, PODS, Resources, total
from tandem.plan.words import count, who

BAR_WIDTH = 10
FULL, HALF, EMPTY = "█", "▌", "·"
GAP = "  "
ALWAYS = (CPU, MEMORY, PODS)
FAMILY_ORDER = {name: position for position, name in enumerate(ALWAYS)}


def node_lines(nodes: Sequence[PlannedNode], width: int) -> Iterator[Text]:
    """All new nodes in lines of at most *width* cells, the dearest of each pool first."""
    groups = [list(each) for _, each in groupby(sorted(nodes, key=_alike), key=_alike)]
    if not groups:
        return
    heads = [_head(group) for group in groups]
    columns = [max(map(cell_len, column)) for column in zip_longest(*heads, fillvalue="")]
    margin = max(cell_len(f"{len(group)} x ") for group in groups)
    shown = _resources(nodes)
    for group, head in zip(groups, heads, strict=True):
        cells = [_padded(text, wide) for text, wide in zip(head, columns, strict=True)]
        for number, line in enumerate(fitted(cells, width - margin)):
            start = f"{len(group)} x " if number == 0 else ""
            yield Text(start.rjust(margin) + line, style="bold")
        for line in fitted(_bars(group, shown), width - margin):
            yield Text(" " * margin + line, style="cyan")
        pods = who(pod for node in group for pod in node.pods)
        for line in fitted(pods.split(" "), width - margin, " "):
            yield Text(" " * margin + line, style="dim")


def _alike(node: PlannedNode) -> tuple[str, float, str, str, str]:
    """Nodes that a reader cannot tell apart."""
    return (node.pool, -node.usd_per_hour, node.instance_type, node.zone, node.capacity_type)


def _head(group: Sequence[PlannedNode]) -> list[str]:
    node = group[0]
    choice = min(len(each.instance_types) for each in group)
    price = f"${node.usd_per_hour:.4f}/h"
    place = [node.instance_type, node.zone, node.capacity_type]
    return [*place, price, node.pool, f"{count(choice, 'type')} would do"]


def _padded(text: str, width: int) -> str:
    return text + " " * (width - cell_len(text))


def _resources(nodes: Sequence[PlannedNode]) -> list[str]:
    """What is worth a bar: the three that every pod takes, and whatever else is asked for."""
    used = {name for node in nodes for name, value in node.requests.items() if value > 0}
    return sorted({*ALWAYS, *used}, key=lambda name: (FAMILY_ORDER.get(name, len(ALWAYS)), name))


def _bars(group: Sequence[PlannedNode], shown: Sequence[str]) -> list[str]:
    used = total(node.requests for node in group)
    have = total(node.allocatable for node in group)
    return [
        f"{name} {bar(used, have, name, BAR_WIDTH)}"
        for name in shown
        if name in ALWAYS or used.get(name, 0) > 0
    ]


def bar(used: Mapping[str, int], have: Resources, name: str, width: int) -> str:
    """How full a node is of one resource.

    >>> bar({"cpu": 550}, {"cpu": 1000}, "cpu", 10)
    '█████▌····  55%'
    """
    part = used.get(name, 0) / have[name] if have.get(name) else 0.0
    halves = min(int(part * width * 2 + 0.5), width * 2)
    drawn = (FULL * (halves // 2) + HALF * (halves % 2)).ljust(width, EMPTY)
    return f"{drawn} {part:4.0%}"


def fitted(parts: Sequence[str], width: int, gap: str = GAP) -> list[str]:
    """The parts in as few lines as they fit into; one that is wider has a line of its own.

    >>> fitted(["aaa", "bb", "c"], 7), fitted(["aaa", "bb"], 2)
    (['aaa  bb', 'c'], ['aaa', 'bb'])
    """
    lines: list[str] = []
    for part in parts:
        longer = f"{lines[-1]}{gap}{part}" if lines else part
        if lines and cell_len(longer.rstrip()) <= width:
            lines[-1] = longer
        else:
            lines.append(part)
    return [line.rstrip() for line in lines]
