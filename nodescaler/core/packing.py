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

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from nodescaler.core.asks import NO_WISHES, Wishes, wishes_of
from nodescaler.core.assembly import Built, Queues, built
from nodescaler.core.batch import resource_names
from nodescaler.core.classes import PodClass, classes_of, terms_of
from nodescaler.core.gangs import Gangs
from nodescaler.core.labels import INSTANCE_TYPE
from nodescaler.core.market.work import never
from nodescaler.core.model import NodeState, Plan, Snapshot, Unschedulable
from nodescaler.core.nodes import Nodes, nodes_of
from nodescaler.core.offers import Wanted, offers_of
from nodescaler.core.outcome import Outcome, World
from nodescaler.core.proof import bound_of
from nodescaler.core.reasons import Views, explain
from nodescaler.core.rounds import Rounds, State, fault_of, new_places
from nodescaler.core.settings import MinValuesPolicy, PackSettings
from nodescaler.core.taints import PREFER_NO_SCHEDULE


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


class _Packing:
    def __init__(self, snapshot: Snapshot, settings: PackSettings, stop: _Deadline) -> None:
        daemons = sorted(snapshot.daemons, key=lambda each: (each.namespace, each.name))
        self._snapshot = snapshot = replace(snapshot, daemons=tuple(daemons))
        self._settings = settings
        self._stop = stop
        others = [pod for node in snapshot.nodes for pod in node.pods]
        self._classes = classes_of(snapshot.pods, others, snapshot.volumes)
        self._wishes = self._wishes_of(self._classes)
        self._world = self._world_of(snapshot)

    def _wishes_of(self, classes: Sequence[PodClass]) -> list[Wishes]:
        taints = [t for pool in self._snapshot.pools for t in pool.taints]
        taints += [t for node in self._snapshot.nodes for t in node.taints]
        soft = sorted({taint for taint in taints if taint.effect == PREFER_NO_SCHEDULE})
        policy = self._settings.preferences
        return [
            NO_WISHES if fault_of(each) else wishes_of(each.sample, policy, soft)
            for each in classes
        ]

    def _world_of(self, snapshot: Snapshot) -> World:
        names = resource_names(self._classes)
        usable = [p for p in snapshot.pools if p.replicas is None and not p.deleting]
        usable.sort(key=lambda pool: (-pool.weight, pool.name))
        demands = dict.fromkeys(
            terms for each in self._classes for terms in each.sample.alternatives
        )
        wished = dict.fromkeys(wish.terms for each in self._wishes for wish in each.nodes)
        daemons = snapshot.daemons
        nodes = nodes_of(snapshot.nodes, daemons, names, snapshot.volumes)
        return World(
            snapshot=snapshot,
            settings=self._settings,
            names=names,
            nodes=nodes,
            promised=_promised(self._classes, nodes),
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
        rounds = Rounds(self._world, self._classes, self._wishes)
        gangs = Gangs(self._classes, self._snapshot.nodes)
        state = State([{0: len(each.pods)} for each in self._classes])
        state, outcome = rounds.settled(state)
        while broken := gangs.broken(outcome, partial(self._why, outcome)):
            state.excluded |= broken
            state, outcome = rounds.settled(state)
        return self._answer(state, outcome)

    # -------------------------------------------------------------- the answer

    def _answer(self, state: State, outcome: Outcome) -> Plan:
        queues = Queues(outcome, self._classes)
        found = built(self._world, outcome, queues, new_places(outcome, self._world))
        first_fit = [turn.purchase.first_fit_usd for turn in outcome.turns]
        known = [usd for usd in first_fit if usd is not None]
        methods = dict.fromkeys(turn.purchase.draft.method for turn in outcome.turns)
        return Plan(
            new_nodes=found.nodes,
            existing=found.existing,
            unschedulable=tuple(self._unschedulable(state, outcome, queues)),
            lower_bound_per_hour=bound_of(self._world, outcome, _usd(found)),
            first_fit_per_hour=sum(known) if len(known) == len(first_fit) else 0.0,
            method="; ".join(methods) or "existing nodes",
            relaxed=tuple(self._given_up(outcome)),
            notes=found.short if self._settings.min_values is MinValuesPolicy.BEST_EFFORT else (),
            is_partial=self._stop.is_over and any(outcome.left),
        )

    def _given_up(self, outcome: Outcome) -> Iterator[str]:
        for number, (row, left) in enumerate(zip(outcome.rows, outcome.left, strict=True)):
            placed = row.count - left - outcome.kept.get(number, 0)
            words = self._wishes[row.position].given_up(row.level)
            if placed and words:
                yield f"{_who(row.each, placed)}: gave up {', '.join(words)}"

    def _unschedulable(
        self, state: State, outcome: Outcome, queues: Queues
    ) -> Sequence[Unschedulable]:
        out: list[Unschedulable] = []
        for number, left in enumerate(outcome.left):
            if left:
                reason = self._why(outcome, number)
                out += [Unschedulable(pod, reason) for pod in queues.take({number: left})]
        for (position, level), why in state.dropped.items():
            pods = queues.take_of(position, state.levels[position].get(level, 0))
            out += [Unschedulable(pod, why) for pod in pods]
        for position, each in enumerate(self._classes):
            reason = state.excluded.get(position) or fault_of(each)
            if reason:
                out += [Unschedulable(pod, reason) for pod in each.pods]
        return sorted(out, key=lambda each: (each.pod.key, each.pod.uid))

    def _why(self, outcome: Outcome, number: int) -> str:
        if self._stop.is_over:
            return "the deadline came before this pod was planned; it is next"
        if number in outcome.why:
            return outcome.why[number]
        views = Views(self._snapshot, self._world.offers, outcome.limits, self._world.names)
        return explain(outcome.rows[number], outcome.need[number], views)


def _promised(classes: Sequence[PodClass], nodes: Nodes) -> tuple[dict[int, int], ...]:
    """For each class, how many of its pods were planned for which node before."""
    where = {state.name: n for n, state in enumerate(nodes.states)}
    if not where:
        return ({},) * len(classes)
    names = (Counter(pod.nominated_node for pod in each.pods) for each in classes)
    return tuple({where[name]: n for name, n in each.items() if name in where} for each in names)


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


def _who(each: PodClass, count: int) -> str:
    more = f" and {count - 1} more" if count > 1 else ""
    return f"{each.sample.key}{more}"
