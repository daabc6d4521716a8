"""From an outcome, in rows and numbers, to the plan that is carried out: pods by name.

Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from nodescaler.core.bins import Item
from nodescaler.core.classes import PodClass
from nodescaler.core.columns import Mask
from nodescaler.core.labels import HOSTNAME
from nodescaler.core.lots import Bought
from nodescaler.core.model import Placement, PlannedNode, PodSpec
from nodescaler.core.options import Choice, asked
from nodescaler.core.outcome import Outcome, World
from nodescaler.core.resources import total


class Queues:
    """The pods of each class, handed out one after the other."""

    def __init__(self, outcome: Outcome, classes: Sequence[PodClass]) -> None:
        self._rows = outcome.rows
        self._classes = classes
        self._of_class: dict[int, Iterator[PodSpec]] = {
            row.position: iter(row.each.pods) for row in outcome.rows
        }

    def take(self, counts: Mapping[int, int]) -> tuple[PodSpec, ...]:
        """The next pods of each row."""
        return tuple(
            pod
            for row, number in sorted(counts.items())
            for pod in islice(self._of_class[self._rows[row].position], number)
        )

    def take_of(self, position: int, number: int) -> tuple[PodSpec, ...]:
        """The next pods of a class."""
        if position not in self._of_class:
            self._of_class[position] = iter(self._classes[position].pods)
        return tuple(islice(self._of_class[position], number))


@dataclass(frozen=True, slots=True, eq=False)
class Built:
    """The plan's nodes and placements; *short* says which ``minValues`` are not met."""

    nodes: tuple[PlannedNode, ...]
    existing: tuple[Placement, ...]
    short: tuple[str, ...]


def built(world: World, outcome: Outcome, queues: Queues, avoid: Mask) -> Built:
    """Nodes and placements with their pods; *avoid* are offers not to be listed without need."""
    existing = tuple(
        sorted(
            (
                Placement(world.nodes.states[n].name, queues.take(held))
                for n, held in sorted(outcome.existing.items())
            ),
            key=lambda each: each.node,
        )
    )
    nodes: list[PlannedNode] = []
    known: dict[object, PlannedNode] = {}
    limits = outcome.limits.copy()
    short: dict[str, None] = {}
    numbers: dict[str, int] = {}
    for turn in outcome.turns:
        for bought in turn.purchase.draft.nodes:
            spare = np.maximum(limits.room, 0) // bought.copies
            choice = turn.purchase.options.choice(bought, spare, avoid)
            limits.widen(bought.offer, choice.listed, bought.copies)
            key = (choice.offer, choice.types, choice.zones, choice.capacities)
            if key not in known:
                known[key] = _node(world, choice)
            plain = known[key]
            short |= {f"pool {plain.pool}: {text}": None for text in choice.short}
            for _ in range(bought.copies):
                numbers[plain.pool] = numbers.get(plain.pool, 0) + 1
                pods = queues.take(_rows(turn.items, bought))
                requests = total([plain.requests, *(pod.requests for pod in pods)])
                name = f"{plain.pool}-{numbers[plain.pool]}"
                nodes.append(replace(plain, name=name, pods=pods, requests=requests))
    return Built(tuple(nodes), existing, tuple(short))


def _rows(items: Sequence[Item], bought: Bought) -> dict[int, int]:
    counts: dict[int, int] = {}
    for item, number in bought.counts:
        for row, each in items[item].members:
            counts[row] = counts.get(row, 0) + number * each
    return counts


def _node(world: World, choice: Choice) -> PlannedNode:
    """The node without its pods."""
    offers, best = world.offers, choice.offer
    template, offering = offers.template(best), offers.offering(best)
    daemons = [d.pod for d, runs in zip(world.snapshot.daemons, offers.runs, strict=True)
               if runs[best]]  # fmt: skip
    return PlannedNode(
        name="",
        pool=template.pool.name,
        instance_type=offers.type(best).name,
        zone=offering.zone,
        capacity_type=offering.capacity_type,
        usd_per_hour=offering.usd_per_hour,
        instance_types=choice.types,
        pods=(),
        requirements=asked(template.pool, choice),
        labels={k: v for k, v in template.labels.items() if k != HOSTNAME},
        taints=template.pool.taints,
        startup_taints=template.pool.startup_taints,
        requests=total(pod.requests for pod in daemons),
        allocatable=offers.type(best).allocatable,
        min_values_relaxed=bool(choice.short),
    )
