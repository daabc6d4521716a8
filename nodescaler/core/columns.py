"""The labels of many places as columns, so that one demand is asked of all of them at once.

A place is a node or an offer. Each label becomes a column of small numbers with the list of its
distinct values; whether a value is allowed is asked once for each value, not for each place.

    >>> from nodescaler.core.labels import Requirement
    >>> places = Columns([Part([{"zone": "a"}, {"zone": "b"}, {}], np.arange(3))])
    >>> demand = Requirements.of(Requirement("zone", "NotIn", ("b",)))
    >>> places.mask(demand).tolist()
    [True, False, True]

Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nodescaler.core.labels import Requirements

Mask = NDArray[np.bool_]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Some labels of each place: those of *labels* at its *index*."""

    labels: Sequence[Mapping[str, str]]
    index: Ints


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One label: *codes* of each place into *values*, where None means that it is missing."""

    codes: Ints
    values: tuple[str | None, ...]

    def where(self, value: str | None) -> Mask:
        """The places that have this value."""
        if value not in self.values:
            return np.zeros(len(self.codes), bool)
        return np.asarray(self.codes == self.values.index(value))


class Columns:
    """Labels that come in parts; a later part overrides an earlier one."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = tuple(parts)
        self._columns: dict[str, Column] = {}
        self._masks: dict[Requirements, Mask] = {}
        self.size = len(parts[0].index) if parts else 0

    def column(self, key: str) -> Column:
        """The label *key* of every place."""
        found = self._columns.get(key)
        if found is None:
            found = self._columns[key] = self._built(key)
        return found

    def _built(self, key: str) -> Column:
        seen: dict[str | None, int] = {None: 0}
        codes = np.zeros(self.size, np.int64)
        for part in self._parts:
            own = np.array(
                [seen.setdefault(each.get(key), len(seen)) for each in part.labels], np.int64
            )
            if own.any():
                here = own[part.index]
                codes = np.where(here > 0, here, codes)
        return Column(codes, tuple(seen))

    def mask(self, demands: Requirements) -> Mask:
        """The places that meet all of *demands*; do not write to it."""
        found = self._masks.get(demands)
        if found is None:
            found = np.ones(self.size, bool)
            for key, allowed in demands.items():
                column = self.column(key)
                found &= np.array([v in allowed for v in column.values], bool)[column.codes]
            self._masks[demands] = found
        return found

    def any_of(self, alternatives: Iterable[Requirements]) -> Mask:
        """The places that meet one of *alternatives*."""
        out = np.zeros(self.size, bool)
        for each in alternatives:
            out |= self.mask(each)
        return out

    def labels(self, place: int) -> dict[str, str]:
        """All labels of one place."""
        out: dict[str, str] = {}
        for part in self._parts:
            out |= part.labels[int(part.index[place])]
        return out
