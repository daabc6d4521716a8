"""The variants of a pool: what all nodes made from one have in common.

A pool's own labels that a requirement leaves open (``team In (a, b)``) are decided here, one
variant for each value that some pod asks for, so that every offer is a concrete node.

Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice, product

from nodescaler.core.labels import HOSTNAME, NODE_POOL, Allowed, Requirements, is_well_known
from nodescaler.core.model import NodePool
from nodescaler.core.taints import Taint

NEW_HOST = "(a new node)"  # no label value looks like this, so no pod can ask for it
MOST_VARIANTS = 64


@dataclass(frozen=True, slots=True)
class Template:
    """What all nodes of one variant of a pool have in common."""

    pool: NodePool
    labels: Mapping[str, str]
    taints: tuple[Taint, ...]


def templates(
    pool: NodePool, asked: Iterable[Requirements], topology: Collection[str] = ()
) -> tuple[Template, ...]:
    """The variants of a pool whose requirements leave labels of its own open.

    Args:
        pool: at least one variant comes of it.
        asked: the node labels that pods demand.
        topology: the labels over which some rule about company looks: all values count there.
    """
    fixed = {NODE_POOL: pool.name, HOSTNAME: NEW_HOST, **pool.labels}
    open_keys = [k for k in pool.requirements if k not in fixed and not is_well_known(k)]
    demands = list(asked) if open_keys else []
    choices = [
        _choices(key, pool.requirements[key], demands, every=key in topology) for key in open_keys
    ]
    return tuple(
        Template(
            pool, fixed | {k: v for k, v in zip(open_keys, values, strict=True) if v}, pool.taints
        )
        for values in islice(product(*choices), MOST_VARIANTS)
    )


def _choices(
    key: str, allowed: Allowed, asked: Iterable[Requirements], *, every: bool
) -> list[str | None]:
    """The values worth a variant: one of its own choice, and what pods ask for or leave open."""
    first = None if allowed.absent else allowed.pick()
    wanted = {(allowed & terms[key]).pick() for terms in asked if key in terms}
    named = {v for terms in asked if key in terms and not terms[key].complement
             for v in terms[key].values}  # fmt: skip
    own = allowed.values if every and not allowed.complement else frozenset[str]()
    more = {v for v in (*named, *wanted, *own) if v is not None and v in allowed and v != first}
    return [first, *sorted(more)]
