"""Who owns which field: `managedFields`, kept on every write, so that apply sees conflicts.

Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from tandem.sandbox.patches.fieldsets import Fields, Path, changed, from_json, show, to_json
from tandem.sandbox.registry import Served
from tandem.sandbox.state import Call
from tandem.sandbox.status import ApiError, Json

APPLY, UPDATE = "Apply", "Update"
_SYSTEM = (
    "creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "generateName",
    "generation", "managedFields", "name", "namespace", "resourceVersion", "selfLink", "uid",
)  # fmt: skip
_BARE = {"f:spec", "f:status", "f:metadata", "f:template", "f:containers"}
_MAX_MANAGERS = 10


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes, through what; `owns` are the fields an applied body names."""

    manager: str
    sub: str = ""
    applies: bool = False
    owns: Fields = frozenset()


@dataclass(frozen=True, slots=True)
class Owner:
    """One entry of `managedFields`."""

    manager: str
    operation: str
    api_version: str
    sub: str
    fields: Fields
    time: str = ""

    def is_of(self, writer: Writer) -> bool:
        operation = APPLY if writer.applies else UPDATE
        return (self.manager, self.operation, self.sub) == (writer.manager, operation, writer.sub)

    def json(self) -> Json:
        entry = {
            "manager": self.manager,
            "operation": self.operation,
            "apiVersion": self.api_version,
            "time": self.time,
            "fieldsType": "FieldsV1",
            "fieldsV1": to_json(self.fields),
        }
        return entry | ({"subresource": self.sub} if self.sub else {})

    def __str__(self) -> str:
        shown = f'"{self.manager}"'
        if self.sub:
            shown += f' with subresource "{self.sub}"'
        return f"{shown} using {self.api_version}" if self.operation == UPDATE else shown


def writer_of(call: Call, *, applies: bool = False) -> Writer:
    """Name the field manager: what the client says, else its program."""
    manager = call.query.get("fieldManager") or call.request.user_agent.partition("/")[0]
    return Writer(manager or "unknown", call.sub, applies)


def owners(obj: Json | None) -> list[Owner]:
    """Read `managedFields`."""
    entries = (obj["metadata"].get("managedFields") or ()) if obj else ()
    return [
        Owner(
            each.get("manager", ""),
            each.get("operation", UPDATE),
            each.get("apiVersion", ""),
            each.get("subresource", ""),
            from_json(each.get("fieldsV1") or {}),
            each.get("time", ""),
        )
        for each in entries
        if each
    ]


def bare(obj: Json) -> Json:
    """Leave out what nobody owns: names and what the server writes into the metadata."""
    body = {name: value for name, value in obj.items() if name not in {"apiVersion", "kind"}}
    metadata = {
        name: value for name, value in obj.get("metadata", {}).items() if name not in _SYSTEM
    }
    if metadata:
        body["metadata"] = metadata
    else:
        body.pop("metadata", None)
    return body


def track(served: Served, old: Json | None, new: Json, writer: Writer, stamp: str) -> None:
    """Write into *new* who owns which of its fields after *writer* made it from *old*."""
    base = _base(old, new)
    written, gone = changed(bare(old) if old else {}, bare(new), served.schema)
    written = _without_structs(written, served)
    kept = [replace(each, fields=each.fields - written - gone) for each in base]
    mine = next((each for each in base if each.is_of(writer)), None)
    now = _claim(served, mine, written, gone, writer, stamp)
    kept = [each for each in kept if each.fields and not each.is_of(writer)]
    if now.fields:
        kept.append(now)
    metadata = new["metadata"]
    metadata["managedFields"] = [each.json() for each in _sorted(kept)]


def _base(old: Json | None, new: Json) -> list[Owner]:
    """Start from what the client sent, if any (kubectl migrates entries so), else from *old*."""
    sent = new["metadata"].get("managedFields")
    return owners(old) if sent is None else owners(new)


def _claim(
    served: Served, mine: Owner | None, written: Fields, gone: Fields, writer: Writer, stamp: str
) -> Owner:
    before = mine.fields if mine else frozenset()
    fields = writer.owns if writer.applies else (before | written) - gone
    unchanged = mine is not None and fields == before
    return Owner(
        writer.manager,
        APPLY if writer.applies else UPDATE,
        served.kind.api_version,
        writer.sub,
        fields,
        mine.time if mine and unchanged else stamp,
    )


def _without_structs(fields: Fields, served: Served) -> Fields:
    """Built-in structs such as `spec` are always there: nobody owns them, only what is in them."""
    if served.kind.custom:
        return fields - {("f:metadata",)}
    return frozenset(path for path in fields if path[-1] not in _BARE)


def _sorted(found: list[Owner]) -> list[Owner]:
    """Put appliers first, then the oldest write; fold the oldest of too many updaters into one."""
    found.sort(key=lambda each: (each.operation, each.time, each.manager, each.sub))
    updaters = [each for each in found if each.operation == UPDATE]
    if len(updaters) <= _MAX_MANAGERS:
        return found
    spare = updaters[: len(updaters) - _MAX_MANAGERS + 1]
    fields: Fields = frozenset[Path]().union(*(each.fields for each in spare))
    folded = replace(spare[-1], manager="ancient-changes", fields=fields, sub="")
    return [*(each for each in found if each not in spare), folded]


def conflicts(served: Served, old: Json, new: Json, writer: Writer) -> Iterator[tuple[Owner, Path]]:
    """Give the fields of others that *new* would change."""
    written, _ = changed(bare(old), bare(new), served.schema)
    for owner in owners(old):
        if not owner.is_of(writer):
            for path in sorted(owner.fields & written & writer.owns):
                yield owner, path


def conflict_error(found: list[tuple[Owner, Path]]) -> ApiError:
    causes = [
        {"reason": "FieldManagerConflict", "message": f"conflict with {owner}", "field": show(path)}
        for owner, path in found
    ]
    if len(found) == 1:
        message = f"Apply failed with 1 conflict: conflict with {found[0][0]}: {show(found[0][1])}"
    else:
        lines: list[str] = []
        for shown in sorted({str(owner) for owner, _ in found}):
            lines.append(f"conflicts with {shown}:")
            lines += [f"- {show(path)}" for owner, path in found if str(owner) == shown]
        message = f"Apply failed with {len(found)} conflicts: " + "\n".join(lines)
    return ApiError(409, "Conflict", message, details={"causes": causes})
