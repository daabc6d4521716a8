"""Server-side apply."""

from __future__ import annotations

from tandem.sandbox.conversion import converted
from tandem.sandbox.decoding import fit_object
from tandem.sandbox.managed import Writer
from tandem.sandbox.patches.merge import merge_patch
from tandem.sandbox.state import Call, State
from tandem.sandbox.status import Json
from tandem.sandbox.store import Stored
from tandem.sandbox.writing import create, update


def apply(
    state: State, call: Call, body: Json, old: Stored | None, writer: Writer
) -> tuple[Stored, bool]:
    fit_object(call, body)
    if old is None:
        body.setdefault("metadata", {})["name"] = call.name
        return create(state, call, body, writer), True
    changed = merge_patch(converted(old.obj, call.served.kind), body)
    return update(state, call, changed, old, writer), False
