"""Who owns which field: `managedFields`, for every write, so that apply can see conflicts."""

from __future__ import annotations

from dataclasses import dataclass

from tandem.sandbox.registry import Served
from tandem.sandbox.state import Call
from tandem.sandbox.status import Json


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes, through what."""

    manager: str
    sub: str = ""
    applies: bool = False


def writer_of(call: Call, *, applies: bool = False) -> Writer:
    """Name the field manager: what the client says, else its program."""
    manager = call.query.get("fieldManager") or call.request.user_agent.partition("/")[0]
    return Writer(manager or "unknown", call.sub, applies)


def track(served: Served, old: Json | None, new: Json, writer: Writer, stamp: str) -> None:
    """Record in *new* which fields *writer* changed."""
