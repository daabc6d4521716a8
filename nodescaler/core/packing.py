"""Which nodes to launch for the pods that wait, where each pod goes, and why some stay out.

Pods with the same demands are one class. An attempt places all classes at once, wishes taken as
demands (`core.attempt`); classes that found no place for some pods give up one wish for those and
the attempt is made again, until nobody has a wish left that stands in the way. Pods of a gang that
is not complete are then taken out, and so are places that only a spread would count. What is left
over has a reason (`core.reasons`); the price is compared with a bound that no plan for the same
pods can undercut, and with first-fit-decreasing.

Pure; the order of the input never matters, and the same input gives the same plan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from nodescaler.core.asks import NO_WISHES, Wishes, ask_of, wishes_of
from nodescaler.core.assembly import Built, Queues, built
from nodescaler.core.attempt import Extra, Outcome, World, attempt
from nodescaler.core.batch import Row, need_of, resource_names
from nodescaler.core.bins import Item, stands_of
from nodescaler.core.classes import PodClass, classes_of, terms_of
from nodescaler.core.columns import Mask
from nodescaler.core.groups import Group, Kind, Rule
from nodescaler.core.labels import INSTANCE_TYPE
from nodescaler.core.limits import Limits
from nodescaler.core.lots import lots_of, market_of
from nodescaler.core.market import lower_bound
from nodescaler.core.model import NodeState, Plan, Snapshot, Unschedulable
from nodescaler.core.nodes import nodes_of
from nodescaler.core.offers import Wanted, offers_of
from nodescaler.core.reasons import Views, explain
from nodescaler.core.settings import MinValuesPolicy, PackSettings
from nodescaler.core.taints import PREFER_NO_SCHEDULE

MOST_ROUNDS = 32
MOST_CAPPED = 6  # attempts at zones that have too little to sell
MOST_PLACES = 3  # attempts at spreads whose places turn out to be more than was thought


def never() -> bool:
    return False


def pack(
    snapshot: Snapshot, settings: PackSettings | None = None, stop: Callable[[], bool] = never
) -> Plan:
    """Plan nodes for ``snapshot.pods``.

    Args:
        snapshot: what is there, what may be bought, and the pods to place.
        settings: knobs.
        stop: asked now and then whether the deadline has come; then the plan is what there is.
    """
    deadline = _Deadline(stop)
    return _Packing(snapshot, settings or PackSettings(), deadline).plan()


class _Deadline:
    """Asks until the answer is yes, and remembers it."""

    def __init__(self, stop: Callable[[], bool]) -> None:
        self._stop = stop
        self.is_over = False

    def __call__(self) -> bool:
        self.is_over = self.is_over or self._stop()
        return self.is_over


@dataclass(slots=True, eq=False)
class _State:
    """What has been learned so far.

    Attributes:
        levels: for each class, how many of its pods have given up how many wishes.
        excluded: classes of incomplete gangs, and why.
        extra: places that spreads must count.
        dropped: rows (class and level) whose company would not be there, and why.
    """

    levels: list[dict[int, int]]
    excluded: dict[int, str] = field(default_factory=dict)
    extra: dict[Rule, frozenset[str]] = field(default_factory=dict)
    dropped: dict[tuple[int, int], str] = field(default_factory=dict)


class _Packing:
    def __init__(self, snapshot: Snapshot, settings: PackSettings, stop: _Deadline) -> None:
        daemons = sorted(snapshot.daemons, key=lambda each: (each.namespace, each.name))
        self._snapshot = snapshot = replace(snapshot, daemons=tuple(daemons))
        self._settings = settings
        self._stop = stop
        others = [pod for node in snapshot.nodes for pod in node.pods]
        self._classes = classes_of(snapshot.pods, others, snapshot.volumes)
        self._wishes = [self._wishes_of(each) for each in self._classes]
        self._world = self._world_of(snapshot)
        self._slots: tuple[Outcome, set[int]] | None = None

    def _wishes_of(self, each: PodClass) -> Wishes:
        if _fault(each):
            return NO_WISHES
        taints = [t for pool in self._snapshot.pools for t in pool.taints]
        taints += [t for node in self._snapshot.nodes for t in node.taints]
        soft = sorted({taint for taint in taints if taint.effect == PREFER_NO_SCHEDULE})
        return wishes_of(each.sample, self._settings.preferences, soft)

    def _world_of(self, snapshot: Snapshot) -> World:
        names = resource_names(self._classes)
        usable = [p for p in snapshot.pools if p.replicas is None and not p.deleting]
        usable.sort(key=lambda pool: (-pool.weight, pool.name))
        demands = dict.fromkeys(
            terms for each in self._classes for terms in each.sample.alternatives
        )
        wished = dict.fromkeys(wish.terms for each in self._wishes for wish in each.nodes)
        daemons = snapshot.daemons
        return World(
            snapshot=snapshot,
            settings=self._settings,
            names=names,
            nodes=nodes_of(snapshot.nodes, daemons, names, snapshot.volumes),
            offers=offers_of(
                usable,
                snapshot.types,
                daemons,
                Wanted(
                    names=names,
                    asked=(*demands, *wished),
                    topology=frozenset(self._topology()),
                    attach=_attach_limits(snapshot.nodes),
                ),
                self._settings,
            ),
            stop=self._stop,
        )

    def _topology(self) -> set[str]:
        """The labels over which some pod looks."""
        samples = [each.sample for each in self._classes]
        terms = {term.topology_key for pod in samples for term in terms_of(pod)}
        return terms | {spread.topology_key for pod in samples for spread in pod.spreads}

    # -------------------------------------------------------------- rounds

    def plan(self) -> Plan:
        state = _State([{0: len(each.pods)} for each in self._classes])
        outcome = self._settled(state)
        for _ in self._classes:
            broken = self._broken_gang(outcome)
            if not broken:
                break
            state.excluded |= broken
            outcome = self._settled(state)
        return self._answer(state, outcome)

    def _settled(self, state: _State) -> Outcome:
        """Attempts until no wish stands in the way and every spread counts what there is."""
        outcome = self._relaxed(state)
        for _ in range(MOST_PLACES):
            found = _uncounted(outcome, self._world)
            if not found:
                break
            for rule, places in found.items():
                state.extra[rule] = state.extra.get(rule, frozenset()) | places
            outcome = self._relaxed(state)
        return outcome

    def _relaxed(self, state: _State) -> Outcome:
        outcome = self._attempt(state)
        for _ in range(MOST_ROUNDS):
            if self._stop.is_over or not self._give_up(state, outcome):
                break
            outcome = self._attempt(state)
        return outcome

    def _attempt(self, state: _State) -> Outcome:
        """Place everything; who would be left without the company it needs stays out."""
        outcome = self._capped(state)
        while not self._stop.is_over and (broken := outcome.broken):
            for number in sorted(broken):
                self._let_go(state, outcome, number)
            outcome = self._capped(state)
        return outcome

    def _let_go(self, state: _State, outcome: Outcome, number: int) -> None:
        """One wish less for a row whose rules do not hold; without wishes it stays out."""
        row = outcome.rows[number]
        if row.level < len(self._wishes[row.position]):
            levels = state.levels[row.position]
            levels[row.level + 1] = levels.get(row.level + 1, 0) + levels.pop(row.level)
            return
        rules = outcome.groups.relations[number].own
        words = ", ".join(str(outcome.groups.groups[g].rule) for g in rules)
        state.dropped[row.position, row.level] = f"{words}: others found no place that keeps it"

    def _capped(self, state: _State) -> Outcome:
        """Place everything; again where a zone turned out to have too little to sell."""
        rows = list(self._rows(state))
        caps: dict[tuple[int, int, str], int] = {}
        outcome = best = attempt(self._world, rows, state.extra, caps)
        for _ in range(MOST_CAPPED):
            known = dict(caps)
            for (number, place), short in outcome.short.items():
                if short and place:
                    row = rows[number]
                    caps[row.position, row.level, place] = outcome.bought[number, place]
            if caps == known or self._stop.is_over:
                break
            outcome = attempt(self._world, rows, state.extra, caps)
            best = min((best, outcome), key=lambda each: (bool(each.broken), sum(each.left)))
        return best

    def _rows(self, state: _State) -> Iterator[Row]:
        for position, levels in enumerate(state.levels):
            if position in state.excluded or _fault(self._classes[position]):
                continue
            for level, count in sorted(levels.items()):
                if count and (position, level) not in state.dropped:
                    yield self._row(position, level, count)

    def _row(self, position: int, level: int, count: int) -> Row:
        each = self._classes[position]
        ask = ask_of(each, self._wishes[position].without(level))
        return Row(position, each, ask, level, count)

    def _give_up(self, state: _State, outcome: Outcome) -> bool:
        """One wish less for the pods that found no place; whether any had one left."""
        changed = False
        for row, left in zip(outcome.rows, outcome.left, strict=True):
            if left and row.level < len(self._wishes[row.position]):
                levels = state.levels[row.position]
                levels[row.level] -= left
                levels[row.level + 1] = levels.get(row.level + 1, 0) + left
                changed = True
        return changed

    # -------------------------------------------------------------- gangs

    def _broken_gang(self, outcome: Outcome) -> dict[int, str]:
        """The classes of the first gang of which too few pods have a place, and why."""
        gangs = self._gangs(outcome)
        for name in sorted(gangs, key=self._dispensable):
            placed, why = gangs[name]
            if placed < self._minimum(name):
                reason = f"pod group {name} needs {self._minimum(name)} pods placed together;"
                reason += f" only {placed} can be{': ' + why if why else ''}"
                return dict.fromkeys(self._members(name), reason)
        return {}

    def _members(self, name: str) -> list[int]:
        gangs = [each.sample.gang for each in self._classes]
        return [n for n, gang in enumerate(gangs) if gang is not None and gang.name == name]

    def _minimum(self, name: str) -> int:
        """What the most demanding of its pods says."""
        gangs = [self._classes[n].sample.gang for n in self._members(name)]
        return max(gang.minimum for gang in gangs if gang is not None)

    def _dispensable(self, name: str) -> tuple[int, int, str]:
        """Sorts first: the gang that makes most room for others, for the least priority."""
        ranks = [self._classes[n].sample.priority for n in self._members(name)]
        return (max(ranks), -self._minimum(name), name)

    def _gangs(self, outcome: Outcome) -> dict[str, tuple[int, str]]:
        """For each gang, how many of its pods run or have a place, and why another has none."""
        running: dict[str, int] = {}
        for node in self._snapshot.nodes:
            for pod in node.pods:
                if pod.gang is not None and not pod.is_over and pod.deletes_at is None:
                    running[pod.gang.name] = running.get(pod.gang.name, 0) + 1
        out: dict[str, tuple[int, str]] = {}
        for number, row in enumerate(outcome.rows):
            gang = row.each.sample.gang
            if gang is not None:
                placed, why = out.get(gang.name, (running.get(gang.name, 0), ""))
                left = outcome.left[number]
                why = why or (self._why(outcome, number) if left else "")
                out[gang.name] = (placed + row.count - left, why)
        return out

    # -------------------------------------------------------------- the answer

    def _answer(self, state: _State, outcome: Outcome) -> Plan:
        queues = Queues(outcome, self._classes)
        found = built(self._world, outcome, queues, _new_places(outcome, self._world))
        first_fit = [turn.purchase.first_fit_usd for turn in outcome.turns]
        known = [usd for usd in first_fit if usd is not None]
        methods = dict.fromkeys(turn.purchase.draft.method for turn in outcome.turns)
        return Plan(
            new_nodes=found.nodes,
            existing=found.existing,
            unschedulable=tuple(self._unschedulable(state, outcome, queues)),
            lower_bound_per_hour=min(self._bound(outcome), _usd(found)),
            first_fit_per_hour=sum(known) if len(known) == len(first_fit) else 0.0,
            method="; ".join(methods) or "existing nodes",
            relaxed=tuple(self._given_up(outcome)),
            notes=found.short if self._settings.min_values is MinValuesPolicy.BEST_EFFORT else (),
            is_partial=self._stop.is_over,
        )

    def _given_up(self, outcome: Outcome) -> Iterator[str]:
        for row, left in zip(outcome.rows, outcome.left, strict=True):
            placed = row.count - left
            words = self._wishes[row.position].given_up(row.level)
            if placed and words:
                yield f"{_who(row.each, placed)}: gave up {', '.join(words)}"

    def _unschedulable(
        self, state: _State, outcome: Outcome, queues: Queues
    ) -> Sequence[Unschedulable]:
        out: list[Unschedulable] = []
        for number, row in enumerate(outcome.rows):
            if outcome.left[number]:
                reason = self._why(outcome, number)
                out += [
                    Unschedulable(pod, reason)
                    for pod in queues.take({number: outcome.left[number]})
                ]
            del row
        for (position, level), why in state.dropped.items():
            pods = queues.take_of(position, state.levels[position].get(level, 0))
            out += [Unschedulable(pod, why) for pod in pods]
        for position, each in enumerate(self._classes):
            reason = state.excluded.get(position) or _fault(each)
            if reason:
                out += [Unschedulable(pod, reason) for pod in each.pods]
        return sorted(out, key=lambda each: (each.pod.key, each.pod.uid))

    def _why(self, outcome: Outcome, number: int) -> str:
        if self._stop.is_over:
            return "the deadline came before this pod was planned; it is next"
        if number in outcome.why:
            return outcome.why[number]
        row = outcome.rows[number]
        views = Views(self._snapshot, self._world.offers, outcome.limits, self._world.names)
        return explain(row, need_of(row, self._world.names), views)

    def _bound(self, outcome: Outcome) -> float:
        """For the pods on new nodes, over the offers of all pools, whatever their weight."""
        on_new = {number: row.count - outcome.left[number] for number, row in
                  enumerate(outcome.rows)}  # fmt: skip
        for held in outcome.existing.values():
            for number, count in held.items():
                on_new[number] -= count
        offers = self._world.offers
        items = [self._plain(outcome, n, count) for n, count in sorted(on_new.items()) if count]
        if not items:
            return 0.0
        every = np.arange(len(offers))
        none = Limits((), np.zeros((0, len(offers)), np.int64), np.zeros(0, np.int64))
        lots = lots_of(items, range(len(items)))
        market = market_of(lots, offers, (every, offers.free), none)
        return lower_bound(market).usd_per_hour

    def _plain(self, outcome: Outcome, number: int, count: int) -> Item:
        """A row without its zone, with the rules that make each of its pods need a node's slot."""
        row, members = outcome.rows[number], ((number, 1),)
        groups = outcome.groups
        relations = groups.relations[number]
        both = [g for g in relations.own if g in relations.seen and g in self._shared(outcome)]
        stands = stands_of(groups.groups, members, [both], [both])
        need = need_of(row, self._world.names)
        return Item(members, count, need, outcome.static[number], stands)

    def _shared(self, outcome: Outcome) -> set[int]:
        """The rules that look at nobody but their owners."""
        if self._slots is None or self._slots[0] is not outcome:
            odd = {g for each in outcome.groups.relations for g in set(each.seen) - set(each.own)}
            self._slots = (outcome, set(range(len(outcome.groups.groups))) - odd)
        return self._slots[1]


