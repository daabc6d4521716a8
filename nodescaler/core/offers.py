"""What the pools could buy, as arrays: every offering with its node's labels and its room.

One row is one concrete node: a variant of a pool, an instance type, a zone and a capacity type.
Rows are cheapest first. What daemons will take is subtracted; sold-out offerings are left out.

Pure. Prices are compared after the operator's own weighting (`Offers.effective`); `Offers.usd` is
what the cloud takes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nodescaler.core.columns import Columns, Ints, Mask, Part
from nodescaler.core.labels import CAPACITY_TYPE, INSTANCE_TYPE, ZONE, Requirements
from nodescaler.core.model import DaemonSpec, InstanceType, NodePool, Offering
from nodescaler.core.settings import PackSettings
from nodescaler.core.taints import Taint, Toleration, untolerated
from nodescaler.core.variants import Template, templates

FAMILY_LABELS = ("karpenter.k8s.aws/instance-family", "karpenter.kwok.sh/instance-family")
NO_ROWS = np.zeros(0, np.int64)
UNLIMITED = 2**40
ATTACH = "attach "  # before a CSI driver's name: volumes of it, as a resource
Floats = NDArray[np.float64]


def tolerated(
    taints: Sequence[Taint], tolerations: Sequence[Toleration], *, hard_only: bool
) -> bool:
    """Whether a pod may go; with *hard_only* false, PreferNoSchedule taints keep it out too."""
    if hard_only:
        return not untolerated(taints, tolerations)
    return all(any(each.tolerates(taint) for each in tolerations) for taint in taints)


@dataclass(frozen=True, slots=True, eq=False)
class Goods:
    """What is for sale, and for each row which of it: positions into the three lists."""

    templates: tuple[Template, ...]
    types: tuple[InstanceType, ...]
    offerings: tuple[Offering, ...]
    template: Ints
    type: Ints
    offering: Ints

    def rows(self, chosen: Ints | Mask) -> Goods:
        return Goods(
            self.templates,
            self.types,
            self.offerings,
            self.template[chosen],
            self.type[chosen],
            self.offering[chosen],
        )

    def columns(self) -> Columns:
        places = [{ZONE: each.zone, CAPACITY_TYPE: each.capacity_type} for each in self.offerings]
        kinds = [{**each.labels, INSTANCE_TYPE: each.name} for each in self.types]
        return Columns(
            [
                Part([each.labels for each in self.templates], self.template),
                Part(kinds, self.type),
                Part(places, self.offering),
            ]
        )


@dataclass(frozen=True, slots=True, eq=False)
class Offers:
    """All offers of some pools, row by row.

    Attributes:
        pools: whose they are; *pool* is the position of each row's.
        usd, effective: the price of a row an hour, as billed and as compared.
        free: int64[rows, resources], what pods find on an empty node with its daemons.
        runs: bool[daemons, rows], which daemons such a node gets.
    """

    pools: tuple[NodePool, ...]
    goods: Goods
    columns: Columns
    pool: Ints
    usd: Floats
    effective: Floats
    free: Ints
    runs: Mask

    def __len__(self) -> int:
        return len(self.usd)

    def template(self, row: int) -> Template:
        return self.goods.templates[int(self.goods.template[row])]

    def type(self, row: int) -> InstanceType:
        return self.goods.types[int(self.goods.type[row])]

    def offering(self, row: int) -> Offering:
        return self.goods.offerings[int(self.goods.offering[row])]

    def capacity(self, name: str) -> Ints:
        """What each row's machine has of a resource, before anything is subtracted."""
        have = [each.capacity.get(name, 0) for each in self.goods.types]
        return np.array(have, np.int64)[self.goods.type] if have else NO_ROWS

    def suits(self, tolerations: Sequence[Toleration], *, hard_only: bool) -> Mask:
        """The rows whose taints these tolerations accept."""
        good = [
            tolerated(each.taints, tolerations, hard_only=hard_only)
            for each in self.goods.templates
        ]
        return np.array([*good, False], bool)[self.goods.template]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of the pools' goods matters to the pods.

    Attributes:
        asked: the node labels that some pod demands.
        topology: the labels over which some rule about company looks.
        names: the resources, in the order of the columns of `Offers.free`.
        attach: for instance types of which nodes exist, how many volumes of each CSI driver they
            attach; what is not known has no limit.
    """

    names: tuple[str, ...]
    asked: tuple[Requirements, ...] = ()
    topology: frozenset[str] = frozenset()
    attach: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


def offers_of(
    pools: Sequence[NodePool],
    types: Mapping[str, Sequence[InstanceType]],
    daemons: Sequence[DaemonSpec],
    wanted: Wanted,
    settings: PackSettings,
) -> Offers:
    """All that *pools* could buy.

    Args:
        pools: in the order in which equal prices are preferred.
        types: for each pool, by its name.
        daemons: of the cluster.
        wanted: what the pods look at.
        settings: for the weighting of prices.
    """
    variants = [t for pool in pools for t in templates(pool, wanted.asked, wanted.topology)]
    goods = _goods(variants, types)
    place = {pool.name: n for n, pool in enumerate(pools)}
    owner = np.array([place[each.pool.name] for each in goods.templates], np.int64)
    goods = goods.rows(_for_sale(goods, pools, owner))
    goods = goods.rows(_order(goods))
    columns = goods.columns()
    runs = _runs(goods, columns, daemons)
    usd = np.array([each.usd_per_hour for each in goods.offerings], float)[goods.offering]
    return Offers(
        pools=tuple(pools),
        goods=goods,
        columns=columns,
        pool=owner[goods.template],
        usd=usd,
        effective=usd / _performance(goods, settings) + settings.usd_per_node,
        free=_free(goods, runs, daemons, wanted),
        runs=runs,
    )


def _goods(variants: Sequence[Template], types: Mapping[str, Sequence[InstanceType]]) -> Goods:
    """Every variant with every offering of every type of its pool."""
    kinds: list[InstanceType] = []
    offerings: list[Offering] = []
    shelves: dict[int, tuple[list[int], list[int]]] = {}  # by identity: pools share their types
    rows: list[Ints] = [np.zeros((3, 0), np.int64)]
    for number, each in enumerate(variants):
        sold = types.get(each.pool.name, ())
        if id(sold) not in shelves:
            shelves[id(sold)] = _shelved(sold, kinds, offerings)
        kind, offering = shelves[id(sold)]
        rows.append(np.array([[number] * len(kind), kind, offering], np.int64))
    template, kind_of, offering_of = np.concatenate(rows, axis=1)
    return Goods(tuple(variants), tuple(kinds), tuple(offerings), template, kind_of, offering_of)


def _shelved(
    sold: Sequence[InstanceType], kinds: list[InstanceType], offerings: list[Offering]
) -> tuple[list[int], list[int]]:
    kind: list[int] = []
    offering: list[int] = []
    for each in sold:
        kind += [len(kinds)] * len(each.offerings)
        offering += range(len(offerings), len(offerings) + len(each.offerings))
        kinds.append(each)
        offerings += each.offerings
    return kind, offering


def _for_sale(goods: Goods, pools: Sequence[NodePool], owner: Ints) -> Mask:
    """The rows that are available and that their pool's requirements allow."""
    columns = goods.columns()
    there = np.array([each.available and each.count != 0 for each in goods.offerings], bool)
    keep = there[goods.offering] if len(goods.offering) else np.zeros(0, bool)
    pool_of = owner[goods.template]
    for number, pool in enumerate(pools):
        keep = keep & ((pool_of != number) | columns.mask(pool.requirements))
    return keep


