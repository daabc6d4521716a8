"""Why a pod has no place: the constraint that failed and the nearest miss.

The pools are asked in turn how far the pod got: to their taints, their labels, the size of what
they offer, their limits. The pool where it got furthest gives the reason, since that is what a
person would change.

Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from nodescaler.core.asks import Ask
from nodescaler.core.batch import Row
from nodescaler.core.columns import Ints, Mask
from nodescaler.core.demands import NO_REQUIREMENTS
from nodescaler.core.labels import ARCH, HOSTNAME, Requirements, hint
from nodescaler.core.limits import Limits
from nodescaler.core.model import NodePool, Snapshot
from nodescaler.core.offers import Offers
from nodescaler.core.resources import NODES, amount_text
from nodescaler.core.space import conflict
from nodescaler.core.taints import untolerated

MOST_SHOWN = 4


class Got(IntEnum):
    """How far a pod got with a pool."""

    NOWHERE = 0
    TO_THE_TAINTS = 1
    TO_THE_LABELS = 2
    TO_THE_SIZE = 3
    TO_THE_LIMITS = 4
    INSIDE = 5


@dataclass(frozen=True, slots=True, eq=False)
class Views:
    """What the reasons are read from."""

    snapshot: Snapshot
    offers: Offers
    limits: Limits
    names: Sequence[str]


def explain(row: Row, need: Ints, views: Views) -> str:
    """The reason of the pool that came nearest; the first of equals."""
    pools = [p for p in views.snapshot.pools if p.replicas is None and not p.deleting]
    if not pools:
        return "no NodePool or Provisioner may make nodes; would do: one without replicas"
    ordered = sorted(pools, key=lambda pool: (-pool.weight, pool.name))
    found = [_miss(row, need, pool, views) for pool in ordered]
    return max(found, key=lambda each: each[0])[1]


def _miss(row: Row, need: Ints, pool: NodePool, views: Views) -> tuple[Got, str]:
    offers, ask = views.offers, row.ask
    own = np.flatnonzero(_of_pool(offers, pool))
    if not len(own):
        return Got.NOWHERE, _no_offers(pool, views.snapshot)
    against = untolerated(pool.taints, ask.tolerations)
    if against:
        return Got.TO_THE_TAINTS, f"does not tolerate the taint {against[0]} of pool {pool.name}"
    accepting = own[offers.columns.any_of(ask.alternatives)[own]]
    if not len(accepting):
        return Got.TO_THE_LABELS, _mounted(row) + _labels_miss(ask, pool, own, views)
    holding = accepting[(offers.free[accepting] >= need).all(axis=1)]
    if not len(holding):
        return Got.TO_THE_SIZE, _size_miss(need, accepting, pool, views)
    limit = _limit_miss(holding, pool, views)
    if limit:
        return Got.TO_THE_LIMITS, limit
    inside = _daemon_miss(row, holding, views) or _values_miss(pool, holding, views)
    return Got.INSIDE, inside or f"the company it keeps leaves no place in pool {pool.name}"


def _mounted(row: Row) -> str:
    """Names the volumes of a pod that cannot go everywhere because of them."""
    claims = [
        key
        for key, volume in zip(row.each.sample.volumes, row.each.volumes, strict=True)
        if volume.alternatives != (NO_REQUIREMENTS,)
    ]
    return f"with {', '.join(claims)}: " if claims else ""


def _daemon_miss(row: Row, holding: Ints, views: Views) -> str:
    """Which daemon keeps the pod off each node that would hold it; empty when none does."""
    daemons = sorted(views.snapshot.daemons, key=lambda each: (each.namespace, each.name))
    clashes = [conflict(row.each.sample, daemon.pod) for daemon in daemons]
    there = np.array([clash is not None for clash in clashes], bool)
    if not there.any() or not views.offers.runs[there][:, holding].any(axis=0).all():
        return ""
    return next(clash for clash in clashes if clash is not None) + " on every node"


def _of_pool(offers: Offers, pool: NodePool) -> Mask:
    numbers = [n for n, each in enumerate(offers.pools) if each.name == pool.name]
    return np.isin(offers.pool, numbers)


def _no_offers(pool: NodePool, snapshot: Snapshot) -> str:
    if not snapshot.types.get(pool.name):
        return f"pool {pool.name} has no instance types to choose from"
    return f"pool {pool.name} allows none of the instance types on offer"


# ---------------------------------------------------------------- labels


def _labels_miss(ask: Ask, pool: NodePool, own: Ints, views: Views) -> str:
    if not ask.alternatives:
        return "no node has labels that suit all of it"
    nearest = min(
        ask.alternatives, key=lambda terms: (len(_refused(terms, own, views)), str(terms))
    )
    refused = _refused(nearest, own, views)
    if not refused:
        return f"pool {pool.name} has each of these, but on no one node: {nearest}"
    key = refused[0]
    if key == HOSTNAME:
        return f"label {key} {nearest[key]}: a new node cannot have it"
    values = sorted(value for value in _offered(key, own, views.offers) if value is not None)
    if not values:
        known = _known_keys(own, views)
        return f"label {key} {nearest[key]} is on no node of pool {pool.name}{hint(key, known)}"
    shown = ", ".join(values[:MOST_SHOWN]) + (", ..." if len(values) > MOST_SHOWN else "")
    near = [hint(value, values) for value in sorted(nearest[key].values) if key != ARCH]
    return (
        f"label {key} {nearest[key]}: pool {pool.name} offers {shown}"
        f"{next((text for text in near if text), '')}"
    )


def _refused(terms: Requirements, own: Ints, views: Views) -> list[str]:
    """Keys on which no offer of the pool would do."""
    return [
        key
        for key, allowed in terms.items()
        if not any(value in allowed for value in _offered(key, own, views.offers))
    ]


def _offered(key: str, own: Ints, offers: Offers) -> set[str | None]:
    column = offers.columns.column(key)
    return {column.values[code] for code in np.unique(column.codes[own]).tolist()}


def _known_keys(own: Ints, views: Views) -> set[str]:
    pools = views.snapshot.pools
    configured = {key for pool in pools for key in (*pool.labels, *pool.requirements)}
    return {*views.offers.columns.labels(int(own[0])), *configured}


# ---------------------------------------------------------------- size and limits


def _size_miss(need: Ints, accepting: Ints, pool: NodePool, views: Views) -> str:
    free, offers = views.offers.free[accepting], views.offers
    zones = {offers.offering(n).zone for n in accepting.tolist()}
    where = f" in zone {next(iter(zones))}" if len(zones) == 1 else ""
    for position, name in enumerate(views.names):
        wanted, most = int(need[position]), int(free[:, position].max())
        if wanted > most:
            have = amount_text(name, max(most, 0)).removesuffix(f" {name}")
            largest = f"the largest offer of pool {pool.name}{where} has {have}"
            return f"needs {amount_text(name, wanted)}; {largest}"
    needs = ", ".join(
        amount_text(name, int(n)) for name, n in zip(views.names, need, strict=True) if n
    )
    return f"needs {needs} at once; no one offer of pool {pool.name}{where} has all of it"


def _limit_miss(holding: Ints, pool: NodePool, views: Views) -> str:
    """Which limit keeps even the cheapest sufficient node out; empty when none does."""
    limits, offers = views.limits, views.offers
    usage = limits.usage[:, holding]
    short = (usage > limits.room[:, None]) & (usage > 0)
    if not len(limits.room) or not short.any(axis=0).all():
        return ""
    smallest = int(holding[0])
    n = int(np.flatnonzero(short[:, 0])[0])
    which, left = limits.which[n], max(int(limits.room[n]), 0)
    if not which.pool:
        return f"capacity reservation {which.resource} has {left} machines left"
    name = which.resource
    kind = offers.type(smallest)
    size = 1 if name == NODES else kind.capacity.get(name, 0)
    return (
        f"limit of pool {pool.name}: {amount_text(name, left)} of"
        f" {amount_text(name, pool.limits.get(name, 0))} left;"
        f" the cheapest sufficient node ({kind.name}) has {amount_text(name, size)}"
    )


def _values_miss(pool: NodePool, holding: Ints, views: Views) -> str:
    """Which ``minValues`` the machines that hold the pod fall short of; empty when none."""
    for key, allowed in pool.requirements.items():
        left = len(_offered(key, holding, views.offers) - {None})
        if allowed.min_values and left < allowed.min_values:
            return (
                f"minValues of pool {pool.name} asks for {allowed.min_values} values of {key};"
                f" only {left} are left for nodes that hold it"
            )
    if any(allowed.min_values for allowed in pool.requirements.values()):
        return f"no node that holds it leaves pool {pool.name} as many types as minValues asks for"
    return ""
