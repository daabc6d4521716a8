"""Pods that are placed all or none: which gang is not complete, and why.

Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from nodescaler.core.classes import PodClass
from nodescaler.core.model import NodeState
from nodescaler.core.outcome import Outcome


class Gangs:
    """The gangs among some classes, by name.

    Args:
        classes: of the pods to place.
        nodes: with the pods that run already, which count.
    """

    def __init__(self, classes: Sequence[PodClass], nodes: Iterable[NodeState]) -> None:
        self._priority = [each.sample.priority for each in classes]
        self._members: dict[str, list[int]] = {}
        self._minimum: dict[str, int] = {}
        for number, each in enumerate(classes):
            gang = each.sample.gang
            if gang is not None:
                self._members.setdefault(gang.name, []).append(number)
                self._minimum[gang.name] = max(self._minimum.get(gang.name, 0), gang.minimum)
        self._running = _running(nodes) if self._members else {}

    def broken(self, outcome: Outcome, why: Callable[[int], str]) -> dict[int, str]:
        """The classes of the first gang of which too few pods have a place, and the reason.

        Args:
            outcome: of an attempt.
            why: says what keeps a row's pods out.
        """
        placed = dict(self._running)
        reasons: dict[str, str] = {}
        for number, row in enumerate(outcome.rows):
            gang, left = row.each.sample.gang, outcome.left[number]
            if gang is not None:
                placed[gang.name] = placed.get(gang.name, 0) + row.count - left
                if left and gang.name not in reasons:
                    reasons[gang.name] = why(number)
        there = {row.each.sample.gang.name for row in outcome.rows if row.each.sample.gang}
        for name in sorted(there, key=self._dispensable):
            if placed[name] < self._minimum[name]:
                reason = f"pod group {name} needs {self._minimum[name]} pods placed together;"
                reason += f" only {placed[name]} can be"
                reason += f": {reasons[name]}" if reasons.get(name) else ""
                return dict.fromkeys(self._members[name], reason)
        return {}

    def _dispensable(self, name: str) -> tuple[int, int, str]:
        """Sorts first: the gang that makes most room for others, for the least priority."""
        priority = max(self._priority[n] for n in self._members[name])
        return (priority, -self._minimum[name], name)


def _running(nodes: Iterable[NodeState]) -> dict[str, int]:
    """How many pods of each gang run."""
    out: dict[str, int] = {}
    for node in nodes:
        for pod in node.pods:
            if pod.gang is not None and not pod.is_over and pod.deletes_at is None:
                out[pod.gang.name] = out.get(pod.gang.name, 0) + 1
    return out
