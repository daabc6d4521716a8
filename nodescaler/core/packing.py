"""Which nodes to launch for the pods that wait, where each pod goes, and why some stay out.

Space that exists or is on its way comes first. Then pools, the heaviest first, each take what they
can hold (`core.greedy`); what is left over has a reason (`core.reasons`). The price is compared
with a bound that no plan for the same pods can undercut (`core.bound`).

Limits: pod affinity, spread over zones, volumes and preferences are not planned; the plan says so
for each class concerned. Pure; the order of the input never matters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from nodescaler.core.bound import Demand, lower_bound
from nodescaler.core.classes import PodClass, classes_of
from nodescaler.core.greedy import (
    Counts,
    Load,
    Packed,
    Problem,
    bits,
    charged,
    pack_pool,
    sufficient,
)
from nodescaler.core.labels import (
    CAPACITY_TYPE,
    HOSTNAME,
    INSTANCE_TYPE,
    ZONE,
    Allowed,
    Requirements,
)
from nodescaler.core.model import (
    NodePool,
    Placement,
    Plan,
    PlannedNode,
    PodSpec,
    Snapshot,
    Unschedulable,
)
from nodescaler.core.offers import Offer, offers_of
from nodescaler.core.reasons import PoolView, explain
from nodescaler.core.resources import how_many, minus, times, total
from nodescaler.core.space import Space, conflict, refusal, space_of

METHOD = "greedy"


@dataclass(frozen=True, slots=True)
class PackSettings:
    """What an operator may choose about packing."""

    most_types: int = 60  # instance types a node may be launched as; a cloud's request has a limit
    rounds: int = 6  # how often to improve on the first plan (`core.greedy`)


@dataclass(frozen=True, slots=True)
class _Pool:
    """One pool on its turn."""

    pool: NodePool
    offers: tuple[Offer, ...]
    room: Mapping[str, int]
    packed: Packed


def pack(snapshot: Snapshot, settings: PackSettings | None = None) -> Plan:
    """Plan nodes for ``snapshot.pods``."""
    others = [pod for node in snapshot.nodes for pod in node.pods]
    classes = classes_of(snapshot.pods, others)
    names = sorted({n for each in classes for n, v in each.sample.requests.items() if v > 0})
    counts, existing = _into_existing(snapshot, classes)
    problem = _problem(classes, names)
    chosen = settings or PackSettings()
    pools = _into_pools(snapshot, classes, counts, problem, (names, chosen.rounds))
    left = pools[-1].packed.left if pools else counts
    queues = [iter(each.pods) for each in classes]
    placed = {name: _take(queues, taken) for name, taken in existing.items() if taken}
    nodes = _planned(pools, problem, queues, chosen)
    return Plan(
        new_nodes=tuple(nodes),
        existing=tuple(Placement(name, pods) for name, pods in sorted(placed.items())),
        unschedulable=_unschedulable(snapshot, classes, left, queues, (pools, names)),
        lower_bound_per_hour=_bound(problem, pools),
        method=METHOD,
        notes=_notes(classes),
    )


# ---------------------------------------------------------------- space that is there


def _into_existing(
    snapshot: Snapshot, classes: Sequence[PodClass]
) -> tuple[Counts, dict[str, Counts]]:
    """How many of each class are left over, and what each node takes."""
    nodes = [n for n in snapshot.nodes if not n.deleting and not n.unschedulable]
    nodes.sort(key=lambda node: (not node.initialised, node.name))
    spaces = [space_of(node, snapshot.daemons) for node in nodes]
    taken: dict[str, Counts] = {space.name: {} for space in spaces}
    left = {c: len(each.pods) for c, each in enumerate(classes)}
    for c, each in enumerate(classes):
        for position, space in enumerate(spaces):
            fit = _fit(each.sample, space, left[c]) if left[c] else 0
            if fit:
                spaces[position] = _filled(space, each.sample, fit)
                taken[space.name][c] = fit
                left[c] -= fit
    return {c: n for c, n in left.items() if n}, taken


def _fit(pod: PodSpec, space: Space, most: int) -> int:
    """How many such pods the node takes."""
    if refusal(pod, space) is not None:
        return 0
    alone = conflict(pod, pod) is not None
    return 1 if alone else how_many(pod.requests, space.free, most)


def _filled(space: Space, pod: PodSpec, count: int) -> Space:
    guards = (*space.guards, pod) if pod.is_guarded else space.guards
    free = minus(space.free, times(pod.requests, count))
    return replace(space, free=free, pods=(*space.pods, pod), guards=guards)


# ---------------------------------------------------------------- nodes to launch


def _problem(classes: Sequence[PodClass], names: Sequence[str]) -> Problem:
    samples = [each.sample for each in classes]
    needs = tuple(tuple(pod.requests.get(name, 0) for name in names) for pod in samples)
    conflicts = tuple(
        bits(o for o, other in enumerate(samples) if conflict(pod, other)) for pod in samples
    )
    return Problem(needs, conflicts, tuple(0.0 for _ in samples))


def _into_pools(
    snapshot: Snapshot,
    classes: Sequence[PodClass],
    counts: Counts,
    problem: Problem,
    how: tuple[Sequence[str], int],
) -> list[_Pool]:
    """Every pool in its turn; each passes on what it cannot hold."""
    names, rounds = how
    usable = [p for p in snapshot.pools if p.replicas is None and not p.deleting]
    out: list[_Pool] = []
    left = counts
    for pool in sorted(usable, key=lambda pool: (-pool.weight, pool.name)):
        offers = offers_of(
            pool, snapshot.types.get(pool.name, ()), snapshot.daemons, classes, names
        )
        room = minus_usage(pool, snapshot.usage.get(pool.name, {}))
        worth = lower_bound(_demands(problem, left), offers, len(names)).worth
        priced = replace(problem, worth=tuple(worth.get(c, 0.0) for c in range(len(classes))))
        packed = pack_pool(priced, left, offers, room, rounds)
        out.append(_Pool(pool, offers, room, packed))
        left = packed.left
    return out


def minus_usage(pool: NodePool, usage: Mapping[str, int]) -> dict[str, int]:
    """What the pool's limits leave."""
    return {name: limit - usage.get(name, 0) for name, limit in pool.limits.items()}


