"""Why a pod has no place: the constraint that failed and the nearest miss.

The pools are asked in turn how far the pod got: to their taints, their labels, the size of what
they offer, their limits. The pool where it got furthest gives the reason, since that is what a
person would change.

Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from nodescaler.core.labels import HOSTNAME, Requirements, hint
from nodescaler.core.model import NodePool, PodSpec, Snapshot
from nodescaler.core.offers import Offer, within_limits
from nodescaler.core.resources import NODES, amount_text
from nodescaler.core.taints import untolerated

MOST_SHOWN = 4


class Got(IntEnum):
    """How far a pod got with a pool."""

    NOWHERE = 0
    TO_THE_TAINTS = 1
    TO_THE_LABELS = 2
    TO_THE_SIZE = 3
    TO_THE_LIMITS = 4


@dataclass(frozen=True, slots=True)
class PoolView:
    """A pool and its offers, as one class of pods (by *position*) sees them."""

    pool: NodePool
    offers: Sequence[Offer]
    spare: Mapping[str, int]
    position: int
    names: tuple[str, ...]

    @property
    def accepting(self) -> list[Offer]:
        return [offer for offer in self.offers if offer.accepts >> self.position & 1]


def explain(pod: PodSpec, pools: Sequence[PoolView], snapshot: Snapshot) -> str:
    """The reason of the pool that came nearest; the first of equals."""
    if not pools:
        return "no NodePool or Provisioner may make nodes"
    found = [_miss(pod, view, snapshot) for view in pools]
    return max(found, key=lambda each: each[0])[1]


def _miss(pod: PodSpec, view: PoolView, snapshot: Snapshot) -> tuple[Got, str]:
    name = view.pool.name
    if not view.offers:
        return Got.NOWHERE, _no_offers(view, snapshot)
    against = untolerated(view.pool.taints, pod.tolerations)
    if against:
        return Got.TO_THE_TAINTS, f"does not tolerate the taint {against[0]} of pool {name}"
    accepting = view.accepting
    if not accepting:
        return Got.TO_THE_LABELS, _labels_miss(pod, view, snapshot)
    holding = [offer for offer in accepting if _holds(offer, pod, view.names)]
    if not holding:
        return Got.TO_THE_SIZE, _size_miss(pod, accepting, view)
    return Got.TO_THE_LIMITS, _limit_miss(view, holding)


def _no_offers(view: PoolView, snapshot: Snapshot) -> str:
    if not snapshot.types.get(view.pool.name):
        return f"pool {view.pool.name} has no instance types to choose from"
    return f"pool {view.pool.name} allows none of the instance types on offer"


def _labels_miss(pod: PodSpec, view: PoolView, snapshot: Snapshot) -> str:
    nearest = min(pod.alternatives, key=lambda terms: (len(_refused(terms, view)), str(terms)))
    refused = _refused(nearest, view)
    if not refused:
        return f"pool {view.pool.name} has each of these, but on no one node: {nearest}"
    key = refused[0]
    values = sorted({o_labels[key] for o_labels in _labels(view) if key in o_labels})
    if key == HOSTNAME:
        return f"label {key} {nearest[key]}: a new node cannot have it"
    if not values:
        known = {k for each in _labels(view) for k in each} | _pool_keys(snapshot)
        return (
            f"label {key} {nearest[key]} is on no node of pool {view.pool.name}{hint(key, known)}"
        )
    shown = ", ".join(values[:MOST_SHOWN]) + (", ..." if len(values) > MOST_SHOWN else "")
    return f"label {key} {nearest[key]}: pool {view.pool.name} offers {shown}"


def _pool_keys(snapshot: Snapshot) -> set[str]:
    return {k for pool in snapshot.pools for k in (*pool.labels, *pool.requirements)}


def _refused(terms: Requirements, view: PoolView) -> list[str]:
    """Keys on which no offer of the pool would do."""
    seen = _labels(view)
    return [k for k, allowed in terms.items() if not any(each.get(k) in allowed for each in seen)]


def _labels(view: PoolView) -> list[dict[str, str]]:
    return [{**o.template.labels, **o.type.labels_of(o.offering)} for o in view.offers]


def _holds(offer: Offer, pod: PodSpec, names: Iterable[str]) -> bool:
    return all(pod.requests.get(n, 0) <= have for n, have in zip(names, offer.free, strict=True))


def _size_miss(pod: PodSpec, accepting: Sequence[Offer], view: PoolView) -> str:
    where = _where(accepting)
    for position, name in enumerate(view.names):
        need, most = pod.requests.get(name, 0), max(o.free[position] for o in accepting)
        if need > most:
            have = amount_text(name, most).removesuffix(f" {name}")
            largest = f"the largest offer of pool {view.pool.name}{where} has {have}"
            return f"needs {amount_text(name, need)}; {largest}"
    needs = ", ".join(amount_text(n, pod.requests[n]) for n in view.names if pod.requests.get(n))
    return f"needs {needs} at once; no one offer of pool {view.pool.name}{where} has all of it"


def _where(offers: Iterable[Offer]) -> str:
    zones = {offer.offering.zone for offer in offers}
    return f" in zone {next(iter(zones))}" if len(zones) == 1 else ""


def _limit_miss(view: PoolView, holding: Sequence[Offer]) -> str:
    smallest = holding[0]
    name = next(
        (n for n in sorted(view.spare) if not within_limits(smallest.type, {n: view.spare[n]})),
        NODES,
    )
    left = amount_text(name, max(view.spare.get(name, 0), 0))
    most = amount_text(name, view.pool.limits.get(name, 0))
    need = 1 if name == NODES else smallest.type.capacity.get(name, 0)
    return (
        f"limit of pool {view.pool.name}: {left} of {most} left; "
        f"the cheapest sufficient node ({smallest.type.name}) has {amount_text(name, need)}"
    )
