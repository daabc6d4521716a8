"""The rules about company: who owns each, which pods it looks at, and how many are where.

A group is one term of affinity or anti-affinity, one spread constraint, or one host port, shared by
everybody who states the same. Each is seen from two sides: pods that *own* the rule and pods that
it *looks at*; a pod may be both. What is on a node is counted by node for rules about the hostname,
and by the value of the label for all others.

    kind     an owner may go to a place where                  a pod looked at may go where
    BESIDE   somebody looked at is, or nobody is anywhere      anything
             and it looks at itself
    APART    nobody looked at is                               no owner is
    SPREAD   so many at most are, it included                  (owners planned there stay in bounds)

Pure. Source of the semantics: kube-scheduler's InterPodAffinity, PodTopologySpread and NodePorts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

import numpy as np

from nodescaler.core.asks import Ask
from nodescaler.core.classes import PodClass, seen_labels, selector_keys
from nodescaler.core.columns import Ints, Mask
from nodescaler.core.demands import HostPort, PodTerm, Spread
from nodescaler.core.labels import HOSTNAME, Requirements
from nodescaler.core.model import PodSpec
from nodescaler.core.nodes import Nodes
from nodescaler.core.offers import Offers
from nodescaler.core.taints import Toleration

Namespaces = Mapping[str, Mapping[str, str]]


class Kind(Enum):
    BESIDE = "pod affinity"
    APART = "pod anti-affinity"
    SPREAD = "topology spread"


@dataclass(frozen=True, slots=True)
class Rule:
    """What a group is about; equal rules are one group.

    Attributes:
        terms: all of which a pod must match to be looked at.
        port: instead of terms: pods with a host port that clashes with it.
        spread, namespace: of a SPREAD.
        where: which nodes count for a SPREAD, by its owner's node labels and tolerations.
        keys: labels that a node must have to count for a SPREAD.
        is_wish: whether it may be given up; then it binds its owners alone.
    """

    kind: Kind
    key: str
    terms: tuple[PodTerm, ...] = ()
    port: HostPort | None = None
    spread: Spread | None = None
    namespace: str = ""
    where: tuple[tuple[Requirements, ...] | None, tuple[Toleration, ...] | None] = (None, None)
    keys: tuple[str, ...] = ()
    is_wish: bool = False

    def looks_at(self, pod: PodSpec, namespaces: Namespaces) -> bool:
        if self.port is not None:
            return any(self.port.clashes(each) for each in pod.host_ports)
        if self.spread is not None:
            selector = self.spread.selector  # one that is empty counts nothing, for the scheduler
            return (
                pod.namespace == self.namespace and bool(selector) and selector.accepts(pod.labels)
            )
        labels = namespaces.get(pod.namespace, {})
        return all(term.concerns(pod.namespace, pod.labels, labels) for term in self.terms)

    def __str__(self) -> str:
        if self.port is not None:
            return f"host port {self.port.port}/{self.port.protocol}"
        selector = self.spread.selector if self.spread is not None else self.terms[0].selector
        return f"{self.kind.value} over {self.key} ({selector or 'any pod'})"


@dataclass(slots=True, eq=False)
class Group:
    """A rule and what is known of it.

    Attributes:
        nodes, offers: where it counts (all but for a SPREAD).
        count: pods looked at, by the value of the label; None is a place without the label.
        owners: likewise its owners, those that run already only for APART.
        both: owners planned there that it looks at.
        column: its row in `Groups.host_count`, for a rule about the hostname.
        is_everywhere: whether it counts on every node and offer.
    """

    rule: Rule
    nodes: Mask
    offers: Mask
    count: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    owners: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    both: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    places: set[str] = field(default_factory=set)
    column: int = -1

    is_everywhere: bool = True

    @property
    def is_host(self) -> bool:
        return self.rule.key == HOSTNAME


@dataclass(frozen=True, slots=True)
class Relations:
    """How one row stands to the groups: positions of those it owns, and that look at it."""

    own: tuple[int, ...] = ()
    seen: tuple[int, ...] = ()


ALONE = Relations()


@dataclass(slots=True, eq=False)
class Groups:
    """All rules in play.

    Attributes:
        relations: of each row of the batch.
        host_count, host_owners: int64[hostname rules, nodes].
        host_offer, host_offer_owners: int64[hostname rules, offers], the same of the daemons on a
            new node.
        with_daemons: for each anti-affinity rule, the offers on which a daemon is that its owners
            avoid, and those on which a daemon owns it.
    """

    groups: list[Group]
    relations: list[Relations]
    host_count: Ints
    host_owners: Ints
    host_offer: Ints
    host_offer_owners: Ints
    with_daemons: dict[int, tuple[Mask, Mask]] = field(default_factory=dict)


def groups_of(
    rows: Sequence[tuple[PodClass, Ask]],
    nodes: Nodes,
    offers: Offers,
    daemons: Sequence[PodSpec],
    namespaces: Namespaces,
) -> Groups:
    """The rules of *rows* and of the pods that run, counted on *nodes*.

    Args:
        rows: classes and what they ask for, wishes included.
        nodes: with their residents.
        offers: of all pools.
        daemons: in the order of `Offers.runs`.
        namespaces: labels of each.
    """
    guards = [pod for pods in (daemons, *nodes.residents) for pod in pods if pod.apart]
    owned = _Owned(rows, guards)
    if not owned.rules:
        on_nodes, on_offers = (np.zeros((0, len(each)), np.int64) for each in (nodes, offers))
        return Groups([], [ALONE] * len(rows), on_nodes, on_nodes, on_offers, on_offers)
    looking = _Looking(owned.rules, rows, guards, namespaces)
    groups = [_group(rule, nodes, offers) for rule in owned.rules]
    for column, group in enumerate(group for group in groups if group.is_host):
        group.column = column
    relations = [
        Relations(own, looking.at(each.sample))
        for own, (each, _) in zip(owned.of_row, rows, strict=True)
    ]
    counts, owners, on_offer, offer_owners = _hosts(groups, nodes, offers)
    found = Groups(groups, relations, counts, owners, on_offer, offer_owners)
    _count_residents(found, nodes, looking, owned)
    _count_daemons(found, offers, daemons, looking, owned)
    return found


class _Owned:
    """Every distinct rule, and who states it."""

    def __init__(self, rows: Sequence[tuple[PodClass, Ask]], guards: Iterable[PodSpec]) -> None:
        self.rules: list[Rule] = []
        self._positions: dict[Rule, int] = {}
        self._by_ask: dict[Hashable, tuple[int, ...]] = {}
        self._by_terms: dict[tuple[PodTerm, ...], tuple[int, ...]] = {}
        self.of_row = [self._of(each.sample, ask) for each, ask in rows]
        for pod in guards:
            self.of_guard(pod)

    def _of(self, pod: PodSpec, ask: Ask) -> tuple[int, ...]:
        wishes = ask.wishes
        wished = (wishes.company, wishes.distance, wishes.spreads)
        if not (ask.beside or ask.apart or ask.spreads or pod.host_ports or any(wished)):
            return ()
        spreads = ask.spreads or wishes.spreads
        where = (pod.namespace, pod.alternatives, pod.tolerations) if spreads else ()
        key = (ask.beside, ask.apart, ask.spreads, pod.host_ports, where, wished)
        if key not in self._by_ask:
            rules = dict.fromkeys(_rules(pod, ask))
            self._by_ask[key] = tuple(self._position(rule) for rule in rules)
        return self._by_ask[key]

    def of_guard(self, pod: PodSpec) -> tuple[int, ...]:
        """The anti-affinity rules of a pod that runs, or will on a new node."""
        if pod.apart not in self._by_terms:
            rules = [Rule(Kind.APART, term.topology_key, (term,)) for term in pod.apart]
            self._by_terms[pod.apart] = tuple(self._position(rule) for rule in rules)
        return self._by_terms[pod.apart]

    def _position(self, rule: Rule) -> int:
        if rule not in self._positions:
            self._positions[rule] = len(self.rules)
            self.rules.append(rule)
        return self._positions[rule]


def _rules(pod: PodSpec, ask: Ask) -> Iterable[Rule]:
    for term in pod.beside:
        yield Rule(Kind.BESIDE, term.topology_key, pod.beside)
    for term in ask.wishes.company:
        yield Rule(Kind.BESIDE, term.topology_key, (term,), is_wish=True)
    for term in ask.apart:
        yield Rule(Kind.APART, term.topology_key, (term,))
    for term in ask.wishes.distance:
        yield Rule(Kind.APART, term.topology_key, (term,), is_wish=True)
    for port in pod.host_ports:
        yield Rule(Kind.APART, HOSTNAME, port=port)
    for spread in ask.spreads:
        yield _spread(pod, spread, ask.spreads)
    for spread in ask.wishes.spreads:
        yield _spread(pod, spread, ask.wishes.spreads)


def _spread(pod: PodSpec, spread: Spread, beside: Sequence[Spread]) -> Rule:
    """A node that lacks the label of any of the pod's spreads counts for none of them."""
    where = (
        pod.alternatives if spread.honours_affinity else None,
        pod.tolerations if spread.honours_taints else None,
    )
    return Rule(
        Kind.SPREAD,
        spread.topology_key,
        spread=spread,
        namespace=pod.namespace,
        where=where,
        keys=tuple(sorted({each.topology_key for each in beside})),
        is_wish=not spread.hard,
    )