def _demands(problem: Problem, counts: Mapping[int, int]) -> list[Demand]:
    return [
        Demand(c, problem.needs[c], n, alone=bool(problem.conflicts[c] >> c & 1))
        for c, n in sorted(counts.items())
    ]


def _bound(problem: Problem, pools: Sequence[_Pool]) -> float:
    """For the pods on new nodes, over the offers of all pools."""
    on_new: Counts = {}
    for turn in pools:
        for load in turn.packed.loads:
            for c, n in load.counts:
                on_new[c] = on_new.get(c, 0) + n * load.copies
    offers = [offer for turn in pools for offer in turn.offers]
    width = len(problem.needs[0]) if problem.needs else 0
    return lower_bound(_demands(problem, on_new), offers, width).usd_per_hour


# ---------------------------------------------------------------- the answer


def _take(queues: Sequence[Iterator[PodSpec]], counts: Mapping[int, int]) -> tuple[PodSpec, ...]:
    """The next pods of each class."""
    return tuple(pod for c, n in sorted(counts.items()) for pod in islice(queues[c], n))


def _planned(
    pools: Sequence[_Pool],
    problem: Problem,
    queues: Sequence[Iterator[PodSpec]],
    settings: PackSettings,
) -> Iterator[PlannedNode]:
    for turn in pools:
        number = 0
        for load in turn.packed.loads:
            node = _node(turn, load, problem, settings)
            for _ in range(load.copies):
                number += 1
                pods = _take(queues, dict(load.counts))
                requests = total([node.requests, *(pod.requests for pod in pods)])
                name = f"{turn.pool.name}-{number}"
                yield replace(node, name=name, pods=pods, requests=requests)