def _order(goods: Goods) -> Ints:
    """Cheapest first; then by type, zone, capacity type and variant, so that ties are settled."""
    usd = np.array([each.usd_per_hour for each in goods.offerings], float)
    return np.lexsort(
        (
            goods.template,
            _ranks([each.capacity_type for each in goods.offerings])[goods.offering],
            _ranks([each.zone for each in goods.offerings])[goods.offering],
            _ranks([each.name for each in goods.types])[goods.type],
            usd[goods.offering],
        )
    )


def _ranks(texts: Sequence[str]) -> Ints:
    position = {text: n for n, text in enumerate(sorted(set(texts)))}
    return np.array([position[text] for text in texts], np.int64)


def _runs(goods: Goods, columns: Columns, daemons: Sequence[DaemonSpec]) -> Mask:
    out = np.zeros((len(daemons), columns.size), bool)
    for number, daemon in enumerate(daemons):
        pod = daemon.pod
        good = [tolerated(t.taints, pod.tolerations, hard_only=True) for t in goods.templates]
        out[number] = columns.any_of(pod.alternatives) & np.array([*good, False])[goods.template]
    return out


def _performance(goods: Goods, settings: PackSettings) -> Floats:
    factors = [settings.performance.get(family_of(each), 1.0) for each in goods.types]
    return np.array([*factors, 1.0])[goods.type]


def family_of(each: InstanceType) -> str:
    """The instance family, by its label or by the first part of the name.

    >>> family_of(InstanceType("m7g.large", {}, {}, {}, ()))
    'm7g'
    """
    labelled = (each.labels[key] for key in FAMILY_LABELS if key in each.labels)
    return next(labelled, each.name.partition(".")[0])


def _free(goods: Goods, runs: Mask, daemons: Sequence[DaemonSpec], wanted: Wanted) -> Ints:
    names, attach = wanted.names, wanted.attach
    have = np.zeros((len(goods.types), len(names)), np.int64)
    for n, each in enumerate(goods.types):
        allocatable, attached = each.allocatable, attach.get(each.name, {})
        have[n] = [
            attached.get(name.removeprefix(ATTACH), UNLIMITED)
            if name.startswith(ATTACH)
            else allocatable.get(name, 0)
            for name in names
        ]
    free = have[goods.type]
    for running, daemon in zip(runs, daemons, strict=True):
        taken = np.array([daemon.pod.requests.get(name, 0) for name in names], np.int64)
        free = free - running[:, None] * taken
    return free
