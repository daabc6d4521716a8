"""What is wrong with a manifest: every fault at once, each with path, finding and remedy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing to correct.

    >>> print(Fault("spec.weight", "101", "a number from 1 to 100"))
    spec.weight: found '101'; would do: a number from 1 to 100
    """

    path: str
    found: str
    want: str

    def __str__(self) -> str:
        return f"{self.path}: found '{self.found}'; would do: {self.want}"


class Faults(ValueError):
    """All faults of one object."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("; ".join(str(fault) for fault in faults))
        self.faults = faults


class Findings:
    """Collects faults while an object is read; readers go on with a stand-in value."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, path: str, found: object, want: str) -> None:
        self._faults.append(Fault(path, str(found), want))

    def check(self, path: str, found: object, want: str, *, ok: bool) -> None:
        if not ok:
            self.add(path, found, want)

    def read(self, path: str, reader: Callable[[str], T], text: object, want: str, other: T) -> T:
        """``reader(text)``; where it raises ValueError, a fault and the stand-in *other*."""
        try:
            return reader(str(text))
        except ValueError:
            self.add(path, text, want)
            return other

    def of(self, reader: Callable[[], T], other: T) -> T:
        """``reader()``; where it raises Faults, those are taken over, and the stand-in *other*."""
        try:
            return reader()
        except Faults as faults:
            self._faults.extend(faults.faults)
            return other

    def raise_if_any(self) -> None:
        """Raise.

        Raises:
            Faults: something was found.
        """
        if self._faults:
            raise Faults(tuple(self._faults))
