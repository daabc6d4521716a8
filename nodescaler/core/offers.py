"""What each pool could buy: every offering with its node's labels, and the classes it accepts.

A pool's own labels that a requirement leaves open (``team In (a, b)``) are decided here, one
variant for each value that some pod asks for, so that every offer is a concrete node.

Pure. Labels are compared on the keys that somebody mentions, and once for each distinct
combination of their values: a catalogue has thousands of offers, but few such combinations.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, product

from nodescaler.core.classes import PodClass
from nodescaler.core.labels import HOSTNAME, NODE_POOL, Allowed, is_well_known
from nodescaler.core.model import DaemonSpec, InstanceType, NodePool, Offering, PodSpec
from nodescaler.core.resources import fits, minus, total
from nodescaler.core.space import accepted, conflict, expected_daemons
from nodescaler.core.taints import Taint, hard, untolerated

NEW_HOST = "(a new node)"  # no label value looks like this, so no pod can ask for it
MOST_VARIANTS = 64

Vector = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Template:
    """What all nodes of one variant of a pool have in common."""

    pool: NodePool
    labels: Mapping[str, str]
    taints: tuple[Taint, ...]


@dataclass(frozen=True, slots=True)
class Offer:
    """One offering as a concrete node.

    Attributes:
        free: what is left for pods when the daemons run, in the order of the resource names.
        accepts: a bit for each class (by position) of which a pod may run there.
    """

    template: Template
    type: InstanceType
    offering: Offering
    free: Vector
    daemons: tuple[PodSpec, ...]
    accepts: int

    @property
    def price(self) -> float:
        return self.offering.usd_per_hour

    @property
    def rank(self) -> tuple[float, str, str, str]:
        """Cheapest first, and a total order."""
        return (self.price, self.type.name, self.offering.zone, self.offering.capacity_type)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows from one combination of label values."""

    in_pool: bool
    accepts: int
    daemons: tuple[PodSpec, ...]


def offers_of(
    pool: NodePool,
    types: Iterable[InstanceType],
    daemons: Sequence[DaemonSpec],
    classes: Sequence[PodClass],
    names: Sequence[str],
) -> tuple[Offer, ...]:
    """All that *pool* could buy for *classes*, cheapest first; *names* are the resources."""
    ordered = sorted(types, key=lambda each: (each.name, sorted(each.labels.items())))
    out: list[Offer] = []
    for template in templates(pool, classes):
        out += _offers(template, ordered, daemons, classes, names)
    return tuple(sorted(out, key=lambda offer: offer.rank))


def templates(pool: NodePool, classes: Sequence[PodClass]) -> tuple[Template, ...]:
    """The variants of a pool whose requirements leave labels of its own open."""
    fixed = {NODE_POOL: pool.name, HOSTNAME: NEW_HOST, **pool.labels}
    open_keys = [k for k in pool.requirements if k not in fixed and not is_well_known(k)]
    choices = [_choices(key, pool.requirements[key], classes) for key in open_keys]
    taints = hard(pool.taints)
    return tuple(
        Template(pool, fixed | {k: v for k, v in zip(open_keys, values, strict=True) if v}, taints)
        for values in islice(product(*choices), MOST_VARIANTS)
    )


def _choices(key: str, allowed: Allowed, classes: Sequence[PodClass]) -> list[str | None]:
    """The values worth a variant: one of its own choice, and what pods ask for by name."""
    asked = {
        value
        for each in classes
        for terms in each.sample.alternatives
        if key in terms and not terms[key].complement
        for value in terms[key].values
    }
    first = None if allowed.absent else allowed.pick()
    return [first, *sorted(v for v in asked if v in allowed and v != first)]


def _offers(
    template: Template,
    types: Iterable[InstanceType],
    daemons: Sequence[DaemonSpec],
    classes: Sequence[PodClass],
    names: Sequence[str],
) -> Iterator[Offer]:
    keys = _mentioned(template.pool, daemons, classes)
    verdicts: dict[tuple[str | None, ...], Verdict] = {}
    for each in types:
        frees: dict[tuple[str, ...], Vector] = {}
        for offering in each.offerings:
            labels = {**template.labels, **each.labels_of(offering)}
            seen = tuple(labels.get(key) for key in keys)
            if seen not in verdicts:
                verdicts[seen] = _verdict(template, labels, daemons, classes)
            verdict = verdicts[seen]
            if not (verdict.in_pool and offering.available):
                continue
            running = tuple(daemon.key for daemon in verdict.daemons)
            if running not in frees:
                frees[running] = _free(each, verdict.daemons, names)
            yield Offer(template, each, offering, frees[running], verdict.daemons, verdict.accepts)


def _mentioned(
    pool: NodePool, daemons: Iterable[DaemonSpec], classes: Iterable[PodClass]
) -> list[str]:
    pods = [*(daemon.pod for daemon in daemons), *(each.sample for each in classes)]
    keys = {key for pod in pods for terms in pod.alternatives for key in terms}
    return sorted(keys | set(pool.requirements))


def _verdict(
    template: Template,
    labels: Mapping[str, str],
    daemons: Sequence[DaemonSpec],
    classes: Sequence[PodClass],
) -> Verdict:
    if not template.pool.requirements.accepts(labels):
        return Verdict(in_pool=False, accepts=0, daemons=())
    running = expected_daemons(daemons, labels, template.taints)
    accepts = 0
    for position, each in enumerate(classes):
        if _accepts(each.sample, template, labels, running):
            accepts |= 1 << position
    return Verdict(in_pool=True, accepts=accepts, daemons=running)


def _accepts(
    pod: PodSpec, template: Template, labels: Mapping[str, str], daemons: Sequence[PodSpec]
) -> bool:
    if untolerated(template.taints, pod.tolerations) or not accepted(pod.alternatives, labels):
        return False
    return all(conflict(pod, daemon) is None for daemon in daemons)


def _free(each: InstanceType, daemons: Sequence[PodSpec], names: Sequence[str]) -> Vector:
    left = minus(each.allocatable, total(daemon.requests for daemon in daemons))
    return tuple(max(left.get(name, 0), 0) for name in names)


def within_limits(each: InstanceType, room: Mapping[str, int]) -> bool:
    """Whether a pool that has *room* left for limited resources may own one more of these."""
    return fits({name: each.capacity.get(name, 0) for name in room if name != "nodes"}, room) and (
        room.get("nodes", 1) >= 1
    )
