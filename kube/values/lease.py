"""Who leads by a Lease, and who may claim it. Pure.

Nobody compares its clock with the times in the Lease: those are another machine's. A holder counts
from the moment *before* it sent its last confirmed renewal, an observer from the moment *after* it
first saw that renewal; the observer's moment is always the later one. The holder stops after
`renew_s`, the observer waits `lease_s` > `renew_s`; so the one has stopped, with the difference to
spare for a request on its way, before the other begins, whatever their clocks say and however long
either was paused.

Source: https://kubernetes.io/docs/concepts/architecture/leases/
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Terms:
    """How long a lease lasts, how long its holder trusts it, how often all ask.

    >>> Terms(lease_s=15, renew_s=10, retry_s=2).spare_s
    5
    """

    lease_s: float = 15.0
    renew_s: float = 10.0
    retry_s: float = 2.0

    def __post_init__(self) -> None:
        if not 0 < self.retry_s < self.renew_s < self.lease_s:
            told = "a lease needs 0 < retry_s < renew_s < lease_s"
            raise ValueError(f"{told}, got {self.retry_s}, {self.renew_s}, {self.lease_s}")

    @property
    def spare_s(self) -> float:
        return self.lease_s - self.renew_s


@dataclass(frozen=True, slots=True)
class Record:
    """A Lease as it was read; `version` changes with every write of it."""

    holder: str
    lease_s: float
    version: str
    transitions: int = 0
    acquired: str = ""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A version of the Lease and when it was first seen, on the observer's own clock."""

    record: Record
    at_s: float

    def then(self, record: Record, now_s: float) -> Sighting:
        """Look again: the same version keeps its first moment."""
        return self if record.version == self.record.version else Sighting(record, now_s)

    def claimable(self, now_s: float) -> bool:
        """Released, or not renewed for as long as its holder promised.

        >>> seen = Sighting(Record("a", 15, "7"), at_s=100)
        >>> seen.claimable(114.9), seen.claimable(115.1)
        (False, True)
        >>> Sighting(Record("", 1, "8"), at_s=0).claimable(0)
        True
        """
        return not self.record.holder or now_s - self.at_s > self.record.lease_s