class _Looking:
    """Which rules look at a pod, remembered by what they can see of it."""

    def __init__(
        self,
        rules: Sequence[Rule],
        rows: Sequence[tuple[PodClass, Ask]],
        guards: Sequence[PodSpec],
        namespaces: Namespaces,
    ) -> None:
        self._rules = rules
        self._namespaces = namespaces
        self._keys = selector_keys([*(each.sample for each, _ in rows), *guards]) or ()
        self._ports = any(rule.port is not None for rule in rules)
        self._seen: dict[Hashable, tuple[int, ...]] = {}

    def at(self, pod: PodSpec) -> tuple[int, ...]:
        key = (seen_labels(pod, self._keys), pod.host_ports if self._ports else ())
        found = self._seen.get(key)
        if found is None:
            found = self._seen[key] = tuple(
                n for n, rule in enumerate(self._rules) if rule.looks_at(pod, self._namespaces)
            )
        return found


def _group(rule: Rule, nodes: Nodes, offers: Offers) -> Group:
    on_nodes, on_offers = np.ones(len(nodes), bool), np.ones(len(offers), bool)
    alternatives, tolerations = rule.where
    if alternatives is not None:
        on_nodes = on_nodes & nodes.columns.any_of(alternatives)
        on_offers = on_offers & offers.columns.any_of(alternatives)
    if tolerations is not None:
        on_nodes = on_nodes & nodes.suits(tolerations, hard_only=True)
        on_offers = on_offers & offers.suits(tolerations, hard_only=True)
    for key in rule.keys:
        on_nodes = on_nodes & ~nodes.columns.column(key).where(None)
        on_offers = on_offers & ~offers.columns.column(key).where(None)
    column = nodes.columns.column(rule.key)
    there = {column.values[code] for code in np.unique(column.codes[on_nodes]).tolist()}
    everywhere = bool(on_nodes.all() and on_offers.all())
    places = {value for value in there if value is not None}
    return Group(rule, on_nodes, on_offers, places=places, is_everywhere=everywhere)


