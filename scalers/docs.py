"""`python -m scalers.docs`: write the table of keys of each page in docs/triggers anew.

The text around the table is written by hand; a test holds each page to the declarations.
"""

from __future__ import annotations

import re
from dataclasses import MISSING
from enum import StrEnum
from pathlib import Path

from scalers._errors import Secret
from scalers._params import Slot, slots_of
from scalers._texts import Pairs, Seconds
from scalers.base import load, types

TRIGGERS = Path("docs/triggers")
BEGIN, END = "<!-- keys, written by python -m scalers.docs -->", "<!-- end of keys -->"
HEAD = "| key | where | type | default | meaning |\n|---|---|---|---|---|\n"
PLACES = {"m": "metadata", "e": "env", "a": "auth"}
NAMES = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    Secret: "secret",
    Seconds: "duration",
    Pairs: "k=v,k2=v2",
    frozenset[int]: "1,3-5",
    tuple[str, ...]: "list",
}


def page(name: str, text: str) -> str:
    """*text* of the page of a trigger type, with a fresh table."""
    fresh = f"{BEGIN}\n{HEAD}{rows(name)}{END}"
    if BEGIN not in text:
        return f"# {name}\n\n{fresh}\n"
    return re.sub(f"{re.escape(BEGIN)}.*{re.escape(END)}", lambda _: fresh, text, flags=re.DOTALL)


def rows(name: str) -> str:
    """One line a key, required ones first."""
    slots = sorted(slots_of(load(name).meta), key=lambda slot: (not slot.required, _group(slot)))
    return "".join(f"| {' | '.join(_cells(slot))} |\n" for slot in slots)


def _group(slot: Slot) -> int:
    """What cannot be used comes last, credentials before it."""
    return 2 if slot.param.refused else int("m" not in slot.param.where)


def _cells(slot: Slot) -> list[str]:
    param = slot.param
    where = ", ".join(PLACES[letter] for letter in param.where)
    if param.refused:
        return [f"`{param.key}`", where, "", "", f"**refused**: {param.refused}"]
    note = f"no effect; {param.deprecated}" if param.deprecated else param.doc
    bound = "" if param.above is None else f" above {param.above:g}"
    bound += "" if param.at_least is None else f" from {param.at_least:g}"
    name = f"`{param.key}` or `{param.also}`" if param.also else f"`{param.key}`"
    return [name, where, _kind(slot) + bound, _default(slot), note]


def _kind(slot: Slot) -> str:
    if isinstance(slot.kind, type) and issubclass(slot.kind, StrEnum):
        return ", ".join(choice.value for choice in slot.kind)
    return NAMES[slot.kind]


def _default(slot: Slot) -> str:
    if slot.default is MISSING:
        return "**required**"
    if isinstance(slot.default, bool):
        return str(slot.default).lower()
    return f"{slot.default}" if isinstance(slot.default, (int, float, str)) else ""


def main() -> None:
    for name in types():
        path = TRIGGERS / f"{name}.md"
        path.write_text(page(name, path.read_text() if path.exists() else ""))


if __name__ == "__main__":
    main()
