"""Which of the nodes that fit is best: weighted scores from 0 to 100, as upstream's. Pure.

Weights: PreferNoSchedule 3; preferred node affinity, preferred pod affinity and ScheduleAnyway 2
each; allocation 1. Ties are broken by the name of the node, where upstream throws dice.

Source: https://kubernetes.io/docs/reference/scheduling/config/#scheduling-plugins
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tandem.sandbox.controllers.scheduling.filters import tolerated
from tandem.sandbox.controllers.scheduling.model import LEAST_REQUEST, Cluster, Node, Pod, Room
from tandem.sandbox.controllers.scheduling.neighbours import (
    Domain,
    SpreadCount,
    count_spread,
    opinionated,
    placed,
)
from tandem.sandbox.controllers.settings import Scoring

BEST = 100


def best(pod: Pod, fitting: Sequence[Room], cluster: Cluster, scoring: Scoring) -> Room:
    """The node to take; `fitting` must not be empty."""
    if len(fitting) == 1:
        return fitting[0]
    totals = [allocation(pod, room, scoring) for room in fitting]
    for weight, score in ((3, _taints), (2, _node_wishes), (2, _pod_wishes), (2, _spreading)):
        for index, value in enumerate(score(pod, fitting, cluster)):
            totals[index] += weight * value
    ranked = zip(totals, fitting, strict=True)
    return min(ranked, key=lambda each: (-each[0], each[1].node.name))[1]


def allocation(pod: Pod, room: Room, scoring: Scoring) -> int:
    """The mean share of cpu and memory that would be free (or used) with *pod* on it."""
    shares = []
    for name, least in LEAST_REQUEST.items():
        total = room.node.allocatable.get(name, 0)
        used = room.weight[name] + (pod.requests.get(name, 0) or least)
        free = max(0, total - used) * BEST // total if total else 0
        shares.append(free if scoring is Scoring.LEAST_ALLOCATED else BEST - free if total else 0)
    return sum(shares) // len(shares)


def _taints(pod: Pod, fitting: Sequence[Room], _: Cluster) -> list[int]:
    """The fewer PreferNoSchedule taints that the pod does not tolerate, the better."""
    bad = [
        sum(t.effect == "PreferNoSchedule" and not tolerated(pod, t) for t in room.node.taints)
        for room in fitting
    ]
    return normal([-count for count in bad]) if any(bad) else [0] * len(fitting)


def _node_wishes(pod: Pod, fitting: Sequence[Room], _: Cluster) -> list[int]:
    if not pod.node_wishes:
        return [0] * len(fitting)
    raw = [
        sum(w.weight for w in pod.node_wishes if w.matches(room.node.labels, room.node.name))
        for room in fitting
    ]
    highest = max(raw)
    return [value * BEST // highest if highest else 0 for value in raw]


def _pod_wishes(pod: Pod, fitting: Sequence[Room], cluster: Cluster) -> list[int]:
    """Wishes of the pod about the others, and of the others about it."""
    weights: Counter[Domain] = Counter()
    if pod.near_wishes or pod.apart_wishes:
        for node, other in placed(cluster):
            _weigh(weights, pod, other, node, cluster)
    for node, other in opinionated(cluster):
        _weigh(weights, other, pod, node, cluster)
        _weigh_hard(weights, other, pod, node, cluster)
    if not weights:
        return [0] * len(fitting)
    return normal([_sum(weights, room.node) for room in fitting])


def _weigh(weights: Counter[Domain], who: Pod, about: Pod, node: Node, cluster: Cluster) -> None:
    for sign, terms in ((1, who.near_wishes), (-1, who.apart_wishes)):
        for term in terms:
            value = node.labels.get(term.topology_key)
            if value is not None and term.matches(about, cluster.namespaces):
                weights[term.topology_key, value] += sign * term.weight


def _weigh_hard(
    weights: Counter[Domain], who: Pod, about: Pod, node: Node, cluster: Cluster
) -> None:
    """A required affinity of a pod that is there is a wish of weight 1 about the newcomer."""
    for term in who.near:
        value = node.labels.get(term.topology_key)
        if value is not None and term.matches(about, cluster.namespaces):
            weights[term.topology_key, value] += 1


def _sum(weights: Counter[Domain], node: Node) -> int:
    return sum(weight for (key, value), weight in weights.items() if node.labels.get(key) == value)


def _spreading(pod: Pod, fitting: Sequence[Room], cluster: Cluster) -> list[int]:
    soft = [rule for rule in pod.spreads if not rule.hard]
    if not soft:
        return [0] * len(fitting)
    counted = [count_spread(pod, rule, (rule,), cluster) for rule in soft]
    return normal([-sum(_crowd(each, room.node) for each in counted) for room in fitting])


def _crowd(spread: SpreadCount, node: Node) -> int:
    value = node.labels.get(spread.rule.topology_key)
    worst = max(spread.counts.values(), default=0) + 1
    return worst if value is None else spread.counts[value]


def normal(raw: Sequence[int]) -> list[int]:
    """Stretch over 0 to 100.

    >>> normal([-2, 0, -1]), normal([3, 3])
    ([0, 100, 50], [100, 100])
    """
    low, high = min(raw), max(raw)
    return [(value - low) * BEST // (high - low) if high > low else BEST for value in raw]