def _attach_limits(nodes: Iterable[NodeState]) -> dict[str, dict[str, int]]:
    """How many volumes machines of each type attach, where a node of that type has told it."""
    out: dict[str, dict[str, int]] = {}
    for node in nodes:
        if node.attach_limits and INSTANCE_TYPE in node.labels:
            known = out.setdefault(node.labels[INSTANCE_TYPE], {})
            for driver, limit in node.attach_limits.items():
                known[driver] = min(limit, known.get(driver, limit))
    return out


def _usd(found: Built) -> float:
    return sum(node.usd_per_hour for node in found.nodes)


def _fault(each: PodClass) -> str:
    """Why no plan can place such pods at all."""
    faults = [volume.fault for volume in each.volumes if volume.fault]
    return each.sample.unplannable or (faults[0] if faults else "")


def _who(each: PodClass, count: int) -> str:
    more = f" and {count - 1} more" if count > 1 else ""
    return f"{each.sample.key}{more}"


def _uncounted(outcome: Outcome, world: World) -> Extra:
    """Places of new nodes that a spread with planned owners has to count and did not."""
    out: dict[Rule, frozenset[str]] = {}
    chosen = {
        turn.purchase.options.cheapest(node)
        for turn in outcome.turns
        for node in turn.purchase.draft.nodes
    }
    offers = sorted(chosen)
    for group in _planned_spreads(outcome):
        column = world.offers.columns.column(group.rule.key)
        there = {column.values[int(column.codes[n])] for n in offers if group.offers[n]}
        new = frozenset(value for value in there if value is not None) - group.places
        if new:
            out[group.rule] = new
    return out


def _new_places(outcome: Outcome, world: World) -> Mask:
    """Offers in places that some spread with planned owners does not count."""
    out = np.zeros(len(world.offers), bool)
    for group in _planned_spreads(outcome):
        column = world.offers.columns.column(group.rule.key)
        new = [value is not None and value not in group.places for value in column.values]
        out |= group.offers & np.array(new, bool)[column.codes]
    return out


def _planned_spreads(outcome: Outcome) -> Iterator[Group]:
    for group in outcome.groups.groups:
        is_spread = group.rule.kind is Kind.SPREAD and not group.is_host
        if is_spread and any(group.owners.values()):
            yield group
