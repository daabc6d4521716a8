"""What is wrong with a manifest: where, what was found, what would do.

Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    ERROR = "error"  # the object is refused
    WARNING = "warning"  # the object works, this part of it probably not as meant
    NOTE = "note"  # could not be judged from what was given


@dataclass(frozen=True, slots=True)
class Fault:
    """One finding; without `found`, `want` is the whole sentence.

    >>> str(Fault("spec.maxReplicaCount", "0", "at least 1"))
    'spec.maxReplicaCount: found 0, want at least 1'
    """

    path: str
    found: str
    want: str
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        if not self.found:
            return f"{self.path}: {self.want}"
        return f"{self.path}: found {self.found}, want {self.want}"


def errors(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    """Those that refuse the object."""
    return tuple(fault for fault in faults if fault.severity is Severity.ERROR)


def others(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    """Those with which the object works all the same."""
    return tuple(fault for fault in faults if fault.severity is not Severity.ERROR)


def sentence(faults: Iterable[Fault]) -> str:
    """All of them in one line, as conditions and Events tell them."""
    return "; ".join(str(fault) for fault in faults)
