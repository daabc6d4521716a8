"""May this pod run on this node, given where the other pods are: affinity and spread. Pure.

Both rules are counted once for a pod over the whole cluster; asking about one node is then a few
look-ups. Counting is over topology domains: pairs of a label key and a value.

Sources: https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#inter-pod-affinity-and-anti-affinity
https://kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints/
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tandem.sandbox.controllers.scheduling.filters import Why, chosen, untolerated
from tandem.sandbox.controllers.scheduling.model import (
    Cluster,
    Group,
    Node,
    Pod,
    PodTerm,
    Room,
    Spread,
)

Domain = tuple[str, str]  # topology key, value

SPREAD = "node(s) didn't match pod topology spread constraints"
NO_LABEL = f"{SPREAD} (missing required label)"
NEAR = "node(s) didn't match pod affinity rules"
APART = "node(s) didn't match pod anti-affinity rules"
SHUNNED = "node(s) didn't satisfy existing pods anti-affinity rules"


@dataclass(frozen=True, slots=True)
class SpreadCount:
    """One constraint with its counts: how many matching pods each domain has.

    `lowest` is the count to measure skew against; 0 while there are fewer domains than asked for.
    """

    rule: Spread
    counts: Counter[str]
    self_match: int
    lowest: int

    def refuses(self, node: Node) -> str:
        value = node.labels.get(self.rule.topology_key)
        if value is None:
            return NO_LABEL
        skew = self.counts[value] + self.self_match - self.lowest
        return SPREAD if skew > self.rule.max_skew else ""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What the other pods say about where one pod may go."""

    pod: Pod
    spreads: tuple[SpreadCount, ...]
    near: Counter[Domain]
    apart: Counter[Domain]
    shunned: Counter[Domain]
    first_of_group: bool

    def refuses(self, room: Room) -> Why:
        labels = room.node.labels
        for spread in self.spreads:
            why = spread.refuses(room.node)
            if why:
                return (why,)
        if not self._near(room.node):
            return (NEAR,)
        if any(self.apart[t.topology_key, labels.get(t.topology_key, "")] for t in self.pod.apart):
            return (APART,)
        if any(labels.get(key) == value for key, value in self.shunned):
            return (SHUNNED,)
        return ()

    def _near(self, node: Node) -> bool:
        keys = [term.topology_key for term in self.pod.near]
        if any(key not in node.labels for key in keys):
            return False
        return self.first_of_group or all(self.near[key, node.labels[key]] for key in keys)


def neighbours(pod: Pod, cluster: Cluster) -> Neighbours:
    """Count the cluster for *pod*."""
    spaces = cluster.namespaces
    near = _near_domains(pod, cluster)
    alone = not near and all(term.matches(pod, spaces) for term in pod.near)
    hard = [rule for rule in pod.spreads if rule.hard]
    spreads = tuple(count_spread(pod, rule, hard, cluster) for rule in hard)
    return Neighbours(
        pod, spreads, near, _apart_domains(pod, cluster), _shunned(pod, cluster), alone
    )


def placed(cluster: Cluster) -> Iterator[tuple[Node, Pod]]:
    for room in cluster.rooms.values():
        for other in room.pods.values():
            yield room.node, other


def opinionated(cluster: Cluster) -> Iterator[tuple[Node, Pod]]:
    """Those who care who else comes near."""
    for room in cluster.rooms.values():
        for other in room.opinionated.values():
            yield room.node, other


def _near_domains(pod: Pod, cluster: Cluster) -> Counter[Domain]:
    """A pod counts for each term only when it matches all of them."""
    if not pod.near:
        return Counter()
    return Counter(
        domain
        for node, other in placed(cluster)
        if all(term.matches(other, cluster.namespaces) for term in pod.near)
        for domain in _of(node, pod.near)
    )


def _apart_domains(pod: Pod, cluster: Cluster) -> Counter[Domain]:
    if not pod.apart:
        return Counter()
    return Counter(
        domain
        for node, other in placed(cluster)
        for term in pod.apart
        if term.matches(other, cluster.namespaces)
        for domain in _of(node, (term,))
    )


def _shunned(pod: Pod, cluster: Cluster) -> Counter[Domain]:
    """Domains of pods that are there already and want nobody like *pod* near."""
    return Counter(
        domain
        for node, other in opinionated(cluster)
        for term in other.apart
        if term.matches(pod, cluster.namespaces)
        for domain in _of(node, (term,))
    )


def _of(node: Node, terms: Iterable[PodTerm]) -> Iterator[Domain]:
    for term in terms:
        value = node.labels.get(term.topology_key)
        if value is not None:
            yield term.topology_key, value


def count_spread(
    pod: Pod, rule: Spread, together: Sequence[Spread], cluster: Cluster
) -> SpreadCount:
    """Count matching pods by domain, over nodes with the keys of all constraints."""
    counts: Counter[str] = Counter()
    selected: dict[Group, bool] = {}
    for room in cluster.rooms.values():
        if _counts(pod, rule, together, room.node):
            counts[room.node.labels[rule.topology_key]] += sum(
                number
                for group, number in room.groups.items()
                if _selected(rule, pod.namespace, group, selected)
            )
    enough = len(counts) >= rule.min_domains
    lowest = min(counts.values(), default=0) if enough else 0
    return SpreadCount(rule, counts, int(rule.selects(pod.labels)), lowest)


def _selected(rule: Spread, namespace: str, group: Group, known: dict[Group, bool]) -> bool:
    """Ask the selector once for each group."""
    found = known.get(group)
    if found is None:
        found = known[group] = group[0] == namespace and rule.selects(dict(group[1]))
    return found


def _counts(pod: Pod, rule: Spread, together: Sequence[Spread], node: Node) -> bool:
    if any(each.topology_key not in node.labels for each in together):
        return False
    if rule.honor_affinity and not chosen(pod, node):
        return False
    return not (rule.honor_taints and untolerated(pod, node))
