"""The packing problem as numbers: classes of pods, offers of nodes, what they conflict about.

Nothing here knows Kubernetes. A row is a class of equal pods, a column an offer of a node; all
amounts are whole numbers in whatever unit the caller likes, prices are USD per hour.

Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Words = npt.NDArray[np.uint64]
BITS = 64


@dataclass(frozen=True, slots=True, eq=False)
class Feuds:
    """Which classes must not share a node, as flags that pods leave on it: W words of 64.

    Pairs of classes would be a million for the 2,000 classes that a dozen rules tell apart; by
    flags, a node and a class are compared in one operation.

    Attributes:
        has: uint64[C, W]: what a pod of the class leaves on its node.
        bars: uint64[C, W]: what on a node keeps the class off it. Classes c and d must not share a
            node if ``has[c] & bars[d]`` is not all zero, which must be so both ways; with c = d,
            at most one pod of the class may be on a node.
    """

    has: Words
    bars: Words

    def of(self, rows: Ints) -> Feuds:
        """Those of the classes *rows*, in their new numbers."""
        return Feuds(self.has[rows], self.bars[rows])

    def with_each(self, c: int) -> Bools:
        """bool[C]: the classes, maybe with itself, that must not share a node with *c*."""
        return np.asarray((self.has & self.bars[c]).any(axis=1), dtype=np.bool_)

    @property
    def alone(self) -> Bools:
        """bool[C]: classes of which at most one pod may be on a node."""
        return np.asarray((self.has & self.bars).any(axis=1), dtype=np.bool_)


def feuds_of(classes: int, own: tuple[Ints, Ints], seen: tuple[Ints, Ints]) -> Feuds | None:
    """Feuds by rules: who owns a rule shares no node with any other pod that the rule sees.

    Args:
        classes: how many there are.
        own: classes and the rules (any whole numbers) that they own, side by side.
        seen: classes and the rules that see them, side by side.

    Returns:
        None if no rule has both.

    >>> rules = np.array([7, 9])
    >>> feuds = feuds_of(3, (np.array([0, 2]), rules), (np.array([1, 2]), rules))
    >>> [feuds.with_each(c).tolist() for c in range(3)]
    [[False, True, False], [True, False, False], [False, False, True]]
    """
    rules = np.intersect1d(own[1], seen[1])
    if not len(rules):
        return None
    has = np.zeros((classes, -(-2 * len(rules) // BITS)), dtype=np.uint64)
    bars = np.zeros_like(has)
    for (rows, numbers), mine, other in ((own, 0, 1), (seen, 1, 0)):
        known = np.isin(numbers, rules)
        flag = 2 * np.searchsorted(rules, numbers[known])
        for table, bit in ((has, flag + mine), (bars, flag + other)):
            word = np.left_shift(np.uint64(1), (bit % BITS).astype(np.uint64))
            np.bitwise_or.at(table, (rows[known], bit // BITS), word)
    return Feuds(has, bars)


@dataclass(frozen=True, slots=True, eq=False)
class Market:
    """C classes of pods, O offers of nodes, R resources, L limits.

    Attributes:
        need: int64[C, R], above or equal 0: what one pod of a class takes. A resource may be made
            up: "a slot, of which each node has k" says that at most k such pods share a node.
        count: int64[C]: pods to place. Zero is allowed.
        priority: int64[C]: when limits bind, higher goes first, and earlier within the same.
        free: int64[O, R]: room for pods on one empty node (may be negative: then nothing fits).
        price: float64[O], at least 0: USD per hour.
        accepts: bool[C, O]: a pod of the class may run on a node of the offer at all; whether it
            is small enough is not the caller's to say.
        usage: int64[L, O], at least 0: what one bought node takes of each limit.
        room: int64[L]: what all bought nodes may take together.
        feuds: which classes must not share a node; None if all may.

    Raises:
        ValueError: shapes that do not go together, or a negative amount; the field is named.
    """

    need: Ints
    count: Ints
    priority: Ints
    free: Ints
    price: Floats
    accepts: Bools
    usage: Ints
    room: Ints
    feuds: Feuds | None = None

    def __post_init__(self) -> None:
        classes, resources = self.need.shape
        offers, limits = len(self.price), len(self.room)
        shapes = {
            "count": (self.count.shape, (classes,)),
            "priority": (self.priority.shape, (classes,)),
            "free": (self.free.shape, (offers, resources)),
            "accepts": (self.accepts.shape, (classes, offers)),
            "usage": (self.usage.shape, (limits, offers)),
        }
        for name, (found, expected) in shapes.items():
            if found != expected:
                raise ValueError(f"{name!r} must have shape {expected}, got {found}")
        for name, values in (("need", self.need), ("count", self.count), ("usage", self.usage)):
            if values.size and values.min() < 0:
                raise ValueError(f"{name!r} must not be below 0, got {values.min()}")
        if offers and not (self.price.min() >= 0 and np.isfinite(self.price).all()):
            raise ValueError(f"'price' must be finite and not below 0, got {self.price.min()}")
        if self.feuds is not None and len(self.feuds.has) != classes:
            raise ValueError(
                f"'feuds' must have a row for each of {classes} classes, got {len(self.feuds.has)}"
            )


@dataclass(frozen=True, slots=True)
class Load:
    """*copies* equal nodes: pods of each class on each of them, ascending by class."""

    offer: int
    counts: tuple[tuple[int, int], ...]
    copies: int


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """What to buy and which pods go on it.

    Attributes:
        loads: in order of offer, then counts; no two are the same.
        left: int64[C]: pods that got no place.
        price: USD per hour of all nodes.
        method: which way of packing it came from, such as ``"first-fit"`` or ``"patterns"``.
        bound: the best certified bound that came up on the way, USD per hour; at least that of
            `lower_bound` when it is from `solve`, 0 when it is from `first_fit`.
    """

    loads: tuple[Load, ...]
    left: Ints
    price: float
    method: str
    bound: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Shares:
    """Fractional pods of class `classes[i]` on offer `offers[i]`: `pods[i]`, side by side."""

    classes: Ints
    offers: Ints
    pods: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Bound:
    """What placing all pods that any offer can hold costs at least.

    Attributes:
        usd_per_hour: certified: no solution that leaves only pods that fit nowhere is cheaper,
            whatever rounding errors the linear programme made. Should the limits forbid placing
            them all, it is the bound without limits.
        worth: float64[C]: the part of it that one pod of the class pays (0 if it fits nowhere).
        nodes: float64[O]: how many nodes the programme with divisible pods buys.
        shares: where that programme puts the pods.
    """

    usd_per_hour: float
    worth: Floats
    nodes: Floats
    shares: Shares