def _node(turn: _Pool, load: Load, problem: Problem, settings: PackSettings) -> PlannedNode:
    """The node without its pods: the cheapest offer that suffices, and all others that would."""
    options = _options(load, problem, turn)
    best = options[0]
    types = tuple(dict.fromkeys(o.type.name for o in options))[: settings.most_types]
    options = [offer for offer in options if offer.type.name in types]
    return PlannedNode(
        name="",
        pool=turn.pool.name,
        instance_type=best.type.name,
        zone=best.offering.zone,
        capacity_type=best.offering.capacity_type,
        usd_per_hour=best.price,
        instance_types=types,
        pods=(),
        requirements=_asked(turn.pool, options),
        labels={k: v for k, v in best.template.labels.items() if k != HOSTNAME},
        taints=turn.pool.taints,
        startup_taints=turn.pool.startup_taints,
        requests=total(daemon.requests for daemon in best.daemons),
        allocatable=best.type.allocatable,
    )


def _options(load: Load, problem: Problem, turn: _Pool) -> list[Offer]:
    """Sufficient offers of the same template, cheapest first, none above the limits it was charged.

    A claim asks for types, zones and capacity types each on their own, so every combination of
    them must do; where one would not, the node is tied to the best offer's zone and capacity type.
    """
    same = [offer for offer in turn.offers if offer.template is load.offer.template]
    most = charged(turn.room, replace(load, copies=1))
    good = [
        offer
        for offer in sufficient(problem, dict(load.counts), same)
        if all(charged(turn.room, Load(offer, ())).get(n, 0) >= v for n, v in most.items())
    ]
    if _is_closed(good, same):
        return good
    tie = (good[0].offering.zone, good[0].offering.capacity_type)
    return [o for o in good if (o.offering.zone, o.offering.capacity_type) == tie]


def _is_closed(good: Sequence[Offer], every: Sequence[Offer]) -> bool:
    types = {offer.type.name for offer in good}
    places = {(o.offering.zone, o.offering.capacity_type) for o in good}
    zones, kinds = {zone for zone, _ in places}, {kind for _, kind in places}
    inside = sum(
        1
        for o in every
        if o.type.name in types and o.offering.zone in zones and o.offering.capacity_type in kinds
    )
    return inside == len(good)


def _asked(pool: NodePool, options: Sequence[Offer]) -> Requirements:
    """What the claim asks for: the pool's requirements, narrowed to the options."""
    return pool.requirements & Requirements(
        {
            INSTANCE_TYPE: Allowed.one_of(*(offer.type.name for offer in options)),
            ZONE: Allowed.one_of(*(offer.offering.zone for offer in options)),
            CAPACITY_TYPE: Allowed.one_of(*(offer.offering.capacity_type for offer in options)),
        }
    )


def _unschedulable(
    snapshot: Snapshot,
    classes: Sequence[PodClass],
    left: Mapping[int, int],
    queues: Sequence[Iterator[PodSpec]],
    pools: tuple[Sequence[_Pool], Sequence[str]],
) -> tuple[Unschedulable, ...]:
    turns, names = pools
    out: list[Unschedulable] = []
    for c in sorted(left):
        views = [
            PoolView(turn.pool, turn.offers, _spare(turn), position=c, names=tuple(names))
            for turn in turns
        ]
        reason = explain(classes[c].sample, views, snapshot)
        out += [Unschedulable(pod, reason) for pod in queues[c]]
    return tuple(sorted(out, key=lambda each: (each.pod.key, each.pod.uid)))


def _spare(turn: _Pool) -> Mapping[str, int]:
    spare = turn.room
    for load in turn.packed.loads:
        spare = charged(spare, load)
    return spare


def _notes(classes: Sequence[PodClass]) -> tuple[str, ...]:
    """What the plan did not look at, class by class."""
    out: list[str] = []
    for each in classes:
        pod, more = each.sample, len(each.pods) - 1
        who = f"{pod.key} and {more} more" if more else pod.key
        ignored = ["preferred node affinity"] if pod.preferences else []
        out += [f"{who}: {what} is not planned; placed by resources" for what in ignored]
    return tuple(sorted(set(out)))