def _hosts(groups: Sequence[Group], nodes: Nodes, offers: Offers) -> list[Ints]:
    number = sum(group.is_host for group in groups)
    sizes = (len(nodes), len(nodes), len(offers), len(offers))
    return [np.zeros((number, size), np.int64) for size in sizes]


def _count_residents(found: Groups, nodes: Nodes, looking: _Looking, owned: _Owned) -> None:
    counters = [_Counter(group, found, nodes) for group in found.groups]
    for n, pods in enumerate(nodes.residents):
        for pod in pods:
            for g in looking.at(pod):
                counters[g].seen(n, leaving=pod.deletes_at is not None)
            for g in owned.of_guard(pod) if pod.apart else ():
                counters[g].owner(n)


class _Counter:
    """Counts what runs for one rule, by node or by the value of its label."""

    def __init__(self, group: Group, found: Groups, nodes: Nodes) -> None:
        self._group = group
        self._counts = group.nodes.tolist()
        self._found = found
        self._is_spread = group.rule.kind is Kind.SPREAD
        column = nodes.columns.column(group.rule.key)
        self._values = [column.values[code] for code in column.codes.tolist()]

    def seen(self, node: int, *, leaving: bool) -> None:
        """A pod that the rule looks at; a spread does not count one that is terminating."""
        if not self._counts[node] or (self._is_spread and leaving):
            return
        value = self._values[node]
        if self._group.is_host:
            self._found.host_count[self._group.column, node] += 1
        elif value is not None:
            self._group.count[value] += 1

    def owner(self, node: int) -> None:
        value = self._values[node]
        if self._group.is_host:
            self._found.host_owners[self._group.column, node] += 1
        elif value is not None:
            self._group.owners[value] += 1


def _count_daemons(
    found: Groups, offers: Offers, daemons: Sequence[PodSpec], looking: _Looking, owned: _Owned
) -> None:
    for pod, runs in zip(daemons, offers.runs, strict=True):
        own = owned.of_guard(pod) if pod.apart else ()
        for table, rules in ((found.host_offer, looking.at(pod)), (found.host_offer_owners, own)):
            for g in rules:
                group = found.groups[g]
                if group.is_host:
                    table[group.column] += runs & group.offers
        for side, rules in enumerate((looking.at(pod), own)):
            for g in rules:
                if found.groups[g].rule.kind is Kind.APART:
                    none = np.zeros(len(offers), bool)
                    both = list(found.with_daemons.get(g, (none, none)))
                    has_key = ~offers.columns.column(found.groups[g].rule.key).where(None)
                    both[side] = both[side] | (runs & has_key)
                    found.with_daemons[g] = (both[0], both[1])
