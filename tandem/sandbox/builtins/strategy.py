"""How one kind behaves when it is written; the plain value is that of a kind with no rules.

The functions change the new object in place before it is stored, and never the old one.
Source: the registry strategies of kube-apiserver 1.37 (which fields a write resets, who counts
generations).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from tandem.sandbox.status import Cause, Json


def _leave(_obj: Json) -> None:
    return None


def _leave_both(_obj: Json, _old: Json) -> None:
    return None


def _fine(_obj: Json, _old: Json | None) -> Iterable[Cause]:
    return ()


def _free(_obj: Json) -> bool:
    return False


def _as_it_is(obj: Json) -> Json:
    return obj


def _no_grace(_obj: Json, _asked: int | None) -> int:
    return 0


@dataclass(frozen=True, slots=True)
class Strategy:
    """Rules of a kind.

    `held` tells whether something besides finalizers keeps a deleted object, `leave` shows it as
    leaving. `grace` gives the seconds an object has to end by itself, from the seconds asked for.
    `status_keeps` names what a write to /status leaves as it was, besides `spec`.
    """

    default: Callable[[Json], None] = _leave
    prepare_create: Callable[[Json], None] = _leave
    prepare_update: Callable[[Json, Json], None] = _leave_both
    faults: Callable[[Json, Json | None], Iterable[Cause]] = _fine
    grace: Callable[[Json, int | None], int] = _no_grace
    held: Callable[[Json], bool] = _free
    leave: Callable[[Json], Json] = _as_it_is
    counts_generation: bool = False
    status_on_create: bool = False
    returns_deleted: bool = False
    unconditional_update: bool = True
    create_on_update: bool = False
    status_keeps: tuple[str, ...] = ()


Clock = Callable[[], datetime]
