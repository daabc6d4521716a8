"""Whole nodes out of the divisible plan: buy what is whole, share evenly, look again at the rest.

Each offer that the programme buys is bought as often as its number of nodes allows (rounded down)
and its pods are dealt to those nodes so that all get the same mix, largest pods first, the odd ones
where most room is left. The gaps of all nodes are filled, the fullest first. For the pods still
left the programme is asked again, with offers only that do not cost more than all of them; when it
buys no whole node, the largest part of one becomes whole. Before each such node it is noted what
greedy buying (`fill`) would make of the rest; the cheapest ending is kept.

Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nodescaler.core.market.bound import Plan, relaxed
from nodescaler.core.market.fill import Guide, finish
from nodescaler.core.market.model import Floats, Ints, Shares
from nodescaler.core.market.nodes import Nodes, accepted, cheapest, in_order, sufficient
from nodescaler.core.market.reduce import Core
from nodescaler.core.market.study import Study
from nodescaler.core.market.work import CLASS_S, REST_S, Meter

FULL = 1 - 1e-6  # a node that the programme buys but for a rounding error is a whole one
MANY = 100  # classes left
ENDING = 0.4  # part of the worth left
COARSE = 64  # classes that the rest is looked at with
ALMOST = 0.8  # of a node: bought whole together with others
MOST_ROUNDS = 24
ROUND = 1e-9


def guide_of(study: Study, meter: Meter) -> Guide:
    """The programme's prices over all of the core's resources (zero where nobody asks for one)."""
    core, tariffs = study.core, study.relaxed.tariffs
    tariff = np.zeros(core.free.shape)
    asked = np.flatnonzero(core.need.any(axis=0))
    tariff[:, asked] = tariffs.tariff[:, : len(asked)]
    sizes = np.lexsort((np.arange(len(core.count)), -tariffs.worth.round(12)))
    return Guide(tariffs.worth, tariff, tariffs.covered, sizes, meter)


@dataclass(frozen=True, slots=True, eq=False)
class Packed:
    """Nodes with pods on them, what each became, and the pods that limits left over, int64[C]."""

    nodes: Nodes
    offer: Ints
    left: Ints
    price: float

    @property
    def quality(self) -> tuple[tuple[int, ...], float]:
        """Sorts before: fewer pods left of the first class, of the next, ...; then cheaper."""
        return tuple(self.left.tolist()) if self.left.any() else (), self.price


def settled(nodes: Nodes, left: Ints) -> Packed:
    """Every node becomes its cheapest sufficient offer."""
    offer = trimmed(nodes)
    held = np.unique(nodes.pods.table()[0])
    return Packed(nodes, offer, left, float(nodes.core.price[offer[held]].sum()))


def least(best: Packed | None, found: Packed) -> Packed:
    """The better one."""
    return found if best is None else min(best, found, key=lambda packed: packed.quality)


def rounded(study: Study, guide: Guide) -> Packed:
    """All pods of the market, by the plan of the study."""
    nodes = Nodes(study.core)
    left = study.core.count - buy_whole(nodes, study.core.count, study.relaxed.plan, guide)
    return completed(nodes, left, guide)


def completed(nodes: Nodes, left: Ints, guide: Guide) -> Packed:
    """The cheapest ending seen for the pods left; more pods and nodes are put into *nodes*."""
    best: Packed | None = None
    entry = float(guide.worth @ left)
    for _ in range(MOST_ROUNDS):
        left = left - fill_gaps(nodes, left, guide)
        guide.meter.spend(REST_S + CLASS_S * np.count_nonzero(left))
        if not left.any() or guide.meter.ended():
            break
        plan = _rest(nodes, left, guide)
        if plan.nodes.max(initial=0.0) < FULL:
            if _worth_ending(plan, left, guide, entry):
                ending = nodes.copy()
                best = least(best, settled(ending, finish(ending, left, guide)))
            if not plan.nodes.any():
                break
            plan = _grown(nodes.core, plan)
        left = left - buy_whole(nodes, left, plan, guide)
    return least(best, settled(nodes, left))


def _worth_ending(plan: Plan, left: Ints, guide: Guide, entry: float) -> bool:
    """Greedy buying for many classes takes long, and is not good when much is left."""
    few = int(np.count_nonzero(left)) <= MANY
    return few or not plan.nodes.any() or float(guide.worth @ left) < ENDING * entry


def buy_whole(nodes: Nodes, left: Ints, plan: Plan, guide: Guide) -> Ints:
    """Buy what the plan has of whole nodes and deal their pods; how many of each class."""
    first = len(nodes.offer)
    for offer in np.flatnonzero(plan.nodes >= FULL).tolist():
        nodes.open(offer, min(int(plan.nodes[offer] + 1 - FULL), nodes.affordable(offer)))
    return _deal(nodes, np.arange(first, len(nodes.offer)), plan, left, guide)


def _deal(nodes: Nodes, rows: Ints, plan: Plan, left: Ints, guide: Guide) -> Ints:
    """Give the new nodes *rows* what the plan has on such a node; how many pods of each class.

    Largest pods first. Each node gets its share rounded down; the odd pods go where they best
    make up for what a node so far lacks of each resource, in dollars, as least squares have it.
    """
    placed = np.zeros_like(left)
    shares = plan.shares
    column = np.full(len(plan.nodes), -1, dtype=np.int64)
    bought, place = np.unique(nodes.offer[rows], return_inverse=True)
    column[bought] = np.arange(len(bought))
    mine = column[shares.offers] >= 0
    portion = np.zeros((len(left), len(bought)))
    pods = shares.pods[mine] / plan.nodes[shares.offers[mine]]
    portion[shares.classes[mine], column[shares.offers[mine]]] = pods
    weight = guide.tariff[nodes.offer[rows]] ** 2
    lack = np.zeros((len(rows), weight.shape[1]))
    owed = 0.0
    for c in guide.sizes[portion[guide.sizes].any(axis=1)].tolist():
        if guide.meter.ended():
            break
        need = nodes.core.need[c]
        ideal = portion[c, place]
        lack += ideal[:, None] * need
        owed = ideal.sum() + max(min(owed, 0.5), -0.5)
        wanted = min(int(owed + 0.5), int(left[c]))
        owed -= wanted
        capacity = np.where(ideal > 0, nodes.capacity(c)[rows], 0)
        base = np.minimum(np.floor(ideal + ROUND).astype(np.int64), capacity)
        base = in_order(wanted, base, np.arange(len(rows)))
        after = lack - base[:, None] * need
        value = (weight * need * (2 * after - need)).sum(axis=1)
        counts = base + evenly(wanted - int(base.sum()), capacity - base, value)
        lack -= counts[:, None] * need
        placed[c] = nodes.put(c, rows, counts)
    return placed


def _rest(nodes: Nodes, left: Ints, guide: Guide) -> Plan:
    """Ask the programme about the pods left, with no offer that costs more than all of them."""
    core = nodes.core
    usable = (core.usage <= nodes.budget[:, None]).all(axis=0)
    fits = core.fits & usable
    count = np.where(fits.any(axis=1), left, 0)
    there = np.flatnonzero(count)
    dearest = core.price[fits[there].argmax(axis=1)].max(initial=0.0)
    most = max(float(count @ guide.worth), float(dearest))
    offers = np.flatnonzero(usable & (core.price <= most) & core.fits[there].any(axis=0))
    found = relaxed(core, count, offers, nodes.budget, COARSE)
    guide.meter.spend(found.work_s)
    return found.plan


def _grown(core: Core, plan: Plan) -> Plan:
    """A whole node of the offer that the plan spends most on, and of each of which it has most."""
    spent = (plan.nodes * core.price).round(9)
    grown = plan.nodes >= ALMOST
    grown[int(spent.argmax() if spent.any() else plan.nodes.argmax())] = True
    shares = plan.shares
    mine = grown[shares.offers]
    offers = shares.offers[mine]
    pods = shares.pods[mine] / plan.nodes[offers]
    return Plan(grown.astype(float), Shares(shares.classes[mine], offers, pods))


def evenly(wanted: int, capacity: Ints, value: Floats) -> Ints:
    """The same number for each node as far as there is capacity, the odd ones by *value*.

    >>> evenly(5, np.array([9, 1, 9]), np.array([1.0, 2.0, 3.0]))
    array([2, 1, 2])
    """
    out = np.zeros_like(capacity)
    while wanted > 0:
        able = np.flatnonzero(out < capacity)
        if not len(able):
            break
        each = wanted // len(able)
        if each == 0:
            able = able[np.argsort(-value[able], kind="stable")][:wanted]
            each = 1
        added = np.minimum(each, capacity[able] - out[able])
        out[able] += added
        wanted -= int(added.sum())
    return out


def fill_gaps(nodes: Nodes, left: Ints, guide: Guide) -> Ints:
    """Fill open nodes, largest pods and fullest nodes first; how many of each class found room."""
    placed = np.zeros_like(left)
    if not len(nodes.offer):
        return placed
    for c in guide.sizes[left[guide.sizes] > 0].tolist():
        if guide.meter.ended():
            break
        capacity = nodes.capacity(c)
        if capacity.any():
            value = (nodes.room * guide.tariff[nodes.offer]).sum(axis=1)
            order = np.argsort(value, kind="stable")
            rows = np.arange(len(capacity))
            placed[c] = nodes.put(c, rows, in_order(int(left[c]), capacity, order))
    return placed


def trimmed(nodes: Nodes) -> Ints:
    """int64[N]: the cheapest offer that still holds each node's pods, limits permitting."""
    core = nodes.core
    node, kind, _ = nodes.pods.table()
    used = core.free[nodes.offer] - nodes.room
    enough = sufficient(core, used, accepted(core, node, kind, len(nodes.offer)))
    if len(core.room):
        before = core.usage[:, nodes.offer]
        for limit, usage in enumerate(core.usage):
            enough &= usage[None, :] <= before[limit][:, None]
    return cheapest(enough)


def filled(packed: Packed) -> tuple[Ints, Ints]:
    """Each node's offer, int64[N], and its pods of each class, int64[N, C]."""
    fills = np.zeros((len(packed.offer), len(packed.left)), dtype=np.int64)
    node, kind, pods = packed.nodes.pods.table()
    fills[node, kind] = pods
    return packed.offer, fills
