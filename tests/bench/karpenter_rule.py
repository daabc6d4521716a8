"""Karpenter's packing rule, restated to compare with; it shares no code with our packer.

Pods by cpu, then memory, largest first. Each goes to the claim with the fewest pods that accepts
it, else to a new claim; a claim accepts while any instance type is still large enough, and is
bought as the cheapest of those left. Topology is chosen as Karpenter chooses it: the emptiest zone
that the skew allows; the zones where a wanted pod is; and a pod counts in a zone only once its
claim is down to one. Ties go by index, where Karpenter has Go's map order.

Knows what the benchmark's pods use: resources, spread over zones and hosts, affinity in a zone,
anti-affinity on a host. One pool, new nodes only. Units as in `nodescaler.core`.
Source: pkg/controllers/provisioning/scheduling of kubernetes-sigs/karpenter, read, not copied.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
import numpy.typing as npt

from nodescaler.core.demands import PodTerm, Spread
from nodescaler.core.labels import CAPACITY_TYPE, HOSTNAME, ZONE, Requirements
from nodescaler.core.model import Offering, Plan, PlannedNode, PodSpec, Unschedulable
from nodescaler.core.resources import CPU, MEMORY
from tests.bench.markets import Market

METHOD = "karpenter's rule"
_LAST = 2**40  # above every stamp


@dataclass(slots=True)
class Group:
    """What one constraint counts: pods its selector takes, by zone; by host the claims count."""

    rule: Spread | PodTerm
    apart: bool
    in_zone: list[int]

    def selects(self, pod: PodSpec) -> bool:
        if isinstance(self.rule, Spread):
            return self.rule.selector.accepts(pod.labels)
        return self.rule.concerns(pod.namespace, pod.labels)

    def zones_for(self, claim: int, *, selected: bool) -> int:
        """The zones, of those of a claim, that a pod that owns the rule may narrow it to."""
        open_zones = [z for z in range(len(self.in_zone)) if claim >> z & 1]
        if isinstance(self.rule, PodTerm):
            there = _mask(z for z, count in enumerate(self.in_zone) if count)
            return (there & claim) if there or not selected else _mask(open_zones[:1])
        least = min(self.in_zone)
        good = [z for z in open_zones if self.in_zone[z] + selected - least <= self.rule.max_skew]
        return _mask([min(good, key=lambda z: (self.in_zone[z], z))] if good else [])


@dataclass(frozen=True, slots=True)
class Look:
    """What equal pods have in common: the groups (by index) that rule them and that count them."""

    requests: npt.NDArray[np.int64]
    zonal: tuple[int, ...]
    on_host: tuple[tuple[int, int], ...]  # group, and how many it may have before this pod
    counted: tuple[int, ...]


class Claims:
    """The claims opened so far, one row each; columns grow by doubling."""

    def __init__(self, resources: int, groups: int, zones: int) -> None:
        self.count = 0
        self._all_zones = 2**zones - 1
        self.used = np.zeros((64, resources), dtype=np.int64)
        self.zones = np.zeros(64, dtype=np.int64)
        self.on_host = np.zeros((64, groups), dtype=np.int64)
        self.rank = np.zeros(64, dtype=np.int64)
        self.pods: list[list[int]] = []

    def open(self) -> int:
        """A claim without pods, for every zone; it is one only when `count` is raised."""
        if self.count == len(self.rank):
            for name in ("used", "zones", "on_host", "rank"):
                old = getattr(self, name)
                setattr(self, name, np.concatenate([old, np.zeros_like(old)]))
        self.zones[self.count] = self._all_zones
        return self.count

    def put(self, row: int, pod: int, stamp: int) -> None:
        """The pod is on it; *stamp* orders claims with equally many pods."""
        if row == self.count:
            self.count += 1
            self.pods.append([])
        self.pods[row].append(pod)
        self.rank[row] = len(self.pods[row]) * 2 * _LAST + stamp


class Solver:
    """One run over the pods of one market."""

    def __init__(self, market: Market, pods: Sequence[PodSpec]) -> None:
        self.market, self.pods = market, pods
        names = sorted({name for pod in pods for name in pod.requests})
        self.names = tuple(names)
        self._read_types()
        self.groups: list[Group] = []
        self._group_of: dict[tuple[Spread | PodTerm, bool], int] = {}
        self._unchanged = np.arange(2 ** len(self.zones), dtype=np.int64)
        shapes = [_shape(pod) for pod in pods]
        first = dict(zip(shapes, pods, strict=True))
        owned = {shape: self._owned(pod) for shape, pod in first.items()}
        looks = {shape: self._look(pod, owned[shape]) for shape, pod in first.items()}
        self.looks = [looks[shape] for shape in shapes]
        self.claims = Claims(len(names), len(self.groups), len(self.zones))

    # ------------------------------------------------------------ reading

    def _read_types(self) -> None:
        """Types the pool accepts; what is left on each for pods; where each can be bought."""
        pool, daemons = self.market.pool, self.market.daemons
        wanted = pool.requirements
        bought = [
            (each, [o for o in each.offerings if o.available and _accepts(wanted, o)])
            for each in self.market.types
            if wanted.only_keys(each.labels).accepts(each.labels)
        ]
        self.types = [each for each, offers in bought if offers]
        self.offers = [offers for _, offers in bought if offers]
        self.zones = sorted({o.zone for offers in self.offers for o in offers})
        overhead = [sum(d.pod.requests.get(n, 0) for d in daemons) for n in self.names]
        rows = [[t.allocatable.get(n, 0) for n in self.names] for t in self.types]
        self.room = np.array(rows, dtype=np.int64) - np.array(overhead, dtype=np.int64)
        masks = [_mask(self.zones.index(o.zone) for o in offers) for offers in self.offers]
        self.sold_in = np.array(masks, dtype=np.int64)
        self.most = self.room.max(axis=0)

    def _owned(self, pod: PodSpec) -> tuple[int, ...]:
        """Its groups, made where they are new.

        Raises:
            ValueError: a constraint that the restatement does not know.
        """
        rules: list[tuple[Spread | PodTerm, bool]] = [(rule, False) for rule in pod.spreads]
        rules += [(rule, False) for rule in pod.beside] + [(rule, True) for rule in pod.apart]
        for rule, apart in rules:
            key = rule.topology_key
            hosts = apart or (isinstance(rule, Spread) and key == HOSTNAME)
            if key != (HOSTNAME if hosts else ZONE):
                raise ValueError(f"{pod.key}: {rule} is not in the restated rule")
            if (rule, apart) not in self._group_of:
                self._group_of[rule, apart] = len(self.groups)
                self.groups.append(Group(rule, apart, [0] * len(self.zones)))
        return tuple(self._group_of[each] for each in rules)

    def _look(self, pod: PodSpec, owned: Sequence[int]) -> Look:
        counted = tuple(g for g, group in enumerate(self.groups) if group.selects(pod))
        on_host: list[tuple[int, int]] = []
        for g in owned:
            rule = self.groups[g].rule
            if self.groups[g].apart:
                on_host.append((g, 0))
            elif isinstance(rule, Spread) and rule.topology_key == HOSTNAME:
                on_host.append((g, rule.max_skew - (g in counted)))
        on_host += [(g, 0) for g in counted if self.groups[g].apart and g not in owned]
        return Look(
            np.array([pod.requests.get(name, 0) for name in self.names], dtype=np.int64),
            tuple(g for g in owned if self.groups[g].rule.topology_key == ZONE),
            tuple(on_host),
            counted,
        )

    # ------------------------------------------------------------ the rule

    def solve(self) -> Plan:
        """Place pod after pod until a whole round of the queue placed none."""
        queue = deque(sorted(range(len(self.pods)), key=self._order))
        since_last = 0
        tick = 0
        while queue and since_last < len(queue):
            pod = queue.popleft()
            tick += 1
            if self._place(pod, tick):
                since_last = 0
            else:
                queue.append(pod)
                since_last += 1
        return self._plan(queue)

    def _order(self, index: int) -> tuple[int, int, int]:
        requests = self.pods[index].requests
        return (-requests.get(CPU, 0), -requests.get(MEMORY, 0), index)

    def _place(self, pod: int, tick: int) -> bool:
        look, claims = self.looks[pod], self.claims
        narrowed = self._narrowed(look)
        for row in self._candidates(look, narrowed):
            zones = int(narrowed[claims.zones[row]])
            if self._left(claims.used[row] + look.requests, zones).any():
                # a stable sort puts one that grew before its new equals
                self._put(row, pod, look, zones, -tick)
                return True
        row = claims.open()
        zones = int(narrowed[claims.zones[row]])
        claims.used[row], claims.on_host[row] = 0, 0
        if any(most < 0 for _, most in look.on_host) or not zones:
            return False
        if not self._left(look.requests, zones).any():
            return False
        self._put(row, pod, look, zones, tick)
        return True

    def _narrowed(self, look: Look) -> npt.NDArray[np.int64]:
        """For each set of zones of a claim, those that are left with such a pod; 0 for refused."""
        if not look.zonal:
            return self._unchanged
        found = self._unchanged.copy()
        for g in look.zonal:
            for mask in range(1, len(found)):
                left = self.groups[g].zones_for(mask, selected=g in look.counted)
                found[mask] &= left
        return found

    def _candidates(self, look: Look, narrowed: npt.NDArray[np.int64]) -> Iterable[int]:
        """Claims that may accept the pod, fewest pods first; types are not asked."""
        claims, count = self.claims, self.claims.count
        good = (claims.used[:count] + look.requests <= self.most).all(axis=1)
        good &= narrowed[claims.zones[:count]] != 0
        for group, most in look.on_host:
            good &= claims.on_host[:count, group] <= most
        rows = np.flatnonzero(good)
        ranks = claims.rank[rows]
        while len(rows):
            best = int(ranks.argmin())
            yield int(rows[best])
            rows, ranks = np.delete(rows, best), np.delete(ranks, best)

    def _left(self, used: npt.NDArray[np.int64], zones: int) -> npt.NDArray[np.bool_]:
        left: npt.NDArray[np.bool_] = (used <= self.room).all(axis=1) & (self.sold_in & zones != 0)
        return left

    def _put(self, row: int, pod: int, look: Look, zones: int, stamp: int) -> None:
        claims = self.claims
        claims.used[row] += look.requests
        claims.zones[row] = zones
        claims.put(row, pod, stamp)
        is_one = zones & (zones - 1) == 0
        for g in look.counted:
            claims.on_host[row, g] += 1
            if is_one:
                self.groups[g].in_zone[zones.bit_length() - 1] += 1

    # ------------------------------------------------------------ the answer

    def _plan(self, queue: Iterable[int]) -> Plan:
        nodes = tuple(self._node(row) for row in range(self.claims.count))
        reason = "no claim and no type accepts it"
        return Plan(
            new_nodes=nodes,
            unschedulable=tuple(Unschedulable(self.pods[pod], reason) for pod in queue),
            method=METHOD,
        )

    def _node(self, row: int) -> PlannedNode:
        """Bought as the cheapest offering of the types and zones left; ties by name."""
        zones = int(self.claims.zones[row])
        left = np.flatnonzero(self._left(self.claims.used[row], zones))
        inside = [
            (o.usd_per_hour, self.types[t].name, o.zone, o.capacity_type, int(t))
            for t in left
            for o in self.offers[t]
            if zones >> self.zones.index(o.zone) & 1
        ]
        price, name, zone, kind, best = min(inside)
        return PlannedNode(
            name=f"{self.market.pool.name}-{row + 1}",
            pool=self.market.pool.name,
            instance_type=name,
            zone=zone,
            capacity_type=kind,
            usd_per_hour=price,
            instance_types=tuple(dict.fromkeys(each[1] for each in sorted(inside))),
            pods=tuple(self.pods[pod] for pod in self.claims.pods[row]),
            allocatable=self.types[best].allocatable,
        )


def _accepts(wanted: Requirements, offering: Offering) -> bool:
    labels = {ZONE: offering.zone, CAPACITY_TYPE: offering.capacity_type}
    return wanted.only_keys(labels).accepts(labels)


def _shape(pod: PodSpec) -> Hashable:
    """Equal for pods that no rule tells apart."""
    amounts, labels = tuple(sorted(pod.requests.items())), tuple(sorted(pod.labels.items()))
    return (amounts, labels, pod.namespace, pod.spreads, pod.beside, pod.apart)


def _mask(zones: Iterable[int]) -> int:
    return reduce(lambda mask, zone: mask | 1 << zone, zones, 0)


def solve(market: Market, pods: Sequence[PodSpec]) -> Plan:
    """What Karpenter would launch for *pods*; bound and first-fit price stay zero."""
    return Solver(market, pods).solve()
